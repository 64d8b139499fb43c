package io.highwater.export;

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
}
