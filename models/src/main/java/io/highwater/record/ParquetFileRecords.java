package io.highwater.record;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a local Parquet file as JSON messages, read by an embedded DuckDB of its own: one
 * thread, the result streamed, at most 1 GB of memory.
 */
final class ParquetFileRecords extends FileRecords {
  /** How a column's values come out of DuckDB and go into JSON. */
  private enum Form {
    WHOLE,
    NUMBER,
    BOOLEAN,
    /** Text that is JSON already. */
    JSON,
    TEXT,
    EPOCH_MICROS,
    EPOCH_NANOS
  }

  private record Column(String jsonName, Form form, String sql) {}

  private final String name;
  private final int rowsPerBatch;
  private final long receivedAtMillis;
  private final Connection connection;
  private final List<Column> columns;
  private final ResultSet rows;
  private final StringBuilder json = new StringBuilder(1024);
  private final RawBatch.Builder builder;
  private long records;

  private ParquetFileRecords(
      Path file,
      int rowsPerBatch,
      long receivedAtMillis,
      Connection connection,
      List<Column> columns,
      ResultSet rows) {
    this.name = file.toString();
    this.rowsPerBatch = rowsPerBatch;
    this.receivedAtMillis = receivedAtMillis;
    this.connection = connection;
    this.columns = columns;
    this.rows = rows;
    this.builder = RawBatch.builder(RawBatch.SourceKind.FILE, name, RawBatch.Format.JSON);
  }

  static ParquetFileRecords openParquet(Path file, int rowsPerBatch, long receivedAtMillis)
      throws IOException {
    requirePositive(rowsPerBatch);
    Properties properties = new Properties();
    properties.setProperty("jdbc_stream_results", "true");
    try {
      Connection connection = DriverManager.getConnection("jdbc:duckdb:", properties);
      try {
        Statement statement = connection.createStatement();
        for (String setting :
            List.of(
                "threads = 1",
                "memory_limit = '1GB'",
                "temp_directory = ''",
                "preserve_insertion_order = true",
                "autoinstall_known_extensions = false",
                "autoload_known_extensions = false")) {
          statement.execute("SET " + setting);
        }
        List<Column> columns = columns(statement, file);
        // Read with one thread and kept in order; the row number is there to prove it.
        StringBuilder query = new StringBuilder("SELECT file_row_number");
        for (Column column : columns) {
          query.append(", ").append(column.sql());
        }
        query.append(" FROM ").append(table(file, true));
        ResultSet rows = statement.executeQuery(query.toString());
        return new ParquetFileRecords(
            file, rowsPerBatch, receivedAtMillis, connection, columns, rows);
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new IOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static String table(Path file, boolean rowNumber) {
    // A path with the characters of a glob means the file of that name.
    String path = file.toString().replaceAll("([*?\\[])", "[$1]").replace("'", "''");
    return "read_parquet('"
        + path
        + "', hive_partitioning = false"
        + (rowNumber ? ", file_row_number = true)" : ")");
  }

  private static List<Column> columns(Statement statement, Path file) throws SQLException {
    List<Column> columns = new ArrayList<>();
    try (ResultSet described =
        statement.executeQuery("DESCRIBE SELECT * FROM " + table(file, false))) {
      while (described.next()) {
        columns.add(column(described.getString(1), described.getString(2)));
      }
    }
    return columns;
  }

  private static Column column(String name, String type) {
    String quoted = '"' + name.replace("\"", "\"\"") + '"';
    StringBuilder jsonName = new StringBuilder();
    appendText(jsonName, name);
    String baseType = type.replaceFirst("\\(.*", "");
    if (type.endsWith("]") || baseType.matches("STRUCT|MAP|UNION|VARIANT")) {
      String asJson = "to_json(" + quoted + ")::VARCHAR";
      // Numbers that JSON does not have make DuckDB write what is not JSON; they go as text.
      String sql =
          "CASE WHEN json_valid("
              + asJson
              + ") AND NOT regexp_matches("
              + asJson
              + ", '(NaN|Infinity)') THEN "
              + asJson
              + " ELSE to_json("
              + asJson
              + ")::VARCHAR END";
      return new Column(jsonName.toString(), Form.JSON, sql);
    }
    return switch (baseType) {
      case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER" ->
          new Column(jsonName.toString(), Form.WHOLE, quoted + "::BIGINT");
      case "UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL" ->
          new Column(jsonName.toString(), Form.JSON, quoted + "::VARCHAR");
      case "FLOAT", "DOUBLE" -> new Column(jsonName.toString(), Form.NUMBER, quoted + "::DOUBLE");
      case "BOOLEAN" -> new Column(jsonName.toString(), Form.BOOLEAN, quoted);
      case "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE" ->
          new Column(jsonName.toString(), Form.EPOCH_MICROS, finite("epoch_us", quoted));
      case "TIMESTAMP_NS" ->
          new Column(jsonName.toString(), Form.EPOCH_NANOS, finite("epoch_ns", quoted));
      case "BLOB" ->
          new Column(
              jsonName.toString(),
              Form.TEXT,
              "coalesce(try(decode(" + quoted + ")), " + quoted + "::VARCHAR)");
      default -> new Column(jsonName.toString(), Form.TEXT, quoted + "::VARCHAR");
    };
  }

  /** Infinity becomes a time that no one can mean, instead of a null that looks like no value. */
  private static String finite(String function, String column) {
    return "CASE WHEN isfinite("
        + column
        + ") THEN "
        + function
        + "("
        + column
        + ")"
        + " WHEN "
        + column
        + " IS NOT NULL THEN "
        + Long.MAX_VALUE
        + " END";
  }

  @Override
  @Nullable RawBatch read() {
    try {
      while (builder.size() < rowsPerBatch && builder.byteSize() < MAX_BATCH_BYTES && rows.next()) {
        if (rows.getLong(1) != records) {
          throw new IOException(
              "row " + rows.getLong(1) + " came in place of row " + records + " of " + name);
        }
        builder.add(0, records++, receivedAtMillis, row());
      }
      return builder.size() == 0 ? null : builder.build();
    } catch (SQLException e) {
      throw new UncheckedIOException(
          new IOException(
              "cannot read " + name + " after record " + records + ": " + e.getMessage(), e));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private byte[] row() throws SQLException {
    json.setLength(0);
    json.append('{');
    for (int index = 0; index < columns.size(); index++) {
      Column column = columns.get(index);
      json.append(index == 0 ? "" : ", ").append(column.jsonName()).append(": ");
      appendValue(column.form(), index + 2);
    }
    return json.append('}').toString().getBytes(StandardCharsets.UTF_8);
  }

  private void appendValue(Form form, int index) throws SQLException {
    int before = json.length();
    switch (form) {
      case WHOLE -> json.append(rows.getLong(index));
      case NUMBER -> {
        double value = rows.getDouble(index);
        if (Double.isFinite(value)) {
          json.append(value);
        } else {
          json.append('"').append(value).append('"');
        }
      }
      case BOOLEAN -> json.append(rows.getBoolean(index));
      case JSON -> json.append(rows.getString(index));
      case TEXT -> {
        String text = rows.getString(index);
        if (text != null) {
          appendText(json, text);
        }
      }
      case EPOCH_MICROS -> {
        long micros = rows.getLong(index);
        appendTime(
            Math.floorDiv(micros, 1_000_000L), (int) Math.floorMod(micros, 1_000_000L), 100_000);
      }
      case EPOCH_NANOS -> {
        long nanos = rows.getLong(index);
        appendTime(
            Math.floorDiv(nanos, 1_000_000_000L),
            (int) Math.floorMod(nanos, 1_000_000_000L),
            100_000_000);
      }
    }
    if (rows.wasNull()) {
      json.setLength(before);
      json.append("null");
    }
  }

  /**
   * @param fraction of the second, in units of which {@code firstDigit} make a tenth of a second
   */
  private void appendTime(long epochSecond, int fraction, int firstDigit) {
    LocalDateTime time = LocalDateTime.ofEpochSecond(epochSecond, 0, ZoneOffset.UTC);
    json.append('"').append(time.toLocalDate()).append('T');
    appendTwoDigits(time.getHour()).append(':');
    appendTwoDigits(time.getMinute()).append(':');
    appendTwoDigits(time.getSecond()).append('.');
    for (int unit = firstDigit; unit > 0; unit /= 10) {
      json.append((char) ('0' + fraction / unit % 10));
    }
    json.append('"');
  }

  private StringBuilder appendTwoDigits(int value) {
    return json.append((char) ('0' + value / 10)).append((char) ('0' + value % 10));
  }

  private static void appendText(StringBuilder json, String text) {
    json.append('"');
    for (int index = 0; index < text.length(); index++) {
      char next = text.charAt(index);
      if (next == '"' || next == '\\') {
        json.append('\\').append(next);
      } else if (next < ' ') {
        json.append(String.format("\\u%04x", (int) next));
      } else {
        json.append(next);
      }
    }
    json.append('"');
  }

  @Override
  public void close() throws IOException {
    try {
      rows.close();
      connection.close();
    } catch (SQLException e) {
      throw new IOException("cannot close " + name + ": " + e.getMessage(), e);
    }
  }
}
