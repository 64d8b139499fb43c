package io.highwater.record;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Field;
import org.duckdb.DuckDBConnection;
import org.duckdb.DuckDBResultSet;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a local Parquet or Arrow file as columns, read by an embedded DuckDB of its own: one
 * thread, the result streamed. DuckDB casts each column to one of five types, without loss:
 *
 * <ul>
 *   <li>whole numbers of up to 64 bits with a sign: BIGINT
 *   <li>floating-point numbers: DOUBLE
 *   <li>BOOLEAN
 *   <li>timestamps: TIMESTAMP in UTC; what is beyond microseconds is cut off, towards the past
 *   <li>anything else: VARCHAR. Larger numbers, decimals, lists and structs are marked as JSON
 * </ul>
 */
final class ColumnFileRecords extends FileRecords {
  private static final String ROW_NUMBER = "file_row_number";
  private static final String ARROW_ROWS = "rows_of_file";

  private record Column(String name, boolean isJson, String sql) {}

  private final FileSlice slice;
  private final long receivedAtMillis;
  private final Connection connection;
  private final @Nullable ArrowInput input;
  private final List<Column> columns;
  private final boolean hasRowNumbers;
  private final DuckDBResultSet result;
  private final BufferAllocator allocator;
  private final ArrowReader rows;
  private long nextRow;

  private ColumnFileRecords(
      FileSlice slice, Path file, int rowsPerBatch, long receivedAtMillis, boolean isParquet)
      throws IOException, SQLException {
    this.slice = slice;
    this.receivedAtMillis = receivedAtMillis;
    this.hasRowNumbers = isParquet;
    this.nextRow = slice.firstRow();
    connection = DriverManager.getConnection("jdbc:duckdb:");
    allocator = new RootAllocator();
    try {
      Statement statement = connection.createStatement();
      for (String setting :
          List.of(
              "threads = 1",
              "memory_limit = '1GB'",
              "temp_directory = ''",
              "preserve_insertion_order = true",
              "TimeZone = 'UTC'",
              "autoinstall_known_extensions = false",
              "autoload_known_extensions = false")) {
        statement.execute("SET " + setting);
      }
      input = isParquet ? null : ArrowInput.open(file, connection, allocator);
      columns = columns(statement, isParquet ? parquet(file, false) : ARROW_ROWS);
      StringBuilder query = new StringBuilder("SELECT ");
      // Read with one thread and kept in order; the row number is there to prove it.
      query.append(isParquet ? ROW_NUMBER : "0::BIGINT");
      for (Column column : columns) {
        query.append(", ").append(column.sql());
      }
      addPartitionValues(Path.of(slice.name()), query);
      query.append(" FROM ").append(isParquet ? parquet(file, true) : ARROW_ROWS);
      if (slice.endRow() < Long.MAX_VALUE) {
        query.append(
            " WHERE %s >= %d AND %s < %d"
                .formatted(ROW_NUMBER, slice.firstRow(), ROW_NUMBER, slice.endRow()));
      }
      result = statement.executeQuery(query.toString()).unwrap(DuckDBResultSet.class);
      rows = (ArrowReader) result.arrowExportStream(allocator, rowsPerBatch);
    } catch (SQLException | IOException | RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  static ColumnFileRecords openColumns(
      FileSlice slice, Path file, int rowsPerBatch, long receivedAtMillis, boolean isParquet)
      throws IOException {
    requirePositive(rowsPerBatch);
    try {
      return new ColumnFileRecords(slice, file, rowsPerBatch, receivedAtMillis, isParquet);
    } catch (SQLException e) {
      throw unreadable(slice, e);
    }
  }

  private static IOException unreadable(FileSlice slice, Exception e) {
    return new IOException("cannot read " + slice.name() + ": " + e.getMessage(), e);
  }

  /**
   * Row groups of a Parquet file as slices of at least {@code rowsPerSlice} rows. The file's bytes,
   * those of its footer too, are shared among them by their rows.
   */
  static List<FileSlice> slices(Path file, int number, long rowsPerSlice) throws IOException {
    List<Long> ends = new ArrayList<>();
    long rows = 0;
    long first = 0;
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement();
        ResultSet groups =
            statement.executeQuery(
                """
                SELECT any_value(row_group_num_rows)
                FROM parquet_metadata(%s) GROUP BY row_group_id ORDER BY row_group_id"""
                    .formatted(SqlPath.literal(file)))) {
      while (groups.next()) {
        rows += groups.getLong(1);
        if (rows - first >= rowsPerSlice) {
          ends.add(rows);
          first = rows;
        }
      }
    } catch (SQLException e) {
      throw new IOException("cannot read " + file + ": " + e.getMessage(), e);
    }
    if (rows > first) {
      ends.add(rows);
    }
    double bytesPerRow = (double) Files.size(file) / rows;
    List<FileSlice> slices = new ArrayList<>();
    first = 0;
    for (long end : ends) {
      long bytes = Math.round(end * bytesPerRow) - Math.round(first * bytesPerRow);
      slices.add(new FileSlice(file.toString(), number, first, end, bytes));
      first = end;
    }
    return slices;
  }

  private static String parquet(Path file, boolean rowNumber) {
    return "read_parquet("
        + SqlPath.literal(file)
        + ", hive_partitioning = false"
        + (rowNumber ? ", file_row_number = true)" : ")");
  }

  private static List<Column> columns(Statement statement, String table) throws SQLException {
    List<Column> columns = new ArrayList<>();
    try (ResultSet described = statement.executeQuery("DESCRIBE SELECT * FROM " + table)) {
      while (described.next()) {
        columns.add(column(described.getString(1), described.getString(2)));
      }
    }
    return columns;
  }

  private static Column column(String name, String type) {
    String quoted = '"' + name.replace("\"", "\"\"") + '"';
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
      return new Column(name, true, sql);
    }
    return switch (baseType) {
      case "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "VARCHAR" -> new Column(name, false, quoted);
      case "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER" ->
          new Column(name, false, quoted + "::BIGINT");
      case "UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL" ->
          new Column(name, true, quoted + "::VARCHAR");
      case "FLOAT" -> new Column(name, false, quoted + "::DOUBLE");
      case "TIMESTAMP_S", "TIMESTAMP_MS" -> new Column(name, false, quoted + "::TIMESTAMP");
      case "TIMESTAMP WITH TIME ZONE" -> new Column(name, false, timestamp("epoch_us", 1, quoted));
      case "TIMESTAMP_NS" -> new Column(name, false, timestamp("epoch_ns", 1_000, quoted));
      case "BLOB" ->
          new Column(name, false, "coalesce(try(decode(" + quoted + ")), " + quoted + "::VARCHAR)");
      default -> new Column(name, false, quoted + "::VARCHAR");
    };
  }

  private static String timestamp(String function, int perMicrosecond, String column) {
    return "CASE WHEN isfinite(%2$s) THEN make_timestamp((%1$s(%2$s) - (%1$s(%2$s) %% %3$d + %3$d) %% %3$d) // %3$d) WHEN %2$s IS NOT NULL THEN 'infinity'::TIMESTAMP END"
        .formatted(function, column, perMicrosecond);
  }

  /**
   * What the folders of a partitioned table say of its rows (as {@code region=7/}) are columns too,
   * unless the file has them itself. A whole number is one; anything else is text.
   */
  private void addPartitionValues(Path file, StringBuilder query) {
    Set<String> names = new HashSet<>();
    columns.forEach(column -> names.add(column.name()));
    Path parent = file.toAbsolutePath().getParent();
    for (Path folder : parent == null ? List.<Path>of() : parent) {
      String[] pair = folder.toString().split("=", 2);
      if (pair.length == 2 && !pair[0].isEmpty() && names.add(pair[0])) {
        String value = URLDecoder.decode(pair[1], StandardCharsets.UTF_8);
        boolean isNull = value.equals("__HIVE_DEFAULT_PARTITION__");
        String text = isNull ? "NULL" : "'" + value.replace("'", "''") + "'";
        String sql = value.matches("-?\\d{1,18}") ? value + "::BIGINT" : text + "::VARCHAR";
        columns.add(new Column(pair[0], false, sql));
        query.append(", ").append(sql);
      }
    }
  }

  @Override
  public List<String> columnNames() {
    return columns.stream().map(Column::name).toList();
  }

  @Override
  public double readShare() {
    return slice.endRow() == Long.MAX_VALUE
        ? 0
        : (double) (nextRow - slice.firstRow()) / (slice.endRow() - slice.firstRow());
  }

  @Override
  @Nullable RawBatch read() {
    try {
      while (rows.loadNextBatch()) {
        VectorSchemaRoot root = rows.getVectorSchemaRoot();
        if (root.getRowCount() > 0) {
          return batch(root);
        }
      }
      return null;
    } catch (IOException | RuntimeException e) {
      throw new UncheckedIOException(
          new IOException(
              "cannot read " + slice.name() + " after record " + nextRow + ": " + e.getMessage(),
              e));
    }
  }

  private RawBatch batch(VectorSchemaRoot root) throws IOException {
    if (hasRowNumbers) {
      BigIntVector numbers = (BigIntVector) root.getVector(0);
      long last = numbers.get(root.getRowCount() - 1);
      if (numbers.get(0) != nextRow || last != nextRow + root.getRowCount() - 1) {
        throw new IOException(
            "rows %d to %d came in place of row %d".formatted(numbers.get(0), last, nextRow));
      }
    }
    List<Field> fields = new ArrayList<>();
    List<FieldVector> vectors = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      FieldVector vector = root.getVector(i + 1);
      Column column = columns.get(i);
      vectors.add(vector);
      fields.add(
          new Field(
              column.name(),
              new org.apache.arrow.vector.types.pojo.FieldType(
                  true,
                  vector.getField().getType(),
                  null,
                  column.isJson() ? Map.of(ColumnJson.IS_JSON, "") : null),
              null));
    }
    RawColumns batch =
        RawColumns.copyOf(
            slice.name(),
            slice.number(),
            nextRow,
            receivedAtMillis,
            new VectorSchemaRoot(fields, vectors, root.getRowCount()));
    nextRow += root.getRowCount();
    return batch;
  }

  @Override
  public void close() throws IOException {
    try {
      rows.close();
      result.close();
      connection.close();
      if (input != null) {
        input.close();
      }
      allocator.close();
    } catch (SQLException e) {
      throw new IOException("cannot close " + slice.name() + ": " + e.getMessage(), e);
    }
  }

  /** An Arrow file in the hands of DuckDB. */
  private record ArrowInput(ArrowFileReader reader, ArrowArrayStream stream) {
    static ArrowInput open(Path file, Connection connection, BufferAllocator allocator)
        throws IOException, SQLException {
      ArrowFileReader reader =
          new ArrowFileReader(Files.newByteChannel(file), allocator, Compression.CODECS);
      try {
        reader.getVectorSchemaRoot();
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator);
        Data.exportArrayStream(allocator, reader, stream);
        connection.unwrap(DuckDBConnection.class).registerArrowStream(ARROW_ROWS, stream);
        return new ArrowInput(reader, stream);
      } catch (IOException | RuntimeException | SQLException e) {
        reader.close();
        throw e;
      }
    }

    void close() throws IOException {
      stream.close();
      reader.close();
    }
  }
}
