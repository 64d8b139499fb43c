package io.highwater.dashboard;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.duckdb.DuckDBConnection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the hot store's DuckDB file. A file that cannot be read, was made by another version or for
 * another lake is moved aside or deleted, and an empty store takes its place: all that it held is
 * in the lake.
 */
final class StoreFile {
  private static final Logger log = LoggerFactory.getLogger(StoreFile.class);

  private static final String MEMORY = "1GB";

  /** Raised whenever {@link #CREATE} changes; a store of another version is built anew. */
  private static final int SCHEMA_VERSION = 7;

  /** The tables with rows of lake files, each with the file_id of the file that a row is from. */
  static final List<String> TABLES_BY_FILE =
      List.of(
          "rollups",
          "outliers",
          "feedback",
          "rejected",
          "rejected_counts",
          "events",
          "fingerprints",
          "status",
          "loaded_files");

  /**
   * instance is the text of the roll-up's key columns. What is superseded does not count: a pane by
   * a later one of its window, an outlier by itself as a newer model has it. rollup_hours are sums
   * over the windows shorter than an hour that begin in it, and the last cluster_size that one of
   * them knows. An outlier follows upon the one of its instance and reason before it, at that time,
   * where that is not too long before (null). fingerprints are sums over all events of a file but
   * those answered from the cache.
   */
  private static final String CREATE =
      """
      CREATE TABLE store (schema_version INTEGER, lake VARCHAR, contract VARCHAR);
      CREATE TABLE loaded_files (
        file_id BIGINT, path VARCHAR, bytes BIGINT, modified_millis BIGINT, loaded_at TIMESTAMP,
        row_count BIGINT, newest_at TIMESTAMP);
      CREATE TABLE rollups (
        file_id BIGINT, window_start TIMESTAMP, window_millis BIGINT, instance VARCHAR,
        run_id BIGINT, pane_index BIGINT, is_final BOOLEAN,
        queries BIGINT, normal BIGINT, cpu_bound BIGINT, io_bound BIGINT, network_bound BIGINT,
        queue_wlm_bound BIGINT, cluster_size BIGINT, cached BIGINT, aborted BIGINT,
        spilled_queries BIGINT, spilled_mb DOUBLE, scanned_mb DOUBLE, queue_ms DOUBLE,
        execution_ms DOUBLE, compile_ms DOUBLE, users BIGINT, execution_p50_ms DOUBLE,
        execution_p95_ms DOUBLE, execution_p99_ms DOUBLE, joins_compile_correlation DOUBLE,
        queue_score DOUBLE, compile_score DOUBLE, scan_score DOUBLE, spill_score DOUBLE,
        cache_hit_rate DOUBLE, utilization DOUBLE, oversubscription DOUBLE, queue_share DOUBLE,
        spill_share DOUBLE, overload_share DOUBLE, compile_share DOUBLE, composite_score DOUBLE,
        top_read_tables STRUCT("value" VARCHAR, "count" BIGINT)[],
        spilled_queries_by_type MAP(VARCHAR, BIGINT), spilled_mb_by_type MAP(VARCHAR, DOUBLE),
        superseded BOOLEAN);
      CREATE TABLE rollup_hours (
        hour TIMESTAMP, window_millis BIGINT, instance VARCHAR, queries DOUBLE, normal DOUBLE,
        cpu_bound DOUBLE, io_bound DOUBLE, network_bound DOUBLE, queue_wlm_bound DOUBLE,
        cached DOUBLE, aborted DOUBLE, spilled_queries DOUBLE, spilled_mb DOUBLE,
        scanned_mb DOUBLE, queue_ms DOUBLE, execution_ms DOUBLE, compile_ms DOUBLE,
        cluster_size BIGINT, cluster_size_at TIMESTAMP);
      CREATE TABLE rejected (
        file_id BIGINT, received_at TIMESTAMP, stage VARCHAR, code VARCHAR, field VARCHAR,
        value VARCHAR, reason VARCHAR, raw BLOB, raw_bytes BIGINT, topic VARCHAR,
        "partition" INTEGER, "offset" BIGINT, file VARCHAR, "row" BIGINT);
      CREATE TABLE rejected_counts (
        file_id BIGINT, received_at TIMESTAMP, stage VARCHAR, code VARCHAR, rejected BIGINT);
      CREATE TABLE events (
        file_id BIGINT, event_time TIMESTAMP, instance VARCHAR, query_id BIGINT, user_id BIGINT,
        database_id BIGINT, query_type VARCHAR, query_class VARCHAR, queue_ms DOUBLE,
        compile_ms DOUBLE, execution_ms DOUBLE, scanned_mb DOUBLE, spilled_mb DOUBLE,
        cached BOOLEAN, aborted BOOLEAN, fingerprint VARCHAR, predicted_ms DOUBLE,
        predicted_p90_ms DOUBLE, is_outlier BOOLEAN, model_version VARCHAR);
      CREATE TABLE outliers (
        file_id BIGINT, event_time TIMESTAMP, instance VARCHAR, query_id BIGINT, user_id BIGINT,
        database_id BIGINT, query_type VARCHAR, query_class VARCHAR, queue_ms DOUBLE,
        compile_ms DOUBLE, execution_ms DOUBLE, scanned_mb DOUBLE, spilled_mb DOUBLE,
        cached BOOLEAN, aborted BOOLEAN, fingerprint VARCHAR, predicted_ms DOUBLE,
        predicted_p90_ms DOUBLE, is_outlier BOOLEAN, model_version VARCHAR,
        outlier_id VARCHAR, severity VARCHAR, reason VARCHAR, ratio DOUBLE,
        usual_median_ms DOUBLE, usual_p95_ms DOUBLE, usual_count BIGINT, explanation VARCHAR,
        duration_score DOUBLE, forest_score DOUBLE, cluster_size BIGINT, num_joins BIGINT,
        num_scans BIGINT, num_aggregations BIGINT, num_permanent_tables BIGINT,
        num_external_tables BIGINT, num_system_tables BIGINT, read_table_ids VARCHAR,
        write_table_ids VARCHAR, topic VARCHAR, "partition" INTEGER, "offset" BIGINT,
        superseded BOOLEAN, follows_at TIMESTAMP);
      CREATE TABLE feedback (
        file_id BIGINT, feedback_id VARCHAR, created_at TIMESTAMP, outlier_id VARCHAR,
        verdict VARCHAR, note VARCHAR, who VARCHAR);
      CREATE TABLE fingerprints (
        file_id BIGINT, hour TIMESTAMP, instance VARCHAR, fingerprint VARCHAR, query_type VARCHAR,
        queries BIGINT, execution_ms DOUBLE, compile_ms DOUBLE, queue_ms DOUBLE, scanned_mb DOUBLE,
        spilled_mb DOUBLE, max_execution_ms DOUBLE);
      CREATE TABLE status (
        file_id BIGINT, reported_at TIMESTAMP, run_id BIGINT, records_read BIGINT,
        records_accepted BIGINT, records_rejected BIGINT, records_late BIGINT,
        records_too_late BIGINT, records_duplicate BIGINT, records_read_per_second DOUBLE,
        greatest_event_time TIMESTAMP, watermark TIMESTAMP, backlog_messages BIGINT,
        backlog_by_partition MAP(VARCHAR, BIGINT), model_version VARCHAR);
      CREATE TABLE arrivals (arrived_at TIMESTAMP, row_count BIGINT);
      CREATE VIEW rollups_latest AS
        SELECT * EXCLUDE (superseded) FROM rollups WHERE NOT superseded;
      """;

  private StoreFile() {}

  /**
   * A connection to a sound store of this lake and contract, created or built anew where there is
   * none.
   *
   * @throws IOException if another process has the store open, or its place cannot be written to
   */
  static DuckDBConnection open(DashboardConfig config) throws IOException {
    Path file = config.store();
    Path directory = file.getParent();
    if (directory != null) {
      Files.createDirectories(directory);
    }
    if (Files.isDirectory(file)) {
      throw new IOException("the store " + file + " is a directory, expected a file; see --store");
    }
    if (Files.exists(file)) {
      try {
        DuckDBConnection connection = connect(file, MEMORY);
        if (isCurrent(connection, config)) {
          return connection;
        }
        connection.close();
        log.info("{} is of another lake or version; it is built anew from the lake", file);
        delete(file);
      } catch (SQLException e) {
        refuseIfInUse(file, e);
        Path aside = file.resolveSibling(file.getFileName() + ".corrupt");
        log.warn(
            "{} cannot be read ({}); moved to {} and built anew from the lake",
            file,
            firstLine(e),
            aside.getFileName());
        Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
        delete(file);
      }
    }
    // A log without its store belongs to a deleted one.
    delete(file);
    try {
      DuckDBConnection connection = connect(file, MEMORY);
      create(connection, config);
      return connection;
    } catch (SQLException e) {
      refuseIfInUse(file, e);
      throw new IOException("the store " + file + " cannot be created: " + firstLine(e), e);
    }
  }

  /** A new and empty one that is not kept, with less memory: there may be several. */
  static DuckDBConnection createTemporary(DashboardConfig config, Path file) throws SQLException {
    DuckDBConnection connection = connect(file, "256MB");
    create(connection, config);
    return connection;
  }

  /** The first line of what DuckDB says; the rest repeats the statement. */
  static String firstLine(Exception e) {
    String message = String.valueOf(e.getMessage());
    return message.lines().findFirst().orElse(message);
  }

  private static DuckDBConnection connect(Path file, String memory) throws SQLException {
    Properties settings = new Properties();
    // The store is small; what DuckDB takes by default, 80 % of the machine, belongs to the
    // pipeline next door.
    settings.setProperty("memory_limit", memory);
    // Each question on the thread that asks it: a second one saves a single reader a third of the
    // time and costs many at once half as much again.
    settings.setProperty("threads", "1");
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("allow_community_extensions", "false");
    // A lake file is read once.
    settings.setProperty("enable_external_file_cache", "false");
    DuckDBConnection connection =
        DriverManager.getConnection("jdbc:duckdb:" + file, settings).unwrap(DuckDBConnection.class);
    try (Statement statement = connection.createStatement()) {
      // Timestamps with a zone, as other writers of Parquet make them, become those in UTC.
      statement.execute("SET TimeZone = 'UTC'");
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
    return connection;
  }

  /** Reads every block, as blocks carry checksums that are looked at only when they are read. */
  private static boolean isCurrent(DuckDBConnection connection, DashboardConfig config)
      throws SQLException {
    try (Statement statement = connection.createStatement()) {
      try (ResultSet store =
          statement.executeQuery("SELECT schema_version, lake, contract FROM store")) {
        if (!store.next()
            || store.getInt(1) != SCHEMA_VERSION
            || !config.lake().toString().equals(store.getString(2))
            || !config.contract().equals(store.getString(3))) {
          return false;
        }
      }
      for (String table : TABLES_BY_FILE) {
        statement.execute("SELECT bit_xor(hash(" + table + ")) FROM " + table);
      }
      for (String table : List.of("rollup_hours", "arrivals")) {
        statement.execute("SELECT bit_xor(hash(" + table + ")) FROM " + table);
      }
    } catch (SQLException | RuntimeException e) {
      connection.close();
      throw e;
    }
    return true;
  }

  private static void create(DuckDBConnection connection, DashboardConfig config)
      throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute(CREATE);
    }
    try (PreparedStatement insert =
        connection.prepareStatement("INSERT INTO store VALUES (?, ?, ?)")) {
      insert.setInt(1, SCHEMA_VERSION);
      insert.setString(2, config.lake().toString());
      insert.setString(3, config.contract());
      insert.execute();
    }
    connection.commit();
    connection.setAutoCommit(true);
  }

  private static void refuseIfInUse(Path file, SQLException e) throws IOException {
    String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
    if (message.contains("could not set lock") || message.contains("conflicting lock")) {
      throw new IOException(
          "the store "
              + file
              + " is in use by another process; stop that dashboard or choose another file with"
              + " --store",
          e);
    }
    if (!Files.isWritable(file)) {
      throw new IOException("the store " + file + " cannot be written to; see --store", e);
    }
  }

  static void delete(Path file) throws IOException {
    Files.deleteIfExists(file);
    Files.deleteIfExists(file.resolveSibling(file.getFileName() + ".wal"));
  }
}
