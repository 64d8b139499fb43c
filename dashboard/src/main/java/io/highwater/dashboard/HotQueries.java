package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * What the API asks the hot store. Every number of a range is a sum over the newest panes of the
 * finest roll-up windows in it, so that it equals SQL over the lake's rollups table. A range ends
 * with the newest window that has data and is as long as its {@link TimeWindow}; the range before
 * it has the same length. Durations are milliseconds, volumes megabytes; shares and rates are 0 to
 * 1, and only score, the share of normal queries, is percent.
 */
final class HotQueries {
  /** The classes of warehouse queries, in the order of the roll-up's measures. */
  static final List<String> CLASSES =
      List.of("normal", "cpu_bound", "io_bound", "network_bound", "queue_wlm_bound");

  /** An instance is critical if a class other than normal has more queries than this, or ... */
  private static final int CRITICAL_QUERIES = 50;

  /** ... more than this share of the instance's queries (reference/warehouse-queries.md). */
  private static final double CRITICAL_SHARE = 0.05;

  private static final String SUMS =
      """
      sum(queries) AS queries, sum(normal) AS normal, sum(cpu_bound) AS cpu_bound,
      sum(io_bound) AS io_bound, sum(network_bound) AS network_bound,
      sum(queue_wlm_bound) AS queue_wlm_bound, sum(spilled_mb) AS spilled_mb,
      sum(scanned_mb) AS scanned_mb, sum(queue_ms) AS queue_ms,
      sum(execution_ms) AS execution_ms, sum(cached) AS cached, sum(aborted) AS aborted,
      sum(spilled_queries) AS spilled_queries
      """;

  private final HotStore store;
  private final InstantSource clock;

  HotQueries(HotStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  /**
   * Which part of the data is asked for.
   *
   * @param ids the instances; empty for all
   */
  record Scope(TimeWindow window, List<String> ids) {}

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

  /** From (inclusive), to (exclusive), and the length of the windows that are summed. */
  private record Range(Instant from, Instant to, long windowMillis) {
    Range before() {
      return new Range(from.minus(Duration.between(from, to)), from, windowMillis);
    }
  }

  /** The newest event, roll-up window and load; null where there is none. */
  Map<String, @Nullable Object> asOf() throws SQLException {
    Map<String, @Nullable Object> asOf = store.read(this::asOf);
    asOf.put("newest_load", store.status().newestLoad());
    return asOf;
  }

  private Map<String, @Nullable Object> asOf(Connection connection) throws SQLException {
    Instant farthest = clock.instant().plus(HotStore.FUTURE_TOLERATED);
    return Rows.one(
        connection,
        """
        SELECT (SELECT max(newest_at) FROM loaded_files
                WHERE path LIKE 'events/%' AND newest_at <= ?) AS newest_event,
               (SELECT max(window_start + to_milliseconds(window_millis)) FROM rollups
                WHERE window_start <= ?
                AND window_millis = (SELECT min(window_millis) FROM rollups)) AS newest_window
        """,
        List.of(farthest, farthest));
  }

  /** Rows that arrived in the lake in the last seconds of wall clock. */
  Map<String, @Nullable Object> throughput() throws SQLException {
    Instant now = clock.instant();
    return store.read(
        connection ->
            Rows.one(
                connection,
                """
                SELECT coalesce(sum(row_count) FILTER (arrived_at > ?), 0) / 10.0
                         AS rows_per_second_10s,
                       coalesce(sum(row_count) FILTER (arrived_at > ?), 0) / 60.0
                         AS rows_per_second_60s,
                       max(arrived_at) AS newest_arrival
                FROM arrivals
                """,
                List.of(now.minusSeconds(10), now.minusSeconds(60))));
  }

  /**
   * Rows a second by wall clock, in steps of a few seconds, oldest first; the last step is
   * complete.
   */
  Map<String, @Nullable Object> throughputHistory(int minutes) throws SQLException {
    int stepSeconds = 5;
    long lastStep = clock.instant().getEpochSecond() / stepSeconds - 1;
    int steps = minutes * 60 / stepSeconds;
    Instant from = Instant.ofEpochSecond((lastStep - steps + 1) * stepSeconds);
    List<Map<String, @Nullable Object>> rows =
        store.read(
            connection ->
                Rows.all(
                    connection,
                    """
                    SELECT epoch_ms(arrived_at) // ? AS step, sum(row_count) AS row_count
                    FROM arrivals WHERE arrived_at >= ? GROUP BY 1
                    """,
                    List.of(stepSeconds * 1000L, from)));
    List<Double> rates = new ArrayList<>(Collections.nCopies(steps, 0.0));
    for (Map<String, @Nullable Object> row : rows) {
      int index = (int) ((long) Rows.number(row, "step") - (lastStep - steps + 1));
      if (index < steps) {
        rates.set(index, Rows.number(row, "row_count") / stepSeconds);
      }
    }
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("from", from);
    json.put("step_seconds", stepSeconds);
    json.put("rows_per_second", rates);
    return json;
  }

  /** Rows loaded by table. */
  Map<String, @Nullable Object> rowCounts() throws SQLException {
    return store.read(
        connection ->
            Rows.one(
                connection,
                """
                SELECT coalesce(sum(row_count) FILTER (path LIKE 'events/%'), 0) AS events,
                       coalesce(sum(row_count) FILTER (path LIKE 'rollups/%'), 0) AS rollups,
                       coalesce(sum(row_count) FILTER (path LIKE 'outliers/%'), 0) AS outliers,
                       coalesce(sum(row_count) FILTER (path LIKE 'rejected/%'), 0) AS rejected
                FROM loaded_files
                """,
                List.of()));
  }

  /** All rejected rows by code and stage, the most frequent first. */
  List<Map<String, @Nullable Object>> rejectedCounts() throws SQLException {
    return store.read(
        connection ->
            Rows.all(
                connection,
                """
                SELECT code, stage, sum(rejected)::BIGINT AS count FROM rejected_counts
                GROUP BY ALL ORDER BY count DESC, code, stage LIMIT 100
                """,
                List.of()));
  }

  /** The newest rejected rows, the newest first. */
  List<Map<String, @Nullable Object>> rejected(int limit) throws SQLException {
    return store.read(
        connection ->
            Rows.all(
                connection,
                """
                SELECT received_at, stage, code, field, value, reason, raw, raw_bytes, topic,
                       "partition", "offset", file, "row"
                FROM rejected
                ORDER BY received_at DESC, "offset" DESC, "row" DESC, file_id DESC LIMIT ?
                """,
                List.of(limit)));
  }

  /** The newest events of the sample, the newest first. */
  List<Map<String, @Nullable Object>> recentQueries(List<String> ids, int limit)
      throws SQLException {
    List<Object> parameters =
        new ArrayList<>(List.of(clock.instant().plus(HotStore.FUTURE_TOLERATED)));
    parameters.addAll(ids);
    parameters.add(limit);
    return store.read(
        connection ->
            Rows.all(
                connection,
                "SELECT event_time, instance, query_id, user_id, database_id, query_type,"
                    + " query_class, queue_ms, compile_ms, execution_ms, scanned_mb, spilled_mb,"
                    + " cached, aborted, fingerprint, predicted_ms, predicted_p90_ms, is_outlier,"
                    + " model_version FROM events WHERE event_time <= ?"
                    + in(ids)
                    + " ORDER BY event_time DESC, query_id DESC LIMIT ?",
                parameters));
  }

  /** The newest of the sample's events that were scored, the newest first. */
  List<Map<String, @Nullable Object>> predictions(List<String> ids, int limit) throws SQLException {
    List<Object> parameters =
        new ArrayList<>(List.of(clock.instant().plus(HotStore.FUTURE_TOLERATED)));
    parameters.addAll(ids);
    parameters.add(limit);
    return store.read(
        connection ->
            Rows.all(
                connection,
                "SELECT event_time, instance, query_id, execution_ms AS actual_ms, predicted_ms,"
                    + " predicted_p90_ms, is_outlier, model_version FROM events"
                    + " WHERE event_time <= ? AND predicted_ms IS NOT NULL"
                    + in(ids)
                    + " ORDER BY event_time DESC, query_id DESC LIMIT ?",
                parameters));
  }

  /** The model of the newest event of the sample that was scored; null where none was. */
  Map<String, @Nullable Object> newestScored() throws SQLException {
    return store.read(
        connection ->
            Rows.one(
                connection,
                """
                SELECT arg_max(model_version, event_time) AS model_version,
                       max(event_time) AS event_time
                FROM events WHERE model_version IS NOT NULL AND event_time <= ?
                """,
                List.of(clock.instant().plus(HotStore.FUTURE_TOLERATED))));
  }

  /**
   * The outliers of a range: by severity and reason those of the scope, in total and as rows those
   * that the filter takes, the newest first.
   */
  Map<String, @Nullable Object> outliers(Scope scope, OutlierFilter filter, int limit)
      throws SQLException {
    return store.read(
        connection -> {
          Range range = range(connection, scope.window());
          List<Map<String, @Nullable Object>> by = List.of();
          List<Map<String, @Nullable Object>> rows = List.of();
          if (range != null) {
            by =
                Rows.all(
                    connection,
                    "SELECT severity, reason, count(*) AS count"
                        + outliersOf(scope.ids())
                        + " GROUP BY ALL ORDER BY count DESC, severity, reason",
                    outlierParameters(range, scope.ids()));
            rows = outlierRows(connection, range, scope.ids(), filter, limit);
          }
          Map<String, @Nullable Object> json = new LinkedHashMap<>();
          json.put(
              "total",
              by.stream()
                  .filter(filter::takes)
                  .mapToDouble(row -> Rows.number(row, "count"))
                  .sum());
          json.put("by", by);
          json.put("rows", rows);
          return json;
        });
  }

  private static List<Map<String, @Nullable Object>> outlierRows(
      Connection connection, Range range, List<String> ids, OutlierFilter filter, int limit)
      throws SQLException {
    List<Object> parameters = outlierParameters(range, ids);
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
            + outliersOf(ids)
            + filters
            + " ORDER BY event_time DESC, outlier_id LIMIT ?)"
            + " ORDER BY event_time DESC, outlier_id",
        parameters);
  }

  /** Every instance with data in the store, numbers in their order, then the rest. */
  List<Object> instances() throws SQLException {
    List<Object> ids = new ArrayList<>();
    List<Map<String, @Nullable Object>> rows =
        store.read(
            connection ->
                Rows.all(
                    connection,
                    """
                    SELECT instance FROM rollups GROUP BY instance
                    ORDER BY try_cast(instance AS BIGINT) NULLS LAST, instance
                    """,
                    List.of()));
    for (Map<String, @Nullable Object> row : rows) {
      ids.add(String.valueOf(row.get("instance")));
    }
    return ids;
  }

  /** The range of a scope; its ends are null where the store has no roll-ups. */
  Map<String, @Nullable Object> describe(Scope scope) throws SQLException {
    return store.read(
        connection -> {
          Range range = range(connection, scope.window());
          Map<String, @Nullable Object> json = new LinkedHashMap<>();
          json.put("as_of", range == null ? null : range.to());
          json.put("window", scope.window().label());
          json.put("from", range == null ? null : range.from());
          json.put("to", range == null ? null : range.to());
          json.put("ids", scope.ids().isEmpty() ? null : scope.ids());
          return json;
        });
  }

  private @Nullable Range range(Connection connection, TimeWindow window) throws SQLException {
    Map<String, @Nullable Object> newest =
        Rows.one(
            connection,
            """
            SELECT max(window_start) AS window_start, any_value(window_millis) AS window_millis
            FROM rollups
            WHERE window_millis = (SELECT min(window_millis) FROM rollups) AND window_start <= ?
            """,
            List.of(clock.instant().plus(HotStore.FUTURE_TOLERATED)));
    if (!(newest.get("window_start") instanceof Instant start)) {
      return null;
    }
    long windowMillis = (long) Rows.number(newest, "window_millis");
    Instant to = start.plusMillis(windowMillis);
    return new Range(to.minus(window.length()), to, windowMillis);
  }

  /**
   * The metrics of a range, each with its difference to the range before; previous_complete says
   * whether the store reaches back over all of that.
   */
  Map<String, @Nullable Object> metrics(Scope scope) throws SQLException {
    return store.read(
        connection -> {
          Range range = range(connection, scope.window());
          Map<String, @Nullable Double> now = metrics(connection, range, scope.ids());
          Map<String, @Nullable Double> before =
              metrics(connection, range == null ? null : range.before(), scope.ids());
          Map<String, @Nullable Object> json = new LinkedHashMap<>();
          json.put("previous_complete", range != null && reachesBack(connection, range.before()));
          for (Map.Entry<String, @Nullable Double> metric : now.entrySet()) {
            Double value = metric.getValue();
            Double valueBefore = before.get(metric.getKey());
            json.put(metric.getKey(), value);
            json.put(
                metric.getKey() + "_delta",
                value == null || valueBefore == null ? null : value - valueBefore);
          }
          return json;
        });
  }

  /** Whether the store holds all of a range and not only its end. */
  private static boolean reachesBack(Connection connection, Range range) throws SQLException {
    Map<String, @Nullable Object> oldest =
        Rows.one(connection, "SELECT min(window_start) AS oldest FROM rollups", List.of());
    return oldest.get("oldest") instanceof Instant start && !start.isAfter(range.from());
  }

  /** All null where the range has no queries; anomalies_count is so where nothing was scored. */
  private static Map<String, @Nullable Double> metrics(
      Connection connection, @Nullable Range range, List<String> ids) throws SQLException {
    Map<String, @Nullable Object> sums = range == null ? Map.of() : total(connection, range, ids);
    Double queries = value(sums, "queries");
    Map<String, @Nullable Double> metrics = new LinkedHashMap<>();
    metrics.put("queries", queries);
    metrics.put("cluster_size", value(sums, "cluster_size"));
    metrics.put("score", percent(share(value(sums, "normal"), queries)));
    metrics.put("spilled_mb", value(sums, "spilled_mb"));
    metrics.put("queue_time", value(sums, "queue_ms"));
    metrics.put("queue_ratio", queueRatio(sums));
    metrics.put("cache_hit_rate", share(value(sums, "cached"), queries));
    metrics.put("aborted", value(sums, "aborted"));
    metrics.put("spilled_queries", value(sums, "spilled_queries"));
    metrics.put("rejected", value(sums, "rejected"));
    metrics.put(
        "anomalies_count",
        range == null || queries == null ? null : outlierCount(connection, range, ids));
    return metrics;
  }

  /** No outliers are good news only where somebody looked. */
  private static @Nullable Double outlierCount(Connection connection, Range range, List<String> ids)
      throws SQLException {
    Map<String, @Nullable Object> scored =
        Rows.one(
            connection,
            """
            SELECT EXISTS (FROM outliers)
                OR EXISTS (FROM events WHERE model_version IS NOT NULL) AS scored
            """,
            List.of());
    if (!Boolean.TRUE.equals(scored.get("scored"))) {
      return null;
    }
    return value(
        Rows.one(
            connection,
            "SELECT count(*) AS count" + outliersOf(ids),
            outlierParameters(range, ids)),
        "count");
  }

  /**
   * cluster_size is the sum over the instances of the size that each had last; rejected rows have
   * no instance that could be trusted and are those of all.
   */
  private static Map<String, @Nullable Object> total(
      Connection connection, Range range, List<String> ids) throws SQLException {
    Map<String, @Nullable Object> sums =
        Rows.one(connection, "SELECT " + SUMS + latest(ids), parameters(range, ids));
    if (value(sums, "queries") == null) {
      return sums;
    }
    sums.putAll(
        Rows.one(
            connection,
            "SELECT sum(size) AS cluster_size FROM (SELECT arg_max(cluster_size, window_start)"
                + " FILTER (cluster_size IS NOT NULL) AS size"
                + latest(ids)
                + " GROUP BY instance)",
            parameters(range, ids)));
    sums.putAll(
        Rows.one(
            connection,
            "SELECT coalesce(sum(rejected), 0) AS rejected FROM rejected_counts"
                + " WHERE received_at >= ? AND received_at < ?",
            List.of(range.from(), range.to())));
    return sums;
  }

  /** Queries by class over time, in steps as long as the window's bucket, none left out. */
  Map<String, @Nullable Object> classChart(Scope scope) throws SQLException {
    return store.read(
        connection -> {
          Range range = range(connection, scope.window());
          List<Instant> times = new ArrayList<>();
          Map<String, List<Double>> series = new LinkedHashMap<>();
          List<String> columns = new ArrayList<>(List.of("queries"));
          columns.addAll(CLASSES);
          columns.addAll(List.of("queue_ms", "execution_ms"));
          long step = scope.window().bucket().toMillis();
          if (range != null) {
            step = Math.max(step, range.windowMillis());
            long first = Math.floorDiv(range.from().toEpochMilli(), step) * step;
            for (long time = first; time < range.to().toEpochMilli(); time += step) {
              times.add(Instant.ofEpochMilli(time));
            }
            columns.forEach(
                column ->
                    series.put(column, new ArrayList<>(Collections.nCopies(times.size(), 0.0))));
            List<Object> parameters = new ArrayList<>(List.of(step));
            parameters.addAll(parameters(range, scope.ids()));
            for (Map<String, @Nullable Object> row :
                Rows.all(
                    connection,
                    "SELECT epoch_ms(window_start) // ? AS step, "
                        + SUMS
                        + latest(scope.ids())
                        + " GROUP BY 1",
                    parameters)) {
              int index = (int) ((long) Rows.number(row, "step") - first / step);
              series.forEach((column, values) -> values.set(index, Rows.number(row, column)));
            }
          }
          Map<String, @Nullable Object> json = new LinkedHashMap<>();
          json.put("step_seconds", step / 1000);
          json.put("classes", CLASSES);
          json.put("times", times);
          json.put("series", series);
          return json;
        });
  }

  /** One row an instance, the one with the most queries first. */
  List<Map<String, @Nullable Object>> byInstance(Scope scope) throws SQLException {
    List<Map<String, @Nullable Object>> rows =
        store.read(
            connection -> {
              Range range = range(connection, scope.window());
              return range == null
                  ? List.<Map<String, @Nullable Object>>of()
                  : Rows.all(
                      connection,
                      "SELECT instance AS id, "
                          + SUMS
                          + ", arg_max(cluster_size, window_start)"
                          + " FILTER (cluster_size IS NOT NULL) AS cluster_size"
                          + latest(scope.ids())
                          + " GROUP BY instance ORDER BY queries DESC, id",
                      parameters(range, scope.ids()));
            });
    for (Map<String, @Nullable Object> row : rows) {
      Double queries = value(row, "queries");
      row.put("score", percent(share(value(row, "normal"), queries)));
      row.put("queue_ratio", queueRatio(row));
      row.put("cache_hit_rate", share(value(row, "cached"), queries));
    }
    return rows;
  }

  /** Each class with its queries and share, over the rows of {@link #byInstance}. */
  static List<Map<String, @Nullable Object>> byClass(List<Map<String, @Nullable Object>> rows) {
    double queries = rows.stream().mapToDouble(row -> Rows.number(row, "queries")).sum();
    List<Map<String, @Nullable Object>> classes = new ArrayList<>();
    for (String name : CLASSES) {
      double count = rows.stream().mapToDouble(row -> Rows.number(row, name)).sum();
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("class", name);
      json.put("queries", count);
      json.put("share", share(count, queries));
      classes.add(json);
    }
    return classes;
  }

  /** The instances with a class above 50 queries or 5 % of all, and which classes these are. */
  static List<Map<String, @Nullable Object>> critical(List<Map<String, @Nullable Object>> rows) {
    List<Map<String, @Nullable Object>> critical = new ArrayList<>();
    for (Map<String, @Nullable Object> row : rows) {
      List<Map<String, @Nullable Object>> classes = byClass(List.of(row));
      classes.removeIf(
          json ->
              "normal".equals(json.get("class"))
                  || (Rows.number(json, "queries") <= CRITICAL_QUERIES
                      && Rows.number(json, "share") <= CRITICAL_SHARE));
      if (!classes.isEmpty()) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("id", row.get("id"));
        json.put("queries", row.get("queries"));
        json.put("classes", classes);
        critical.add(json);
      }
    }
    return critical;
  }

  private static String latest(List<String> ids) {
    return " FROM rollups_latest"
        + " WHERE window_millis = ? AND window_start >= ? AND window_start < ?"
        + in(ids);
  }

  private static List<Object> parameters(Range range, List<String> ids) {
    List<Object> parameters =
        new ArrayList<>(List.of(range.windowMillis(), range.from(), range.to()));
    parameters.addAll(ids);
    return parameters;
  }

  private static String outliersOf(List<String> ids) {
    return " FROM outliers WHERE NOT superseded AND event_time >= ? AND event_time < ?" + in(ids);
  }

  private static List<Object> outlierParameters(Range range, List<String> ids) {
    List<Object> parameters = new ArrayList<>(List.of(range.from(), range.to()));
    parameters.addAll(ids);
    return parameters;
  }

  private static String in(List<String> ids) {
    if (ids.isEmpty()) {
      return "";
    }
    StringJoiner placeholders = new StringJoiner(", ", " AND instance IN (", ")");
    ids.forEach(id -> placeholders.add("?"));
    return placeholders.toString();
  }

  private static @Nullable Double value(Map<String, @Nullable Object> row, String column) {
    return row.get(column) instanceof Number number ? number.doubleValue() : null;
  }

  private static @Nullable Double share(@Nullable Double part, @Nullable Double whole) {
    return part == null || whole == null || whole == 0 ? null : part / whole;
  }

  private static @Nullable Double percent(@Nullable Double share) {
    return share == null ? null : 100 * share;
  }

  /** queue / (queue + execution). */
  private static @Nullable Double queueRatio(Map<String, @Nullable Object> row) {
    Double queue = value(row, "queue_ms");
    Double execution = value(row, "execution_ms");
    return queue == null || execution == null ? null : share(queue, queue + execution);
  }
}
