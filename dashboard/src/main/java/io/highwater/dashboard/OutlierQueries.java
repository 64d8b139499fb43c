package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the API asks the hot store of outliers. An outlier counts by its event time, and once: as
 * the newest of the models has it that scored its event. Durations are milliseconds, volumes
 * megabytes.
 */
final class OutlierQueries {
  private final ScopedQueries scoped;

  OutlierQueries(HotStore store, InstantSource clock) {
    this.scoped = new ScopedQueries(store, clock);
  }

  /**
   * Which outliers are asked for.
   *
   * @param severity null for any
   * @param reason null for any
   */
  record OutlierFilter(@Nullable String severity, @Nullable String reason) {
    boolean takes(Map<String, @Nullable Object> row) {
      return (severity == null || severity.equals(row.get("severity")))
          && (reason == null || reason.equals(row.get("reason")));
    }
  }

  /**
   * The outliers of a range: by severity and reason those of the scope, in total and as rows those
   * that the filter takes, the newest first.
   */
  Map<String, @Nullable Object> outliers(Scope scope, OutlierFilter filter, int limit)
      throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) -> {
          List<Map<String, @Nullable Object>> by =
              Rows.all(
                  connection,
                  "SELECT severity, reason, count(*) AS count"
                      + selection.outliers()
                      + " GROUP BY ALL ORDER BY count DESC, severity, reason",
                  selection.parameters());
          answer.put(
              "total",
              by.stream()
                  .filter(filter::takes)
                  .mapToDouble(row -> Rows.number(row, "count"))
                  .sum());
          answer.put("by", by);
          answer.put("rows", rows(connection, selection, filter, limit));
        });
  }

  private static List<Map<String, @Nullable Object>> rows(
      Connection connection, Selection selection, OutlierFilter filter, int limit)
      throws SQLException {
    List<Object> parameters = selection.parameters();
    StringBuilder filters = new StringBuilder();
    if (filter.severity() != null) {
      filters.append(" AND severity = ?");
      parameters.add(filter.severity());
    }
    if (filter.reason() != null) {
      filters.append(" AND reason = ?");
      parameters.add(filter.reason());
    }
    parameters.add(limit);
    return Rows.all(
        connection,
        """
        SELECT outlier_id, event_time, instance, severity, reason, ratio,
               execution_ms AS actual_ms, predicted_ms, predicted_p90_ms, usual_median_ms,
               usual_p95_ms, usual_count, explanation, duration_score, forest_score,
               model_version, query_id, user_id, database_id, query_type, query_class,
               fingerprint, queue_ms, compile_ms, scanned_mb, spilled_mb, cached, aborted,
               cluster_size, num_joins, num_scans, num_aggregations, num_permanent_tables,
               num_external_tables, num_system_tables, read_table_ids, write_table_ids, topic,
               "partition", "offset"
        FROM outliers WHERE rowid IN (SELECT rowid"""
            + selection.outliers()
            + filters
            + " ORDER BY event_time DESC, outlier_id LIMIT ?)"
            + " ORDER BY event_time DESC, outlier_id",
        parameters);
  }
}
