package io.highwater.dashboard;

import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import io.highwater.lake.Replacement;
import io.highwater.record.Compression;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.duckdb.DuckDBConnection;
import org.duckdb.DuckDBResultSet;

/** Writes lakes from SQL, and asks SQL over their files: what the dashboard must agree with. */
final class SampleLake implements AutoCloseable {
  static final String CONTRACT = "warehouse-queries";

  /** The first hour of the lakes in these tests. */
  static final Instant START = Instant.parse("2024-03-01T00:00:00Z");

  private final Path root;
  private final DuckDBConnection connection;

  SampleLake(Path root) throws SQLException {
    this.root = root;
    connection = DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class);
    // What it writes is small; threads would only wait for each other.
    execute("SET threads = 1");
  }

  Path root() {
    return root;
  }

  Path folder(String table, Instant hour) {
    return root.resolve(LakeHour.of(CONTRACT, table, hour.toEpochMilli()).directory());
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** Writes the result of {@code sql} as a Parquet file, by rename. */
  Path writeParquet(String table, Instant hour, String name, String sql)
      throws SQLException, IOException {
    Path folder = Files.createDirectories(folder(table, hour));
    Path unfinished = folder.resolve("." + name + ".tmp");
    execute("COPY (" + sql + ") TO '" + unfinished + "' (FORMAT parquet)");
    return Files.move(unfinished, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Writes the result of {@code sql} as an Arrow file, by rename. */
  Path writeArrow(String table, Instant hour, String name, Compression compression, String sql)
      throws SQLException, IOException {
    Path folder = Files.createDirectories(folder(table, hour));
    Path unfinished = folder.resolve("." + name + ".tmp");
    try (BufferAllocator allocator = new RootAllocator();
        Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql);
        ArrowReader reader =
            (ArrowReader) result.unwrap(DuckDBResultSet.class).arrowExportStream(allocator, 1024);
        FileChannel channel =
            FileChannel.open(unfinished, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      List<byte[]> messages = new ArrayList<>();
      while (reader.loadNextBatch()) {
        messages.add(ArrowFiles.encode(reader.getVectorSchemaRoot(), compression));
      }
      ArrowFiles.assemble(reader.getVectorSchemaRoot().getSchema(), messages, channel);
    }
    return Files.move(unfinished, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Publishes a generation that takes the place of {@code out}; returns its marker. */
  Path replace(String table, Instant hour, String generation, List<String> in, List<String> out)
      throws IOException {
    Replacement replacement = new Replacement(generation, in, out);
    return Files.write(folder(table, hour).resolve(replacement.markerName()), replacement.toJson());
  }

  static String nameOfGeneration(String generation, String content) {
    return LakeNames.generation(
        generation,
        LakeNames.digest(List.of(content.getBytes(java.nio.charset.StandardCharsets.UTF_8))),
        LakeNames.PARQUET);
  }

  /** The Parquet files of a table, for FROM. */
  String files(String table) {
    return "read_parquet('"
        + root.resolve(CONTRACT).resolve(table)
        + "/**/*.parquet', hive_partitioning=false, filename=true)";
  }

  /** One value of SQL over the files of a table, which is written as {@code $files}. */
  double value(String table, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql.replace("$files", files(table)))) {
      result.next();
      return result.getDouble(1);
    }
  }

  /**
   * SQL of one hour's roll-ups for some instances: six windows of 10 minutes and one of an hour,
   * the numbers spread by a hash of instance and window.
   */
  static String rollups(Instant hour, int instances, long runId, long paneIndex) {
    return """
  WITH windows AS (
      SELECT TIMESTAMP '%1$s' + to_minutes(i * 10) AS window_start, 600000 AS window_millis
      FROM range(6) t(i)
      UNION ALL SELECT TIMESTAMP '%1$s', 3600000),
    cells AS (
      SELECT *, instance_id::BIGINT AS i,
        hash(instance_id, window_start, window_millis) %% 1000 AS h,
        (20 + 90 * (1 + sin((epoch(window_start) / 3600 - 8) / 24 * 2 * pi()))
          / (1 + instance_id / 6) * (window_millis // 600000))::BIGINT AS base
      FROM windows, range(1, %2$d + 1) t(instance_id))
    SELECT window_start, window_millis::BIGINT AS window_millis, i AS instance_id,
      %3$d::BIGINT AS run_id, %4$d::BIGINT AS pane_index, true AS is_final,
      (normal + cpu_bound + io_bound + network_bound + queue_wlm_bound) AS queries, normal,
      cpu_bound, io_bound, network_bound, queue_wlm_bound,
      CASE WHEN i %% 5 = 0 THEN NULL ELSE 2 + i %% 8 END AS cluster_size,
      (normal * 0.11)::BIGINT AS cached, (h %% 3)::BIGINT AS aborted,
      (h %% 5)::BIGINT AS spilled_queries, (h %% 5) * 820.5 * (1 + i %% 3) AS spilled_mb,
      base * 640.25 AS scanned_mb, (queue_wlm_bound * 9000 + h * 20)::DOUBLE AS queue_ms,
      base * 2300.5 AS execution_ms, base * 480.125 AS compile_ms
    FROM (SELECT *, base + h // 40 AS normal,
        (base * (h %% 7) * 0.006 * (1 + i %% 4))::BIGINT AS cpu_bound,
        (base * (h %% 3) * 0.004)::BIGINT AS io_bound,
        (base * (h %% 5) * 0.011)::BIGINT AS network_bound,
        CASE WHEN i %% 4 = 1 THEN (base * (h %% 11) * 0.004)::BIGINT ELSE 0 END
          AS queue_wlm_bound FROM cells)
    """
        .formatted(timestamp(hour), instances, runId, paneIndex);
  }

  /** SQL of events that arrive evenly over an hour. */
  static String events(Instant hour, int rows, int firstQueryId) {
    return """
    SELECT (1 + hash(q) %% 24)::BIGINT AS instance_id,
      CASE WHEN q %% 5 = 0 THEN NULL ELSE 4::BIGINT END AS cluster_size,
      (hash(q, 1) %% 40)::BIGINT AS user_id, (hash(q, 2) %% 6)::BIGINT AS database_id,
      q AS query_id,
      TIMESTAMP '%1$s' + to_microseconds(((q - %3$d) * 3600000000.0 / %2$d)::BIGINT)
        AS arrival_timestamp,
      (hash(q, 3) %% 900) * 1.25 AS compile_duration_ms,
      CASE WHEN hash(q, 4) %% 12 = 0 THEN (hash(q, 5) %% 40000)::BIGINT ELSE 0 END
        AS queue_duration_ms,
      (exp((hash(q, 6) %% 1000) / 88.0))::BIGINT AS execution_duration_ms,
      sha256(q::VARCHAR) AS feature_fingerprint,
      (hash(q, 7) %% 120 = 0) AS was_aborted, (hash(q, 8) %% 9 = 0) AS was_cached,
      ['select', 'select', 'select', 'insert', 'copy', 'unload', 'other'][(1 + hash(q, 9) %% 7)::INTEGER]
        AS query_type,
      exp((hash(q, 10) %% 1000) / 90.0) AS mbytes_scanned,
      CASE WHEN hash(q, 11) %% 40 = 0 THEN exp((hash(q, 12) %% 1000) / 95.0) ELSE 0 END
        AS mbytes_spilled,
      CASE hash(q, 13) %% 31 WHEN 0 THEN 'cpu_bound' WHEN 1 THEN 'io_bound'
        WHEN 2 THEN 'network_bound' WHEN 3 THEN 'queue_wlm_bound' ELSE 'normal' END
        AS query_class,
      'queries' AS _topic, (q %% 4)::INTEGER AS _partition, q AS _offset
    FROM range(%3$d::BIGINT, %3$d::BIGINT + %2$d) t(q)
    """
        .formatted(timestamp(hour), rows, firstQueryId);
  }

  /** SQL of {@link #events} of three instances whose queries come again and again. */
  static String repeatedEvents(Instant hour, int rows, int firstQueryId) {
    return """
    SELECT * REPLACE (1 + instance_id %% 3 AS instance_id,
      sha256((hash(query_id, 40) %% 9)::VARCHAR) AS feature_fingerprint)
    FROM (%s)
    """
        .formatted(events(hour, rows, firstQueryId));
  }

  /** SQL of {@link #events} as a model has scored them: those that ran for a second or more. */
  static String scored(String events, String modelVersion) {
    return """
    SELECT * EXCLUDE (is_scored, expected, flagged),
      CASE WHEN is_scored THEN expected END AS predicted_ms,
      CASE WHEN is_scored THEN expected * 1.9 END AS predicted_p90_ms,
      CASE WHEN is_scored THEN ln(execution_duration_ms / expected) END AS duration_score,
      CASE WHEN is_scored THEN 0.3 + (hash(query_id, 20) %% 500) / 1000 END AS forest_score,
      CASE WHEN is_scored THEN flagged END AS is_outlier,
      CASE WHEN flagged THEN
        CASE WHEN hash(query_id, 21) %% 4 = 0 THEN 'slow_without_history'
          ELSE 'slower_than_predicted' END END AS outlier_reason,
      CASE WHEN is_scored THEN '%s' END AS model_version
    FROM (SELECT *, NOT was_cached AND execution_duration_ms >= 1000 AS is_scored,
        is_scored AND hash(query_id, 22) %% 9 = 0 AS flagged,
        execution_duration_ms / exp(((hash(query_id, 23) %% 1000)::DOUBLE - 500) / 700.0
          + CASE WHEN flagged THEN 2.5 ELSE 0 END) AS expected
      FROM (%s))
    """
        .formatted(modelVersion, events);
  }

  /** SQL of the outliers among events that are {@link #scored}. */
  static String outliers(String scoredEvents) {
    return """
    SELECT *, md5(query_id::VARCHAR) AS outlier_id,
      CASE WHEN known THEN predicted_ms * 0.9 END AS usual_median_ms,
      CASE WHEN known THEN predicted_ms * 1.7 END AS usual_p95_ms,
      CASE WHEN known THEN 2 + hash(query_id, 30) %% 400 ELSE 0 END::BIGINT AS usual_count,
      execution_duration_ms / predicted_p90_ms AS ratio,
      CASE WHEN ratio >= 10 AND execution_duration_ms - predicted_p90_ms >= 20000 THEN 'critical'
        WHEN ratio >= 10 OR execution_duration_ms - predicted_p90_ms >= 20000 THEN 'major'
        ELSE 'minor' END AS severity,
      format('Took {:.1f} s, {:.1f} times the {:.1f} s to be expected at most (predicted: {:.1f} s);'
        || ' feature_fingerprint {}… of instance_id {} {}; beside it: queue_duration_ms {} ms,'
        || ' mbytes_spilled {:.0f} MB.',
        execution_duration_ms / 1000, ratio, predicted_p90_ms / 1000, predicted_ms / 1000,
        feature_fingerprint[:12], instance_id,
        CASE WHEN known
          THEN format('usually takes {:.1f} s (95 %% up to {:.1f} s; {} seen); unusual:'
            || ' mbytes_scanned {:.0f} MB (usually 12 MB)',
            usual_median_ms / 1000, usual_p95_ms / 1000, usual_count, mbytes_scanned)
          ELSE 'was not seen before' END,
        queue_duration_ms, mbytes_spilled) AS explanation
    FROM (SELECT *, outlier_reason <> 'slow_without_history' AS known FROM (%s) WHERE is_outlier)
    """
        .formatted(scoredEvents);
  }

  /** SQL of rejected records, some of them made to break what shows them. */
  static String rejected(Instant hour, int rows) {
    return """
    SELECT TIMESTAMP '%1$s' + to_milliseconds(n * 977) AS received_at,
      CASE WHEN k < 3 THEN 'ParseRecords' WHEN k < 6 THEN 'ValidateRecords'
        ELSE 'ClassifyRecords' END AS stage,
      ['MALFORMED_JSON', 'WRONG_TYPE', 'INVALID_UTF8', 'MISSING_REQUIRED', 'OUT_OF_RANGE',
        'VALUE_NOT_ALLOWED', 'RULE_VIOLATED'][1 + k] AS code,
      [NULL, 'was_cached', NULL, 'instance_id', 'execution_duration_ms', 'query_type',
        'compile_duration_ms'][1 + k] AS field,
      [NULL, '"maybe"', NULL, NULL, '-17', '<img src=x onerror=alert(1)>', '99120.5'][1 + k]
        AS value,
      ['the text ends where a value was expected, at byte 61',
       'expected true, false, 0 or 1',
       'the bytes at 24 are not UTF-8',
       'the field is required and was not there',
       'expected a number from 0 to 604800000',
       'expected one of select, insert, update, delete, copy, unload, ctas, analyze, vacuum, other',
       'compile time exceeds execution time'][1 + k] AS reason,
      CASE k WHEN 2 THEN '\\xFF\\xFE{"query_type":"sel\\x00\\x1B[31mect"}'::BLOB
        ELSE ('{"instance_id":' || n || ',"query_type":"<script>alert(1)</script>",'
          || '"execution_duration_ms":-17,"was_cached":"maybe","arrival_timestamp":"2024-03-01')
          ::BLOB END AS raw,
      CASE WHEN n %% 9 = 0 THEN NULL ELSE 'queries' END AS _topic, (n %% 4)::INTEGER AS _partition,
      n AS _offset, CASE WHEN n %% 9 = 0 THEN 'march.csv' END AS file, n AS "row"
    FROM (SELECT n, (hash(n) %% 17 %% 7)::INTEGER AS k FROM range(%2$d) t(n))
    """
        .formatted(timestamp(hour), rows);
  }

  static String timestamp(Instant instant) {
    return instant.toString().replace("T", " ").replace("Z", "");
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
