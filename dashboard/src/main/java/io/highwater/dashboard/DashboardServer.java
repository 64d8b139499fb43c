package io.highwater.dashboard;

import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.http.Context;
import io.javalin.http.ForbiddenResponse;
import io.javalin.http.HandlerType;
import io.javalin.http.staticfiles.Location;
import io.javalin.router.Endpoint;
import io.javalin.router.InternalRouter;
import io.javalin.router.ParsedEndpoint;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The dashboard: hot store, API and page, until it is closed. */
public final class DashboardServer implements AutoCloseable {
  /**
   * Everything comes from this server, no script stands in a page, and no other site may frame it.
   */
  private static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
              + " connect-src 'self'; base-uri 'none'; form-action 'none';"
              + " frame-ancestors 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "X-Frame-Options",
          "DENY",
          "Referrer-Policy",
          "no-referrer",
          "Cross-Origin-Opener-Policy",
          "same-origin",
          "Cross-Origin-Resource-Policy",
          "same-origin",
          "Permissions-Policy",
          "camera=(), geolocation=(), microphone=()",
          // The page and its scripts change with the version of the server.
          "Cache-Control",
          "no-cache");

  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]", "::1");

  private static final Set<HandlerType> READING = Set.of(HandlerType.GET, HandlerType.HEAD);

  private final HotStore store;
  private final HistoryStore history;
  private final AuditLog audit;
  private final LiveEvents live;
  private final Monitoring monitoring;
  private final Javalin server;

  private DashboardServer(
      HotStore store,
      HistoryStore history,
      AuditLog audit,
      LiveEvents live,
      Monitoring monitoring,
      Javalin server) {
    this.store = store;
    this.history = history;
    this.audit = audit;
    this.live = live;
    this.monitoring = monitoring;
    this.server = server;
  }

  /**
   * Opens the hot store, begins to follow the lake and listens. The lake may not be there yet.
   *
   * @throws IOException with one sentence that says what to do if the port is taken or the address
   *     is not this machine's, if another process has the store open, or if its place cannot be
   *     written to
   */
  public static DashboardServer start(DashboardConfig config) throws IOException {
    requireFree(config);
    InstantSource clock = InstantSource.system();
    Access access = Access.of(config, clock);
    HotStore store = HotStore.open(config, clock);
    KeptAnswers kept = new KeptAnswers(store, clock);
    Answers answers = new Answers(store, kept, clock);
    HistoryStore history = openHistory(config, store);
    ScopedQueries scoped = new ScopedQueries(store, kept, history, clock);
    HotQueries queries = new HotQueries(store, kept, scoped, clock);
    DashboardApi api = new DashboardApi(config, store, history, queries, answers, clock);
    OutlierApi outliers = new OutlierApi(config, store, scoped, answers, clock);
    AnalysisApi analyses = new AnalysisApi(config, scoped, answers);
    PipelineApi pipeline = new PipelineApi(config, store, history, queries, answers, clock);
    AuditLog audit = new AuditLog(config, access.isRequired(), clock);
    Monitoring monitoring = new Monitoring(store, history, queries, audit, api.live(), clock);
    OpenApi openApi = new OpenApi();
    Javalin server =
        Javalin.create(
            javalin -> {
              javalin.startup.showJavalinBanner = false;
              javalin.startup.showOldJavalinVersionWarning = false;
              javalin.startup.startupWatcherEnabled = false;
              javalin.http.prefer405over404 = true;
              javalin.http.maxRequestSize = OutlierApi.MAX_BODY_BYTES;
              javalin.http.compressionStrategy = CompressionStrategy.GZIP;
              javalin.staticFiles.add(
                  files -> {
                    files.hostedPath = "/";
                    files.directory = "/io/highwater/dashboard/page";
                    files.location = Location.CLASSPATH;
                    files.headers = Map.of();
                  });
              javalin.routes.before(context -> guard(context, config.host()));
              javalin.requestLogger.http(
                  (context, millis) -> {
                    monitoring.note(context, millis);
                    audit.note(context, millis);
                  });
              answers.addProblemsTo(javalin.routes);
              access.addTo(javalin.routes);
              api.addTo(javalin.routes);
              outliers.addTo(javalin.routes);
              analyses.addTo(javalin.routes);
              pipeline.addTo(javalin.routes);
              javalin.routes.get("/api/session", answers.unversioned(access::session));
              javalin.routes.get(
                  "/api/audit",
                  answers.unversioned(
                      context -> Map.of("rows", audit.newest(DashboardApi.limit(context)))));
              javalin.routes.get(LiveEvents.ROUTE, api.live()::listen);
              javalin.routes.get("/openapi.json", openApi::send);
              javalin.routes.get("/metrics", monitoring::send);
            });
    answerHeads(server);
    try {
      server.start(config.host(), config.port());
    } catch (RuntimeException e) {
      history.close();
      store.close();
      throw cannotListen(config, e);
    }
    store.start();
    audit.start();
    api.live().start();
    return new DashboardServer(store, history, audit, api.live(), monitoring, server);
  }

  /** As GET, without the body; Javalin itself would say 200 to all and ask nobody for a token. */
  private static void answerHeads(Javalin server) {
    InternalRouter router = server.unsafe.internalRouter;
    for (ParsedEndpoint route : List.copyOf(router.allHttpHandlers())) {
      Endpoint endpoint = route.endpoint;
      if (endpoint.method.equals(HandlerType.GET)) {
        router.addHttpEndpoint(new Endpoint(HandlerType.HEAD, endpoint.path, endpoint.handler));
      }
    }
  }

  private static HistoryStore openHistory(DashboardConfig config, HotStore store)
      throws IOException {
    try {
      return HistoryStore.open(config, store, HistoryStore.LONGEST_LOAD);
    } catch (IOException e) {
      store.close();
      throw e;
    }
  }

  /** The port that it listens on. */
  public int port() {
    return server.port();
  }

  /** The store, to ask what has been loaded. */
  public HotStore store() {
    return store;
  }

  /** Those who listen. */
  LiveEvents live() {
    return live;
  }

  /** Every method and route that is answered, such as "GET /health"; HEAD wherever GET is. */
  List<String> routes() {
    return server.unsafe.internalRouter.allHttpHandlers().stream()
        .map(handler -> handler.endpoint)
        .filter(endpoint -> endpoint.method.isHttpMethod())
        .filter(endpoint -> !endpoint.method.equals(HandlerType.HEAD))
        .map(endpoint -> endpoint.method.name() + " " + endpoint.path)
        .toList();
  }

  /** Hangs up, stops listening, writes down what was asked, then closes the store. */
  @Override
  public void close() {
    live.close();
    server.stop();
    history.close();
    audit.close();
    monitoring.close();
    store.close();
  }

  private static void guard(Context context, String host) {
    HEADERS.forEach(context::header);
    // A page on the internet may name this machine under a host name of its own and so read what
    // is meant for this machine alone (DNS rebinding); the browser then sends that name.
    if (LOOPBACK.contains(host) && !LOOPBACK.contains(hostName(context.host()))) {
      throw new ForbiddenResponse(
          "this dashboard listens on "
              + host
              + " and answers to localhost only; start it with --host to let others in");
    }
    // Another site's page may have a browser send what changes something here, as if the page of
    // this server had; the browser then says where that page is from.
    String origin = context.header("Origin");
    if (!READING.contains(context.method())
        && origin != null
        && !origin.replaceFirst("^https?://", "").equalsIgnoreCase(context.host())) {
      throw new ForbiddenResponse("a page of another site may not change anything here");
    }
  }

  private static String hostName(@Nullable String hostAndPort) {
    if (hostAndPort == null) {
      return "";
    }
    return hostAndPort.replaceFirst(":\\d+$", "").toLowerCase(Locale.ROOT);
  }

  /** Before anything is opened, and before Jetty and Javalin log at length what is one sentence. */
  private static void requireFree(DashboardConfig config) throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getByName(config.host()), config.port()));
    } catch (IOException e) {
      throw cannotListen(config, e);
    }
  }

  private static IOException cannotListen(DashboardConfig config, Exception e) {
    Throwable cause = e;
    while (cause.getCause() != null && !(cause instanceof IOException)) {
      cause = cause.getCause();
    }
    String reason = String.valueOf(cause.getMessage());
    if (cause instanceof UnknownHostException || reason.contains("Cannot assign")) {
      return new IOException(
          config.host() + " is no address of this machine; choose another with --host", e);
    }
    if (cause instanceof BindException && reason.contains("in use")) {
      return new IOException(
          "port "
              + config.port()
              + " on "
              + config.host()
              + " is taken; stop what listens there or choose another with --port",
          e);
    }
    return new IOException(
        "cannot listen on port "
            + config.port()
            + " of "
            + config.host()
            + " ("
            + reason
            + "); choose others with --port and --host",
        e);
  }
}
