package io.highwater.export;

import io.highwater.record.SqlPath;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Names and values as they stand in SQL. */
final class SqlText {
  private SqlText() {}

  static String quoted(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  static String quoted(List<String> names) {
    return names.stream().map(SqlText::quoted).collect(Collectors.joining(", "));
  }

  static String literal(String text) {
    return "'" + text.replace("'", "''") + "'";
  }

  /** See {@link SqlPath#literal}. */
  static String parquetFile(Path file) {
    return "read_parquet(%s, hive_partitioning = false)".formatted(SqlPath.literal(file));
  }
}
