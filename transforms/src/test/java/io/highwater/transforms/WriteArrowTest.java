package io.highwater.transforms;

import static io.highwater.transforms.Batches.row;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.matchesPattern;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeHour;
import io.highwater.record.Compression;
import io.highwater.record.RecordBatch;
import io.highwater.record.TimeRange;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.Keys;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.TimestampedValue;
import org.joda.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WriteArrowTest {
  private static final String[] COLUMNS = {
    "id", "at", "level", "note", "ok", "seen", "_topic", "_partition", "_offset", "is_high", "half"
  };

  private final Contract contract = TestContracts.readings();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @TempDir Path folder;

  /** Three hours, one of them of another day, one before 1970; every type, nulls, last moments. */
  private RecordBatch overSeveralHours() {
    return Batches.events(
        contract,
        row(1L, at("2024-03-01T00:00:00Z"), 0.5, "", true, at("1969-12-31T23:59:59.999999Z")),
        row(2L, at("2024-03-01T00:59:59.999999Z"), -0.0, "größe 日本 🌊", false, null, "t", 3, 9L),
        row(3L, at("2024-02-29T23:59:59.999999Z"), null, null, null, null, null, null, null, true),
        row(Long.MIN_VALUE, at("1969-12-31T23:30:00Z"), 1e300, "a|b\n", true, null, null, 0, 0L),
        row(5L, at("2024-03-01T00:30:00Z"), 12.25, "x", null, null, "t", 0, 1L, true, 6.125));
  }

  private static final String[] OVER_SEVERAL_HOURS = {
    "date=1969-12-31/hour=23|-9223372036854775808|1969-12-31T23:30|1.0E300|a|b\n|true|null|null|0|0"
        + "|null|null",
    "date=2024-02-29/hour=23|3|2024-02-29T23:59:59.999999|null|null|null|null|null|null|null|true"
        + "|null",
    "date=2024-03-01/hour=00|1|2024-03-01T00:00|0.5||true|1969-12-31T23:59:59.999999|null|null|null"
        + "|null|null",
    "date=2024-03-01/hour=00|2|2024-03-01T00:59:59.999999|-0.0|größe 日本 🌊|false|null|t|3|9|null"
        + "|null",
    "date=2024-03-01/hour=00|5|2024-03-01T00:30|12.25|x|null|null|t|0|1|true|6.125"
  };

  private static Instant at(String text) {
    return Instant.parse(text);
  }

  private WriteArrow write(Path lake) {
    return WriteArrow.of(contract, Table.EVENTS, lake.toString());
  }

  private PCollection<RecordBatch> bounded(RecordBatch... batches) {
    return pipeline.apply(Create.of(List.of(batches)).withCoder(BatchCoders.recordBatch()));
  }

  private LakeGeneration begin(Path lake, int second) throws IOException {
    return LakeGeneration.begin(contract, lake.toString(), Instant.ofEpochSecond(second), "input");
  }

  /** Writes and publishes in a pipeline of its own. */
  private void backfill(Path lake, int second, Compression compression, RecordBatch batch)
      throws IOException {
    LakeGeneration generation = begin(lake, second);
    TestPipeline run = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    run.apply(Create.of(batch).withCoder(BatchCoders.recordBatch()))
        .apply(write(lake).withCompression(compression).withGeneration(generation.name()))
        .apply(PrepareGeneration.of(generation, Table.EVENTS));
    run.run().waitUntilFinish();
    generation.publish(TimeRange.ALL);
  }

  @ParameterizedTest
  @EnumSource(Compression.class)
  void filesEveryRowUnderItsHour(Compression compression) throws IOException {
    backfill(folder, 1, compression, overSeveralHours());

    TestLake lake = new TestLake(folder);
    assertThat(lake.rows("readings", "events", COLUMNS), contains(OVER_SEVERAL_HOURS));
    assertThat(lake.names("readings", "events"), hasSize(3));
    assertThat(
        lake.everyFile(),
        contains(
            matchesPattern("hour=00/_replaced-1000_[0-9a-f]{8}\\.json"),
            matchesPattern("hour=00/g-1000_[0-9a-f]{8}-[0-9a-f]{16}\\.arrow"),
            matchesPattern("hour=23/_replaced-1000_[0-9a-f]{8}\\.json"),
            matchesPattern("hour=23/_replaced-1000_[0-9a-f]{8}\\.json"),
            matchesPattern("hour=23/g-1000_[0-9a-f]{8}-[0-9a-f]{16}\\.arrow"),
            matchesPattern("hour=23/g-1000_[0-9a-f]{8}-[0-9a-f]{16}\\.arrow")));
  }

  @Test
  void givesTheNamesOfItsFilesByTheirHours() {
    PCollection<KV<Long, String>> files =
        bounded(overSeveralHours()).apply(write(folder).withGeneration("g1"));

    PAssert.that(files.apply(Keys.create()))
        .containsInAnyOrder(
            -1L,
            LakeHour.epochHour(at("2024-02-29T23:00:00Z").toEpochMilli()),
            LakeHour.epochHour(at("2024-03-01T00:00:00Z").toEpochMilli()));
    pipeline.run().waitUntilFinish();
    assertThat(new TestLake(folder).names("readings", "events"), empty());
  }

  @Test
  void namesFilesByTheirContentAlone() throws IOException {
    backfill(folder.resolve("a"), 1, Compression.ZSTD, overSeveralHours());
    backfill(folder.resolve("b"), 2, Compression.ZSTD, overSeveralHours());

    List<String> names = new TestLake(folder.resolve("a")).names("readings", "events");
    assertThat(names, everyItem(matchesPattern("g-1000_[0-9a-f]{8}-[0-9a-f]{16}\\.arrow")));
    assertEquals(
        names.stream().map(name -> name.replace("g-1000_", "g-2000_")).toList(),
        new TestLake(folder.resolve("b")).names("readings", "events"));
  }

  @Test
  void gathersTheBatchesOfAnHourInOneFile() throws IOException {
    RecordBatch first = Batches.events(contract, row(1L, at("2024-03-01T00:10:00Z")));
    RecordBatch second = Batches.events(contract, row(2L, at("2024-03-01T00:20:00Z")));

    LakeGeneration generation = begin(folder, 1);
    bounded(first, second)
        .apply(write(folder).withGeneration(generation.name()))
        .apply(PrepareGeneration.of(generation, Table.EVENTS));
    pipeline.run().waitUntilFinish();
    generation.publish(TimeRange.ALL);

    TestLake lake = new TestLake(folder);
    assertThat(lake.names("readings", "events"), hasSize(1));
    assertThat(
        lake.rows("readings", "events", "id"),
        containsInAnyOrder("date=2024-03-01/hour=00|1", "date=2024-03-01/hour=00|2"));
  }

  /** That a crash leaves each row in the table once is for the tests on Flink to show. */
  @Test
  void writesAStreamAsFilesThatCountAtOnce() throws IOException {
    RecordBatch first = overSeveralHours();
    RecordBatch second = Batches.events(contract, row(6L, at("2024-03-01T00:20:00Z")));
    TestStream<RecordBatch> stream =
        TestStream.create(BatchCoders.recordBatch())
            .addElements(TimestampedValue.of(first, new org.joda.time.Instant(0)))
            .advanceProcessingTime(Duration.standardSeconds(5))
            .addElements(TimestampedValue.of(second, new org.joda.time.Instant(0)))
            .advanceWatermarkToInfinity();

    pipeline.apply(stream).apply(write(folder));
    pipeline.run().waitUntilFinish();

    TestLake lake = new TestLake(folder);
    assertThat(
        lake.everyFile(),
        contains(
            matchesPattern("hour=00/events-[0-9a-f]{16}\\.arrow"),
            matchesPattern("hour=00/events-[0-9a-f]{16}\\.arrow"),
            matchesPattern("hour=23/events-[0-9a-f]{16}\\.arrow"),
            matchesPattern("hour=23/events-[0-9a-f]{16}\\.arrow")));
    assertThat(
        lake.rows("readings", "events", "id"),
        containsInAnyOrder(
            "date=1969-12-31/hour=23|-9223372036854775808",
            "date=2024-02-29/hour=23|3",
            "date=2024-03-01/hour=00|1",
            "date=2024-03-01/hour=00|2",
            "date=2024-03-01/hour=00|5",
            "date=2024-03-01/hour=00|6"));
  }

  @Test
  void refusesABoundedInputWithoutAGeneration() {
    PCollection<RecordBatch> batches = bounded(overSeveralHours());

    IllegalStateException thrown =
        assertThrows(IllegalStateException.class, () -> batches.apply(write(folder)));

    assertEquals(
        "A bounded input needs a generation; expected withGeneration(...)", thrown.getMessage());
  }

  @Test
  void refusesAnUnboundedInputWithAGeneration() {
    PCollection<RecordBatch> batches =
        bounded(overSeveralHours()).setIsBoundedInternal(IsBounded.UNBOUNDED);

    IllegalStateException thrown =
        assertThrows(
            IllegalStateException.class, () -> batches.apply(write(folder).withGeneration("g1")));

    assertThat(thrown.getMessage(), containsString("expected none, found g1"));
  }

  @Test
  void refusesALakeWithoutAName() {
    for (String lake : List.of("", "/", "//")) {
      IllegalArgumentException thrown =
          assertThrows(
              IllegalArgumentException.class, () -> WriteArrow.of(contract, Table.EVENTS, lake));
      assertEquals("lake is empty; expected a folder", thrown.getMessage());
    }
  }

  /** Its hours could not be listed, so that a backfill would add to them instead of replacing. */
  @Test
  void refusesALakeThatReadsLikeAPattern() {
    for (String lake : List.of("/data/a[1]", "s3://bucket/*", "lake{a,b}", "lake?", "a\\b")) {
      IllegalArgumentException thrown =
          assertThrows(
              IllegalArgumentException.class, () -> WriteArrow.of(contract, Table.EVENTS, lake));
      assertEquals(
          "lake is '" + lake + "'; expected a folder without any of * ? [ ] { } \\ in its path",
          thrown.getMessage());
    }
  }
}
