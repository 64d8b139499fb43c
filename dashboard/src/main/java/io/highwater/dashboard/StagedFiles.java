package io.highwater.dashboard;

import io.highwater.lake.ArrowMemory;
import io.highwater.lake.CheckedArrowReader;
import io.highwater.record.RecordSchemas;
import io.highwater.status.StatusRows;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;

/**
 * The rows of lake files on their way into the store: read into temporary tables, where a file that
 * cannot be read leaves nothing behind, then moved in one transaction by {@link HotStore}.
 */
final class StagedFiles {
  /** How many events are kept: the newest. */
  static final int EVENTS_KEPT = 5_000;

  /** The tables that are staged under the name staged_TABLE. */
  static final List<String> TABLES =
      List.of(
          "rollups",
          "outliers",
          "feedback",
          "rejected",
          "rejected_counts",
          "events",
          "fingerprints",
          "status");

  /** The start of a rejected record is enough to see what it was; the lake has all of it. */
  private static final int RAW_BYTES = 2_000;

  private static final String STREAM = "lake_file";
  private static final List<String> COUNTS =
      List.of(
          "queries",
          "normal",
          "cpu_bound",
          "io_bound",
          "network_bound",
          "queue_wlm_bound",
          "cluster_size",
          "cached",
          "aborted",
          "spilled_queries");
  private static final List<String> SUMS =
      List.of("spilled_mb", "scanned_mb", "queue_ms", "execution_ms", "compile_ms");

  /** Of one window alone: they do not add up. */
  private static final List<String> OF_A_WINDOW =
      List.of(
          "execution_p50_ms",
          "execution_p95_ms",
          "execution_p99_ms",
          "joins_compile_correlation",
          "queue_score",
          "compile_score",
          "scan_score",
          "spill_score",
          "cache_hit_rate",
          "utilization",
          "oversubscription",
          "queue_share",
          "spill_share",
          "overload_share",
          "compile_share",
          "composite_score");

  private static final List<String> RECORD_COUNTS =
      List.of(
          "records_read",
          "records_accepted",
          "records_rejected",
          "records_late",
          "records_too_late",
          "records_duplicate");

  private final DuckDBConnection connection;

  /** What a file held. */
  record Content(long rows, @Nullable Instant newest) {}

  StagedFiles(DuckDBConnection connection) throws SQLException {
    this.connection = connection;
    clear();
  }

  void clear() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String table : TABLES) {
        statement.execute(
            "CREATE OR REPLACE TEMP TABLE staged_" + table + " AS FROM main." + table + " LIMIT 0");
      }
    }
  }

  /**
   * Reads one file into the staging tables.
   *
   * @throws SQLException or IOException if the file cannot be read or lacks a column that its table
   *     must have; nothing of it is staged then
   */
  Content read(String table, Path file, long fileId) throws SQLException, IOException {
    try {
      return readAny(table, file, fileId);
    } catch (SQLException | IOException | RuntimeException e) {
      for (String staged : TABLES) {
        execute("DELETE FROM staged_" + staged + " WHERE file_id = " + fileId, null);
      }
      throw e;
    }
  }

  private Content readAny(String table, Path file, long fileId) throws SQLException, IOException {
    if (!file.toString().endsWith(".arrow")) {
      return read(table, "read_parquet(?, hive_partitioning=false)", file.toString(), fileId);
    }
    return ArrowMemory.use(allocator -> readArrow(table, file, fileId, allocator));
  }

  private Content readArrow(String table, Path file, long fileId, BufferAllocator allocator)
      throws SQLException, IOException {
    try (CheckedArrowReader reader = CheckedArrowReader.open(List.of(file), allocator);
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, reader, stream);
      connection.registerArrowStream(STREAM, stream);
      try {
        return read(table, STREAM, null, fileId);
      } finally {
        // DuckDB releases a stream that it has begun to scan.
        stream.release();
      }
    }
  }

  private Content read(String table, String source, @Nullable String path, long fileId)
      throws SQLException {
    Map<String, String> columns = describe(source, path);
    return switch (table) {
      case "rollups" -> readRollups(columns, source, path, fileId);
      case "outliers" -> readOutliers(columns, source, path, fileId);
      case "feedback" -> readFeedback(columns, source, path, fileId);
      case "rejected" -> readRejected(columns, source, path, fileId);
      case "events" -> readEvents(columns, source, path, fileId);
      case "status" -> readStatus(columns, source, path, fileId);
      default -> throw new IllegalArgumentException("no such table: " + table);
    };
  }

  private Content readRollups(
      Map<String, String> columns, String source, @Nullable String path, long fileId)
      throws SQLException {
    require(columns, "window_start", "window_millis", "run_id", "pane_index");
    Select select = new Select(columns, fileId);
    select.column("window_start", "TIMESTAMP");
    select.column("window_millis", "BIGINT");
    select.expression(keyOf(columns));
    select.column("run_id", "BIGINT");
    select.column("pane_index", "BIGINT");
    select.column("is_final", "BOOLEAN");
    COUNTS.forEach(count -> select.column(count, "BIGINT"));
    SUMS.forEach(sum -> select.column(sum, "DOUBLE"));
    select.column("users", "BIGINT");
    OF_A_WINDOW.forEach(number -> select.column(number, "DOUBLE"));
    // Parsed once, here, as each question would have to do it again.
    select.json("top_read_tables", "STRUCT(\"value\" VARCHAR, \"count\" BIGINT)[]");
    select.json("spilled_queries_by_type", "MAP(VARCHAR, BIGINT)");
    select.json("spilled_mb_by_type", "MAP(VARCHAR, DOUBLE)");
    // Until it is committed.
    select.expression("false");
    long rows = execute("INSERT INTO staged_rollups " + select.from(source), path);
    return new Content(rows, null);
  }

  private Content readRejected(
      Map<String, String> columns, String source, @Nullable String path, long fileId)
      throws SQLException {
    require(columns, "received_at", "code");
    Select select = new Select(columns, fileId);
    select.column("received_at", "TIMESTAMP");
    for (String text : List.of("stage", "code", "field", "value", "reason")) {
      select.column(text, "VARCHAR");
    }
    if (columns.containsKey("raw")) {
      select.expression("raw[1:" + RAW_BYTES + "]");
      select.expression("octet_length(raw)");
    } else {
      select.expression("NULL");
      select.expression("NULL");
    }
    select.column(RecordSchemas.TOPIC, "VARCHAR");
    select.column(RecordSchemas.PARTITION, "INTEGER");
    select.column(RecordSchemas.OFFSET, "BIGINT");
    select.column("file", "VARCHAR");
    select.column("row", "BIGINT");
    long rows = execute("INSERT INTO staged_rejected " + select.from(source), path);
    execute(
        "INSERT INTO staged_rejected_counts SELECT file_id, time_bucket(INTERVAL 10 MINUTE,"
            + " received_at), stage, code, count(*) FROM staged_rejected WHERE file_id = "
            + fileId
            + " GROUP BY ALL",
        null);
    return new Content(rows, newest("staged_rejected", "received_at", fileId));
  }

  private Content readEvents(
      Map<String, String> columns, String source, @Nullable String path, long fileId)
      throws SQLException {
    Select select = ofEvents(columns, fileId);
    execute("CREATE OR REPLACE TEMP TABLE staged_file AS FROM main.events LIMIT 0", null);
    long rows = execute("INSERT INTO staged_file " + select.from(source), path);
    execute(
        "INSERT INTO staged_events FROM staged_file ORDER BY event_time DESC LIMIT " + EVENTS_KEPT,
        null);
    execute(
        """
        INSERT INTO staged_fingerprints
        SELECT file_id, date_trunc('hour', event_time), instance, fingerprint, query_type, count(*),
          coalesce(sum(execution_ms), 0), coalesce(sum(compile_ms), 0),
          coalesce(sum(queue_ms), 0), coalesce(sum(scanned_mb), 0), coalesce(sum(spilled_mb), 0),
          max(execution_ms)
        FROM staged_file WHERE NOT coalesce(cached, false) GROUP BY ALL
        """,
        null);
    return new Content(rows, newest("staged_file", "event_time", fileId));
  }

  private Content readStatus(
      Map<String, String> columns, String source, @Nullable String path, long fileId)
      throws SQLException {
    require(columns, StatusRows.REPORTED_AT);
    Select select = new Select(columns, fileId);
    select.column(StatusRows.REPORTED_AT, "TIMESTAMP");
    select.column("run_id", "BIGINT");
    RECORD_COUNTS.forEach(count -> select.column(count, "BIGINT"));
    select.column("records_read_per_second", "DOUBLE");
    select.column("greatest_event_time", "TIMESTAMP");
    select.column("watermark", "TIMESTAMP");
    select.column("backlog_messages", "BIGINT");
    select.json("backlog_by_partition", "MAP(VARCHAR, BIGINT)");
    select.column("model_version", "VARCHAR");
    long rows = execute("INSERT INTO staged_status " + select.from(source), path);
    return new Content(rows, newest("staged_status", StatusRows.REPORTED_AT, fileId));
  }

  private Content readOutliers(
      Map<String, String> columns, String source, @Nullable String path, long fileId)
      throws SQLException {
    require(columns, "outlier_id");
    Select select = ofEvents(columns, fileId);
    select.column("outlier_id", "VARCHAR");
    select.column("severity", "VARCHAR");
    select.column("outlier_reason", "VARCHAR");
    for (String number : List.of("ratio", "usual_median_ms", "usual_p95_ms")) {
      select.column(number, "DOUBLE");
    }
    select.column("usual_count", "BIGINT");
    select.column("explanation", "VARCHAR");
    select.column("duration_score", "DOUBLE");
    select.column("forest_score", "DOUBLE");
    for (String count :
        List.of(
            "cluster_size",
            "num_joins",
            "num_scans",
            "num_aggregations",
            "num_permanent_tables_accessed",
            "num_external_tables_accessed",
            "num_system_tables_accessed")) {
      select.column(count, "BIGINT");
    }
    select.column("read_table_ids", "VARCHAR");
    select.column("write_table_ids", "VARCHAR");
    select.column(RecordSchemas.TOPIC, "VARCHAR");
    select.column(RecordSchemas.PARTITION, "INTEGER");
    select.column(RecordSchemas.OFFSET, "BIGINT");
    select.expression("false");
    select.expression("NULL");
    // Those that are shown together lie together: what is of one day, most of all the newest.
    long rows = execute("INSERT INTO staged_outliers " + select.from(source) + " ORDER BY 2", path);
    return new Content(rows, newest("staged_outliers", "event_time", fileId));
  }

  private Content readFeedback(
      Map<String, String> columns, String source, @Nullable String path, long fileId)
      throws SQLException {
    require(columns, "feedback_id", "created_at", "outlier_id", "verdict");
    Select select = new Select(columns, fileId);
    select.column("feedback_id", "VARCHAR");
    select.column("created_at", "TIMESTAMP");
    for (String text : List.of("outlier_id", "verdict", "note", "who")) {
      select.column(text, "VARCHAR");
    }
    long rows = execute("INSERT INTO staged_feedback " + select.from(source), path);
    return new Content(rows, newest("staged_feedback", "created_at", fileId));
  }

  /** The columns that the tables events and outliers of the store begin with. */
  private static Select ofEvents(Map<String, String> columns, long fileId) throws SQLException {
    Select select = new Select(columns, fileId);
    select.column(eventTimeOf(columns), "TIMESTAMP");
    select.column("instance_id", "VARCHAR");
    for (String id : List.of("query_id", "user_id", "database_id")) {
      select.column(id, "BIGINT");
    }
    select.column("query_type", "VARCHAR");
    select.column("query_class", "VARCHAR");
    for (String measure :
        List.of(
            "queue_duration_ms",
            "compile_duration_ms",
            "execution_duration_ms",
            "mbytes_scanned",
            "mbytes_spilled")) {
      select.column(measure, "DOUBLE");
    }
    select.column("was_cached", "BOOLEAN");
    select.column("was_aborted", "BOOLEAN");
    select.column("feature_fingerprint", "VARCHAR");
    select.column("predicted_ms", "DOUBLE");
    select.column("predicted_p90_ms", "DOUBLE");
    select.column("is_outlier", "BOOLEAN");
    select.column("model_version", "VARCHAR");
    return select;
  }

  /** The roll-up's key columns stand between the window and the run (interface of the lake). */
  private static String keyOf(Map<String, String> columns) throws SQLException {
    List<String> names = new ArrayList<>(columns.keySet());
    List<String> keys =
        names.subList(names.indexOf("window_millis") + 1, Math.max(names.indexOf("run_id"), 0));
    if (keys.isEmpty()) {
      throw new SQLException("has no key column between window_millis and run_id");
    }
    StringJoiner text = new StringJoiner(", ", "concat_ws('/', ", ")");
    keys.forEach(key -> text.add("CAST(" + quote(key) + " AS VARCHAR)"));
    return text.toString();
  }

  /** The event time of warehouse queries; of other contracts the first timestamp. */
  private static String eventTimeOf(Map<String, String> columns) throws SQLException {
    if (columns.containsKey("arrival_timestamp")) {
      return "arrival_timestamp";
    }
    for (Map.Entry<String, String> column : columns.entrySet()) {
      if (column.getValue().toUpperCase(Locale.ROOT).startsWith("TIMESTAMP")) {
        return column.getKey();
      }
    }
    throw new SQLException("has no timestamp column");
  }

  private static void require(Map<String, String> columns, String... names) throws SQLException {
    for (String name : names) {
      if (!columns.containsKey(name)) {
        throw new SQLException("has no column '" + name + "'");
      }
    }
  }

  /** Column names and DuckDB's types, in the file's order. */
  private Map<String, String> describe(String source, @Nullable String path) throws SQLException {
    Map<String, String> columns = new LinkedHashMap<>();
    try (PreparedStatement statement =
        connection.prepareStatement("DESCRIBE SELECT * FROM " + source)) {
      if (path != null) {
        statement.setString(1, path);
      }
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          columns.put(rows.getString(1), rows.getString(2));
        }
      }
    }
    return columns;
  }

  private long execute(String sql, @Nullable String path) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      if (path != null) {
        statement.setString(1, path);
      }
      return statement.executeLargeUpdate();
    }
  }

  private @Nullable Instant newest(String table, String column, long fileId) throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement(
            "SELECT max(" + column + ") FROM " + table + " WHERE file_id = ?")) {
      statement.setLong(1, fileId);
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        LocalDateTime newest = row.getObject(1, LocalDateTime.class);
        return newest == null ? null : newest.toInstant(ZoneOffset.UTC);
      }
    }
  }

  private static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  /** A list of columns, null for those that the file does not have. */
  private static final class Select {
    private final Set<String> available;
    private final StringJoiner expressions = new StringJoiner(", ");

    Select(Map<String, String> columns, long fileId) {
      available = columns.keySet();
      expression(Long.toString(fileId));
    }

    void column(String name, String type) {
      expression("CAST(" + (available.contains(name) ? quote(name) : "NULL") + " AS " + type + ")");
    }

    /** A column of JSON texts as a type of its own. */
    void json(String name, String type) {
      String text = available.contains(name) ? quote(name) : "NULL";
      expression("CAST(CAST(" + text + " AS JSON) AS " + type + ")");
    }

    void expression(String sql) {
      expressions.add(sql);
    }

    String from(String source) {
      return "SELECT " + expressions + " FROM " + source;
    }
  }
}
