package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the API asks the hot store of outliers. An outlier counts by its event time, and once: as
 * the newest of the models has it that scored its event. Durations are milliseconds, volumes
 * megabytes.
 */
final class OutlierQueries {
  /** How many marks a chart has, and how many points a history: the newest. */
  private static final int MARKS = 200;

  private static final int HISTORY_POINTS = 500;
  private static final int OPTIONS = 20;

  private static final String COLUMNS =
      """
      outlier_id, event_time, instance, severity, reason, ratio, execution_ms AS actual_ms,
      predicted_ms, predicted_p90_ms, usual_median_ms, usual_p95_ms, usual_count, explanation,
      duration_score, forest_score, model_version, query_id, user_id, database_id, query_type,
      query_class, fingerprint, queue_ms, compile_ms, scanned_mb, spilled_mb, cached, aborted,
      cluster_size, num_joins, num_scans, num_aggregations, num_permanent_tables,
      num_external_tables, num_system_tables, read_table_ids, write_table_ids, topic,
      "partition", "offset", newest_feedback.verdict AS feedback
      """;

  private static final String NEWEST_FEEDBACK =
      """
       LEFT JOIN (SELECT outlier_id, arg_max(verdict, created_at) AS verdict FROM feedback
                  GROUP BY outlier_id) AS newest_feedback USING (outlier_id)
      """;

  /** Each of the chosen outliers is a row. */
  private static final String SINGLE =
      """
      SELECT row_id, 1 AS folded, event_time AS first_at, event_time AS last_at, row_id AS tie
      FROM chosen
      """;

  private final HotStore store;
  private final ScopedQueries scoped;

  OutlierQueries(HotStore store, ScopedQueries scoped) {
    this.store = store;
    this.scoped = scoped;
  }

  /** How many rows are asked for, after how many others, and whether neighbours are folded. */
  record Page(int limit, int offset, boolean fold) {}

  /**
   * What names an outlier and its event.
   *
   * @param instanceId null where instances are not numbers
   */
  record OutlierKey(String outlierId, Instant eventTime, @Nullable Long instanceId, long queryId) {}

  /**
   * The outliers of a range, the newest first: by severity and reason those of the scope, in total
   * and as rows those that the filter takes.
   */
  Map<String, @Nullable Object> outliers(Scope scope, OutlierFilter filter, Page page)
      throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) -> {
          List<Map<String, @Nullable Object>> by = bySeverityAndReason(connection, selection);
          long total =
              filter.isEmpty()
                  ? by.stream().mapToLong(row -> (long) Rows.number(row, "count")).sum()
                  : count(connection, selection, filter);
          long rows = page.fold() ? OutlierFolds.count(connection, selection, filter) : total;
          answer.put("total", total);
          answer.put("total_rows", rows);
          answer.put("by", by);
          answer.put(
              "rows",
              NewestOutliers.page(
                  selection,
                  total,
                  Math.min(page.limit(), rows - page.offset()),
                  page.offset(),
                  part -> rows(connection, part, filter, page),
                  page.fold() ? OutlierFolds::areWhole : (whole, from) -> true));
        });
  }

  private static List<Map<String, @Nullable Object>> bySeverityAndReason(
      Connection connection, Selection selection) throws SQLException {
    return Rows.all(
        connection,
        "SELECT severity, reason, count(*) AS count"
            + selection.outliers()
            + " GROUP BY ALL ORDER BY count DESC, severity, reason",
        selection.parameters());
  }

  private static long count(Connection connection, Selection selection, OutlierFilter filter)
      throws SQLException {
    return (long)
        Rows.number(
            Rows.one(
                connection,
                "SELECT count(*) AS count" + filter.outliers(selection),
                filter.parameters(selection)),
            "count");
  }

  /** A page of rows, those that ended last first. */
  private static List<Map<String, @Nullable Object>> rows(
      Connection connection, Selection selection, OutlierFilter filter, Page page)
      throws SQLException {
    List<Object> parameters = filter.parameters(selection);
    parameters.add(page.limit());
    parameters.add(page.offset());
    return Rows.all(
        connection,
        "WITH chosen AS (SELECT rowid AS row_id, event_time, instance, reason, severity, ratio"
            + filter.outliers(selection)
            + "), page AS (FROM ("
            + (page.fold() ? OutlierFolds.FOLDED : SINGLE)
            + ") ORDER BY last_at DESC, tie LIMIT ? OFFSET ?)"
            + " SELECT "
            + COLUMNS
            + ", folded, first_at, last_at"
            + " FROM page JOIN outliers ON outliers.rowid = page.row_id"
            + NEWEST_FEEDBACK
            + " ORDER BY last_at DESC, tie",
        parameters);
  }

  /** The most frequent values of a range that outliers can be filtered by, with their counts. */
  Map<String, @Nullable Object> options(Scope scope) throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) -> {
          answer.put("users", options(connection, selection, "user_id"));
          answer.put("databases", options(connection, selection, "database_id"));
          answer.put("types", options(connection, selection, "query_type"));
          answer.put("fingerprints", options(connection, selection, "fingerprint"));
        });
  }

  private static List<Map<String, @Nullable Object>> options(
      Connection connection, Selection selection, String column) throws SQLException {
    return Rows.all(
        connection,
        "SELECT %1$s AS value, count(*) AS count%2$s AND %1$s IS NOT NULL"
                .formatted(column, selection.outliers())
            + " GROUP BY value ORDER BY count DESC, value LIMIT "
            + OPTIONS,
        selection.parameters());
  }

  /**
   * One outlier, what was said of it, newest first, and how long queries of its instance and
   * fingerprint took; null and empty where there is no such outlier.
   */
  Map<String, @Nullable Object> outlier(String outlierId) throws SQLException {
    return store.read(
        connection -> {
          List<Map<String, @Nullable Object>> rows =
              Rows.all(
                  connection,
                  "SELECT "
                      + COLUMNS
                      + " FROM outliers"
                      + NEWEST_FEEDBACK
                      + " WHERE outlier_id = ? AND NOT superseded",
                  List.of(outlierId));
          Map<String, @Nullable Object> answer = new LinkedHashMap<>();
          answer.put("outlier", rows.isEmpty() ? null : rows.get(0));
          answer.put(
              "feedback",
              Rows.all(
                  connection,
                  """
                  SELECT created_at AS at, who, verdict, note FROM feedback WHERE outlier_id = ?
                  ORDER BY created_at DESC, feedback_id
                  """,
                  List.of(outlierId)));
          Map<String, @Nullable Object> history = new LinkedHashMap<>();
          history.put("points", history(connection, outlierId));
          history.put("sampled", sampled(connection));
          answer.put("history", history);
          return answer;
        });
  }

  private static List<Map<String, @Nullable Object>> history(
      Connection connection, String outlierId) throws SQLException {
    return Rows.all(
        connection,
        """
        WITH alike AS (SELECT instance, fingerprint FROM outliers
                       WHERE outlier_id = ? AND NOT superseded)
        SELECT event_time, execution_ms AS actual_ms, predicted_ms, is_outlier, query_id
        FROM (SELECT event_time, execution_ms, predicted_ms, true AS is_outlier, query_id,
                     instance, fingerprint
              FROM outliers WHERE NOT superseded
              UNION ALL
              SELECT event_time, execution_ms, predicted_ms, coalesce(is_outlier, false), query_id,
                     instance, fingerprint
              FROM events)
        SEMI JOIN alike USING (instance, fingerprint)
        QUALIFY row_number() OVER (PARTITION BY query_id ORDER BY is_outlier DESC, event_time) = 1
        ORDER BY event_time DESC, query_id LIMIT ?
        """,
        List.of(outlierId, HISTORY_POINTS));
  }

  /** Whether the store holds only some of the events that it has loaded. */
  private static @Nullable Object sampled(Connection connection) throws SQLException {
    return Rows.one(
            connection,
            """
            SELECT (SELECT coalesce(sum(row_count), 0) FROM loaded_files
                    WHERE path LIKE 'events/%') > (SELECT count(*) FROM events) AS sampled
            """,
            List.of())
        .get("sampled");
  }

  /** What names an outlier and its event; null for an unknown id. */
  @Nullable OutlierKey key(String outlierId) throws SQLException {
    List<Map<String, @Nullable Object>> rows =
        store.read(
            connection ->
                Rows.all(
                    connection,
                    "SELECT event_time, try_cast(instance AS BIGINT) AS instance_id, query_id"
                        + " FROM outliers"
                        + " WHERE outlier_id = ? AND NOT superseded",
                    List.of(outlierId)));
    if (rows.isEmpty() || !(rows.get(0).get("event_time") instanceof Instant eventTime)) {
      return null;
    }
    Map<String, @Nullable Object> row = rows.get(0);
    return new OutlierKey(
        outlierId,
        eventTime,
        row.get("instance_id") instanceof Long instanceId ? instanceId : null,
        (long) Rows.number(row, "query_id"));
  }

  /** Hands out the newest outliers that the filter takes, at most {@code limit}. */
  Map<String, @Nullable Object> export(Scope scope, OutlierFilter filter, int limit, Rows.Sink sink)
      throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) -> {
          List<Object> parameters = filter.parameters(selection);
          answer.put("total", count(connection, selection, filter));
          parameters.add(limit);
          Rows.each(
              connection,
              "SELECT "
                  + COLUMNS
                  + " FROM (SELECT *"
                  + filter.outliers(selection)
                  + " ORDER BY event_time DESC, outlier_id LIMIT ?) AS chosen"
                  + NEWEST_FEEDBACK
                  + " ORDER BY event_time DESC, outlier_id",
              parameters,
              sink);
        });
  }

  /**
   * Outliers by the steps of a chart, one number a step.
   *
   * @param firstStep the first step's number, counted from 1970
   */
  static List<Double> byStep(Connection connection, Selection selection, long firstStep, int steps)
      throws SQLException {
    List<Object> parameters = new ArrayList<>(List.of(selection.stepMillis() / 1000.0));
    parameters.addAll(selection.parameters());
    List<Double> counts = new ArrayList<>(Collections.nCopies(steps, 0.0));
    for (Map<String, @Nullable Object> row :
        Rows.all(
            connection,
            // Half as much work as a division of integers, and exact: seconds have 21 bits to
            // spare.
            "SELECT floor(epoch(event_time) / ?)::BIGINT AS step, count(*) AS count"
                + selection.outliers()
                + " GROUP BY 1",
            parameters)) {
      counts.set((int) ((long) Rows.number(row, "step") - firstStep), Rows.number(row, "count"));
    }
    return counts;
  }

  /**
   * The newest outliers as a chart marks them.
   *
   * @param outliers how many there are
   */
  static List<Map<String, @Nullable Object>> marks(
      Connection connection, Selection selection, long outliers) throws SQLException {
    return NewestOutliers.page(
        selection,
        outliers,
        MARKS,
        0,
        part ->
            Rows.all(
                connection,
                "SELECT outlier_id, event_time, instance, severity, query_class"
                    + part.outliers()
                    + " ORDER BY event_time DESC, outlier_id LIMIT "
                    + MARKS,
                part.parameters()),
        (whole, from) -> true);
  }
}
