package io.highwater.rollup;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Condition;
import io.highwater.contract.Measure.Function;
import io.highwater.contract.RollUp;
import io.highwater.lake.ArrowFiles;
import io.highwater.record.ByteArrayChannel;
import io.highwater.record.Compression;
import io.highwater.record.WarehouseRows;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.util.ByteArrayReadableSeekableByteChannel;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class PartialAggregatorTest {
  private static final long BUCKET_MILLIS = 600_000;
  private static final long THREE_HOURS_MILLIS = 3 * 3_600_000L;

  private static final RollUp ONE_COUNT =
      new RollUp(List.of(), List.of(), List.of(new Measure("queries", Function.COUNT, null, null)));

  private record Group(long windowStartMillis, RollUpKey key) {}

  @Test
  void equalsDuckDbHoweverTheRowsAreCut() throws Exception {
    Contract builtIn = WarehouseRows.contract();
    String sql =
        """
        SELECT count(*), count(*) FILTER (query_class = 'normal'),
          count(*) FILTER (query_class = 'cpu_bound'), count(*) FILTER (query_class = 'io_bound'),
          count(*) FILTER (query_class = 'network_bound'),
          count(*) FILTER (query_class = 'queue_wlm_bound'),
          arg_max(cluster_size, (arrival_timestamp, cluster_size))
            FILTER (cluster_size IS NOT NULL),
          count(*) FILTER (was_cached), count(*) FILTER (was_aborted),
          count(*) FILTER (is_spilled), sum(mbytes_spilled), sum(mbytes_scanned),
          sum(queue_duration_ms)::BIGINT, sum(execution_duration_ms)::BIGINT,
          sum(compile_duration_ms),
        """;
    // The others are in MeasuresTest.
    Contract contract =
        WarehouseRows.contract(builtIn.rollUp().keys(), builtIn.rollUp().measures().subList(0, 15));
    assertEqualsDuckDb(contract, 200_000, new int[] {7, 1000, 16_384, 200_000}, sql, 1);
  }

  @Test
  void equalsDuckDbForEveryTypeOfKeyAndFunction() throws Exception {
    List<String> keys = List.of("query_type", "was_cached", "cluster_size", "mbytes_spilled");
    List<Measure> measures =
        List.of(
            new Measure("min_long", Function.MIN, "user_id", null),
            new Measure("max_long", Function.MAX, "user_id", null),
            new Measure("min_double", Function.MIN, "compile_duration_ms", null),
            new Measure("max_double", Function.MAX, "compile_duration_ms", null),
            new Measure("min_text", Function.MIN, "read_table_ids", null),
            new Measure("max_text", Function.MAX, "query_type", null),
            new Measure("min_truth", Function.MIN, "is_spilled", null),
            new Measure("max_truth", Function.MAX, "was_aborted", null),
            new Measure("last_time", Function.LAST, WarehouseRows.EVENT_TIME, null),
            new Measure("last_text", Function.LAST, "feature_fingerprint", null),
            new Measure(
                "sum_where_text",
                Function.SUM,
                "mbytes_scanned",
                new Condition("query_class", "cpu_bound")),
            new Measure(
                "max_where_integer", Function.MAX, "user_id", new Condition("num_joins", "3")),
            new Measure(
                "sum_where_truth", Function.SUM, "num_scans", new Condition("is_spilled", null)),
            new Measure(
                "count_where_number", Function.COUNT, null, new Condition("mbytes_spilled", "0")));
    String sql =
        """
        SELECT min(user_id), max(user_id), min(compile_duration_ms), max(compile_duration_ms),
          min(read_table_ids), max(query_type), min(is_spilled), max(was_aborted),
          max(arrival_timestamp),
          arg_max(feature_fingerprint, (arrival_timestamp, feature_fingerprint))
            FILTER (feature_fingerprint IS NOT NULL),
          sum(mbytes_scanned) FILTER (query_class = 'cpu_bound'),
          max(user_id) FILTER (num_joins = 3), (sum(num_scans) FILTER (is_spilled))::BIGINT,
          count(*) FILTER (mbytes_spilled = 0),
        """;
    assertEqualsDuckDb(
        WarehouseRows.contract(keys, measures), 50_000, new int[] {100, 50_000}, sql, 2);
  }

  @Test
  void groupsNullKeysAndTellsThemFromZero() {
    Contract contract =
        WarehouseRows.contract(
            List.of("cluster_size"), List.of(new Measure("queries", Function.COUNT, null, null)));
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(3, 4, 1, allocator)) {
      BigIntVector sizes = (BigIntVector) rows.getVector("cluster_size");
      sizes.setNull(0);
      sizes.set(1, 0);
      sizes.setNull(2);
      sizes.set(3, 0);
      Map<RollUpKey, Object> byKey = new HashMap<>();
      for (Partial partial :
          PartialAggregator.of(contract, contract.rollUp().windows().get(0)).aggregate(rows)) {
        byKey.put(partial.key(), queries(partial));
      }
      assertThat(byKey.size(), is(2));
      assertThat(byKey.get(RollUpKey.of((Object) null)), equalTo(2L));
      assertThat(byKey.get(RollUpKey.of(0L)), equalTo(2L));
    }
  }

  @Test
  void placesEventsBeforeTheEpochInTheBucketThatHoldsThem() {
    Contract contract = WarehouseRows.contract();
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(4, 3, 1, allocator)) {
      TimeStampMicroVector times = (TimeStampMicroVector) rows.getVector(WarehouseRows.EVENT_TIME);
      times.set(0, -1);
      times.set(1, 0);
      times.set(2, 1000 * BUCKET_MILLIS - 1);
      long[] before = {0};
      long[] after = {0};
      for (Partial partial :
          PartialAggregator.of(contract, contract.rollUp().windows().get(0)).aggregate(rows)) {
        long queries = (Long) queries(partial);
        if (partial.windowStartMillis() == -BUCKET_MILLIS) {
          before[0] += queries;
        } else {
          after[0] += queries;
          assertThat(partial.windowStartMillis(), is(0L));
        }
      }
      assertThat(before[0], is(1L));
      assertThat(after[0], is(2L));
    }
  }

  @Test
  void refusesRowsWithoutEventTime() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(5, 3, 1, allocator)) {
      rows.getVector(WarehouseRows.EVENT_TIME).setNull(1);
      PartialAggregator aggregator =
          PartialAggregator.of(WarehouseRows.contract(), Duration.ofMinutes(10));
      assertThrows(IllegalArgumentException.class, () -> aggregator.aggregate(rows));
    }
  }

  @Test
  void givesNothingForNoRows() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(6, 0, 1, allocator)) {
      assertThat(
          PartialAggregator.of(WarehouseRows.contract(), Duration.ofMinutes(10)).aggregate(rows),
          equalTo(List.of()));
    }
  }

  @Test
  void refusesMeasuresThatDoNotFitTheirColumn() {
    Measure sumOfText = new Measure("sum", Function.SUM, "query_type", null);
    Measure whereText =
        new Measure("where", Function.COUNT, null, new Condition("query_type", null));
    Measure withoutColumn = new Measure("max", Function.MAX, null, null);
    Measure whereNoInteger =
        new Measure("where", Function.COUNT, null, new Condition("num_joins", "many"));
    Measure whereNoBoolean =
        new Measure("where", Function.COUNT, null, new Condition("was_cached", "1"));
    Measure ofUnknown = new Measure("max", Function.MAX, "colour", null);
    Measure quantileOfText = new Measure("p50", Function.QUANTILE, "query_type", null);
    Measure withoutOther = new Measure("r", Function.CORRELATION, "num_joins", null);
    for (Measure measure :
        List.of(
            sumOfText,
            whereText,
            withoutColumn,
            whereNoInteger,
            whereNoBoolean,
            ofUnknown,
            quantileOfText,
            withoutOther)) {
      Contract contract = WarehouseRows.contract(List.of("instance_id"), List.of(measure));
      assertThrows(
          IllegalArgumentException.class,
          () -> PartialAggregator.of(contract, contract.rollUp().windows().get(0)));
    }
  }

  private static Object queries(Partial partial) {
    return Objects.requireNonNull(partial.accumulator().results(ONE_COUNT).get(0));
  }

  /** Aggregates in batches of each size, merges in random order, compares with DuckDB's. */
  private static void assertEqualsDuckDb(
      Contract contract, int rowCount, int[] batchSizes, String select, long seed)
      throws Exception {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows =
            WarehouseRows.unsorted(seed, rowCount, THREE_HOURS_MILLIS, allocator)) {
      Map<Group, @Nullable Object[]> expected = groupBy(contract, rows, select, allocator);
      @Nullable Map<Group, Accumulator> firstCut = null;
      for (int batchSize : batchSizes) {
        Map<Group, Accumulator> merged =
            inBatches(
                PartialAggregator.of(contract, contract.rollUp().windows().get(0)),
                rows,
                batchSize,
                new Random(seed));
        if (firstCut == null) {
          firstCut = merged;
        }
        assertThat("batches of " + batchSize, merged, equalTo(firstCut));
        assertThat(merged.keySet(), equalTo(expected.keySet()));
        merged.forEach(
            (group, accumulator) ->
                assertResults(
                    contract,
                    group,
                    accumulator.results(contract.rollUp()).toArray(),
                    Objects.requireNonNull(expected.get(group))));
      }
    }
  }

  private static Map<Group, Accumulator> inBatches(
      PartialAggregator aggregator, VectorSchemaRoot rows, int batchSize, Random random) {
    List<Partial> partials = new ArrayList<>();
    for (int start = 0; start < rows.getRowCount(); start += batchSize) {
      try (VectorSchemaRoot batch =
          rows.slice(start, Math.min(batchSize, rows.getRowCount() - start))) {
        partials.addAll(aggregator.aggregate(batch));
      }
    }
    Collections.shuffle(partials, random);
    Map<Group, Accumulator> merged = new HashMap<>();
    for (Partial partial : partials) {
      merged.merge(
          new Group(partial.windowStartMillis(), partial.key()),
          partial.accumulator(),
          (a, b) -> random.nextBoolean() ? a.merge(b) : b.merge(a));
    }
    return merged;
  }

  private static void assertResults(
      Contract contract, Group group, @Nullable Object[] actual, @Nullable Object[] expected) {
    for (int i = 0; i < actual.length; i++) {
      Measure measure = contract.rollUp().measures().get(i);
      String where = measure.name() + " of " + group;
      if (measure.function() == Function.SUM
          && actual[i] instanceof Double sum
          && expected[i] instanceof Double other) {
        assertThat(where, sum, closeTo(other, 1e-9 * Math.abs(other)));
      } else {
        assertThat(where, actual[i], equalTo(expected[i]));
      }
    }
  }

  private static Map<Group, @Nullable Object[]> groupBy(
      Contract contract, VectorSchemaRoot rows, String select, BufferAllocator allocator)
      throws Exception {
    ByteArrayChannel file = new ByteArrayChannel(1 << 20);
    ArrowFiles.assemble(rows.getSchema(), List.of(ArrowFiles.encode(rows, Compression.NONE)), file);
    String keys = String.join(", ", contract.rollUp().keys());
    Map<Group, @Nullable Object[]> groups = new HashMap<>();
    try (ArrowFileReader reader =
            ArrowFiles.open(
                new ByteArrayReadableSeekableByteChannel(file.toByteArray()), allocator);
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator);
        Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      Data.exportArrayStream(allocator, reader, stream);
      connection.unwrap(DuckDBConnection.class).registerArrowStream("events", stream);
      try (ResultSet result =
          statement.executeQuery(
              select
                  + "time_bucket(INTERVAL 10 minutes, arrival_timestamp) AS bucket, "
                  + keys
                  + " FROM events GROUP BY bucket, "
                  + keys)) {
        int measures = contract.rollUp().measures().size();
        int keyCount = contract.rollUp().keys().size();
        while (result.next()) {
          @Nullable Object[] values = new Object[measures];
          for (int i = 0; i < measures; i++) {
            values[i] = value(result, i + 1);
          }
          @Nullable Object[] key = new Object[keyCount];
          for (int i = 0; i < keyCount; i++) {
            key[i] = value(result, measures + 2 + i);
          }
          Object bucket = value(result, measures + 1);
          if (bucket instanceof Long micros) {
            groups.put(new Group(micros / 1000, RollUpKey.of(key)), values);
          }
        }
      }
    }
    return groups;
  }

  private static @Nullable Object value(ResultSet result, int column) throws Exception {
    Object value = result.getObject(column);
    if (value instanceof Timestamp) {
      LocalDateTime time = result.getObject(column, LocalDateTime.class);
      return time.toEpochSecond(ZoneOffset.UTC) * 1_000_000 + time.getNano() / 1000;
    }
    return value;
  }
}
