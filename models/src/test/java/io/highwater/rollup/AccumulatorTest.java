package io.highwater.rollup;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Function;
import io.highwater.contract.Measure.Settings;
import io.highwater.contract.RollUp;
import io.highwater.record.RecordBatch;
import io.highwater.record.WarehouseRows;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.Test;

class AccumulatorTest {
  private static final List<Measure> EVERY_KIND =
      List.of(
          new Measure("rows", Function.COUNT, null, null),
          new Measure("ms", Function.SUM, "execution_duration_ms", null),
          new Measure("mb", Function.SUM, "mbytes_scanned", null),
          new Measure("first_type", Function.MIN, "query_type", null),
          new Measure("any_cached", Function.MAX, "was_cached", null),
          new Measure("last_size", Function.LAST, "cluster_size", null),
          new Measure("last_seen", Function.MAX, WarehouseRows.EVENT_TIME, null),
          new Measure(
              "p50",
              Function.QUANTILE,
              "execution_duration_ms",
              null,
              new Settings(0.5, null, null, null, null)),
          new Measure(
              "p95",
              Function.QUANTILE,
              "execution_duration_ms",
              null,
              new Settings(0.95, null, null, null, null)),
          new Measure("users", Function.DISTINCT, "user_id", null),
          new Measure(
              "tables",
              Function.TOP,
              "read_table_ids",
              null,
              new Settings(null, 3, ",", null, null)),
          new Measure(
              "r",
              Function.CORRELATION,
              "num_joins",
              null,
              new Settings(null, null, null, "compile_duration_ms", null)),
          new Measure(
              "mb_by_cached",
              Function.SUM,
              "mbytes_scanned",
              null,
              new Settings(null, null, null, null, "was_cached")));

  @Test
  void mergingChangesNeitherSide() throws IOException {
    List<Accumulator> accumulators = accumulators();
    Accumulator left = accumulators.get(0);
    Accumulator right = accumulators.get(1);
    byte[] leftBefore = bytes(left);
    byte[] rightBefore = bytes(right);
    Accumulator merged = left.merge(right);
    left.results(contract().rollUp());
    merged.results(contract().rollUp());
    assertThat(bytes(left), equalTo(leftBefore));
    assertThat(bytes(right), equalTo(rightBefore));
    assertThat(merged, is(not(left)));
    assertThat(merged.rowCount(), is(left.rowCount() + right.rowCount()));
    assertThat(merged, equalTo(right.merge(left)));
  }

  @Test
  void emptyIsNeutral() {
    Accumulator empty = Accumulator.empty(contract().rollUp());
    assertThat(
        empty.results(contract().rollUp()),
        contains(0L, null, null, null, null, null, null, null, null, 0L, null, null, null));
    for (Accumulator accumulator : accumulators()) {
      assertThat(empty.merge(accumulator), equalTo(accumulator));
      assertThat(accumulator.merge(empty), equalTo(accumulator));
    }
    assertThat(empty.merge(empty), equalTo(empty));
  }

  @Test
  void survivesBeingWrittenAndIsSmall() throws IOException {
    List<Accumulator> accumulators = new ArrayList<>(accumulators());
    accumulators.add(Accumulator.empty(contract().rollUp()));
    for (Accumulator accumulator : accumulators) {
      byte[] bytes = bytes(accumulator);
      assertThat(bytes.length, lessThan(3_000));
      DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
      Accumulator read = Accumulator.readFrom(in);
      assertThat(in.available(), is(0));
      assertThat(read, equalTo(accumulator));
      assertThat(read.hashCode(), is(accumulator.hashCode()));
      assertThat(bytes(read), equalTo(bytes));
    }
  }

  @Test
  void refusesToMergeOtherMeasures() {
    Accumulator count = new Accumulator(1, new Aggregate[] {new Aggregate.Count(1)});
    Accumulator least = new Accumulator(1, new Aggregate[] {new Aggregate.Least(1L)});
    Accumulator two = new Accumulator(1, new Aggregate[] {Aggregate.NOTHING, Aggregate.NOTHING});
    assertThrows(IllegalArgumentException.class, () -> count.merge(least));
    assertThrows(IllegalArgumentException.class, () -> least.merge(count));
    assertThrows(IllegalArgumentException.class, () -> count.merge(two));
  }

  @Test
  void refusesDamagedBytes() {
    DataInputStream in =
        new DataInputStream(
            new ByteArrayInputStream(new byte[] {0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 99}));
    assertThrows(IOException.class, () -> Accumulator.readFrom(in));
  }

  @Test
  void takesTheGreatestValueOfTheGreatestTime() {
    Aggregate early = new Aggregate.Last(1, 9L);
    Aggregate late = new Aggregate.Last(2, 3L);
    Aggregate lateAndGreater = new Aggregate.Last(2, 4L);
    assertThat(early.merge(late), equalTo(late));
    assertThat(late.merge(early), equalTo(late));
    assertThat(late.merge(lateAndGreater), equalTo(lateAndGreater));
    assertThat(lateAndGreater.merge(late), equalTo(lateAndGreater));
  }

  @Test
  void ordersTextByCodePoint() {
    // In UTF-16 the surrogates of the wave would come before the fullwidth letter.
    Aggregate wave = new Aggregate.Greatest("🌊");
    Aggregate fullwidth = new Aggregate.Greatest("ｚ");
    assertThat(wave.merge(fullwidth), equalTo(wave));
    assertThat(fullwidth.merge(wave), equalTo(wave));
  }

  @Test
  void keysAreEqualWhereTheirValuesAre() throws IOException {
    RollUpKey key = RollUpKey.of(7L, "größe 🌊", true, -0.0, null);
    assertThat(key, equalTo(RollUpKey.of(7L, "größe 🌊", true, 0.0, null)));
    assertThat(key.hashCode(), is(RollUpKey.of(7L, "größe 🌊", true, 0.0, null).hashCode()));
    assertThat(key.values(), contains(7L, "größe 🌊", true, 0.0, null));
    assertThat(key, is(not(RollUpKey.of(7L, "größe 🌊", true, 0.0))));
    assertThat(RollUpKey.of("a", "bc"), is(not(RollUpKey.of("ab", "c"))));
    assertThat(RollUpKey.of(0L), is(not(RollUpKey.of((Object) null))));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    key.writeTo(new DataOutputStream(bytes));
    assertThat(
        RollUpKey.readFrom(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()))),
        equalTo(key));
  }

  @Test
  void makesRowsOfTheRollUpsTable() {
    Contract contract = contract();
    Accumulator empty = Accumulator.empty(contract.rollUp());
    Accumulator full =
        new Accumulator(
            3,
            new Aggregate[] {
              new Aggregate.Count(3),
              new Aggregate.IntegerSum(new ExactSum(BigInteger.ONE, 10, 0)),
              new Aggregate.NumberSum(new ExactSum(BigInteger.ONE, -2, 0)),
              new Aggregate.Least("copy"),
              new Aggregate.Greatest(true),
              new Aggregate.Last(5, 8L),
              new Aggregate.Greatest(1_000_001L),
              Quantiles.of(new double[] {7, 3, 5}),
              Distinct.NONE,
              MergesTest.frequent(Map.of("b", 2L, "a\"", 2L, "c", 1L, "d", 3L)),
              new Correlation(
                  2,
                  ExactSum.of(3),
                  ExactSum.of(30),
                  ExactSum.of(5),
                  ExactSum.of(500),
                  ExactSum.of(50)),
              new ByValue(new TreeMap<>(Map.of("true", new Aggregate.Count(2))))
            });
    RollUp rollUp = contract.rollUp();
    List<RollUpRow> rows =
        List.of(
            new RollUpRow(
                3_600_000, 600_000, RollUpKey.of(5L, "größe"), 1, 0, false, full.results(rollUp)),
            new RollUpRow(
                0, 3_600_000, RollUpKey.of(null, null), 2, 4, true, empty.results(rollUp)));
    try (BufferAllocator allocator = new RootAllocator();
        RollUpBatches batches = RollUpBatches.of(contract, allocator)) {
      RecordBatch batch = batches.batch(rows);
      assertThat(batch.minEventMillis(), is(0L));
      assertThat(batch.maxEventMillis(), is(3_600_000L));
      try (VectorSchemaRoot root = batch.open(allocator)) {
        assertThat(root.getSchema(), equalTo(RollUpSchema.of(contract)));
        assertThat(
            root.getSchema().getFields().stream().map(Field::getName).toList(),
            contains(
                "window_start",
                "window_millis",
                "instance_id",
                "query_type",
                "run_id",
                "pane_index",
                "is_final",
                "rows",
                "ms",
                "mb",
                "first_type",
                "any_cached",
                "last_size",
                "last_seen",
                "p50",
                "p95",
                "users",
                "tables",
                "r",
                "mb_by_cached"));
        assertThat(
            root.contentToTSVString().lines().skip(1).toList(),
            contains(
                "1970-01-01T01:00\t600000\t5\tgröße\t1\t0\tfalse\t3\t1024\t0.25\tcopy\ttrue\t8\t"
                    + "1970-01-01T00:00:01.000001\t5.0\t7.0\t0\t"
                    + "[{\"value\":\"d\",\"count\":3},{\"value\":\"a\\\"\",\"count\":2},"
                    + "{\"value\":\"b\",\"count\":2}]\t1.0\t{\"true\":2}",
                "1970-01-01T00:00\t3600000\tnull\tnull\t2\t4\ttrue\t0\tnull\tnull\tnull\tnull\t"
                    + "null\tnull\tnull\tnull\t0\tnull\tnull\tnull"));
      }
    }
  }

  @Test
  void refusesRowsOfAnotherContract() {
    Contract contract = contract();
    RollUpRow textForNumber =
        new RollUpRow(
            0,
            1,
            RollUpKey.of("x", "y"),
            0,
            0,
            true,
            Accumulator.empty(contract.rollUp()).results(contract.rollUp()));
    try (BufferAllocator allocator = new RootAllocator();
        RollUpBatches batches = RollUpBatches.of(contract, allocator)) {
      assertThrows(IllegalArgumentException.class, () -> batches.batch(List.of(textForNumber)));
      assertThrows(IllegalArgumentException.class, () -> batches.batch(List.of()));
    }
  }

  private static Contract contract() {
    return WarehouseRows.contract(List.of("instance_id", "query_type"), EVERY_KIND);
  }

  private static List<Accumulator> accumulators() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.unsorted(1, 1000, 10_000, allocator)) {
      return PartialAggregator.of(contract(), Duration.ofMinutes(10)).aggregate(rows).stream()
          .map(Partial::accumulator)
          .toList();
    }
  }

  private static byte[] bytes(Accumulator accumulator) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    accumulator.writeTo(new DataOutputStream(bytes));
    return bytes.toByteArray();
  }
}
