package io.highwater.rollup;

import static java.util.Objects.requireNonNull;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.lessThanOrEqualTo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.record.WarehouseRows;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.duckdb.DuckDBConnection;
import org.duckdb.DuckDBResultSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The built-in contract's measures of a million rows, beside DuckDB's of the same rows. */
class MeasuresTest {
  private static final int ROWS = 1_000_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** DataSketches' own figure for this k; 99 % of quantiles are within it. */
  private static final double RANK_ERROR = 0.0035;

  /**
   * An hour of 12 instances, of which the last has about a thousand queries; more users and tables
   * than sketches keep exactly in the first, fewer in the others.
   */
  private static final String EVENTS =
      """
      CREATE TABLE events AS
      SELECT i AS instance_id, 4::BIGINT AS cluster_size, q AS query_id,
        TIMESTAMP '2024-03-01 00:00:00' + to_microseconds(q * 3600) AS arrival_timestamp,
        (hash(q * 32 + 1) % (20000 // (i * i * i) + 40))::BIGINT AS user_id,
        CASE WHEN c THEN NULL ELSE 100000 + 30.0 * j + (hash(q * 32 + 2) % 1000) / 7.0 END
          AS compile_duration_ms,
        CASE WHEN hash(q * 32 + 3) % 100 = 0 THEN (hash(q * 32 + 4) % 9000)::BIGINT ELSE 0 END
          AS queue_duration_ms,
        exp((hash(q * 32 + 5) % 100000) / 8000.0)::BIGINT AS execution_duration_ms,
        hash(q * 32 + 6) % 100 = 0 AS was_aborted, c AS was_cached,
        ['select', 'select', 'insert', 'copy', 'other'][1 + (hash(q * 32 + 7) % 5)::INTEGER]
          AS query_type,
        CASE WHEN hash(q * 32 + 8) % 9 = 0 THEN NULL ELSE
          ((hash(q * 32 + 9) % 997) * (hash(q * 32 + 9) % 991) // (300 * i * i))::VARCHAR || ', '
            || ((hash(q * 32 + 10) % 50))::VARCHAR END AS read_table_ids,
        exp((hash(q * 32 + 11) % 1000) / 90.0) AS mbytes_scanned,
        CASE WHEN s THEN exp((hash(q * 32 + 12) % 1000) / 95.0) ELSE 0 END AS mbytes_spilled,
        j AS num_joins, s AS is_spilled,
        ['normal', 'cpu_bound', 'io_bound'][1 + (hash(q * 32 + 13) % 3)::INTEGER] AS query_class
      FROM (SELECT q, CASE WHEN hash(q * 32 + 20) % 1000 = 0 THEN 12
            ELSE 1 + (hash(q * 32 + 21) % 11) * (hash(q * 32 + 21) % 7) // 7 END::BIGINT AS i,
          (hash(q * 32 + 22) % 6)::BIGINT AS j, hash(q * 32 + 23) % 9 = 0 AS c, hash(q * 32 + 24) % 60 = 0 AS s
        FROM range(1000000) t(q))
      """;

  private static final Contract CONTRACT = WarehouseRows.contract();
  private static DuckDBConnection connection;
  private static BufferAllocator allocator;
  private static Map<Long, Accumulator> accumulators;
  private static Map<Long, Map<String, Object>> hour;

  /** Of the same rows in batches of another size, merged in another order. */
  private static Map<Long, Map<String, Object>> otherCut;

  @BeforeAll
  static void rollUp() throws Exception {
    connection = DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class);
    allocator = new RootAllocator();
    try (Statement statement = connection.createStatement()) {
      statement.execute(EVENTS);
    }
    accumulators = merged(16_384, 1);
    hour = results(accumulators);
    otherCut = results(merged(5_003, 2));
  }

  @AfterAll
  static void close() throws SQLException {
    connection.close();
    allocator.close();
  }

  /** The hour of each instance, in batches of that size, merged in an order of its own. */
  private static Map<Long, Accumulator> merged(int batchSize, long seed) throws Exception {
    PartialAggregator aggregator = PartialAggregator.of(CONTRACT, Duration.ofHours(1));
    List<Partial> partials = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        DuckDBResultSet result =
            statement.executeQuery("FROM events").unwrap(DuckDBResultSet.class);
        ArrowReader reader = (ArrowReader) result.arrowExportStream(allocator, batchSize)) {
      while (reader.loadNextBatch()) {
        partials.addAll(aggregator.aggregate(reader.getVectorSchemaRoot()));
      }
    }
    assertThat(partials.size(), greaterThan(9 * ROWS / batchSize));
    Random random = new Random(seed);
    Collections.shuffle(partials, random);
    Map<Long, Accumulator> merged = new TreeMap<>();
    for (Partial partial : partials) {
      merged.merge(
          (Long) partial.key().values().get(0),
          partial.accumulator(),
          (a, b) -> random.nextBoolean() ? a.merge(b) : b.merge(a));
    }
    return merged;
  }

  /** Results of each instance, by measure; each has rows for all of them. */
  private static Map<Long, Map<String, Object>> results(Map<Long, Accumulator> accumulators) {
    Map<Long, Map<String, Object>> results = new TreeMap<>();
    accumulators.forEach(
        (key, value) -> {
          List<@Nullable Object> values = value.results(CONTRACT.rollUp());
          Map<String, Object> ofKey = new HashMap<>();
          for (int i = 0; i < values.size(); i++) {
            ofKey.put(
                CONTRACT.rollUp().measures().get(i).name(),
                requireNonNull(values.get(i), CONTRACT.rollUp().measures().get(i).name()));
          }
          results.put(key, ofKey);
        });
    return results;
  }

  private static <K, V> V get(Map<K, V> map, K key) {
    return requireNonNull(map.get(key));
  }

  /** Rows of a query by their first column. */
  private static Map<Long, List<Object>> query(String sql) throws SQLException {
    Map<Long, List<Object>> rows = new TreeMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      while (result.next()) {
        List<Object> values = new ArrayList<>();
        for (int i = 2; i <= result.getMetaData().getColumnCount(); i++) {
          values.add(result.getObject(i));
        }
        rows.put(result.getLong(1), values);
      }
    }
    return rows;
  }

  @Test
  void exactMeasuresEqualDuckDb() throws Exception {
    Map<Long, List<Object>> expected =
        query(
            """
            SELECT instance_id, count(*), count(*) FILTER (is_spilled),
              sum(execution_duration_ms)::BIGINT, sum(mbytes_spilled),
              corr(num_joins, compile_duration_ms) FILTER (query_type = 'select'),
              corr(num_joins, compile_duration_ms)
            FROM events GROUP BY instance_id
            """);
    assertThat(hour.keySet(), equalTo(expected.keySet()));
    for (Map.Entry<Long, List<Object>> instance : expected.entrySet()) {
      Map<String, Object> actual = get(hour, instance.getKey());
      List<Object> of = instance.getValue();
      assertThat(get(actual, "queries"), equalTo(of.get(0)));
      assertThat(get(actual, "spilled_queries"), equalTo(of.get(1)));
      assertThat(get(actual, "execution_ms"), equalTo(of.get(2)));
      double spilled = (Double) of.get(3);
      assertThat((Double) get(actual, "spilled_mb"), closeTo(spilled, 1e-9 * spilled));
      assertThat(
          (Double) get(actual, "joins_compile_correlation"), closeTo((Double) of.get(4), 1e-9));
      // Of all queries it is another number, so the condition counts.
      assertThat(of.get(4).equals(of.get(5)), is(false));
    }
  }

  @Test
  void spillsByQueryTypeEqualDuckDb() throws Exception {
    Map<Long, JsonNode> queries = new HashMap<>();
    Map<Long, JsonNode> megabytes = new HashMap<>();
    for (Map.Entry<Long, Map<String, Object>> instance : hour.entrySet()) {
      queries.put(instance.getKey(), json(get(instance.getValue(), "spilled_queries_by_type")));
      megabytes.put(instance.getKey(), json(get(instance.getValue(), "spilled_mb_by_type")));
    }
    int cells = 0;
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT instance_id, query_type, count(*), sum(mbytes_spilled) FROM events"
                    + " WHERE is_spilled GROUP BY ALL")) {
      while (rows.next()) {
        cells++;
        String type = rows.getString(2);
        assertThat(get(queries, rows.getLong(1)).get(type).longValue(), equalTo(rows.getLong(3)));
        assertThat(
            get(megabytes, rows.getLong(1)).get(type).doubleValue(),
            closeTo(rows.getDouble(4), 1e-9 * rows.getDouble(4)));
      }
    }
    assertThat(queries.values().stream().mapToInt(JsonNode::size).sum(), is(cells));
    assertThat(megabytes.values().stream().mapToInt(JsonNode::size).sum(), is(cells));
  }

  @Test
  void quantilesAreWithinTheirError() throws Exception {
    Map<String, Double> quantiles =
        Map.of("execution_p50_ms", 0.5, "execution_p95_ms", 0.95, "execution_p99_ms", 0.99);
    int beyond = 0;
    int asked = 0;
    for (Map<Long, Map<String, Object>> results : List.of(hour, otherCut)) {
      for (Map.Entry<Long, Map<String, Object>> instance : results.entrySet()) {
        for (Map.Entry<String, Double> quantile : quantiles.entrySet()) {
          double value = (Double) get(instance.getValue(), quantile.getKey());
          List<Object> ranks =
              get(
                  query(
                      "SELECT 0, count(*) FILTER (execution_duration_ms < %1$s) / count(*), count(*) FILTER (execution_duration_ms <= %1$s) / count(*) FROM events WHERE instance_id = %2$d"
                          .formatted(value, instance.getKey())),
                  0L);
          double at = quantile.getValue();
          double error =
              Math.max(0, Math.max((Double) ranks.get(0) - at, at - (Double) ranks.get(1)));
          assertThat(quantile + " of " + instance.getKey(), error, lessThan(3 * RANK_ERROR));
          asked++;
          beyond += error > RANK_ERROR ? 1 : 0;
        }
      }
    }
    assertThat(beyond, lessThanOrEqualTo(asked / 10));
  }

  @Test
  void quantilesOfFewRowsEqualDuckDb() throws Exception {
    for (int rows : new int[] {1, 2, 19, 20, 100, 799, 800}) {
      double[] values = new double[rows];
      StringBuilder list = new StringBuilder();
      Random random = new Random(rows);
      for (int i = 0; i < rows; i++) {
        values[i] = random.nextInt(500);
        list.append(i == 0 ? "[" : ", ").append(values[i]);
      }
      Accumulator accumulator = null;
      for (double value : values) {
        Aggregate[] aggregates = new Aggregate[Slots.of(CONTRACT.rollUp()).kept().size()];
        Arrays.fill(aggregates, Aggregate.NOTHING);
        aggregates[Slots.of(CONTRACT.rollUp()).ofMeasure()[15]] =
            Quantiles.of(new double[] {value});
        Accumulator one = new Accumulator(1, aggregates);
        accumulator = accumulator == null ? one : one.merge(accumulator);
      }
      List<Object> expected =
          get(
              query(
                  "SELECT 0, quantile_disc(v, 0.5), quantile_disc(v, 0.95), quantile_disc(v, 0.99) FROM (SELECT unnest(%s]::DOUBLE[]) AS v)"
                      .formatted(list)),
              0L);
      assertThat(
          rows + " rows",
          accumulator == null ? List.of() : accumulator.results(CONTRACT.rollUp()).subList(15, 18),
          equalTo(expected));
    }
  }

  @Test
  void distinctUsersAreWithinTheirErrorAndExactWhileFew() throws Exception {
    Map<Long, List<Object>> expected =
        query("SELECT instance_id, count(DISTINCT user_id) FROM events GROUP BY instance_id");
    int sketches = 0;
    for (Map.Entry<Long, List<Object>> instance : expected.entrySet()) {
      long users = (Long) instance.getValue().get(0);
      Object actual = get(get(hour, instance.getKey()), "users");
      if (users <= Distinct.EXACT_VALUES) {
        assertThat(actual, equalTo(users));
      } else {
        sketches++;
        assertThat((double) (Long) actual, closeTo(users, 0.05 * users));
      }
      assertThat(get(get(otherCut, instance.getKey()), "users"), equalTo(actual));
    }
    assertThat(sketches, greaterThan(1));
    assertThat(sketches, lessThan(expected.size()));
  }

  @Test
  void topTablesAreExactWhileFewAndWithinTheirErrorBeyond() throws Exception {
    Map<Long, Map<String, Long>> expected = new HashMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT instance_id, trim(t), count(*) FROM (SELECT instance_id,"
                    + " unnest(string_split(read_table_ids, ',')) AS t FROM events)"
                    + " WHERE t IS NOT NULL GROUP BY ALL")) {
      while (rows.next()) {
        expected
            .computeIfAbsent(rows.getLong(1), key -> new HashMap<>())
            .put(rows.getString(2), rows.getLong(3));
      }
    }
    int cut = 0;
    for (Map.Entry<Long, Map<String, Long>> instance : expected.entrySet()) {
      Map<String, Long> counts = instance.getValue();
      JsonNode top = json(get(get(hour, instance.getKey()), "top_read_tables"));
      assertThat(top.size(), is(10));
      if (counts.size() <= FrequentValues.CAPACITY) {
        List<String> first =
            counts.entrySet().stream()
                .sorted(
                    Map.Entry.<String, Long>comparingByValue()
                        .reversed()
                        .thenComparing(Map.Entry.comparingByKey()))
                .limit(10)
                .map(e -> "{\"value\":\"%s\",\"count\":%d}".formatted(e.getKey(), e.getValue()))
                .toList();
        List<String> actual = new ArrayList<>();
        top.forEach(entry -> actual.add(entry.toString()));
        assertThat(actual, equalTo(first));
      } else {
        cut++;
        long all = counts.values().stream().mapToLong(Long::longValue).sum();
        long error = all / (FrequentValues.CAPACITY + 1);
        for (JsonNode entry : top) {
          long count = get(counts, entry.get("value").textValue());
          long estimate = entry.get("count").longValue();
          assertThat(estimate, lessThanOrEqualTo(count));
          assertThat(count - estimate, lessThanOrEqualTo(error));
        }
      }
    }
    assertThat(cut, greaterThan(0));
    assertThat(cut, lessThan(expected.size()));
  }

  @Test
  void exactMeasuresAreTheSameHoweverTheRowsAreCut() throws Exception {
    hour.forEach(
        (instance, results) ->
            results.forEach(
                (measure, result) -> {
                  if (!measure.startsWith("execution_p") && !measure.equals("top_read_tables")) {
                    assertThat(measure, get(get(otherCut, instance), measure), equalTo(result));
                  }
                }));
  }

  @Test
  void sketchesSurviveBeingWrittenAndMergingLeavesThemAsTheyWere() throws Exception {
    for (Accumulator accumulator : accumulators.values()) {
      byte[] bytes = bytes(accumulator);
      assertThat(bytes.length, lessThan(40_000));
      Accumulator read = Accumulator.readFrom(new DataInputStream(new ByteArrayInputStream(bytes)));
      assertThat(read, equalTo(accumulator));
      assertThat(bytes(read), equalTo(bytes));
      for (Accumulator other : accumulators.values()) {
        byte[] otherBytes = bytes(other);
        accumulator.merge(other).results(CONTRACT.rollUp());
        accumulator.results(CONTRACT.rollUp());
        assertThat(bytes(accumulator), equalTo(bytes));
        assertThat(bytes(other), equalTo(otherBytes));
      }
    }
  }

  @Test
  void correlationIsNullWithoutVariance() {
    Correlation one = correlation(1, 2);
    Correlation same = correlation(1, 9);
    Correlation other = correlation(2, 9);
    assertThat(results(one), contains((Double) null));
    assertThat(results(one.merge(same)), contains((Double) null));
    assertThat(
        results(one.merge(same).merge(other).merge(other)), contains(closeTo(0.57735, 1e-5)));
  }

  private static Correlation correlation(long x, long y) {
    return new Correlation(
        1,
        ExactSum.of(x),
        ExactSum.of(y),
        ExactSum.of(x * x),
        ExactSum.of(y * y),
        ExactSum.of(x * y));
  }

  private static List<@Nullable Double> results(Aggregate correlation) {
    return Arrays.asList((Double) correlation.result(CONTRACT.rollUp().measures().get(0)));
  }

  private static JsonNode json(Object text) throws IOException {
    return JSON.readTree(String.valueOf(text));
  }

  private static byte[] bytes(Accumulator accumulator) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    accumulator.writeTo(new DataOutputStream(bytes));
    return bytes.toByteArray();
  }
}
