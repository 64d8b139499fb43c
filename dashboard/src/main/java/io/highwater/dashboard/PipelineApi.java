package io.highwater.dashboard;

import io.javalin.config.RoutesConfig;
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

/** The path that tells how the pipeline is: how fresh, how fast, how far behind, what changed. */
final class PipelineApi {
  private static final int CHANGES_SHOWN = 50;
  private static final int SKIPPED_SHOWN = 50;
  private static final Duration STEP = Duration.ofMinutes(10);

  /** How far the counts over time reach back from the newest report. */
  private static final Duration REPORTED = Duration.ofHours(12);

  private final HotStore store;
  private final HistoryStore history;
  private final Answers answers;
  private final HotQueries queries;
  private final ModelVersions models;
  private final InstantSource clock;

  PipelineApi(
      DashboardConfig config,
      HotStore store,
      HistoryStore history,
      HotQueries queries,
      Answers answers,
      InstantSource clock) {
    this.store = store;
    this.history = history;
    this.answers = answers;
    this.queries = queries;
    this.models = new ModelVersions(config.registry(), config.contract());
    this.clock = clock;
  }

  void addTo(RoutesConfig routes) {
    routes.get("/api/pipeline", answers.unversioned(context -> pipeline()));
  }

  private Map<String, @Nullable Object> pipeline() throws SQLException {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    Instant now = clock.instant();
    Map<String, @Nullable Object> freshness = queries.asOf();
    freshness.put(
        "seconds_behind",
        freshness.get("newest_event") instanceof Instant newest
            ? Duration.between(newest, now).toSeconds()
            : null);
    json.put("now", now);
    json.put("freshness", freshness);
    json.put("rate", queries.throughput());
    json.putAll(store.read(PipelineApi::stream));
    json.put("models", models.all());
    json.put(
        "changes",
        LakeChanges.newest(store.lakeTables(), CHANGES_SHOWN).stream()
            .map(LakeChanges.Change::toJson)
            .toList());
    json.put("files", store.read(PipelineApi::files));
    List<SkippedFile> skipped = history.filesSkipped();
    json.put("skipped", skipped.size());
    json.put(
        "skipped_files", skipped.stream().limit(SKIPPED_SHOWN).map(SkippedFile::toJson).toList());
    return json;
  }

  /** What the stream says of itself; null and empty where no stream has reported. */
  private static Map<String, @Nullable Object> stream(Connection connection) throws SQLException {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    List<Map<String, @Nullable Object>> newest =
        Rows.all(
            connection,
            """
            SELECT reported_at, run_id, records_read_per_second, greatest_event_time, watermark,
                   backlog_messages, model_version
            FROM status ORDER BY reported_at DESC, run_id DESC LIMIT 1
            """,
            List.of());
    List<Map<String, @Nullable Object>> totals =
        Rows.all(
            connection,
            """
            SELECT records_read AS read, records_accepted AS accepted, records_rejected AS rejected,
                   records_late AS late, records_too_late AS too_late,
                   records_duplicate AS duplicate
            FROM status ORDER BY reported_at DESC, run_id DESC LIMIT 1
            """,
            List.of());
    json.put("stream", newest.isEmpty() ? null : newest.get(0));
    json.put("totals", totals.isEmpty() ? null : totals.get(0));
    json.put(
        "lag",
        Rows.all(
            connection,
            """
            SELECT "partition"::INTEGER AS "partition", lag FROM (
              SELECT unnest(map_keys(backlog_by_partition)) AS "partition",
                     unnest(map_values(backlog_by_partition)) AS lag
              FROM (FROM status ORDER BY reported_at DESC, run_id DESC LIMIT 1))
            ORDER BY 1
            """,
            List.of()));
    json.put(
        "late_over_time",
        newest.isEmpty() || !(newest.get(0).get("reported_at") instanceof Instant last)
            ? null
            : overTime(connection, last));
    return json;
  }

  /** What was added to the stream's totals in steps; it adds up from report to report. */
  private static Map<String, @Nullable Object> overTime(Connection connection, Instant last)
      throws SQLException {
    long step = STEP.toMillis();
    long end = Math.floorDiv(last.toEpochMilli(), step) + 1;
    long first = end - REPORTED.toMillis() / step;
    List<Instant> times = new ArrayList<>();
    for (long time = first; time < end; time++) {
      times.add(Instant.ofEpochMilli(time * step));
    }
    Map<String, List<Double>> series = new LinkedHashMap<>();
    for (String name : List.of("read", "rejected", "late", "too_late", "duplicate")) {
      series.put(name, new ArrayList<>(Collections.nCopies(times.size(), 0.0)));
    }
    for (Map<String, @Nullable Object> row :
        Rows.all(
            connection,
            """
            WITH reports AS (
              SELECT reported_at,
                records_read - lag(records_read) OVER in_order AS read,
                records_rejected - lag(records_rejected) OVER in_order AS rejected,
                records_late - lag(records_late) OVER in_order AS late,
                records_too_late - lag(records_too_late) OVER in_order AS too_late,
                records_duplicate - lag(records_duplicate) OVER in_order AS duplicate
              FROM status
              WINDOW in_order AS (ORDER BY reported_at, run_id))
            SELECT epoch_ms(reported_at) // ? AS step,
              -- A stream that began anew, without its state, counts from nothing.
              sum(greatest(read, 0)) AS read, sum(greatest(rejected, 0)) AS rejected,
              sum(greatest(late, 0)) AS late, sum(greatest(too_late, 0)) AS too_late,
              sum(greatest(duplicate, 0)) AS duplicate
            FROM reports WHERE reported_at >= ? GROUP BY 1
            """,
            List.of(step, times.get(0)))) {
      int index = (int) ((long) Rows.number(row, "step") - first);
      series.forEach((name, values) -> values.set(index, Rows.number(row, name)));
    }
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("step_seconds", STEP.toSeconds());
    json.put("times", times);
    json.put("series", series);
    return json;
  }

  /** Files, bytes and rows by table, of the files that are in the store. */
  private static Map<String, @Nullable Object> files(Connection connection) throws SQLException {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    for (Map<String, @Nullable Object> row :
        Rows.all(
            connection,
            """
            SELECT split_part(path, '/', 1) AS name, count(*) AS count,
                   sum(bytes)::BIGINT AS bytes, sum(row_count)::BIGINT AS row_count
            FROM loaded_files GROUP BY 1 ORDER BY 1
            """,
            List.of())) {
      json.put(String.valueOf(row.remove("name")), row);
    }
    return json;
  }
}
