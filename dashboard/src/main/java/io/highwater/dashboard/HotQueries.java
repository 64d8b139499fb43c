package io.highwater.dashboard;

import io.highwater.dashboard.Selection.From;
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
import org.jspecify.annotations.Nullable;

/**
 * What the API asks the hot store. Every number of a range is a sum over the newest panes of the
 * finest roll-up windows in it, so that it equals SQL over the lake's rollups table. Durations are
 * milliseconds, volumes megabytes; shares and rates are 0 to 1, and only score, the share of normal
 * queries, is percent.
 */
final class HotQueries {
  private static final String SUMS =
      """
      sum(queries) AS queries, sum(normal) AS normal, sum(cpu_bound) AS cpu_bound,
      sum(io_bound) AS io_bound, sum(network_bound) AS network_bound,
      sum(queue_wlm_bound) AS queue_wlm_bound, sum(spilled_mb) AS spilled_mb,
      sum(scanned_mb) AS scanned_mb, sum(queue_ms) AS queue_ms,
      sum(execution_ms) AS execution_ms, sum(cached) AS cached, sum(aborted) AS aborted,
      sum(spilled_queries) AS spilled_queries
      """;

  private static final String LAST_CLUSTER_SIZE =
      """
      , arg_max(cluster_size, cluster_size_at) FILTER (cluster_size IS NOT NULL) AS cluster_size
      """;

  private final HotStore store;
  private final KeptAnswers kept;
  private final ScopedQueries scoped;
  private final InstantSource clock;

  HotQueries(HotStore store, KeptAnswers kept, ScopedQueries scoped, InstantSource clock) {
    this.store = store;
    this.kept = kept;
    this.scoped = scoped;
    this.clock = clock;
  }

  /** The newest event, roll-up window and load; null where there is none. */
  Map<String, @Nullable Object> asOf() throws SQLException {
    Map<String, @Nullable Object> asOf =
        new LinkedHashMap<>(kept.get("as of", () -> store.read(this::asOf)));
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
    return kept.get(
        "rows",
        () ->
            store.read(
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
                        List.of())));
  }

  /** All rejected rows by code and stage, the most frequent first. */
  List<Map<String, @Nullable Object>> rejectedCounts() throws SQLException {
    return kept.get(
        "rejected counts",
        () ->
            store.read(
                connection ->
                    Rows.all(
                        connection,
                        """
                SELECT code, stage, sum(rejected)::BIGINT AS count FROM rejected_counts
                GROUP BY ALL ORDER BY count DESC, code, stage LIMIT 100
                """,
                        List.of())));
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
                    + Selection.in(ids.isEmpty() ? null : ids)
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
                    + Selection.in(ids.isEmpty() ? null : ids)
                    + " ORDER BY event_time DESC, query_id DESC LIMIT ?",
                parameters));
  }

  /** The model of the newest event of the sample that was scored; null where none was. */
  Map<String, @Nullable Object> newestScored() throws SQLException {
    return kept.get(
        "newest scored",
        () ->
            store.read(
                connection ->
                    Rows.one(
                        connection,
                        """
                SELECT arg_max(model_version, event_time) AS model_version,
                       max(event_time) AS event_time
                FROM events WHERE model_version IS NOT NULL AND event_time <= ?
                """,
                        List.of(clock.instant().plus(HotStore.FUTURE_TOLERATED)))));
  }

  /** Every instance with data in the store, numbers in their order, then the rest. */
  List<Object> instances() throws SQLException {
    List<Object> ids = new ArrayList<>();
    List<Map<String, @Nullable Object>> rows =
        kept.get(
            "instances",
            () ->
                store.read(
                    connection ->
                        Rows.all(
                            connection,
                            """
                    SELECT instance FROM rollups GROUP BY instance
                    ORDER BY try_cast(instance AS BIGINT) NULLS LAST, instance
                    """,
                            List.of())));
    for (Map<String, @Nullable Object> row : rows) {
      ids.add(String.valueOf(row.get("instance")));
    }
    return ids;
  }

  /**
   * The metrics of a range, each with its difference to the range before; previous_complete says
   * whether the store reaches back over all of that.
   */
  Map<String, @Nullable Object> metrics(Scope scope) throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) -> {
          Map<String, @Nullable Double> now = metrics(connection, selection);
          // Of what comes before a range of the lake only the rest of its first hour is loaded.
          Map<String, @Nullable Double> before =
              ScopedQueries.LAKE.equals(answer.get("source"))
                  ? Map.of()
                  : metrics(connection, selection.before());
          answer.put("previous_complete", reachesBack(connection, selection.before()));
          for (Map.Entry<String, @Nullable Double> metric : now.entrySet()) {
            Double value = metric.getValue();
            Double valueBefore = before.get(metric.getKey());
            answer.put(metric.getKey(), value);
            answer.put(
                metric.getKey() + "_delta",
                value == null || valueBefore == null ? null : value - valueBefore);
          }
        });
  }

  /** Whether the store holds all of a range and not only its end. */
  private static boolean reachesBack(Connection connection, Selection range) throws SQLException {
    Map<String, @Nullable Object> oldest =
        Rows.one(connection, "SELECT min(window_start) AS oldest FROM rollups", List.of());
    return oldest.get("oldest") instanceof Instant start && !start.isAfter(range.from());
  }

  /** All null where the range has no queries; anomalies_count is so where nothing was scored. */
  private static Map<String, @Nullable Double> metrics(Connection connection, Selection selection)
      throws SQLException {
    Map<String, @Nullable Object> sums = total(connection, selection);
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
        queries == null ? null : outlierCount(connection, value(sums, "outliers")));
    return metrics;
  }

  /** No outliers are good news only where somebody looked. */
  private static @Nullable Double outlierCount(Connection connection, @Nullable Double count)
      throws SQLException {
    if (count != null && count > 0) {
      return count;
    }
    Map<String, @Nullable Object> scored =
        Rows.one(
            connection,
            """
            SELECT EXISTS (FROM outliers)
                OR EXISTS (FROM events WHERE model_version IS NOT NULL) AS scored
            """,
            List.of());
    return Boolean.TRUE.equals(scored.get("scored")) ? count : null;
  }

  /**
   * All null where the range has no queries. cluster_size is the sum over the instances of the size
   * that each had last; rejected rows have no instance that could be trusted and are those of all.
   */
  private static Map<String, @Nullable Object> total(Connection connection, Selection selection)
      throws SQLException {
    From hours = selection.hours();
    List<Object> parameters = new ArrayList<>(List.of(selection.from(), selection.to()));
    parameters.addAll(selection.parameters());
    parameters.addAll(hours.parameters());
    Map<String, @Nullable Object> total =
        Rows.one(
            connection,
            "SELECT "
                + SUMS
                + ", sum(cluster_size) AS cluster_size,"
                + " (SELECT coalesce(sum(rejected), 0) FROM rejected_counts"
                + " WHERE received_at >= ? AND received_at < ?) AS rejected,"
                + " (SELECT count(*)"
                + selection.outliers()
                + ") AS outliers FROM (SELECT "
                + SUMS
                + LAST_CLUSTER_SIZE
                + hours.sql()
                + " GROUP BY instance)",
            parameters);
    return value(total, "queries") == null ? Map.of() : total;
  }

  /**
   * Queries by class and outliers over time, in steps as long as the selection's, none left out,
   * and the newest outliers one by one.
   */
  Map<String, @Nullable Object> classChart(Scope scope) throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) -> {
          List<String> columns = new ArrayList<>(List.of("queries"));
          columns.addAll(QueryClasses.NAMES);
          columns.addAll(List.of("queue_ms", "execution_ms"));
          long step = selection.stepMillis();
          long first = Math.floorDiv(selection.from().toEpochMilli(), step) * step;
          List<Instant> times = new ArrayList<>();
          if (selection.asOf() != null) {
            for (long time = first; time < selection.to().toEpochMilli(); time += step) {
              times.add(Instant.ofEpochMilli(time));
            }
          }
          Map<String, List<Double>> series = new LinkedHashMap<>();
          columns.forEach(
              column ->
                  series.put(column, new ArrayList<>(Collections.nCopies(times.size(), 0.0))));
          From source =
              step < Duration.ofHours(1).toMillis() ? selection.windows() : selection.hours();
          List<Object> parameters = new ArrayList<>(List.of(step));
          parameters.addAll(source.parameters());
          for (Map<String, @Nullable Object> row :
              Rows.all(
                  connection,
                  "SELECT epoch_ms(begins_at) // ? AS step, " + SUMS + source.sql() + " GROUP BY 1",
                  parameters)) {
            int index = (int) ((long) Rows.number(row, "step") - first / step);
            series.forEach((column, values) -> values.set(index, Rows.number(row, column)));
          }
          List<Double> outliers =
              times.isEmpty()
                  ? List.of()
                  : OutlierQueries.byStep(connection, selection, first / step, times.size());
          series.put("outliers", outliers);
          answer.put("step_seconds", step / 1000);
          answer.put("classes", QueryClasses.NAMES);
          answer.put("times", times);
          answer.put("series", series);
          long count = (long) outliers.stream().mapToDouble(Double::doubleValue).sum();
          answer.put("marks", OutlierQueries.marks(connection, selection, count));
        });
  }

  /** A row a class, and a row an instance, the one with the most queries first. */
  Map<String, @Nullable Object> classTable(Scope scope) throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) -> {
          List<Map<String, @Nullable Object>> rows = byInstance(connection, selection);
          answer.put("classes", QueryClasses.of(rows));
          answer.put("instances", rows);
        });
  }

  /** The instances with a critical class, the one with the most queries first. */
  Map<String, @Nullable Object> criticalInstances(Scope scope) throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) ->
            answer.put(
                "instances", QueryClasses.criticalByInstance(byInstance(connection, selection))));
  }

  /** The classes that are critical over the selection, the most frequent first. */
  Map<String, @Nullable Object> criticalTypes(Scope scope) throws SQLException {
    return scoped.ask(
        scope,
        (connection, selection, answer) ->
            answer.put("types", QueryClasses.criticalTypes(byInstance(connection, selection))));
  }

  private static List<Map<String, @Nullable Object>> byInstance(
      Connection connection, Selection selection) throws SQLException {
    From hours = selection.hours();
    List<Map<String, @Nullable Object>> rows =
        Rows.all(
            connection,
            "SELECT instance AS id, "
                + SUMS
                + LAST_CLUSTER_SIZE
                + hours.sql()
                + " GROUP BY instance ORDER BY queries DESC, id",
            hours.parameters());
    for (Map<String, @Nullable Object> row : rows) {
      Double queries = value(row, "queries");
      row.put("score", percent(share(value(row, "normal"), queries)));
      row.put("queue_ratio", queueRatio(row));
      row.put("cache_hit_rate", share(value(row, "cached"), queries));
    }
    return rows;
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
