package io.highwater.runners.generate;

import io.highwater.runners.generate.Injection.Storm;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Iterator;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Writes queries to a file, which appears under its name once it is whole. */
public final class QueryFile {
  private static final int BUFFER_BYTES = 1 << 20;
  private static final String TRUTH_HEADER =
      "instance_id,query_id,kind,factor,storm_id,storm_start,storm_end\n";

  // The types of the real query log's Parquet files: 0 and 1 for booleans, doubles for counts.
  private static final String PARQUET_TYPES =
      "{'instance_id': 'INTEGER', 'cluster_size': 'DOUBLE', 'user_id': 'INTEGER',"
          + " 'database_id': 'INTEGER', 'query_id': 'BIGINT', 'arrival_timestamp': 'TIMESTAMP',"
          + " 'compile_duration_ms': 'DOUBLE', 'queue_duration_ms': 'BIGINT',"
          + " 'execution_duration_ms': 'BIGINT', 'feature_fingerprint': 'VARCHAR',"
          + " 'was_aborted': 'BIGINT', 'was_cached': 'BIGINT', 'cache_source_query_id': 'DOUBLE',"
          + " 'query_type': 'VARCHAR', 'num_permanent_tables_accessed': 'DOUBLE',"
          + " 'num_external_tables_accessed': 'DOUBLE', 'num_system_tables_accessed': 'DOUBLE',"
          + " 'read_table_ids': 'VARCHAR', 'write_table_ids': 'VARCHAR',"
          + " 'mbytes_scanned': 'DOUBLE', 'mbytes_spilled': 'DOUBLE', 'num_joins': 'BIGINT',"
          + " 'num_scans': 'BIGINT', 'num_aggregations': 'BIGINT'}";

  private QueryFile() {}

  /** How the queries stand in the file. */
  public enum Format {
    JSON_LINES(".jsonl"),
    CSV(".csv"),
    PARQUET(".parquet");

    private final String ending;

    Format(String ending) {
      this.ending = ending;
    }

    /** The format that the file's ending names; null where it names none. */
    public static @Nullable Format of(Path file) {
      String name = file.toString().toLowerCase(Locale.ROOT);
      for (Format format : values()) {
        if (name.endsWith(format.ending)) {
          return format;
        }
      }
      return null;
    }
  }

  /**
   * Writes all of {@code queries}; memory does not grow with their number.
   *
   * @param truth where the queries are listed that something was done to on purpose
   */
  public static void write(
      Iterator<Query> queries, Format format, Path output, @Nullable Path truth)
      throws IOException {
    Path unfinished = beside(output, ".unfinished");
    @Nullable Path unfinishedTruth = truth == null ? null : beside(truth, ".unfinished");
    Path text = format == Format.PARQUET ? beside(output, ".csv.unfinished") : unfinished;
    try {
      writeText(queries, format, text, unfinishedTruth);
      if (format == Format.PARQUET) {
        toParquet(text, unfinished);
      }
      Files.move(unfinished, output, StandardCopyOption.REPLACE_EXISTING);
      if (truth != null && unfinishedTruth != null) {
        Files.move(unfinishedTruth, truth, StandardCopyOption.REPLACE_EXISTING);
      }
    } finally {
      Files.deleteIfExists(text);
      Files.deleteIfExists(unfinished);
      if (unfinishedTruth != null) {
        Files.deleteIfExists(unfinishedTruth);
      }
    }
  }

  private static Path beside(Path file, String ending) {
    return file.resolveSibling("." + file.getFileName() + ending);
  }

  private static void writeText(
      Iterator<Query> queries, Format format, Path file, @Nullable Path truth) throws IOException {
    QueryFormat text = format == Format.JSON_LINES ? QueryFormat.json() : QueryFormat.csv();
    try (OutputStream out = open(file);
        OutputStream labels = truth == null ? OutputStream.nullOutputStream() : open(truth)) {
      if (format != Format.JSON_LINES) {
        out.write((QueryFormat.csvHeader() + "\n").getBytes(StandardCharsets.US_ASCII));
      }
      labels.write(TRUTH_HEADER.getBytes(StandardCharsets.US_ASCII));
      while (queries.hasNext()) {
        Query query = queries.next();
        int length = text.write(query);
        out.write(text.buffer(), 0, length);
        out.write('\n');
        if (query.injection() != null) {
          labels.write(truth(query, query.injection()).getBytes(StandardCharsets.US_ASCII));
        }
      }
    }
  }

  private static String truth(Query query, Injection injection) {
    @Nullable Storm storm = injection.storm();
    return String.format(
        Locale.ROOT,
        "%d,%d,%s,%.3f,%s,%s,%s\n",
        query.instanceId(),
        query.queryId(),
        injection.kind().text(),
        injection.factor(),
        storm == null ? "" : storm.id(),
        storm == null ? "" : time(storm.startMicros()),
        storm == null ? "" : time(storm.endMicros()));
  }

  private static Instant time(long micros) {
    return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
  }

  private static OutputStream open(Path file) throws IOException {
    return new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES);
  }

  private static void toParquet(Path csv, Path parquet) throws IOException {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute("SET memory_limit = '512MB'");
      statement.execute(
          "COPY (SELECT * FROM read_csv('%s', header = true, columns = %s)) TO '%s' (FORMAT parquet, COMPRESSION zstd)"
              .formatted(quoted(csv), PARQUET_TYPES, quoted(parquet)));
    } catch (SQLException e) {
      throw new IOException("DuckDB: " + e.getMessage(), e);
    }
  }

  private static String quoted(Path file) {
    return file.toString().replace("'", "''");
  }
}
