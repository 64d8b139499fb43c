package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.startsWith;

import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a Prometheus is told, beside SQL over the lake. */
class MonitoringTest {
  private static final Instant NOW = Instant.now().minus(Duration.ofHours(2));

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static DashboardServer server;
  private static DashboardClient client;

  @BeforeAll
  static void startServer() throws Exception {
    lake = new SampleLake(folder.resolve("lake"));
    lake.writeParquet("rollups", NOW, "rollups.parquet", SampleLake.rollups(NOW, 9, 1, 0));
    lake.writeParquet("events", NOW, "events.parquet", SampleLake.events(NOW, 500, 0));
    Path outliers = Files.createDirectories(lake.folder("outliers", NOW));
    Files.writeString(outliers.resolve("damaged.parquet"), "no Parquet");
    server =
        DashboardServer.start(DashboardConfig.of(lake.root(), SampleLake.CONTRACT).withPort(0));
    client = DashboardClient.whenReady(server.port());
  }

  @AfterAll
  static void stopServer() throws Exception {
    server.close();
    lake.close();
  }

  @Test
  void theStoreIsAsTheLakeIs() throws Exception {
    HttpResponse<String> answer = client.get("/metrics");
    assertThat(DashboardClient.contentType(answer), startsWith("text/plain; version=0.0.4"));
    String metrics = answer.body();
    assertThat(
        value(metrics, "highwater_store_rows{table=\"rollups\"}"),
        is(lake.value("rollups", "SELECT count(*) FROM $files")));
    assertThat(
        value(metrics, "highwater_store_rows{table=\"events\"}"),
        is(lake.value("events", "SELECT count(*) FROM $files")));
    assertThat(value(metrics, "highwater_store_files{state=\"loaded\"}"), is(2.0));
    assertThat(value(metrics, "highwater_store_files{state=\"pending\"}"), is(0.0));
    assertThat(value(metrics, "highwater_store_files{state=\"skipped\"}"), is(1.0));
    double age =
        Instant.now().toEpochMilli() / 1_000.0
            - lake.value("events", "SELECT epoch_ms(max(arrival_timestamp)) / 1000.0 FROM $files");
    assertThat(value(metrics, "highwater_data_age_seconds"), closeTo(age, 60));
    assertThat(value(metrics, "jvm_threads_live_threads"), greaterThan(1.0));
  }

  @Test
  void requestsAreCountedByRouteAndStatus() throws Exception {
    for (int i = 0; i < 3; i++) {
      client.get("/api/instances/critical?window=1week");
    }
    client.get("/api/instances/critical?window=2h");
    client.get("/api/some/where/" + NOW.toEpochMilli());
    String count =
        "highwater_http_requests_seconds_count{method=\"GET\",route=\"%s\",status=\"%s\"}";
    String metrics = client.get("/metrics").body();
    // A request is counted once its answer is sent.
    for (int i = 0; i < 1_000 && !metrics.contains(count.formatted("page", "404")); i++) {
      metrics = client.get("/metrics").body();
    }
    assertThat(value(metrics, count.formatted("/api/instances/critical", "200")), is(3.0));
    assertThat(value(metrics, count.formatted("/api/instances/critical", "400")), is(1.0));
    assertThat(metrics.contains("/api/some"), is(false));
  }

  private static double value(String metrics, String name) {
    return metrics
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .findFirst()
        .map(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .orElseThrow(() -> new AssertionError("no " + name + " in\n" + metrics));
  }
}
