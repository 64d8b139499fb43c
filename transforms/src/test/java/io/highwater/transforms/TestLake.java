package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.lake.Replacement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowFileReader;

/** A lake's files as lines of text that a test can compare. */
final class TestLake {
  private final Path root;

  TestLake(Path root) {
    this.root = root;
  }

  /** Every file below the lake's folder, whether it counts or not, as HOUR/NAME. */
  List<String> everyFile() throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> requireNonNull(file.getParent()).getFileName() + "/" + file.getFileName())
          .sorted()
          .toList();
    }
  }

  List<LakeFile> files(String contract, String table) {
    return LakeTable.of(root, contract, table).files();
  }

  /** The names of the files that count, by hour and name. */
  List<String> names(String contract, String table) {
    return files(contract, table).stream().map(LakeFile::name).toList();
  }

  /** The rows that count, each with the folders of its hour before it. */
  List<String> rows(String contract, String table, String... columns) {
    List<String> lines = new ArrayList<>();
    for (LakeFile file : files(contract, table)) {
      String hour = file.hour().directory().replace(contract + "/" + table + "/", "");
      List<String> rows =
          file.isArrow() ? arrow(file.path(), columns) : parquet(file.path(), columns);
      rows.forEach(row -> lines.add(hour + "|" + row));
    }
    return lines;
  }

  static List<String> arrow(Path file, String... columns) {
    List<String> lines = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        ArrowFileReader reader = ArrowFiles.open(file, allocator)) {
      while (reader.loadNextBatch()) {
        lines.addAll(Rows.of(reader.getVectorSchemaRoot(), columns));
      }
      return lines;
    } catch (IOException e) {
      throw new AssertionError(file.toString(), e);
    }
  }

  /** Read by DuckDB, which knows nothing of Highwater. */
  static List<String> parquet(Path file, String... columns) {
    return duckDb(
        "SELECT \"" + String.join("\", \"", columns) + "\" FROM read_parquet('" + file + "')");
  }

  static List<String> duckDb(String sql) {
    List<String> lines = new ArrayList<>();
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      int columns = rows.getMetaData().getColumnCount();
      while (rows.next()) {
        List<String> cells = new ArrayList<>();
        for (int column = 1; column <= columns; column++) {
          cells.add(cell(rows, column));
        }
        lines.add(String.join("|", cells));
      }
      return lines;
    } catch (SQLException e) {
      throw new AssertionError(sql, e);
    }
  }

  static void executeInDuckDb(String sql) {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new AssertionError(sql, e);
    }
  }

  private static String cell(ResultSet rows, int column) throws SQLException {
    if (rows.getObject(column) == null) {
      return "null";
    }
    return switch (rows.getMetaData().getColumnTypeName(column)) {
      case "TIMESTAMP" -> String.valueOf(rows.getObject(column, LocalDateTime.class));
      case "BLOB" -> new String(rows.getBytes(column), StandardCharsets.UTF_8);
      default -> String.valueOf(rows.getObject(column));
    };
  }

  /** The marker of a generation in the hour's folder, such as date=2024-03-01/hour=00. */
  Replacement marker(String contract, String table, String hour, String generation)
      throws IOException {
    Path folder = root.resolve(contract).resolve(table).resolve(hour);
    return Replacement.fromJson(
        Files.readAllBytes(folder.resolve("_replaced-" + generation + ".json")));
  }
}
