package io.highwater.pipelines;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole backfill against DuckDB, which reads the same file and is asked in SQL of its own. */
class BackfillPipelineTest {
  private static final int ROWS = 3_000;
  private static final Instant NOW = Instant.parse("2024-05-01T08:30:00Z");

  private static final List<String> COLUMNS =
      List.of(
          "instance_id",
          "cluster_size",
          "user_id",
          "database_id",
          "query_id",
          "arrival_timestamp",
          "compile_duration_ms",
          "queue_duration_ms",
          "execution_duration_ms",
          "feature_fingerprint",
          "was_aborted",
          "was_cached",
          "cache_source_query_id",
          "query_type",
          "num_permanent_tables_accessed",
          "num_external_tables_accessed",
          "num_system_tables_accessed",
          "read_table_ids",
          "write_table_ids",
          "mbytes_scanned",
          "mbytes_spilled",
          "num_joins",
          "num_scans",
          "num_aggregations");

  private static final List<String> TYPES =
      List.of("select", "insert", "update", "copy", "unload", "vacuum", "other");

  /** Columns that are 0 where a record leaves them out. */
  private static final List<String> ZERO_IF_NULL =
      List.of(
          "num_permanent_tables_accessed",
          "num_external_tables_accessed",
          "num_system_tables_accessed",
          "mbytes_scanned",
          "mbytes_spilled",
          "num_joins",
          "num_scans",
          "num_aggregations");

  /** The records that the contract accepts, with their class, as SQL over a table "csv". */
  private static final String EXPECTED =
      """
      WITH filled AS (SELECT * REPLACE (%s) FROM csv),
      good AS (
        SELECT *, mbytes_scanned + 1 AS mb FROM filled
        WHERE cluster_size IS DISTINCT FROM 99999
          AND query_type <> 'truncate'
          AND instance_id IS NOT NULL
          AND NOT (compile_duration_ms IS NOT NULL AND compile_duration_ms > execution_duration_ms)
      )
      SELECT * EXCLUDE mb,
        CASE
          WHEN was_cached THEN 'normal'
          WHEN query_type = 'copy' OR query_type = 'unload'
            THEN if(execution_duration_ms > 500, 'network_bound',
              if(execution_duration_ms BETWEEN 1 AND queue_duration_ms AND queue_duration_ms > 1000
                AND num_scans + num_joins + num_aggregations <= 3, 'queue_wlm_bound', 'normal'))
          WHEN greatest(num_joins, num_aggregations) >= 2 AND mbytes_scanned > 0
            AND execution_duration_ms > 20 * mb AND execution_duration_ms > 1000 THEN 'cpu_bound'
          WHEN mbytes_scanned >= 2000 AND execution_duration_ms < 0.061 * mb
            AND (mbytes_spilled > 0 OR num_scans >= 2) AND execution_duration_ms > 1000
            THEN 'io_bound'
          WHEN execution_duration_ms BETWEEN 1 AND queue_duration_ms AND queue_duration_ms > 1000
            AND num_scans + num_joins + num_aggregations <= 3 THEN 'queue_wlm_bound'
          ELSE 'normal'
        END AS query_class,
        mbytes_spilled <> 0 AS is_spilled
      FROM good
      """
          .formatted(
              ZERO_IF_NULL.stream()
                  .map(column -> "coalesce(" + column + ", 0) AS " + column)
                  .collect(Collectors.joining(", ")));

  @TempDir private static Path folder;

  /** Filled once, for the tests that only look at it. */
  private static Path csv = Path.of("");

  private static Path lake = Path.of("");

  @BeforeAll
  static void backfillOnce() throws IOException {
    csv = csv("queries.csv", ROWS);
    lake = folder.resolve("lake");
    backfill(csv, lake, NOW);
  }

  /** A value each for {@link #COLUMNS}; about one in thirty breaks the contract. */
  private static String csvRow(Random random, int queryId) {
    boolean cached = random.nextInt(6) == 0;
    long execution = random.nextInt(4) == 0 ? 0 : (long) Math.exp(random.nextDouble() * 13);
    String compile =
        cached || random.nextInt(5) == 0
            ? ""
            : Long.toString(execution / (1 + random.nextInt(9)) + (random.nextInt(60) / 59) * 5000);
    String scanned =
        cached || random.nextInt(4) == 0
            ? (random.nextBoolean() ? "" : "0.0")
            : Double.toString(Math.rint(Math.exp(random.nextDouble() * 16)) / 4);
    List<String> values = new ArrayList<>();
    values.add(random.nextInt(150) == 0 ? "" : Integer.toString(random.nextInt(7)));
    values.add(
        random.nextInt(3) == 0
            ? ""
            : random.nextInt(150) == 0 ? "99999" : Integer.toString(2 + random.nextInt(30)));
    values.add(Integer.toString(random.nextInt(90)));
    values.add("0");
    values.add(Integer.toString(queryId));
    values.add(
        LocalDateTime.of(2024, 2, 29, 21, 0)
            .plusNanos(random.nextLong(6L * 3_600_000_000L) * 1000)
            .toString()
            .replace('T', ' '));
    values.add(compile);
    values.add(Long.toString(random.nextInt(3) == 0 ? random.nextInt(90_000) : 0));
    values.add(Long.toString(execution));
    values.add(random.nextInt(9) == 0 ? "" : "\"f,\"\"" + random.nextInt(50) + "\"");
    values.add(Integer.toString(random.nextInt(2)));
    values.add(cached ? "1" : "0");
    values.add(cached && random.nextBoolean() ? Integer.toString(queryId + ROWS) : "");
    values.add(random.nextInt(90) == 0 ? "truncate" : TYPES.get(random.nextInt(TYPES.size())));
    values.add(optional(random, 9));
    values.add(optional(random, 2));
    values.add(optional(random, 2));
    values.add("\"1,2\"");
    values.add("");
    values.add(scanned);
    values.add(cached || random.nextInt(3) > 0 ? "0.0" : Integer.toString(random.nextInt(900)));
    values.add(optional(random, 4));
    values.add(optional(random, 4));
    values.add(optional(random, 4));
    return String.join(",", values);
  }

  private static String optional(Random random, int bound) {
    return random.nextInt(12) == 0 ? "" : Integer.toString(random.nextInt(bound));
  }

  private static Path csv(String name, int rowCount) throws IOException {
    Random random = new Random(17);
    List<String> lines = new ArrayList<>();
    lines.add(String.join(",", COLUMNS));
    for (int row = 0; row < rowCount; row++) {
      lines.add(csvRow(random, row));
    }
    return Files.write(folder.resolve(name), lines);
  }

  private static void backfill(Path input, Path lake, Instant now) throws IOException {
    BackfillPipelineOptions options =
        PipelineOptionsFactory.fromArgs(
                "--lake=" + lake, "--input=" + input, "--asOf=2024-04-01T12:00:00Z")
            .withValidation()
            .as(BackfillPipelineOptions.class);
    BackfillPipeline backfill = BackfillPipeline.create(options, now);
    backfill.pipeline().run().waitUntilFinish();
    backfill.publish();
  }

  private static List<LakeFile> files(Path lake, String table) {
    return LakeTable.of(lake, "warehouse-queries", table).files();
  }

  /** The rows of the events table that count, each checked to be in its hour. */
  private static TreeSet<String> events(Path lake, List<String> columns) throws IOException {
    TreeSet<String> lines = new TreeSet<>();
    try (BufferAllocator allocator = new RootAllocator()) {
      for (LakeFile file : files(lake, "events")) {
        try (ArrowFileReader reader = ArrowFiles.open(file.path(), allocator)) {
          while (reader.loadNextBatch()) {
            VectorSchemaRoot rows = reader.getVectorSchemaRoot();
            for (int row = 0; row < rows.getRowCount(); row++) {
              LocalDateTime at = (LocalDateTime) rows.getVector("arrival_timestamp").getObject(row);
              assertEquals(
                  String.format("date=%s/hour=%02d", at.toLocalDate(), at.getHour()),
                  file.hour().directory().replace("warehouse-queries/events/", ""));
              List<String> cells = new ArrayList<>();
              for (String column : columns) {
                FieldVector vector = rows.getVector(column);
                cells.add(String.valueOf(vector.getObject(row)));
              }
              lines.add(String.join("|", cells));
            }
          }
        }
      }
    }
    return lines;
  }

  private static List<String> duckDb(Path csv, String sql) throws SQLException {
    List<String> lines = new ArrayList<>();
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "CREATE VIEW csv AS SELECT * REPLACE (was_aborted = 1 AS was_aborted, was_cached = 1 AS"
              + " was_cached, compile_duration_ms::DOUBLE AS compile_duration_ms,"
              + " mbytes_spilled::DOUBLE AS mbytes_spilled) FROM read_csv('"
              + csv
              + "', types = {'write_table_ids': 'VARCHAR', 'arrival_timestamp': 'TIMESTAMP'})");
      try (ResultSet rows = statement.executeQuery(sql)) {
        int columns = rows.getMetaData().getColumnCount();
        while (rows.next()) {
          List<String> cells = new ArrayList<>();
          for (int column = 1; column <= columns; column++) {
            boolean isTime = rows.getMetaData().getColumnTypeName(column).equals("TIMESTAMP");
            cells.add(
                String.valueOf(
                    isTime ? rows.getObject(column, LocalDateTime.class) : rows.getObject(column)));
          }
          lines.add(String.join("|", cells));
        }
      }
    }
    return lines;
  }

  @Test
  void filesWhatAnIndependentReadingOfTheFileGives() throws Exception {
    List<String> columns = new ArrayList<>(COLUMNS);
    columns.addAll(List.of("query_class", "is_spilled"));
    TreeSet<String> expected =
        new TreeSet<>(
            duckDb(csv, "SELECT " + String.join(", ", columns) + " FROM (" + EXPECTED + ")"));
    assertThat(expected, hasSize(greaterThan(ROWS * 9 / 10)));
    assertEquals(
        List.of("cpu_bound", "io_bound", "network_bound", "normal", "queue_wlm_bound"),
        duckDb(csv, "SELECT DISTINCT query_class FROM (" + EXPECTED + ") ORDER BY 1"));
    assertEquals(expected, events(lake, columns));

    assertEquals(
        new TreeSet<>(
            duckDb(
                csv,
                "SELECT query_id FROM csv WHERE query_id NOT IN (SELECT query_id FROM ("
                    + EXPECTED
                    + "))")),
        new TreeSet<>(
            duckDb(
                csv,
                "SELECT \"row\" FROM read_parquet("
                    + list("rejected")
                    + ") WHERE received_at = '2024-04-01 12:00:00' AND file = '"
                    + csv
                    + "' AND _topic IS NULL")));
    assertEquals(
        ROWS - expected.size(),
        Integer.parseInt(
            duckDb(csv, "SELECT count(*) FROM read_parquet(" + list("rejected") + ")").get(0)));
  }

  @Test
  void rollsUpWhatItFiled() throws Exception {
    for (String window : List.of("10 minutes", "1 hour")) {
      // Sums of doubles hang on the order of the rows unless they are exact: both are rounded.
      assertEquals(
          duckDb(
              csv,
              "SELECT time_bucket(INTERVAL '"
                  + window
                  + "', arrival_timestamp) AS start, instance_id, count(*),"
                  + " count(*) FILTER (query_class = 'cpu_bound'),"
                  + " count(*) FILTER (query_class = 'queue_wlm_bound'),"
                  + " count(*) FILTER (was_cached), count(*) FILTER (is_spilled),"
                  + " arg_max(cluster_size, arrival_timestamp)"
                  + " FILTER (cluster_size IS NOT NULL),"
                  + " round(sum(mbytes_scanned), 3), sum(queue_duration_ms)::BIGINT FROM ("
                  + EXPECTED
                  + ") GROUP BY ALL ORDER BY 1, 2"),
          duckDb(
              csv,
              "SELECT window_start, instance_id, queries, cpu_bound, queue_wlm_bound, cached,"
                  + " spilled_queries, cluster_size, round(scanned_mb, 3), queue_ms"
                  + " FROM read_parquet("
                  + list("rollups")
                  + ") WHERE is_final AND run_id = "
                  + NOW.toEpochMilli()
                  + " AND window_millis = epoch_ms(INTERVAL '"
                  + window
                  + "') ORDER BY 1, 2"));
    }
  }

  @Test
  void leavesTheSameTablesWhenItRunsAgain() throws Exception {
    Path few = csv("few.csv", 200);
    Path lake = folder.resolve("lake of few");
    backfill(few, lake, NOW);
    TreeSet<String> events = events(lake, COLUMNS);
    int eventFiles = files(lake, "events").size();
    List<LakeFile> rollUps = files(lake, "rollups");

    backfill(few, lake, NOW.plusSeconds(60));

    assertEquals(events, events(lake, COLUMNS));
    assertThat(events, not(empty()));
    assertEquals(eventFiles, files(lake, "events").size());
    assertEquals(rollUps.size(), files(lake, "rollups").size());
    String generation = "g-" + NOW.plusSeconds(60).toEpochMilli() + "_";
    for (LakeFile file : files(lake, "events")) {
      assertEquals(generation, file.name().substring(0, generation.length()));
    }
  }

  private static String list(String table) {
    return files(lake, table).stream()
        .map(file -> "'" + file.path() + "'")
        .collect(Collectors.joining(", ", "[", "]"));
  }
}
