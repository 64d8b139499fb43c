package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Neighbours among outliers, those of one instance and reason between which no gap is longer than
 * {@link #LONGEST_GAP}, as one row: the worst of them stands for all. Where no filter takes any out
 * from between, the store knows already which follows upon which.
 */
final class OutlierFolds {
  static final String LONGEST_GAP = "INTERVAL 10 MINUTE";

  private static final Duration LONGEST_GAP_DURATION = Duration.ofMinutes(10);

  /**
   * Of the outliers {@code chosen}. Instance and reason are told apart by their hash, as sorting
   * texts takes twice as long; of a thousand pairs two share one of 64 bits once in 10^13.
   */
  static final String FOLDED =
      """
      SELECT arg_max(row_id, badness) AS row_id, count(*) AS folded, min(event_time) AS first_at,
             max(event_time) AS last_at, alike AS tie
      FROM (
        SELECT *, count(*) FILTER (after_gap) OVER (PARTITION BY alike ORDER BY event_time) AS fold
        FROM (
          SELECT row_id, event_time, alike, badness,
                 event_time - lag(event_time) OVER (PARTITION BY alike ORDER BY event_time) > %s
                   AS after_gap
          FROM (
            SELECT row_id, event_time, hash(instance, reason) AS alike,
                   1e9 * coalesce(list_position(['minor', 'major', 'critical'], severity), 0)
                     + least(coalesce(ratio, 0), 1e8) AS badness
            FROM chosen)))
      GROUP BY alike, fold
      """
          .formatted(LONGEST_GAP);

  private OutlierFolds() {}

  /** The rows that a filter's outliers make; whose predecessor is out of the range begins one. */
  static long count(Connection connection, Selection selection, OutlierFilter filter)
      throws SQLException {
    List<Object> parameters = new ArrayList<>(List.of(selection.from()));
    parameters.addAll(filter.parameters(selection));
    String begins = "count(*) FILTER (follows_at IS NULL OR follows_at < ?) AS count";
    if (filter.isEmpty()) {
      return (long)
          Rows.number(
              Rows.one(connection, "SELECT " + begins + filter.outliers(selection), parameters),
              "count");
    }
    return (long)
        Rows.number(
            Rows.one(
                connection,
                "SELECT "
                    + begins
                    + " FROM (SELECT CASE WHEN event_time - before <= "
                    + LONGEST_GAP
                    + " THEN before END AS follows_at FROM (SELECT event_time, lag(event_time)"
                    + " OVER (PARTITION BY hash(instance, reason) ORDER BY event_time) AS before"
                    + filter.outliers(selection)
                    + "))",
                parameters),
            "count");
  }

  /** Whether none of the rows can have begun before: its neighbour would be seen. */
  static boolean areWhole(List<Map<String, @Nullable Object>> rows, Instant from) {
    Instant latest = from.plus(LONGEST_GAP_DURATION);
    return rows.stream()
        .allMatch(row -> row.get("first_at") instanceof Instant first && first.isAfter(latest));
  }
}
