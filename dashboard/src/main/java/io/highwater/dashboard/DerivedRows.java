package io.highwater.dashboard;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What the store knows of its rows beyond what their files say: which of several copies counts,
 * what the roll-ups of an hour add up to, and which outlier follows upon which. It is told once,
 * for the time that a commit touches: at each question it would take up to a second where there are
 * a million rows.
 */
final class DerivedRows {
  /** The measures of roll-ups that add up over windows and instances. */
  static final List<String> SUMS =
      List.of(
          "queries",
          "normal",
          "cpu_bound",
          "io_bound",
          "network_bound",
          "queue_wlm_bound",
          "cached",
          "aborted",
          "spilled_queries",
          "spilled_mb",
          "scanned_mb",
          "queue_ms",
          "execution_ms",
          "compile_ms");

  private static final Copies ROLLUPS =
      new Copies(
          "rollups",
          "window_start",
          "window_start, window_millis, instance",
          // file_id decides only between copies of one pane.
          "run_id DESC, pane_index DESC, file_id DESC");

  private static final Copies OUTLIERS =
      new Copies(
          "outliers", "event_time", "outlier_id", "model_version DESC NULLS LAST, file_id DESC");

  /** A window belongs to the hour that it begins in. */
  private static final String ADD_UP_HOURS =
      """
      MERGE INTO rollup_hours AS old USING (
        SELECT date_trunc('hour', window_start) AS hour, window_millis, instance,
          %s,
          arg_max(cluster_size, window_start) FILTER (cluster_size IS NOT NULL) AS cluster_size,
          max(window_start) FILTER (cluster_size IS NOT NULL) AS cluster_size_at
        FROM rollups
        WHERE NOT superseded AND window_millis < 3600000
          AND window_start >= date_trunc('hour', $1::TIMESTAMP)
          AND window_start < date_trunc('hour', $2::TIMESTAMP) + INTERVAL 1 HOUR
        GROUP BY ALL) AS new
      ON old.hour = new.hour AND old.window_millis = new.window_millis
        AND old.instance = new.instance
      WHEN MATCHED THEN UPDATE
      WHEN NOT MATCHED THEN INSERT
      WHEN NOT MATCHED BY SOURCE AND old.hour >= date_trunc('hour', $1::TIMESTAMP)
        AND old.hour <= $2::TIMESTAMP THEN DELETE
      """
          .formatted(
              SUMS.stream()
                  .map(sum -> "sum(" + sum + ")::DOUBLE AS " + sum)
                  .collect(Collectors.joining(", ")));

  /** Who follows upon an outlier that came or went has its time at most so much later. */
  private static final String FOLLOW =
      """
      UPDATE outliers SET follows_at = neighbours.before FROM (
        SELECT rowid AS row_id, event_time, follows_at,
          CASE WHEN event_time - before <= %1$s THEN before END AS before
        FROM (
          SELECT rowid, event_time, follows_at,
            lag(event_time) OVER (PARTITION BY instance, reason ORDER BY event_time, rowid)
              AS before
          FROM outliers
          WHERE NOT superseded
            AND event_time BETWEEN $1::TIMESTAMP - %1$s AND $2::TIMESTAMP + %1$s)) AS neighbours
      WHERE outliers.rowid = neighbours.row_id AND neighbours.event_time >= $1::TIMESTAMP
        AND neighbours.before IS DISTINCT FROM neighbours.follows_at
      """
          .formatted(OutlierFolds.LONGEST_GAP);

  private final Connection connection;

  DerivedRows(Connection connection) {
    this.connection = connection;
  }

  /**
   * A table whose rows may be there several times, of which one counts.
   *
   * @param time a column that all copies of a row agree in
   * @param key what makes rows copies of each other
   * @param newestFirst the order in which the first counts
   */
  private record Copies(String table, String time, String key, String newestFirst) {}

  /** Both inclusive. */
  private record TimeRange(LocalDateTime from, LocalDateTime to) {}

  /** The times that a commit touches; absent where it leaves a table as it is. */
  record Touched(Map<Copies, TimeRange> ranges) {}

  /** From the first to the last row that is staged or, of these files, goes out. */
  Touched touched(Array removedFileIds) throws SQLException {
    Map<Copies, TimeRange> ranges = new LinkedHashMap<>();
    for (Copies copies : List.of(ROLLUPS, OUTLIERS)) {
      try (PreparedStatement select =
          connection.prepareStatement(
              """
              SELECT min(%1$s), max(%1$s) FROM (
                SELECT %1$s FROM staged_%2$s
                UNION ALL SELECT %1$s FROM %2$s
                WHERE file_id IN (SELECT unnest(?::BIGINT[])))
              """
                  .formatted(copies.time(), copies.table()))) {
        select.setArray(1, removedFileIds);
        try (ResultSet row = select.executeQuery()) {
          row.next();
          LocalDateTime from = row.getObject(1, LocalDateTime.class);
          if (from != null) {
            ranges.put(copies, new TimeRange(from, row.getObject(2, LocalDateTime.class)));
          }
        }
      }
    }
    return new Touched(ranges);
  }

  /** Tells all of it anew, once the rows have come and gone. */
  void update(Touched touched) throws SQLException {
    for (Map.Entry<Copies, TimeRange> range : touched.ranges().entrySet()) {
      Copies copies = range.getKey();
      update(supersede(copies), range.getValue());
      update(copies.equals(ROLLUPS) ? ADD_UP_HOURS : FOLLOW, range.getValue());
    }
  }

  private static String supersede(Copies copies) {
    return """
        UPDATE %1$s SET superseded = NOT superseded WHERE rowid IN (
          SELECT rowid FROM (
            SELECT rowid, superseded,
              row_number() OVER (PARTITION BY %3$s ORDER BY %4$s) > 1 AS is_copy
            FROM %1$s WHERE %2$s BETWEEN $1 AND $2)
          WHERE superseded <> is_copy)
        """
        .formatted(copies.table(), copies.time(), copies.key(), copies.newestFirst());
  }

  private void update(String sql, TimeRange range) throws SQLException {
    try (PreparedStatement update = connection.prepareStatement(sql)) {
      update.setObject(1, range.from());
      update.setObject(2, range.to());
      update.execute();
    }
  }
}
