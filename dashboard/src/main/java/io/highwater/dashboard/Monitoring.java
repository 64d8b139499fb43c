package io.highwater.dashboard;

import io.javalin.http.Context;
import io.javalin.router.Endpoint;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the dashboard says of itself to a Prometheus. Times are seconds; what is not known, such as
 * the age of data that there is none of, is NaN.
 */
final class Monitoring implements AutoCloseable {
  /** Answered requests and how long they took; tags route, method and status. */
  static final String REQUESTS = "highwater_http_requests";

  /** Rows that were loaded into the store, by table. */
  static final String STORE_ROWS = "highwater_store_rows";

  /** Files of the lake that are loaded, pending or skipped. */
  static final String STORE_FILES = "highwater_store_files";

  /** How old the newest event is. */
  static final String DATA_AGE_SECONDS = "highwater_data_age_seconds";

  /** How long ago a file was loaded. */
  static final String LOAD_AGE_SECONDS = "highwater_load_age_seconds";

  /** Requests that are not in the lake's audit table yet. */
  static final String AUDIT_WAITING = "highwater_audit_waiting_rows";

  /** Pages that listen to live events. */
  static final String LIVE_LISTENERS = "highwater_live_listeners";

  private static final Duration[] LATENCIES = {
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(250),
    Duration.ofSeconds(1),
    Duration.ofSeconds(10)
  };

  private static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics garbageCollection = new JvmGcMetrics();
  private final HotQueries queries;
  private final InstantSource clock;
  private final MultiGauge rows;
  private volatile double dataAgeSeconds = Double.NaN;

  Monitoring(
      HotStore store,
      HistoryStore history,
      HotQueries queries,
      AuditLog audit,
      LiveEvents live,
      InstantSource clock) {
    this.queries = queries;
    this.clock = clock;
    this.rows = MultiGauge.builder(STORE_ROWS).register(registry);
    files("loaded", () -> store.status().filesLoaded());
    files("pending", () -> store.status().filesPending());
    files("skipped", () -> history.filesSkipped().size());
    Gauge.builder(DATA_AGE_SECONDS, () -> dataAgeSeconds).register(registry);
    Gauge.builder(LOAD_AGE_SECONDS, () -> ageSeconds(store.status().newestLoad()))
        .register(registry);
    Gauge.builder(AUDIT_WAITING, audit::waiting).register(registry);
    Gauge.builder(LIVE_LISTENERS, live::listeners).register(registry);
    new JvmMemoryMetrics().bindTo(registry);
    garbageCollection.bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
  }

  private void files(String state, Supplier<Number> count) {
    Gauge.builder(STORE_FILES, count).tag("state", state).register(registry);
  }

  /** Counts a request; those to no route of the API are one, whatever their path. */
  void note(Context context, double millis) {
    Endpoint endpoint = context.endpoints().matchedHttpEndpoint();
    String route = endpoint == null ? "page" : endpoint.path;
    if (route.equals(LiveEvents.ROUTE)) {
      // As long as somebody listened says nothing of how fast the answer was.
      return;
    }
    Timer.builder(REQUESTS)
        .tag("route", route)
        .tag("method", context.method().name())
        .tag("status", String.valueOf(context.statusCode()))
        .serviceLevelObjectives(LATENCIES)
        .register(registry)
        .record(Math.round(millis * 1_000), TimeUnit.MICROSECONDS);
  }

  void send(Context context) throws SQLException {
    List<MultiGauge.Row<?>> counts = new ArrayList<>();
    for (Map.Entry<String, @Nullable Object> count : queries.rowCounts().entrySet()) {
      if (count.getValue() instanceof Number number) {
        counts.add(MultiGauge.Row.of(Tags.of("table", count.getKey()), number));
      }
    }
    rows.register(counts, true);
    dataAgeSeconds =
        queries.asOf().get("newest_event") instanceof Instant newest
            ? ageSeconds(newest)
            : Double.NaN;
    context.contentType(CONTENT_TYPE).result(registry.scrape());
  }

  private double ageSeconds(@Nullable Instant time) {
    return time == null ? Double.NaN : Duration.between(time, clock.instant()).toMillis() / 1_000.0;
  }

  @Override
  public void close() {
    garbageCollection.close();
    registry.close();
  }
}
