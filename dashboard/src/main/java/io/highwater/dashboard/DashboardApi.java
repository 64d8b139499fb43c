package io.highwater.dashboard;

import io.highwater.dashboard.HotStore.StoreStatus;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The paths of the API that tell of the whole, of classes and of rows; see also OutlierApi. */
final class DashboardApi {
  private static final int MAX_ROWS = 1_000;
  private static final int DEFAULT_ROWS = 50;
  private static final int MAX_MINUTES = 60;
  private static final int DEFAULT_MINUTES = 10;

  /** How many skipped files are told by name. */
  private static final int SKIPPED_SHOWN = 20;

  private final DashboardConfig config;
  private final HotStore store;
  private final HistoryStore history;
  private final Answers answers;
  private final HotQueries queries;
  private final ModelVersions models;
  private final InstantSource clock;
  private final LiveEvents live;

  DashboardApi(
      DashboardConfig config,
      HotStore store,
      HistoryStore history,
      HotQueries queries,
      Answers answers,
      InstantSource clock) {
    this.config = config;
    this.store = store;
    this.history = history;
    this.answers = answers;
    this.queries = queries;
    this.models = new ModelVersions(config.registry(), config.contract());
    this.clock = clock;
    this.live = new LiveEvents(config, store, () -> Answers.json().writeValueAsString(status()));
  }

  /** The events that go with this API; not started. */
  LiveEvents live() {
    return live;
  }

  void addTo(RoutesConfig routes) {
    routes.get("/health", answers.unversioned(context -> Map.of("status", "ok")));
    routes.get("/ready", this::ready);
    routes.get("/api/status", answers.unversioned(context -> status()));
    routes.get("/api/throughput", answers.unversioned(this::throughput));
    routes.get("/api/instances", answers.versioned(context -> instances()));
    routes.get(
        "/api/instances/critical",
        answers.scoped((context, scope) -> queries.criticalInstances(scope)));
    routes.get("/api/metrics", answers.scoped((context, scope) -> queries.metrics(scope)));
    routes.get(
        "/api/classification/chart", answers.scoped((context, scope) -> queries.classChart(scope)));
    routes.get(
        "/api/classification/table", answers.scoped((context, scope) -> queries.classTable(scope)));
    routes.get(
        "/api/critical/types", answers.scoped((context, scope) -> queries.criticalTypes(scope)));
    routes.get("/api/predictions", answers.versioned(this::predictions));
    routes.get("/api/models", answers.unversioned(context -> models.all()));
    routes.get("/api/rejected", answers.versioned(this::rejected));
    routes.get("/api/queries/recent", answers.versioned(this::recent));
  }

  private void ready(Context context) {
    StoreStatus status = store.status();
    boolean ready = status.caughtUp() && status.lakeReachable() && status.error() == null;
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("status", ready ? "ready" : "not ready");
    answer.put("store_loaded", status.caughtUp());
    answer.put("lake_reachable", status.lakeReachable());
    answer.put("files_pending", status.filesPending());
    answer.put("error", status.error());
    answers.send(context, ready ? 200 : 503, answer);
  }

  private Map<String, @Nullable Object> status() throws SQLException {
    StoreStatus status = store.status();
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("name", "Highwater");
    answer.put("contract", config.contract());
    answer.put("lake", config.lake().toString());
    answer.put("keep_days", config.keepDays());
    answer.put("now", clock.instant());
    answer.put("version", store.version());
    answer.put("state", state(status));
    answer.put("error", status.error());
    answer.put("as_of", queries.asOf());
    answer.put("throughput", queries.throughput());
    answer.put("model", models.inService(queries.newestScored()));
    Map<String, @Nullable Object> files = new LinkedHashMap<>();
    files.put("loaded", status.filesLoaded());
    files.put("pending", status.filesPending());
    List<SkippedFile> skipped = history.filesSkipped();
    files.put("skipped", skipped.size());
    files.put(
        "skipped_files", skipped.stream().limit(SKIPPED_SHOWN).map(SkippedFile::toJson).toList());
    answer.put("files", files);
    answer.put("rows", queries.rowCounts());
    answer.put("rejected", rejectedCounts());
    answer.put("live", live.state());
    return answer;
  }

  private static String state(StoreStatus status) {
    if (!status.caughtUp()) {
      return "loading";
    }
    return status.filesLoaded() == 0 ? "waiting" : "ready";
  }

  private Map<String, @Nullable Object> rejectedCounts() throws SQLException {
    List<Map<String, @Nullable Object>> counts = queries.rejectedCounts();
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("total", counts.stream().mapToDouble(row -> Rows.number(row, "count")).sum());
    answer.put("by", counts);
    return answer;
  }

  private Map<String, @Nullable Object> throughput(Context context) throws SQLException {
    return queries.throughputHistory(
        Parameters.number(context, "minutes", DEFAULT_MINUTES, 1, MAX_MINUTES));
  }

  private Map<String, @Nullable Object> instances() throws SQLException {
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("as_of", queries.asOf().get("newest_window"));
    answer.put("instances", queries.instances());
    return answer;
  }

  private Map<String, @Nullable Object> predictions(Context context) throws SQLException {
    int limit = limit(context);
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("rows", queries.predictions(Parameters.ids(context), limit));
    return answer;
  }

  private Map<String, @Nullable Object> rejected(Context context) throws SQLException {
    Map<String, @Nullable Object> answer = rejectedCounts();
    answer.put("rows", queries.rejected(limit(context)));
    return answer;
  }

  private Map<String, @Nullable Object> recent(Context context) throws SQLException {
    int limit = limit(context);
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("rows", queries.recentQueries(Parameters.ids(context), limit));
    return answer;
  }

  /** How many rows are asked for. */
  static int limit(Context context) {
    return Parameters.number(context, "limit", DEFAULT_ROWS, 1, MAX_ROWS);
  }
}
