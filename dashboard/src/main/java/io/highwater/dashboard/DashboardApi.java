package io.highwater.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import io.highwater.dashboard.HotQueries.OutlierFilter;
import io.highwater.dashboard.HotQueries.Scope;
import io.highwater.dashboard.HotStore.SkippedFile;
import io.highwater.dashboard.HotStore.StoreStatus;
import io.highwater.detect.OutlierReason;
import io.highwater.detect.Severity;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The paths of the API. Times are ISO 8601 in UTC; what is wrong with a request is told as problem
 * details (RFC 9457). Paths whose answer depends on the store alone carry its version as their
 * entity tag, so that asking again costs nothing until there is something new.
 */
final class DashboardApi {
  static final int MAX_IDS = 1_000;
  private static final int MAX_ID_LENGTH = 100;
  private static final int MAX_ROWS = 1_000;
  private static final int DEFAULT_ROWS = 50;
  private static final int MAX_MINUTES = 60;
  private static final int DEFAULT_MINUTES = 10;

  /** How many skipped files are told by name. */
  private static final int SKIPPED_SHOWN = 20;

  private static final List<String> SEVERITIES =
      Arrays.stream(Severity.values()).map(Severity::code).toList();
  private static final List<String> REASONS =
      Arrays.stream(OutlierReason.values()).map(OutlierReason::code).toList();

  private static final Logger log = LoggerFactory.getLogger(DashboardApi.class);

  private final DashboardConfig config;
  private final HotStore store;
  private final HotQueries queries;
  private final ModelVersions models;
  private final InstantSource clock;
  private final ObjectMapper json =
      JsonMapper.builder()
          .addModule(
              new SimpleModule()
                  .addSerializer(text(Instant.class, Instant::toString))
                  .addSerializer(new FiniteOrNull()))
          .build();

  DashboardApi(DashboardConfig config, HotStore store, InstantSource clock) {
    this.config = config;
    this.store = store;
    this.queries = new HotQueries(store, clock);
    this.models = new ModelVersions(config.registry(), config.contract());
    this.clock = clock;
  }

  /** What a path answers with. */
  @FunctionalInterface
  private interface Answer {
    Map<String, ? extends @Nullable Object> of(Context context) throws SQLException;
  }

  void addTo(RoutesConfig routes) {
    routes.get("/health", context -> send(context, 200, Map.of("status", "ok")));
    routes.get("/ready", this::ready);
    routes.get("/api/status", context -> send(context, 200, status()));
    routes.get("/api/throughput", context -> send(context, 200, throughput(context)));
    routes.get("/api/instances", context -> versioned(context, this::instances));
    routes.get("/api/instances/critical", context -> versioned(context, this::critical));
    routes.get("/api/metrics", context -> versioned(context, this::metrics));
    routes.get("/api/classification/chart", context -> versioned(context, this::chart));
    routes.get("/api/classification/table", context -> versioned(context, this::table));
    routes.get("/api/anomalies", context -> versioned(context, this::anomalies));
    routes.get("/api/predictions", context -> versioned(context, this::predictions));
    routes.get("/api/models", context -> send(context, 200, models.all()));
    routes.get("/api/rejected", context -> versioned(context, this::rejected));
    routes.get("/api/queries/recent", context -> versioned(context, this::recent));

    routes.exception(
        Problem.class,
        (problem, context) -> sendProblem(context, 400, problem.toJson(context.path())));
    routes.exception(
        HttpResponseException.class,
        (e, context) ->
            sendProblem(
                context,
                e.getStatus(),
                Problem.json(e.getStatus(), title(e.getStatus()), detail(e), context.path())));
    routes.exception(
        Exception.class,
        (e, context) -> {
          log.error("{} failed", context.path(), e);
          sendProblem(
              context,
              500,
              Problem.json(
                  500, title(500), "the server's log says what went wrong", context.path()));
        });
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
    send(context, ready ? 200 : 503, answer);
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
    files.put("skipped", status.filesSkipped().size());
    List<Map<String, @Nullable Object>> skipped = new ArrayList<>();
    for (SkippedFile file : status.filesSkipped().stream().limit(SKIPPED_SHOWN).toList()) {
      Map<String, @Nullable Object> entry = new LinkedHashMap<>();
      entry.put("path", SafeText.escape(file.path()));
      entry.put("bytes", file.bytes());
      entry.put("reason", SafeText.shorten(SafeText.escape(file.reason()), Rows.MAX_TEXT));
      entry.put("since", file.since());
      skipped.add(entry);
    }
    files.put("skipped_files", skipped);
    answer.put("files", files);
    answer.put("rows", queries.rowCounts());
    answer.put("rejected", rejectedCounts());
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
    return queries.throughputHistory(number(context, "minutes", DEFAULT_MINUTES, MAX_MINUTES));
  }

  private Map<String, @Nullable Object> instances(Context context) throws SQLException {
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("as_of", queries.asOf().get("newest_window"));
    answer.put("instances", queries.instances());
    return answer;
  }

  private Map<String, @Nullable Object> critical(Context context) throws SQLException {
    Scope scope = new Scope(window(context), List.of());
    Map<String, @Nullable Object> answer = queries.describe(scope);
    answer.put("instances", HotQueries.critical(queries.byInstance(scope)));
    return answer;
  }

  private Map<String, @Nullable Object> metrics(Context context) throws SQLException {
    Scope scope = scope(context);
    Map<String, @Nullable Object> answer = queries.describe(scope);
    answer.putAll(queries.metrics(scope));
    return answer;
  }

  private Map<String, @Nullable Object> chart(Context context) throws SQLException {
    Scope scope = scope(context);
    Map<String, @Nullable Object> answer = queries.describe(scope);
    answer.putAll(queries.classChart(scope));
    return answer;
  }

  private Map<String, @Nullable Object> table(Context context) throws SQLException {
    Scope scope = scope(context);
    List<Map<String, @Nullable Object>> rows = queries.byInstance(scope);
    Map<String, @Nullable Object> answer = queries.describe(scope);
    answer.put("classes", HotQueries.byClass(rows));
    answer.put("instances", rows);
    return answer;
  }

  private Map<String, @Nullable Object> anomalies(Context context) throws SQLException {
    Scope scope = scope(context);
    OutlierFilter filter =
        new OutlierFilter(
            oneOf(context, "severity", SEVERITIES), oneOf(context, "reason", REASONS));
    int limit = number(context, "limit", DEFAULT_ROWS, MAX_ROWS);
    Map<String, @Nullable Object> answer = queries.describe(scope);
    answer.putAll(queries.outliers(scope, filter, limit));
    return answer;
  }

  private Map<String, @Nullable Object> predictions(Context context) throws SQLException {
    int limit = number(context, "limit", DEFAULT_ROWS, MAX_ROWS);
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("rows", queries.predictions(ids(context), limit));
    return answer;
  }

  private Map<String, @Nullable Object> rejected(Context context) throws SQLException {
    Map<String, @Nullable Object> answer = rejectedCounts();
    answer.put("rows", queries.rejected(number(context, "limit", DEFAULT_ROWS, MAX_ROWS)));
    return answer;
  }

  private Map<String, @Nullable Object> recent(Context context) throws SQLException {
    int limit = number(context, "limit", DEFAULT_ROWS, MAX_ROWS);
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("rows", queries.recentQueries(ids(context), limit));
    return answer;
  }

  private static Scope scope(Context context) {
    return new Scope(window(context), ids(context));
  }

  private static TimeWindow window(Context context) {
    String value = context.queryParam("window");
    if (value == null) {
      return TimeWindow.DAY;
    }
    for (TimeWindow window : TimeWindow.values()) {
      if (window.label().equals(value)) {
        return window;
      }
    }
    throw new Problem("window", value, "24h or 1week");
  }

  /** Instances, separated by commas or given again and again; none or an empty text means all. */
  private static List<String> ids(Context context) {
    List<String> ids = new ArrayList<>();
    for (String value : context.queryParams("ids")) {
      for (String id : Arrays.asList(value.split(",", -1))) {
        if (id.length() > MAX_ID_LENGTH) {
          throw new Problem(
              "ids", id, "instances of at most " + MAX_ID_LENGTH + " characters each");
        }
        if (!id.isBlank()) {
          ids.add(id.strip());
        }
      }
    }
    if (ids.size() > MAX_IDS) {
      throw new Problem("ids", ids.size() + " instances", "at most " + MAX_IDS + " instances");
    }
    return ids;
  }

  private static @Nullable String oneOf(Context context, String parameter, List<String> values) {
    String value = context.queryParam(parameter);
    if (value != null && !values.contains(value)) {
      throw new Problem(parameter, value, "one of " + String.join(", ", values));
    }
    return value;
  }

  private static int number(Context context, String parameter, int otherwise, int max) {
    String value = context.queryParam(parameter);
    if (value == null) {
      return otherwise;
    }
    try {
      int number = Integer.parseInt(value);
      if (number >= 1 && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Told below, as a number out of range is.
    }
    throw new Problem(parameter, value, "a whole number from 1 to " + max);
  }

  private void versioned(Context context, Answer answer) throws SQLException {
    String tag = "W/\"" + store.version() + "\"";
    context.header("ETag", tag);
    context.header("Cache-Control", "no-cache");
    if (tag.equals(context.header("If-None-Match"))) {
      context.status(304);
    } else {
      send(context, 200, answer.of(context));
    }
  }

  private void send(Context context, int status, Object answer) {
    send(context, status, "application/json", answer);
  }

  private void sendProblem(Context context, int status, Object problem) {
    context.removeHeader("ETag");
    send(context, status, Problem.CONTENT_TYPE, problem);
  }

  private void send(Context context, int status, String contentType, Object answer) {
    try {
      context.status(status).contentType(contentType).result(json.writeValueAsBytes(answer));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an answer does not turn into JSON", e);
    }
  }

  private static String title(int status) {
    return switch (status) {
      case 403 -> "Forbidden";
      case 404 -> "Not found";
      case 405 -> "Method not allowed";
      case 500 -> "Internal error";
      default -> "Request failed";
    };
  }

  private static String detail(HttpResponseException e) {
    String message = e.getMessage();
    return message == null || message.isBlank()
        ? title(e.getStatus()).toLowerCase(Locale.ROOT)
        : SafeText.shorten(SafeText.escape(message), Rows.MAX_TEXT);
  }

  private static <T> StdSerializer<T> text(Class<T> type, Function<T, String> text) {
    return new StdSerializer<>(type) {
      private static final long serialVersionUID = 1L;

      @Override
      public void serialize(T value, JsonGenerator generator, SerializerProvider provider)
          throws IOException {
        generator.writeString(text.apply(value));
      }
    };
  }

  /** JSON knows no NaN and no infinity. Whole numbers are written as such. */
  private static final class FiniteOrNull extends StdSerializer<Double> {
    private static final long serialVersionUID = 1L;
    private static final double EXACT = 1L << 53;

    FiniteOrNull() {
      super(Double.class);
    }

    @Override
    public void serialize(Double value, JsonGenerator generator, SerializerProvider provider)
        throws IOException {
      if (!Double.isFinite(value)) {
        generator.writeNull();
      } else if (value == Math.rint(value) && Math.abs(value) <= EXACT) {
        generator.writeNumber(value.longValue());
      } else {
        generator.writeNumber(value);
      }
    }
  }
}
