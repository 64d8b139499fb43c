package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * The part of the data that a {@link Scope} means: a range of event time and instances. Roll-up
 * windows are in it that begin in it.
 *
 * @param asOf the end of the newest roll-up window; null where there is none
 * @param from inclusive
 * @param to exclusive
 * @param windowMillis the length of the roll-up windows that are summed: of the finest
 * @param ids the instances; null for all
 */
record Selection(
    String window,
    @Nullable Instant asOf,
    Instant from,
    Instant to,
    long windowMillis,
    @Nullable List<String> ids) {
  private static final Duration HOUR = Duration.ofHours(1);
  private static final String SUMS = ", instance, " + String.join(", ", DerivedRows.SUMS);
  private static final String WINDOW_SUMS =
      "window_start AS begins_at" + SUMS + ", cluster_size, window_start AS cluster_size_at";
  private static final String HOUR_SUMS =
      "hour AS begins_at" + SUMS + ", cluster_size, cluster_size_at";

  /**
   * The newest of the finest roll-up windows, which looks at all of them.
   *
   * @param start null where there is none
   */
  record NewestWindow(@Nullable Instant start, long millis) {}

  /** As of now, give or take wrong clocks. */
  static NewestWindow newest(Connection connection, Instant now) throws SQLException {
    Map<String, @Nullable Object> newest =
        Rows.one(
            connection,
            """
            SELECT max(window_start) AS window_start, any_value(window_millis) AS window_millis
            FROM rollups
            WHERE window_millis = (SELECT min(window_millis) FROM rollups) AND window_start <= ?
            """,
            List.of(now.plus(HotStore.FUTURE_TOLERATED)));
    return new NewestWindow(
        newest.get("window_start") instanceof Instant start ? start : null,
        (long) Rows.number(newest, "window_millis"));
  }

  static Selection of(Connection connection, Scope scope, NewestWindow newest, Instant now)
      throws SQLException {
    Instant start = newest.start();
    Instant asOf = start == null ? null : start.plusMillis(newest.millis());
    Instant to = scope.to();
    if (to == null) {
      to = asOf == null ? Parameters.endOfMinute(now) : asOf;
    }
    Selection selection =
        new Selection(
            scope.window(),
            asOf,
            to.minus(scope.length()),
            to,
            newest.millis(),
            scope.ids().isEmpty() ? null : scope.ids());
    return scope.criticalOnly()
        ? selection.withIds(QueryClasses.criticalInstances(connection, selection))
        : selection;
  }

  private Selection withIds(List<String> newIds) {
    return new Selection(window, asOf, from, to, windowMillis, newIds);
  }

  /** The same in roll-up windows of another length. */
  Selection withWindows(long millis) {
    return new Selection(window, asOf, from, to, millis, ids);
  }

  /** The range of the same length before it. */
  Selection before() {
    return between(from.minus(Duration.between(from, to)), from);
  }

  /** The newest part of its range. */
  Selection newestPart(double share) {
    return between(to.minusMillis((long) (Duration.between(from, to).toMillis() * share)), to);
  }

  /** The step of a chart of the range: some 150 to 200 points where it is longer than a day. */
  long stepMillis() {
    Duration length = Duration.between(from, to);
    Duration step =
        length.compareTo(Duration.ofHours(36)) <= 0
            ? Duration.ofMinutes(10)
            : length.compareTo(Duration.ofDays(8)) <= 0
                ? Duration.ofHours(1)
                : length.compareTo(Duration.ofDays(31)) <= 0
                    ? Duration.ofHours(6)
                    : Duration.ofDays(1);
    return Math.max(step.toMillis(), windowMillis);
  }

  /** The clauses that take its rows of a table by their time; {@link #parameters} go with it. */
  String where(String time) {
    return " WHERE " + time + " >= ? AND " + time + " < ?" + in(ids);
  }

  /** May be added to. */
  List<Object> parameters() {
    List<Object> parameters = new ArrayList<>(List.of(from, to));
    if (ids != null) {
      parameters.addAll(ids);
    }
    return parameters;
  }

  /** The newest panes of its roll-ups; {@link #rollupParameters} go with it. */
  String rollups() {
    return " FROM rollups_latest" + where("window_start") + " AND window_millis = ?";
  }

  /** May be added to. */
  List<Object> rollupParameters() {
    List<Object> parameters = parameters();
    parameters.add(windowMillis);
    return parameters;
  }

  /** A FROM clause and the parameters that go with it. */
  record From(String sql, List<Object> parameters) {}

  /**
   * The sums of its roll-ups by instance and begins_at, which is an hour: of one that is only
   * partly in the range, and where the windows are not shorter, each window's by itself.
   */
  From hours() {
    Instant first = from.plus(HOUR).minusMillis(1).truncatedTo(ChronoUnit.HOURS);
    Instant last = to.truncatedTo(ChronoUnit.HOURS);
    if (windowMillis >= HOUR.toMillis() || !first.isBefore(last)) {
      return windows();
    }
    StringJoiner parts = new StringJoiner(" UNION ALL ", " FROM (", ")");
    List<Object> parameters = new ArrayList<>();
    for (Selection edge : List.of(between(from, first), between(last, to))) {
      if (edge.from.isBefore(edge.to)) {
        parts.add("SELECT " + WINDOW_SUMS + edge.rollups());
        parameters.addAll(edge.rollupParameters());
      }
    }
    Selection hours = between(first, last);
    parts.add(
        "SELECT "
            + HOUR_SUMS
            + " FROM rollup_hours"
            + hours.where("hour")
            + " AND window_millis = ?");
    parameters.addAll(hours.rollupParameters());
    return new From(parts.toString(), parameters);
  }

  /** As {@link #hours}, of each window by itself. */
  From windows() {
    return new From(" FROM (SELECT " + WINDOW_SUMS + rollups() + ")", rollupParameters());
  }

  private Selection between(Instant newFrom, Instant newTo) {
    return new Selection(window, asOf, newFrom, newTo, windowMillis, ids);
  }

  /** Its outliers, each once; {@link #parameters} go with it. */
  String outliers() {
    return " FROM outliers" + where("event_time") + " AND NOT superseded";
  }

  /** The members that an answer about it begins with. */
  Map<String, @Nullable Object> describe() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("as_of", asOf);
    json.put("window", window);
    json.put("from", from);
    json.put("to", to);
    json.put("ids", ids);
    json.put("source", "store");
    return json;
  }

  /** A condition, after others, that takes these instances; null for all. */
  static String in(@Nullable List<String> ids) {
    if (ids == null) {
      return "";
    }
    if (ids.isEmpty()) {
      return " AND false";
    }
    StringJoiner placeholders = new StringJoiner(", ", " AND instance IN (", ")");
    ids.forEach(id -> placeholders.add("?"));
    return placeholders.toString();
  }
}
