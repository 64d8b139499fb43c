package io.highwater.runners.generate;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Holds generated queries against a real query log: what is published of all of Redset's rows, and,
 * where files of real rows are at hand, what they show. Where both say something, the published
 * figure counts, since a sample of a few thousand rows has its own clusters' habits. Shares are to
 * be within 20 % of the real ones, quantiles within a factor of 1.5.
 */
public final class ShapeComparison implements AutoCloseable {
  private static final double SHARE_TOLERANCE = 0.2;
  private static final double QUANTILE_FACTOR = 1.5;
  // The share of fewer rows is off by more than the tolerance by chance alone.
  private static final int LEAST_REAL_ROWS = 20;
  private static final String GENERATED = "generated";
  private static final String REAL = "real_rows";

  // Amazon Redset's published statistics of all rows, 2024-03-01 to 2024-05-31: 433,107,811 in 200
  // provisioned and 8,244,382 in 200 serverless clusters. The classes are those that the contract's
  // rules give on all provisioned rows.
  private static final String PROVISIONED = "cluster_size IS NOT NULL";
  private static final String SERVERLESS = "cluster_size IS NULL";
  private static final String EXECUTED = "NOT was_cached";

  // The contract's rules and thresholds; docs/contracts.md.
  private static final String CLASS =
      """
      CASE
        WHEN was_cached THEN 'normal'
        WHEN query_type IN ('copy', 'unload') AND execution_duration_ms > 500 THEN 'network_bound'
        WHEN query_type NOT IN ('copy', 'unload')
            AND (num_joins > 1 OR num_aggregations > 1) AND coalesce(mbytes_scanned, 0) > 0
            AND execution_duration_ms / (coalesce(mbytes_scanned, 0) + 1) > 20
            AND execution_duration_ms > 1000 THEN 'cpu_bound'
        WHEN query_type NOT IN ('copy', 'unload') AND coalesce(mbytes_scanned, 0) >= 2000
            AND execution_duration_ms / (coalesce(mbytes_scanned, 0) + 1) < 0.061
            AND (coalesce(mbytes_spilled, 0) > 0 OR num_scans > 1)
            AND execution_duration_ms > 1000 THEN 'io_bound'
        WHEN queue_duration_ms >= execution_duration_ms AND queue_duration_ms > 1000
            AND execution_duration_ms > 0
            AND num_scans + num_joins + num_aggregations < 4 THEN 'queue_wlm_bound'
        ELSE 'normal'
      END""";

  private static final List<Metric> METRICS = metrics();

  private enum Kind {
    SHARE,
    QUANTILE
  }

  /**
   * @param sql one number of the rows of {@code %s}, null where there are none that it speaks of;
   *     of shares also how many rows those are
   * @param published what it is in the real log; null where only real rows can tell
   */
  private record Metric(String name, Kind kind, String sql, @Nullable Double published) {}

  /** One line of the comparison. */
  public record Line(
      String metric, double real, boolean isPublished, double generated, boolean isShare) {
    public double ratio() {
      return real == generated ? 1 : generated / real;
    }

    /** Whether the generated rows are near enough to the real ones. */
    public boolean isWithin() {
      double ratio = ratio();
      return isShare
          ? ratio >= 1 - SHARE_TOLERANCE && ratio <= 1 + SHARE_TOLERANCE
          : ratio >= 1 / QUANTILE_FACTOR && ratio <= QUANTILE_FACTOR;
    }
  }

  private final Connection connection;
  private final boolean hasRealRows;

  private ShapeComparison(Connection connection, boolean hasRealRows) {
    this.connection = connection;
    this.hasRealRows = hasRealRows;
  }

  /**
   * @param generated a file of the generator
   * @param realRows files of Redset's rows: .csv, .parquet or .jsonl, wildcards allowed; null for
   *     the published figures alone
   */
  public static ShapeComparison of(Path generated, @Nullable String realRows) throws SQLException {
    Connection connection = DriverManager.getConnection("jdbc:duckdb:");
    try {
      load(connection, GENERATED, generated.toString());
      if (realRows != null) {
        load(connection, REAL, realRows);
      }
      return new ShapeComparison(connection, realRows != null);
    } catch (SQLException e) {
      connection.close();
      throw e;
    }
  }

  private static void load(Connection connection, String table, String files) throws SQLException {
    String quoted = "'" + files.replace("'", "''") + "'";
    String name = files.toLowerCase(Locale.ROOT);
    String reader;
    if (name.endsWith(".parquet")) {
      reader = "read_parquet(" + quoted + ")";
    } else if (name.contains(".csv")) {
      reader = "read_csv(" + quoted + ", header = true, all_varchar = true)";
    } else {
      List<String> types = new ArrayList<>();
      QueryFormat.COLUMNS.forEach(column -> types.add("'" + column + "': 'VARCHAR'"));
      reader = "read_json(" + quoted + ", columns = {" + String.join(", ", types) + "})";
    }
    List<String> columns = new ArrayList<>();
    for (String column : QueryFormat.COLUMNS) {
      String type =
          switch (column) {
            case "arrival_timestamp" -> "TIMESTAMP";
            case "feature_fingerprint", "query_type", "read_table_ids", "write_table_ids" ->
                "VARCHAR";
            case "was_aborted", "was_cached" -> "BOOLEAN";
            default -> "DOUBLE";
          };
      columns.add("CAST(%s AS %s) AS %s".formatted(column, type, column));
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET threads = 2");
      statement.execute(
          "CREATE TABLE %s AS SELECT *, %s AS query_class, %s AS tables_read FROM (SELECT %s FROM %s)"
              .formatted(
                  table,
                  CLASS,
                  "coalesce(len(string_split(read_table_ids, ',')), 0)",
                  String.join(", ", columns),
                  reader));
    }
  }

  /** All metrics that the real side can tell. */
  public List<Line> lines() throws SQLException {
    List<Line> lines = new ArrayList<>();
    for (Metric metric : METRICS) {
      @Nullable Double real = metric.published();
      if (real == null && hasRealRows) {
        real = value(metric, REAL, LEAST_REAL_ROWS);
      }
      @Nullable Double generated = real == null ? null : value(metric, GENERATED, 0);
      if (real != null && generated != null) {
        lines.add(
            new Line(
                metric.name(),
                real,
                metric.published() != null,
                generated,
                metric.kind() == Kind.SHARE));
      }
    }
    return lines;
  }

  /** The lines as a Markdown table. */
  public static String table(List<Line> lines) {
    StringBuilder table = new StringBuilder();
    table.append("| | real | from | generated | ratio | within |\n|---|---|---|---|---|---|\n");
    for (Line line : lines) {
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %s | %s | %s | %.2f | %s |%n",
              line.metric(),
              number(line, line.real()),
              line.isPublished() ? "published" : "rows",
              number(line, line.generated()),
              line.ratio(),
              line.isWithin() ? "yes" : "NO"));
    }
    return table.toString();
  }

  private static String number(Line line, double value) {
    return line.isShare()
        ? String.format(Locale.ROOT, "%.2f %%", value * 100)
        : String.format(Locale.ROOT, "%,.0f", value);
  }

  private @Nullable Double value(Metric metric, String table, int leastRows) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(metric.sql().replace("%s", table))) {
      result.next();
      double value = result.getDouble(1);
      if (result.wasNull()) {
        return null;
      }
      boolean countsRows = result.getMetaData().getColumnCount() == 2;
      return countsRows && result.getLong(2) < leastRows ? null : value;
    }
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }

  private static List<Metric> metrics() {
    List<Metric> metrics = new ArrayList<>();
    metrics.add(share("serverless", SERVERLESS, "true", 0.0187));
    metrics.add(share("cached, provisioned", "was_cached", PROVISIONED, 0.106));
    metrics.add(share("cached, serverless", "was_cached", SERVERLESS, 0.046));
    metrics.add(share("aborted, provisioned", "was_aborted", PROVISIONED, 0.005));
    metrics.add(share("aborted, serverless", "was_aborted", SERVERLESS, 0.009));
    metrics.add(seenBefore("provisioned", PROVISIONED, 0.90));
    metrics.add(seenBefore("serverless", SERVERLESS, 0.88));
    metrics.add(
        new Metric(
            "same fingerprint and user within 60 s",
            Kind.SHARE,
            """
            SELECT avg(CAST(coalesce(arrival_timestamp - previous <= INTERVAL 60 SECOND, false)
                AS INTEGER))
            FROM (SELECT arrival_timestamp, lag(arrival_timestamp) OVER (
                    PARTITION BY instance_id, user_id, feature_fingerprint
                    ORDER BY arrival_timestamp) AS previous
                FROM %s WHERE feature_fingerprint IS NOT NULL)""",
            0.68));
    for (String[] published :
        new String[][] {
          {"normal", "0.9265"},
          {"network_bound", "0.0418"},
          {"cpu_bound", "0.0223"},
          {"queue_wlm_bound", "0.0069"},
          {"io_bound", "0.0025"}
        }) {
      metrics.add(
          share(
              published[0] + ", provisioned",
              "query_class = '" + published[0] + "'",
              PROVISIONED,
              Double.parseDouble(published[1])));
    }
    metrics.add(
        new Metric(
            "ten most frequent fingerprints of a cluster",
            Kind.SHARE,
            """
            SELECT median(top / total) FROM (
                SELECT sum(queries) AS total, sum(queries) FILTER (rank <= 10) AS top
                FROM (SELECT instance_id, count(*) AS queries, row_number() OVER (
                        PARTITION BY instance_id ORDER BY count(*) DESC) AS rank
                    FROM %s WHERE feature_fingerprint IS NOT NULL
                    GROUP BY instance_id, feature_fingerprint)
                GROUP BY instance_id HAVING sum(queries) >= 100)""",
            null));
    metrics.add(
        new Metric(
            "fingerprints that come once, of a sample of 6,000 rows",
            Kind.SHARE,
            """
            SELECT avg(CAST(queries = 1 AS INTEGER)) FROM (
                SELECT count(*) AS queries
                FROM (SELECT * FROM %s WHERE feature_fingerprint IS NOT NULL
                    ORDER BY hash(query_id), instance_id LIMIT 6000)
                GROUP BY instance_id, feature_fingerprint)""",
            null));
    for (QueryType type : QueryType.values()) {
      metrics.add(share(type.text(), "query_type = '" + type.text() + "'", EXECUTED, null));
    }
    metrics.add(share("spilled", "coalesce(mbytes_spilled, 0) > 0", "true", null));
    metrics.add(share("queued", "queue_duration_ms > 0", "true", null));
    metrics.add(share("60 s or more", "execution_duration_ms >= 60000", "true", null));
    metrics.add(
        share(
            "compile 90 % of execution or more",
            "coalesce(compile_duration_ms >= 0.9 * execution_duration_ms, false)", "true", null));
    metrics.add(
        share(
            "compile longer than execution",
            "coalesce(compile_duration_ms > execution_duration_ms, false)",
            "true",
            0.0));
    metrics.add(share("nothing scanned", "mbytes_scanned = 0", "mbytes_scanned IS NOT NULL", null));
    for (String column :
        List.of(
            "compile_duration_ms",
            "feature_fingerprint",
            "read_table_ids",
            "write_table_ids",
            "mbytes_scanned")) {
      metrics.add(share("null " + column, column + " IS NULL", EXECUTED, null));
    }
    quantiles(metrics, "execution ms", "execution_duration_ms", EXECUTED);
    quantiles(metrics, "compile ms", "compile_duration_ms", EXECUTED);
    quantiles(metrics, "queue ms where queued", "queue_duration_ms", "queue_duration_ms > 0");
    quantiles(metrics, "MB scanned", "mbytes_scanned", EXECUTED);
    quantiles(metrics, "MB spilled where spilled", "mbytes_spilled", "mbytes_spilled > 0");
    quantiles(metrics, "joins", "num_joins", EXECUTED);
    quantiles(metrics, "scans", "num_scans", EXECUTED);
    quantiles(metrics, "aggregations", "num_aggregations", EXECUTED);
    quantiles(metrics, "tables read", "tables_read", EXECUTED);
    return metrics;
  }

  private static Metric share(String name, String condition, String of, @Nullable Double real) {
    return new Metric(
        name,
        Kind.SHARE,
        "SELECT avg(CAST(%1$s AS INTEGER)), sum(CAST(%1$s AS INTEGER)) FROM %%s WHERE %2$s"
            .formatted(condition, of),
        real);
  }

  private static Metric seenBefore(String of, String condition, double real) {
    return new Metric(
        "fingerprint seen before in its cluster, " + of,
        Kind.SHARE,
        """
        SELECT 1 - count(DISTINCT (instance_id, feature_fingerprint)) / count(feature_fingerprint)
        FROM %s WHERE feature_fingerprint IS NOT NULL AND """
            + " "
            + condition,
        real);
  }

  private static void quantiles(List<Metric> metrics, String name, String column, String of) {
    for (double share : new double[] {0.5, 0.9, 0.99}) {
      metrics.add(
          new Metric(
              "%s, p%.0f".formatted(name, share * 100),
              Kind.QUANTILE,
              "SELECT quantile_cont(%s, %s) FROM %%s WHERE %s".formatted(column, share, of),
              null));
    }
  }
}
