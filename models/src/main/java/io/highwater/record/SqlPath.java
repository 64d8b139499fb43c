package io.highwater.record;

import java.nio.file.Path;

/** Paths in DuckDB's SQL. */
public final class SqlPath {
  private SqlPath() {}

  /** A Parquet file as the source of a SELECT: its own columns, and none of its folders' names. */
  public static String readParquet(Path file) {
    return "read_parquet(%s, hive_partitioning = false)".formatted(literal(file));
  }

  /** For {@code read_parquet}: a path with the characters of a pattern means the file itself. */
  public static String literal(Path file) {
    return "'" + file.toString().replaceAll("([*?\\[])", "[$1]").replace("'", "''") + "'";
  }
}
