package io.highwater.runners;

import io.highwater.lake.FileTree;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * How long the dashboard takes to answer while it loads new files, asked by clients in another
 * process. Each asks as an open page does, one question every 180 ms on average (the page asks for
 * the status every second and for nine things more every two seconds), each time for a selection
 * drawn at random: all instances or one, a day or a week.
 */
final class DashboardBenchmark {
  private static final int CLIENTS = 16;
  private static final Duration BETWEEN_QUESTIONS = Duration.ofMillis(180);
  private static final Duration WARM_UP = Duration.ofSeconds(20);
  private static final Duration MEASURED = Duration.ofSeconds(60);
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  /** 13 days have 436,800 roll-ups; the page's week and the one before. */
  private static final int DAYS = 13;

  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final int EVENTS_AN_HOUR = 2_000;
  private static final int NEW_OUTLIERS = 50;

  /** What the overview asks for. */
  private static final List<String> OVERVIEW =
      List.of(
          "/api/status",
          "/api/throughput",
          "/api/instances",
          "/api/instances/critical",
          "/api/metrics",
          "/api/classification/chart",
          "/api/classification/table",
          "/api/anomalies");

  private static final List<String> OTHERS =
      List.of(
          "/api/rejected",
          "/api/queries/recent",
          "/api/predictions",
          "/api/models",
          "/api/critical/types",
          "/api/anomalies?fold=true",
          "/api/anomalies/options",
          "/api/queries/top",
          "/api/analyses/hours",
          "/api/analyses/utilization",
          "/api/analyses/tables",
          "/api/analyses/compile",
          "/api/recommendations",
          "/api/pipeline");

  private DashboardBenchmark() {}

  /**
   * @param outliers how many the store holds
   * @return of the overview's paths and of the others the 95th percentile and the greatest time
   */
  static String run(long outliers) throws Exception {
    Path home = Files.createTempDirectory("highwater-bench");
    Path lakeFolder = Files.createDirectory(home.resolve("lake"));
    int hours = DAYS * 24;
    int outliersAnHour = Math.toIntExact(Math.max(1, (outliers + hours - 1) / hours));
    try (DashboardBenchmarkLake lake = DashboardBenchmarkLake.at(lakeFolder)) {
      System.out.printf(
          "writing a lake of %,d roll-ups and %,d outliers%n",
          hours * DashboardBenchmarkLake.ROLL_UPS_AN_HOUR, hours * outliersAnHour);
      for (int hour = 0; hour < hours; hour++) {
        lake.writeHour(
            START.plus(hour, ChronoUnit.HOURS),
            outliersAnHour,
            hour < hours - 24 ? 0 : EVENTS_AN_HOUR);
      }
      Process dashboard =
          CommandProcess.of(
                  "dashboard",
                  List.of("--lake=" + lakeFolder, "--port=0", "--keepDays=" + (DAYS + 1)))
              .redirectError(home.resolve("dashboard.log").toFile())
              .start();
      try {
        return measure(lake, new Dashboard(dashboard), hours);
      } finally {
        dashboard.destroyForcibly().waitFor();
      }
    } finally {
      FileTree.delete(home);
    }
  }

  private static String measure(DashboardBenchmarkLake lake, Dashboard dashboard, int hours)
      throws Exception {
    long started = System.nanoTime();
    dashboard.awaitReady();
    double loadSeconds = (System.nanoTime() - started) / 1e9;
    System.out.printf("loaded in %.1f s, served at %s%n", loadSeconds, dashboard.address);
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS + 1);
    try {
      Times warmUp = new Times();
      ask(clients, dashboard, lake, hours, warmUp, WARM_UP, 0);
      Times times = new Times();
      ask(clients, dashboard, lake, hours, times, MEASURED, (int) WARM_UP.toSeconds());
      System.out.printf("%-28s %8s %8s %8s %8s%n", "path", "answers", "p50 ms", "p95 ms", "max ms");
      for (String path : Stream.concat(OVERVIEW.stream(), OTHERS.stream()).toList()) {
        long[] micros = times.of(List.of(path));
        System.out.printf(
            Locale.ROOT,
            "%-28s %,8d %8.1f %8.1f %8.1f%n",
            path,
            micros.length,
            millis(micros, 0.5),
            millis(micros, 0.95),
            millis(micros, 1));
      }
      long[] overview = times.of(OVERVIEW);
      long[] others = times.of(OTHERS);
      return String.format(
          Locale.ROOT,
          "rollups=%d clients=%d load_seconds=%.1f answers=%d errors=%d overview_p50_ms=%.1f"
              + " overview_p95_ms=%.1f overview_worst_path_p95_ms=%.1f others_p95_ms=%.1f"
              + " others_worst_path_p95_ms=%.1f max_ms=%.1f",
          hours * DashboardBenchmarkLake.ROLL_UPS_AN_HOUR,
          CLIENTS,
          loadSeconds,
          overview.length + others.length,
          times.errors(),
          millis(overview, 0.5),
          millis(overview, 0.95),
          times.worst(OVERVIEW),
          millis(others, 0.95),
          times.worst(OTHERS),
          Math.max(millis(overview, 1), millis(others, 1)));
    } finally {
      clients.shutdownNow();
    }
  }

  /** All clients for a time, while files come in. */
  private static void ask(
      ExecutorService clients,
      Dashboard dashboard,
      DashboardBenchmarkLake lake,
      int hours,
      Times times,
      Duration length,
      int firstBatch)
      throws Exception {
    long end = System.nanoTime() + length.toNanos();
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      SplittableRandom random = new SplittableRandom(client + 31L * firstBatch);
      tasks.add(
          () -> {
            while (System.nanoTime() < end) {
              LockSupport.parkNanos(random.nextLong(2 * BETWEEN_QUESTIONS.toNanos()));
              dashboard.ask(random, times);
            }
            return null;
          });
    }
    tasks.add(
        () -> {
          Instant newest = START.plus(hours - 1L, ChronoUnit.HOURS);
          for (int batch = firstBatch + 1; System.nanoTime() < end; batch++) {
            lake.writePanes(newest, batch);
            lake.writeOutliers(newest, batch, NEW_OUTLIERS);
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
          }
          return null;
        });
    for (Future<Void> task : clients.invokeAll(tasks)) {
      task.get();
    }
  }

  private static double millis(long[] sortedMicros, double share) {
    if (sortedMicros.length == 0) {
      return Double.NaN;
    }
    int index = (int) Math.ceil(share * sortedMicros.length) - 1;
    return sortedMicros[Math.max(0, index)] / 1e3;
  }

  /** The process that is asked. */
  private static final class Dashboard {
    private final HttpClient http = HttpClient.newHttpClient();
    private final Process process;
    private final String address;

    Dashboard(Process process) throws IOException {
      this.process = process;
      BufferedReader out =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      String ready = out.readLine();
      if (ready == null || !ready.startsWith("ready on ")) {
        throw new IOException("the dashboard says " + ready);
      }
      address = ready.substring("ready on ".length());
    }

    void awaitReady() throws IOException, InterruptedException, CommandFailedException {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (send("/ready").statusCode() != 200) {
        if (!process.isAlive() || System.nanoTime() > deadline) {
          throw new CommandFailedException("the dashboard is not ready: " + send("/ready").body());
        }
        TimeUnit.MILLISECONDS.sleep(100);
      }
    }

    /** One question, drawn at random. */
    void ask(SplittableRandom random, Times times) throws InterruptedException {
      int choice = random.nextInt(OVERVIEW.size() + OTHERS.size());
      String path =
          choice < OVERVIEW.size() ? OVERVIEW.get(choice) : OTHERS.get(choice - OVERVIEW.size());
      String query =
          (path.contains("?") ? "&" : "?") + (random.nextBoolean() ? "window=24h" : "window=1week");
      if (random.nextBoolean()) {
        query += "&ids=" + random.nextInt(DashboardBenchmarkLake.INSTANCES);
      }
      long start = System.nanoTime();
      try {
        if (send(path + query).statusCode() == 200) {
          times.add(path, System.nanoTime() - start);
          return;
        }
      } catch (IOException e) {
        // Counted with the answers that are none.
      }
      times.addError();
    }

    private HttpResponse<String> send(String path) throws IOException, InterruptedException {
      return http.send(
          HttpRequest.newBuilder(URI.create(address + path))
              .header("Accept-Encoding", "gzip")
              .timeout(Duration.ofSeconds(30))
              .build(),
          HttpResponse.BodyHandlers.ofString(StandardCharsets.ISO_8859_1));
    }
  }

  private static final class Times {
    private final Map<String, ConcurrentLinkedQueue<Long>> microsByPath = new ConcurrentHashMap<>();
    private final AtomicLong errors = new AtomicLong();

    void add(String path, long nanos) {
      microsByPath
          .computeIfAbsent(path, unused -> new ConcurrentLinkedQueue<>())
          .add(TimeUnit.NANOSECONDS.toMicros(nanos));
    }

    void addError() {
      errors.incrementAndGet();
    }

    long errors() {
      return errors.get();
    }

    /** Ascending. */
    long[] of(List<String> paths) {
      long[] micros =
          paths.stream()
              .flatMap(
                  path -> microsByPath.getOrDefault(path, new ConcurrentLinkedQueue<>()).stream())
              .mapToLong(Long::longValue)
              .toArray();
      Arrays.sort(micros);
      return micros;
    }

    double worst(List<String> paths) {
      return paths.stream().mapToDouble(path -> millis(of(List.of(path)), 0.95)).max().orElse(0);
    }
  }
}
