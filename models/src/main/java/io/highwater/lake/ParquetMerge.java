package io.highwater.lake;

import io.highwater.contract.SqlCheck;
import io.highwater.rollup.RollUpSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;

/**
 * Sorts the rows of Arrow and Parquet files into new Parquet files, by a DuckDB that spills to
 * disk: its memory does not grow with the rows. A column that a file lacks is null for its rows.
 * Not thread-safe.
 */
final class ParquetMerge implements AutoCloseable {
  private static final String MEMORY_LIMIT = "1GB";

  private static final String FORMAT = "FORMAT parquet, COMPRESSION zstd";

  private final Path folder;
  private final long fileBytes;
  private final DuckDBConnection connection;

  /**
   * @param files in the order of their rows; none where there are no rows
   * @param rows in all of them
   */
  record Merged(List<Path> files, long rows) {}

  private ParquetMerge(Path folder, long fileBytes, DuckDBConnection connection) {
    this.folder = folder;
    this.fileBytes = fileBytes;
    this.connection = connection;
  }

  /**
   * @param folder an empty one, for what it writes and spills
   * @param fileBytes a file is ended when it has as many; each has at least half as many, if there
   *     are rows enough
   */
  static ParquetMerge open(Path folder, long fileBytes) throws SQLException {
    Properties settings = new Properties();
    // One, as a stream may be running beside it; and with more, the files of a COPY are in no order
    // and of any size.
    settings.setProperty("threads", "1");
    settings.setProperty("memory_limit", MEMORY_LIMIT);
    settings.setProperty("temp_directory", folder.resolve("spilled").toString());
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("allow_community_extensions", "false");
    // A file is read once.
    settings.setProperty("enable_external_file_cache", "false");
    return new ParquetMerge(
        folder,
        fileBytes,
        DriverManager.getConnection("jdbc:duckdb:", settings).unwrap(DuckDBConnection.class));
  }

  /**
   * Writes files that are the caller's until the next call.
   *
   * @param files at least one; they stay as they are
   * @throws IOException if a file is damaged, or two have other types under one name
   * @throws SQLException if a file is damaged, or there is no room
   */
  Merged merge(FileLayout layout, List<LakeFile> files) throws IOException, SQLException {
    return ArrowMemory.use(allocator -> merge(layout, files, allocator));
  }

  private Merged merge(FileLayout layout, List<LakeFile> files, BufferAllocator allocator)
      throws IOException, SQLException {
    Path out = folder.resolve("out");
    FileTree.delete(out);
    try (Sources sources = new Sources(allocator)) {
      sources.add(files);
      boolean everyRow = layout.windowAndKey().isEmpty();
      String select =
          "SELECT * FROM (SELECT * FROM %s)%s ORDER BY %s"
              .formatted(
                  String.join(" UNION ALL BY NAME SELECT * FROM ", sources.names),
                  everyRow ? "" : " QUALIFY " + isLatest(layout.windowAndKey()),
                  quoted(layout.order()));
      long rows = copy(select, out, ", FILE_SIZE_BYTES " + fileBytes);
      if (everyRow && rows != sources.rows()) {
        throw new IOException("%d rows were read and %d written".formatted(sources.rows(), rows));
      }
      return new Merged(rows == 0 ? List.of() : withoutSmallRest(out), rows);
    }
  }

  private static String isLatest(List<String> windowAndKey) {
    return "row_number() OVER (PARTITION BY %s ORDER BY %s DESC, %s DESC) = 1"
        .formatted(quoted(windowAndKey), RollUpSchema.RUN_ID, RollUpSchema.PANE_INDEX);
  }

  /** The files of a folder in their order, the last two as one where the last is small. */
  private List<Path> withoutSmallRest(Path out) throws IOException, SQLException {
    List<Path> files;
    try (Stream<Path> written = Files.list(out)) {
      // data_2 before data_10.
      files =
          new ArrayList<>(
              written
                  .sorted(
                      Comparator.comparing((Path file) -> file.toString().length())
                          .thenComparing(Comparator.naturalOrder()))
                  .toList());
    }
    int last = files.size() - 1;
    if (last > 0 && Files.size(files.get(last)) < fileBytes / 2) {
      List<Path> lastTwo = files.subList(last - 1, last + 1);
      Path joined = out.resolve("joined.parquet");
      copy("SELECT * FROM " + parquet(lastTwo), joined, "");
      lastTwo.clear();
      files.add(joined);
    }
    return files;
  }

  private long copy(String select, Path to, String more) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeLargeUpdate(
          "COPY (%s) TO %s (%s%s)".formatted(select, literal(to), FORMAT, more));
    }
  }

  private static String parquet(List<Path> files) {
    return "read_parquet([%s], union_by_name = true, hive_partitioning = false)"
        .formatted(files.stream().map(ParquetMerge::literal).collect(Collectors.joining(", ")));
  }

  private static String literal(Path file) {
    return "'" + file.toString().replace("'", "''") + "'";
  }

  private static String quoted(List<String> columns) {
    return columns.stream().map(SqlCheck::quote).collect(Collectors.joining(", "));
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }

  /** Files as DuckDB reads them: what may stand behind FROM. */
  private final class Sources implements AutoCloseable {
    private final BufferAllocator allocator;
    private final List<String> names = new ArrayList<>();
    private final List<CheckedArrowReader> readers = new ArrayList<>();
    private final List<ArrowArrayStream> streams = new ArrayList<>();

    /** By name. */
    private final Map<String, String> types = new HashMap<>();

    private long parquetRows;

    Sources(BufferAllocator allocator) {
      this.allocator = allocator;
    }

    void add(List<LakeFile> files) throws IOException, SQLException {
      Map<Schema, List<Path>> arrow = new LinkedHashMap<>();
      List<Path> parquet = new ArrayList<>();
      for (LakeFile file : files) {
        if (file.isArrow()) {
          arrow.computeIfAbsent(schemaOf(file.path()), s -> new ArrayList<>()).add(file.path());
        } else {
          parquet.add(file.path());
        }
      }
      for (List<Path> ofOneSchema : arrow.values()) {
        addArrow(ofOneSchema);
      }
      if (!parquet.isEmpty()) {
        addParquet(parquet);
      }
    }

    private void addArrow(List<Path> files) throws IOException, SQLException {
      CheckedArrowReader reader = CheckedArrowReader.open(files, allocator);
      readers.add(reader);
      ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator);
      streams.add(stream);
      Data.exportArrayStream(allocator, reader, stream);
      String name = "arrow_" + streams.size();
      connection.registerArrowStream(name, stream);
      names.add(name);
      requireAgreeingTypes(name, files.get(0));
    }

    private void addParquet(List<Path> files) throws IOException, SQLException {
      for (Path file : files) {
        requireAgreeingTypes(parquet(List.of(file)), file);
      }
      names.add(parquet(files));
      try (Statement statement = connection.createStatement();
          ResultSet row =
              statement.executeQuery(
                  "SELECT sum(num_rows) FROM parquet_file_metadata([%s])"
                      .formatted(
                          files.stream()
                              .map(ParquetMerge::literal)
                              .collect(Collectors.joining(", "))))) {
        row.next();
        parquetRows = row.getLong(1);
      }
    }

    /** DuckDB would take a type that has room for both, in which not every value is the same. */
    private void requireAgreeingTypes(String source, Path file) throws IOException, SQLException {
      try (Statement statement = connection.createStatement();
          ResultSet columns = statement.executeQuery("DESCRIBE SELECT * FROM " + source)) {
        while (columns.next()) {
          String name = columns.getString(1);
          String type = columns.getString(2);
          @Nullable String other = types.putIfAbsent(name, type);
          if (other != null && !other.equals(type)) {
            throw new IOException(
                "column '%s' is %s in %s and %s in others".formatted(name, type, file, other));
          }
        }
      }
    }

    private Schema schemaOf(Path file) throws IOException {
      try (ArrowFileReader reader = ArrowFiles.open(file, allocator)) {
        return reader.getVectorSchemaRoot().getSchema();
      } catch (RuntimeException e) {
        throw new IOException(file + " is damaged: " + e.getMessage(), e);
      }
    }

    /** How many have been read, once all have. */
    long rows() {
      return parquetRows + readers.stream().mapToLong(CheckedArrowReader::rows).sum();
    }

    @Override
    public void close() throws IOException {
      for (ArrowArrayStream stream : streams) {
        // DuckDB releases a stream that it has begun to scan.
        stream.release();
        stream.close();
      }
      for (CheckedArrowReader reader : readers) {
        reader.close();
      }
    }
  }
}
