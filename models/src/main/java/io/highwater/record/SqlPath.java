package io.highwater.record;

import java.nio.file.Path;

/** Paths in DuckDB's SQL. */
public final class SqlPath {
  private SqlPath() {}

  /** For {@code read_parquet}: a path with the characters of a pattern means the file itself. */
  public static String literal(Path file) {
    return "'" + file.toString().replaceAll("([*?\\[])", "[$1]").replace("'", "''") + "'";
  }
}
