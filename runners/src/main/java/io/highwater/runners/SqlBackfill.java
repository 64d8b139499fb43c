package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.Measure;
import io.highwater.contract.RowRule;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A backfill as a person would write it in DuckDB: the contract's casts, checks, derived columns
 * and measures as SQL over one Parquet file. For comparison; leaves out what SQL has no short word
 * for (the most frequent values, sums by value, scores, duplicates, reasons of rejections), and its
 * quantiles and distinct counts are DuckDB's approximate ones.
 */
final class SqlBackfill implements AutoCloseable {
  private final Contract contract;
  private final Connection connection;

  private SqlBackfill(Contract contract, Connection connection) {
    this.contract = contract;
    this.connection = connection;
  }

  static SqlBackfill open(Contract contract, Path parquet, int threads) throws SQLException {
    SqlBackfill sql = new SqlBackfill(contract, DriverManager.getConnection("jdbc:duckdb:"));
    sql.execute("SET threads = " + threads);
    sql.execute("SET preserve_insertion_order = false");
    sql.execute("CREATE VIEW input AS FROM read_parquet('" + parquet + "')");
    sql.execute("CREATE VIEW parsed AS SELECT " + sql.casts() + " FROM input");
    sql.execute("CREATE VIEW checked AS FROM parsed WHERE " + sql.checks());
    sql.execute("CREATE VIEW events AS SELECT *, " + sql.derived() + " FROM checked");
    return sql;
  }

  /** Every value of every column. */
  void read() throws SQLException {
    execute("SELECT bit_xor(hash(COLUMNS(*))) FROM input");
  }

  void classify() throws SQLException {
    execute("SELECT bit_xor(hash(COLUMNS(*))) FROM events");
  }

  /** All lengths of windows in one reading of the file. */
  void rollUp() throws SQLException {
    List<String> starts = new ArrayList<>();
    for (Duration window : contract.rollUp().windows()) {
      starts.add(
          "time_bucket(INTERVAL %d SECOND, %s) AS start_%d"
              .formatted(window.toSeconds(), contract.eventTime(), starts.size()));
    }
    String keys = String.join(", ", contract.rollUp().keys());
    List<String> sets = new ArrayList<>();
    for (int i = 0; i < starts.size(); i++) {
      sets.add("(start_" + i + ", " + keys + ")");
    }
    String measures =
        contract.rollUp().measures().stream()
            .map(this::measure)
            .filter(Objects::nonNull)
            .collect(Collectors.joining(", "));
    execute(
        "CREATE TABLE rollups AS SELECT %s, %s, %s FROM (SELECT *, %s FROM events) GROUP BY GROUPING SETS (%s)"
            .formatted(
                keys,
                sets.stream()
                    .map(set -> set.substring(1, set.indexOf(',')))
                    .collect(Collectors.joining(", ")),
                measures,
                String.join(", ", starts),
                String.join(", ", sets)));
  }

  /** As Parquet by the hour. */
  void write(Path folder) throws SQLException {
    execute(
        "COPY (SELECT *, strftime(%1$s, '%%Y-%%m-%%d') AS date, strftime(%1$s, '%%H') AS hour FROM events) TO '%2$s' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date, hour), OVERWRITE_OR_IGNORE)"
            .formatted(contract.eventTime(), folder));
  }

  private String casts() {
    return contract.fields().stream()
        .map(
            field -> {
              String cast = field.name() + "::" + field.type().sqlType();
              Double nullAs = field.nullAs();
              return (nullAs == null ? cast : "coalesce(" + cast + ", " + nullAs + ")")
                  + " AS "
                  + field.name();
            })
        .collect(Collectors.joining(", "));
  }

  private String checks() {
    List<String> checks = new ArrayList<>();
    for (Field field : contract.fields()) {
      String name = field.name();
      if (field.required()) {
        checks.add(name + " IS NOT NULL");
      }
      String orNull = "(" + name + " IS NULL OR ";
      if (field.minimum() != null) {
        checks.add(orNull + name + " >= " + field.minimum() + ")");
      }
      if (field.maximum() != null) {
        checks.add(orNull + name + " <= " + field.maximum() + ")");
      }
      if (field.maxLength() != null) {
        checks.add(orNull + "length(" + name + ") <= " + field.maxLength() + ")");
      }
      if (!field.allowedValues().isEmpty()) {
        checks.add(
            orNull
                + name
                + " IN ("
                + field.allowedValues().stream()
                    .map(value -> "'" + value + "'")
                    .collect(Collectors.joining(", "))
                + "))");
      }
    }
    for (RowRule rule : contract.rules()) {
      checks.add("coalesce((" + rule.sql() + "), true)");
    }
    return String.join(" AND ", checks);
  }

  private String derived() {
    return contract.derived().stream().map(SqlBackfill::derived).collect(Collectors.joining(", "));
  }

  private static String derived(DerivedColumn column) {
    return "CAST((" + column.sql() + ") AS " + column.type().sqlType() + ") AS " + column.name();
  }

  private @Nullable String measure(Measure measure) {
    String column = String.valueOf(measure.column());
    if (measure.settings().by() != null) {
      return null;
    }
    String value =
        switch (measure.function()) {
          case COUNT -> "count(*)";
          case SUM ->
              contract.typeOf(column) == FieldType.NUMBER
                  ? "sum(" + column + ")"
                  : "sum(" + column + ")::BIGINT";
          case MIN -> "min(" + column + ")";
          case MAX -> "max(" + column + ")";
          case LAST -> "arg_max(" + column + ", " + contract.eventTime() + ")";
          case QUANTILE -> "approx_quantile(" + column + ", " + measure.settings().at() + ")";
          case DISTINCT -> "approx_count_distinct(" + column + ")";
          case CORRELATION -> "corr(" + column + ", " + measure.settings().with() + ")";
          case TOP -> null;
        };
    if (value == null) {
      return null;
    }
    Measure.Condition where = measure.where();
    if (where != null) {
      String equalTo = where.equalTo();
      value +=
          " FILTER (WHERE "
              + where.column()
              + (equalTo == null ? "" : " = '" + equalTo + "'")
              + ")";
    }
    return value + " AS " + measure.name();
  }

  private void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
