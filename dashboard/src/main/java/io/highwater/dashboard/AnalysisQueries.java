package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the API's analyses ask the hot store. Sums over time are those of the newest panes of the
 * finest roll-up windows, as everywhere; fingerprints and load are told by whole hours, those that
 * the range touches. Durations are milliseconds, volumes megabytes, shares 0 to 1.
 */
final class AnalysisQueries {
  /** What each analysis means, in a sentence. */
  static final Map<String, String> MEANING =
      Map.of(
          "top_queries",
          "Queries of one shape (equal fingerprint on one instance) taken together: what the"
              + " warehouse's time goes into, and which of them have become slower.",
          "cache",
          "Share of queries answered from the result cache: a fall at equal load means changed"
              + " tables, changed query texts or caching switched off.",
          "spill",
          "Queries that ran out of memory and wrote intermediate results to disk, and how much.",
          "queue",
          "Time that queries waited for a slot beside the time that they ran: waiting that grows"
              + " faster than running means too few slots or long queries in the way.",
          "compile",
          "Share of execution time spent compiling, and how closely compile time follows the number"
              + " of joins (Pearson's r of selects, 1 = entirely; mean of the hours by queries).",
          "tables",
          "The tables read most often; an hour tells its ten most frequent ones, so that counts"
              + " are lower bounds.",
          "utilization",
          "Work that arrived in an hour beside what the slots could do in it; above that the"
              + " instance is oversubscribed and queries wait or slow each other down.");

  private static final Duration HOUR = Duration.ofHours(1);
  private static final int SPARKLINE_POINTS = 24;

  private static final List<String> HOURLY_SUMS =
      List.of(
          "queries",
          "cached",
          "spilled_queries",
          "spilled_mb",
          "queue_ms",
          "execution_ms",
          "compile_ms");

  private final ScopedQueries queries;

  AnalysisQueries(ScopedQueries queries) {
    this.queries = queries;
  }

  /** What makes a fingerprint a top one. */
  enum TopBy {
    TIME("execution_ms"),
    COUNT("queries"),
    SPILL("spilled_mb"),
    QUEUE("queue_ms"),
    /** The time that they took beyond what they would have taken at the mean of before. */
    SLOWDOWN("lost_ms");

    /** The names that the API has for them. */
    static final List<String> NAMES = Arrays.stream(values()).map(TopBy::apiName).toList();

    private final String column;

    TopBy(String column) {
      this.column = column;
    }

    String apiName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * The fingerprints with the most of something; queries answered from the cache do not count. The
   * hours before are as many; what is compared with them is null where the store does not hold all
   * of them.
   */
  Map<String, @Nullable Object> top(Scope scope, TopBy by, int limit) throws SQLException {
    return queries.ask(
        scope,
        (connection, selection, json) -> {
          Selection hours = describeHours(selection, json);
          boolean comparable = hasFingerprintsSince(connection, hours.before().from());
          json.put("by", by.apiName());
          json.put("previous_complete", comparable);
          json.put("rows", topRows(connection, hours, comparable, by, limit));
          json.put("meaning", MEANING.get("top_queries"));
        });
  }

  private static boolean hasFingerprintsSince(Connection connection, Instant from)
      throws SQLException {
    Object oldest =
        Rows.one(connection, "SELECT min(hour) AS oldest FROM fingerprints", List.of())
            .get("oldest");
    return oldest instanceof Instant hour && !hour.isAfter(from);
  }

  private static List<Map<String, @Nullable Object>> topRows(
      Connection connection, Selection hours, boolean comparable, TopBy by, int limit)
      throws SQLException {
    List<Object> parameters = hours.parameters();
    parameters.addAll(hours.before().parameters());
    parameters.add(comparable);
    parameters.add(limit);
    return Rows.all(
        connection,
        """
        WITH newer AS (
          SELECT instance, fingerprint, query_type, sum(queries)::BIGINT AS queries,
            sum(execution_ms) AS execution_ms, sum(execution_ms) / sum(queries) AS mean_ms,
            max(max_execution_ms) AS max_ms, sum(compile_ms) AS compile_ms,
            sum(queue_ms) AS queue_ms, sum(scanned_mb) AS scanned_mb,
            sum(spilled_mb) AS spilled_mb,
            sum(execution_ms) / nullif(sum(sum(execution_ms)) OVER (), 0) AS share_of_time
          FROM fingerprints%1$s GROUP BY ALL),
        older AS (
          SELECT instance, fingerprint, query_type,
            sum(execution_ms) / sum(queries) AS mean_ms_before
          FROM fingerprints%1$s AND ? GROUP BY ALL)
        SELECT *, mean_ms / nullif(mean_ms_before, 0) AS slowdown,
          (mean_ms - mean_ms_before) * queries AS lost_ms
        FROM newer LEFT JOIN older USING (instance, fingerprint, query_type)
        WHERE fingerprint IS NOT NULL AND %2$s > 0
        ORDER BY %2$s DESC, execution_ms DESC, instance, fingerprint, query_type LIMIT ?
        """
            .formatted(hours.where("hour"), by.column),
        parameters);
  }

  /** Sums over time in steps of an hour, none left out, and what was spilled by type of query. */
  Map<String, @Nullable Object> hours(Scope scope) throws SQLException {
    return queries.ask(
        scope,
        (connection, selection, json) -> {
          Selection hours = wholeHours(selection);
          List<Instant> times = new ArrayList<>();
          for (Instant time = hours.from(); time.isBefore(hours.to()); time = time.plus(HOUR)) {
            times.add(time);
          }
          json.put("step_seconds", HOUR.toSeconds());
          json.put("times", times);
          json.put("series", hourlySeries(connection, selection, times));
          json.put("spill_by_type", spillByType(connection, selection));
          json.put("meaning", MEANING);
        });
  }

  private static Map<String, List<@Nullable Double>> hourlySeries(
      Connection connection, Selection selection, List<Instant> times) throws SQLException {
    Map<String, List<@Nullable Double>> series = new LinkedHashMap<>();
    StringBuilder sums = new StringBuilder();
    for (String column : HOURLY_SUMS) {
      series.put(column, new ArrayList<>(Collections.nCopies(times.size(), 0.0)));
      sums.append(", sum(").append(column).append(") AS ").append(column);
    }
    List<@Nullable Double> hitRates = new ArrayList<>(Collections.nCopies(times.size(), null));
    Selection.From source = selection.hours();
    for (Map<String, @Nullable Object> row :
        Rows.all(
            connection,
            "SELECT date_trunc('hour', begins_at) AS hour" + sums + source.sql() + " GROUP BY 1",
            source.parameters())) {
      if (row.get("hour") instanceof Instant hour) {
        int index = (int) Duration.between(times.get(0), hour).toHours();
        series.forEach((column, values) -> values.set(index, Rows.number(row, column)));
        double all = Rows.number(row, "queries");
        hitRates.set(index, all == 0 ? null : Rows.number(row, "cached") / all);
      }
    }
    series.put("cache_hit_rate", hitRates);
    return series;
  }

  private static List<Map<String, @Nullable Object>> spillByType(
      Connection connection, Selection selection) throws SQLException {
    return Rows.all(
        connection,
        "SELECT type, sum(spilled_queries_by_type[type])::BIGINT AS queries,"
            + " sum(spilled_mb_by_type[type]) AS mb FROM (SELECT spilled_queries_by_type,"
            + " spilled_mb_by_type, unnest(map_keys(spilled_queries_by_type)) AS type"
            + selection.rollups()
            + ") GROUP BY type ORDER BY mb DESC, type",
        selection.rollupParameters());
  }

  /** The tables read most often; each is of one instance, as ids repeat from one to another. */
  Map<String, @Nullable Object> tables(Scope scope, int limit) throws SQLException {
    return queries.ask(
        scope,
        (connection, selection, json) -> {
          Selection hours = inLongestWindows(connection, describeHours(selection, json));
          List<Object> parameters = hours.rollupParameters();
          parameters.add(limit);
          json.put(
              "rows",
              Rows.all(
                  connection,
                  "SELECT instance, read.\"value\" AS \"table\","
                      + " sum(read.\"count\")::BIGINT AS reads"
                      + " FROM (SELECT instance, unnest(top_read_tables) AS read"
                      + hours.rollups()
                      + ") GROUP BY ALL ORDER BY reads DESC, instance, \"table\" LIMIT ?",
                  parameters));
          json.put("meaning", MEANING.get("tables"));
        });
  }

  /** One row an instance, the most oversubscribed first; its windows are the longest ones. */
  Map<String, @Nullable Object> utilization(Scope scope) throws SQLException {
    return queries.ask(
        scope,
        (connection, selection, json) -> {
          List<Map<String, @Nullable Object>> rows =
              ofLongestWindows(
                  connection,
                  describeHours(selection, json),
                  """
                  avg(utilization) AS utilization_mean, max(utilization) AS utilization_max,
                  max(oversubscription) AS oversubscription_max,
                  count_if(oversubscription > 0)::BIGINT AS oversubscribed_windows,
                  count(*) AS windows, avg(composite_score) AS composite_score
                  """,
                  "oversubscription_max DESC NULLS LAST, utilization_mean DESC NULLS LAST");
          Map<Object, double[]> sparklines = sparklines(connection, selection);
          for (Map<String, @Nullable Object> row : rows) {
            row.put(
                "sparkline",
                sparklines.getOrDefault(
                    String.valueOf(row.get("instance")), new double[SPARKLINE_POINTS]));
          }
          json.put("rows", rows);
          json.put("meaning", MEANING.get("utilization"));
        });
  }

  /** Queries by instance in equal parts of the range. */
  private static Map<Object, double[]> sparklines(Connection connection, Selection selection)
      throws SQLException {
    long from = selection.from().toEpochMilli();
    List<Object> parameters =
        new ArrayList<>(List.of(from, SPARKLINE_POINTS, selection.to().toEpochMilli() - from));
    parameters.addAll(selection.rollupParameters());
    Map<Object, double[]> sparklines = new LinkedHashMap<>();
    for (Map<String, @Nullable Object> row :
        Rows.all(
            connection,
            "SELECT instance, (epoch_ms(window_start) - ?) * ? // ? AS part,"
                + " sum(queries) AS queries"
                + selection.rollups()
                + " GROUP BY ALL",
            parameters)) {
      double[] values =
          sparklines.computeIfAbsent(
              String.valueOf(row.get("instance")), unused -> new double[SPARKLINE_POINTS]);
      values[(int) Rows.number(row, "part")] = Rows.number(row, "queries");
    }
    return sparklines;
  }

  /** One row an instance, the one that compiles longest first. */
  Map<String, @Nullable Object> compile(Scope scope) throws SQLException {
    return queries.ask(
        scope,
        (connection, selection, json) -> {
          json.put(
              "rows",
              ofLongestWindows(
                  connection,
                  describeHours(selection, json),
                  """
                  sum(joins_compile_correlation * queries)
                    / sum(queries) FILTER (joins_compile_correlation IS NOT NULL)
                    AS joins_compile_correlation,
                  sum(compile_ms) / nullif(sum(execution_ms), 0) AS compile_share,
                  sum(compile_ms) AS compile_ms, sum(execution_ms) AS execution_ms
                  """,
                  "compile_ms DESC NULLS LAST"));
          json.put("meaning", MEANING.get("compile"));
        });
  }

  /** Something of each instance over its longest windows, which are hours. */
  private static List<Map<String, @Nullable Object>> ofLongestWindows(
      Connection connection, Selection hours, String columns, String order) throws SQLException {
    Selection longest = inLongestWindows(connection, hours);
    return Rows.all(
        connection,
        "SELECT instance, "
            + columns
            + longest.rollups()
            + " GROUP BY instance ORDER BY "
            + order
            + ", instance",
        longest.rollupParameters());
  }

  /** The selection in windows of an hour, of which there are fewer than of the finest. */
  private static Selection inLongestWindows(Connection connection, Selection hours)
      throws SQLException {
    return hours.withWindows(
        (long)
            Rows.number(
                Rows.one(connection, "SELECT max(window_millis) AS millis FROM rollups", List.of()),
                "millis"));
  }

  /** The hours that a selection touches, which the answer tells beside the selection. */
  private static Selection describeHours(Selection selection, Map<String, @Nullable Object> json) {
    Selection hours = wholeHours(selection);
    json.put("hours_from", hours.from());
    json.put("hours_to", hours.to());
    return hours;
  }

  private static Selection wholeHours(Selection selection) {
    Instant to = selection.to().truncatedTo(ChronoUnit.HOURS);
    return new Selection(
        selection.window(),
        selection.asOf(),
        selection.from().truncatedTo(ChronoUnit.HOURS),
        to.equals(selection.to()) ? to : to.plus(HOUR),
        selection.windowMillis(),
        selection.ids());
  }
}
