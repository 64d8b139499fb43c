package io.highwater.export;

import io.highwater.contract.Contract;
import io.highwater.lake.ArrowMemory;
import io.highwater.lake.CheckedArrowReader;
import io.highwater.lake.LakeFile;
import io.highwater.record.SqlPath;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Field;
import org.duckdb.DuckDBConnection;

/**
 * Writes the rows of one hour of a table as one Parquet file, sorted by time and key, by an
 * embedded DuckDB of at most 512 MB of memory that spills to disk. A column that a file of the lake
 * lacks is null.
 */
final class HourWriter implements AutoCloseable {
  private static final String MEMORY_LIMIT = "512MB";
  private static final String STREAM = "arrow_file";
  private static final String ROWS = "hour_rows";

  private final ExportTarget target;
  private final ExportTable table;
  private final Contract contract;
  private final List<ExportColumn> columns;
  private final DuckDBConnection connection;
  private final Map<String, Long> cutTexts = new LinkedHashMap<>();

  private HourWriter(
      ExportTarget target, ExportTable table, Contract contract, DuckDBConnection connection) {
    this.target = target;
    this.table = table;
    this.contract = contract;
    this.columns = ExportColumn.of(table, contract);
    this.connection = connection;
  }

  /**
   * @param temporary a folder for what does not fit into memory
   */
  static HourWriter open(ExportTarget target, ExportTable table, Contract contract, Path temporary)
      throws IOException {
    Properties settings = new Properties();
    settings.setProperty("memory_limit", MEMORY_LIMIT);
    settings.setProperty("temp_directory", temporary.toString());
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("autoload_known_extensions", "false");
    try {
      return new HourWriter(
          target,
          table,
          contract,
          DriverManager.getConnection("jdbc:duckdb:", settings).unwrap(DuckDBConnection.class));
    } catch (SQLException e) {
      throw new IOException("cannot start DuckDB: " + e.getMessage(), e);
    }
  }

  /**
   * Returns how many rows it wrote.
   *
   * @param files of one hour
   * @param output is overwritten
   */
  long write(List<LakeFile> files, Path output) throws IOException {
    try {
      execute("CREATE OR REPLACE TEMP TABLE %s (%s)".formatted(ROWS, columnTypes()));
      for (LakeFile file : files) {
        add(file);
      }
      countCutTexts();
      return execute(
          "COPY (%s) TO %s (FORMAT parquet, COMPRESSION snappy)"
              .formatted(select(), SqlText.literal(output.toString())));
    } catch (SQLException | IOException | RuntimeException e) { // Arrow's, of a damaged file.
      throw new IOException(
          "cannot write "
              + files.get(0).hour().directory()
              + " of the lake into the export: "
              + e.getMessage(),
          e);
    }
  }

  /** With the same files, what is written is the same for as long as this is. */
  String definition() {
    return columnTypes() + " " + select();
  }

  private String columnTypes() {
    return columns.stream()
        .map(column -> SqlText.quoted(column.name()) + " " + column.duckDbType())
        .collect(Collectors.joining(", "));
  }

  private String select() {
    List<String> order = new ArrayList<>();
    order.add(table.timeColumn(contract));
    order.addAll(table.key(contract));
    return "SELECT %s FROM %s%s ORDER BY %s, %s"
        .formatted(
            columns.stream()
                .map(column -> column.expression(target))
                .collect(Collectors.joining(", ")),
            ROWS,
            target == ExportTarget.REDSHIFT && table == ExportTable.ROLLUPS
                ? " QUALIFY " + isFirst(table, contract)
                : "",
            SqlText.quoted(order.stream().distinct().toList()),
            String.join(", ", table.precedence(contract)));
  }

  /** Whether a row is the one that counts of its key. */
  static String isFirst(ExportTable table, Contract contract) {
    return "row_number() OVER (PARTITION BY %s ORDER BY %s) = 1"
        .formatted(
            SqlText.quoted(table.key(contract)), String.join(", ", table.precedence(contract)));
  }

  private void add(LakeFile file) throws IOException, SQLException {
    if (!file.isArrow()) {
      String source = SqlPath.readParquet(file.path());
      insert(source, columnsOf(source));
      return;
    }
    ArrowMemory.use(allocator -> addArrow(file, allocator));
  }

  private long addArrow(LakeFile file, BufferAllocator allocator) throws IOException, SQLException {
    try (ArrowReader reader = CheckedArrowReader.open(List.of(file.path()), allocator);
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Set<String> available =
          reader.getVectorSchemaRoot().getSchema().getFields().stream()
              .map(Field::getName)
              .collect(Collectors.toSet());
      Data.exportArrayStream(allocator, reader, stream);
      connection.registerArrowStream(STREAM, stream);
      try {
        return insert(STREAM, available);
      } finally {
        // DuckDB releases a stream that it has begun to scan.
        stream.release();
      }
    }
  }

  private Set<String> columnsOf(String source) throws SQLException {
    Set<String> names = new TreeSet<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("DESCRIBE SELECT * FROM " + source)) {
      while (rows.next()) {
        names.add(rows.getString(1));
      }
    }
    return names;
  }

  private long insert(String source, Set<String> available) throws SQLException {
    return execute(
        "INSERT INTO %s SELECT %s FROM %s"
            .formatted(
                ROWS,
                columns.stream()
                    .map(
                        column ->
                            "CAST(%s AS %s)"
                                .formatted(
                                    available.contains(column.name())
                                        ? SqlText.quoted(column.name())
                                        : "NULL",
                                    column.duckDbType()))
                    .collect(Collectors.joining(", ")),
                source));
  }

  private void countCutTexts() throws SQLException {
    if (target != ExportTarget.REDSHIFT) {
      return;
    }
    List<ExportColumn> texts = columns.stream().filter(column -> column.maxBytes() > 0).toList();
    String counts =
        texts.stream()
            .map(
                column ->
                    "count(*) FILTER (strlen(%s) > %d)"
                        .formatted(SqlText.quoted(column.name()), column.maxBytes()))
            .collect(Collectors.joining(", "));
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT " + counts + " FROM " + ROWS)) {
      row.next();
      for (int index = 0; index < texts.size(); index++) {
        long count = row.getLong(index + 1);
        if (count > 0) {
          cutTexts.merge(texts.get(index).name(), count, Long::sum);
        }
      }
    }
  }

  /** By column, how many texts were longer than Redshift takes and were cut. */
  Map<String, Long> cutTexts() {
    return Map.copyOf(cutTexts);
  }

  private long execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeLargeUpdate(sql);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new IOException("cannot end DuckDB: " + e.getMessage(), e);
    }
  }
}
