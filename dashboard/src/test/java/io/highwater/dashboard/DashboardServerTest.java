package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.lake.Compression;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Asks a server over HTTP and compares with SQL over the files of its lake. */
class DashboardServerTest {
  private static final int HOURS = 60;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static DashboardServer server;
  private static HttpClient client;

  @BeforeAll
  static void startServer() throws Exception {
    lake = new SampleLake(folder.resolve("lake"));
    for (int i = 0; i < HOURS; i++) {
      Instant hour = SampleLake.START.plus(Duration.ofHours(i));
      lake.writeParquet(
          "rollups", hour, "rollups-%d.parquet".formatted(i), SampleLake.rollups(hour, 9, 1, 0));
    }
    Instant last = END.minus(Duration.ofHours(1));
    // The newest pane of an earlier hour takes the place of its first.
    lake.writeParquet(
        "rollups",
        last,
        "rollups-late.parquet",
        "SELECT * REPLACE (1::BIGINT AS pane_index, queries + 7 AS queries) FROM ("
            + SampleLake.rollups(last, 4, 1, 0)
            + ")");
    lake.writeParquet("rejected", last, "rejected-0.parquet", SampleLake.rejected(last, 300));
    lake.writeArrow(
        "events", last, "events-0.arrow", Compression.ZSTD, SampleLake.events(last, 2000, 0));
    server = DashboardServer.start(config(folder.resolve("lake")));
    client = HttpClient.newHttpClient();
    await("/ready", answer -> answer.path("status").asText().equals("ready"), PATIENCE);
  }

  @AfterAll
  static void stopServer() throws Exception {
    server.close();
    lake.close();
  }

  @ParameterizedTest
  @CsvSource({"24h,''", "24h,'3'", "24h,'2,5,7'", "1week,''", "1week,'4,9'"})
  void metricsEqualSqlOverTheLake(String window, String ids) throws Exception {
    JsonNode metrics = get("/api/metrics?window=" + window + "&ids=" + ids);
    Duration length = window.equals("24h") ? Duration.ofHours(24) : Duration.ofDays(7);
    assertThat(metrics.path("to").asText(), is(END.toString()));
    assertThat(metrics.path("from").asText(), is(END.minus(length).toString()));
    String now = rows(END.minus(length), END, ids);
    assertEquals(metrics, "queries", "SELECT sum(queries)" + now);
    assertEquals(metrics, "score", "SELECT 100 * sum(normal) / sum(queries)" + now);
    assertEquals(metrics, "spilled_mb", "SELECT sum(spilled_mb)" + now);
    assertEquals(metrics, "queue_time", "SELECT sum(queue_ms)" + now);
    String ratio = "SELECT sum(queue_ms) / (sum(queue_ms) + sum(execution_ms))";
    assertEquals(metrics, "queue_ratio", ratio + now);
    assertEquals(metrics, "cache_hit_rate", "SELECT sum(cached) / sum(queries)" + now);
    assertEquals(
        metrics,
        "cluster_size",
        "SELECT sum(s) FROM (SELECT arg_max(cluster_size, window_start) s"
            + now
            + " GROUP BY instance_id)");
    assertThat(metrics.path("anomalies_count").isNull(), is(true));
    if (window.equals("24h")) {
      String before = rows(END.minus(length.multipliedBy(2)), END.minus(length), ids);
      assertThat(metrics.path("previous_complete").asBoolean(), is(true));
      assertThat(
          metrics.path("queries_delta").asDouble(),
          is(sql("SELECT sum(queries)" + now) - sql("SELECT sum(queries)" + before)));
      assertThat(
          metrics.path("queue_ratio_delta").asDouble(),
          closeTo(sql(ratio + now) - sql(ratio + before), 1e-12));
    } else {
      assertThat(metrics.path("previous_complete").asBoolean(), is(false));
      assertThat(metrics.path("queries_delta").isNull(), is(true));
    }
  }

  @Test
  void unknownInstancesGiveEmptyResults() throws Exception {
    JsonNode metrics = get("/api/metrics?ids=77777,nobody%27--");
    assertThat(metrics.path("queries").isNull(), is(true));
    assertThat(metrics.path("score").isNull(), is(true));
    assertThat(get("/api/classification/table?ids=77777").path("instances").size(), is(0));
    assertThat(get("/api/queries/recent?ids=77777").path("rows").size(), is(0));
    JsonNode chart = get("/api/classification/chart?ids=77777");
    assertThat(chart.path("times").size(), is(144));
    assertThat(sum(chart.path("series").path("queries")), is(0.0));
  }

  @ParameterizedTest
  @CsvSource({"24h,600,144", "1week,3600,168"})
  void theChartEqualsSqlOverTheLake(String window, int step, int points) throws Exception {
    JsonNode chart = get("/api/classification/chart?ids=1,6&window=" + window);
    assertThat(chart.path("step_seconds").asInt(), is(step));
    assertThat(chart.path("times").size(), is(points));
    for (String name : HotQueries.CLASSES) {
      JsonNode series = chart.path("series").path(name);
      assertThat(series.size(), is(points));
      for (int i = points - 30; i < points; i += 7) {
        Instant from = Instant.parse(chart.path("times").get(i).asText());
        assertThat(
            series.get(i).asDouble(),
            is(sql("SELECT sum(" + name + ")" + rows(from, from.plusSeconds(step), "1,6"))));
      }
    }
  }

  @Test
  void theTableEqualsSqlOverTheLake() throws Exception {
    JsonNode table = get("/api/classification/table?window=24h");
    assertThat(table.path("instances").size(), is(9));
    for (JsonNode row : table.path("instances")) {
      String rows = rows(END.minus(Duration.ofHours(24)), END, row.path("id").asText());
      for (String column :
          List.of("queries", "normal", "network_bound", "queue_ms", "spilled_mb")) {
        assertThat(row.path(column).asDouble(), is(sql("SELECT sum(" + column + ")" + rows)));
      }
    }
    double classified = 0;
    for (JsonNode row : table.path("classes")) {
      classified += row.path("queries").asDouble();
    }
    String all = rows(END.minus(Duration.ofHours(24)), END, "");
    assertThat(
        classified,
        is(
            sql(
                "SELECT sum(normal + cpu_bound + io_bound + network_bound + queue_wlm_bound)"
                    + all)));
  }

  @Test
  void instancesAreInTheOrderOfTheirNumbers() throws Exception {
    assertThat(
        get("/api/instances").path("instances").toString(),
        is("[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"));
  }

  @Test
  void criticalInstancesHaveAClassAboveFiftyQueriesOrFivePercent() throws Exception {
    String rows = rows(END.minus(Duration.ofHours(24)), END, "");
    double expected =
        sql(
            "SELECT count(*) FROM (SELECT greatest(sum(cpu_bound), sum(io_bound),"
                + " sum(network_bound), sum(queue_wlm_bound)) AS worst, sum(queries) AS queries"
                + rows
                + " GROUP BY instance_id) WHERE worst > 50 OR worst > 0.05 * queries");
    JsonNode critical = get("/api/instances/critical?window=24h").path("instances");
    assertThat((double) critical.size(), is(expected));
    assertThat(expected, greaterThan(0.0));
    for (JsonNode row : critical) {
      assertThat(row.path("classes").size(), greaterThan(0));
    }
  }

  @Test
  void rejectedRowsAreToldWithCountsAndSafeText() throws Exception {
    JsonNode rejected = get("/api/rejected?limit=1000");
    assertThat(rejected.path("rows").size(), is(300));
    assertThat(rejected.path("total").asInt(), is(300));
    double byCode = 0;
    for (JsonNode count : rejected.path("by")) {
      byCode += count.path("count").asDouble();
    }
    assertThat(byCode, is(300.0));
    boolean foundBroken = false;
    for (JsonNode row : rejected.path("rows")) {
      String raw = row.path("raw").asText();
      assertThat(raw.chars().filter(c -> c < ' ').count(), is(0L));
      if (row.path("code").asText().equals("INVALID_UTF8")) {
        assertThat(raw, startsWith("\\xff\\xfe{\"query_type\":\"sel\\u0000\\u001b[31mect"));
        foundBroken = true;
      }
    }
    assertThat(foundBroken, is(true));
    JsonNode newest = get("/api/rejected?limit=1").path("rows").get(0);
    assertThat(newest.path("offset").asInt(), is(299));
    assertThat(newest.path("received_at").asText(), is("2024-03-03T11:04:52.123Z"));
  }

  @Test
  void theNewestQueriesComeFirst() throws Exception {
    JsonNode rows = get("/api/queries/recent?limit=20&ids=3,4").path("rows");
    List<String> times = new ArrayList<>();
    for (JsonNode row : rows) {
      assertThat(List.of("3", "4").contains(row.path("instance").asText()), is(true));
      times.add(row.path("event_time").asText());
    }
    assertThat(times.size(), is(20));
    List<String> sorted = new ArrayList<>(times);
    sorted.sort(java.util.Comparator.reverseOrder());
    assertThat(times, is(sorted));
  }

  @Test
  void statusSaysHowFreshTheDataIs() throws Exception {
    JsonNode status = get("/api/status");
    assertThat(status.path("contract").asText(), is(SampleLake.CONTRACT));
    assertThat(status.path("as_of").path("newest_window").asText(), is(END.toString()));
    Instant newest = Instant.parse(status.path("as_of").path("newest_event").asText());
    assertThat(Duration.between(newest, END).toSeconds(), lessThan(3L));
    assertThat(status.path("files").path("pending").asInt(), is(0));
    assertThat(status.path("files").path("skipped_files").isArray(), is(true));
    Instant load = Instant.parse(status.path("as_of").path("newest_load").asText());
    assertThat(load.isAfter(Instant.parse(status.path("now").asText())), is(false));
  }

  @Test
  void aNewFileIsInWithinTwoSecondsAndCountsAsThroughput() throws Exception {
    double before = get("/api/status").path("rows").path("events").asDouble();
    Instant hour = END.minus(Duration.ofHours(2));
    long written = System.nanoTime();
    lake.writeArrow(
        "events", hour, "events-new.arrow", Compression.LZ4, SampleLake.events(hour, 900, 5000));
    JsonNode status =
        await(
            "/api/status",
            answer -> answer.path("rows").path("events").asDouble() > before,
            PATIENCE);
    double seconds = (System.nanoTime() - written) / 1e9;
    System.out.printf("a new file was in after %.2f s%n", seconds);
    assertThat(status.path("rows").path("events").asDouble(), is(before + 900));
    assertThat(
        status.path("throughput").path("rows_per_second_60s").asDouble(),
        greaterThan(900 / 60.0 - 0.01));
    await(
        "/api/throughput?minutes=1",
        answer -> sum(answer.path("rows_per_second")) >= 900 / 5.0,
        PATIENCE);
  }

  @ParameterizedTest
  @CsvSource({
    "/api/metrics?window=2h,window,2h,24h or 1week",
    "/api/classification/chart?window=,window,'',24h or 1week",
    "/api/rejected?limit=0,limit,0,a whole number from 1 to 1000",
    "/api/rejected?limit=99999999999,limit,99999999999,a whole number from 1 to 1000",
    "/api/queries/recent?limit=ten,limit,ten,a whole number from 1 to 1000",
    "/api/throughput?minutes=-1,minutes,-1,a whole number from 1 to 60"
  })
  void aWrongParameterIsNamed(String path, String parameter, String value, String expected)
      throws Exception {
    HttpResponse<String> response = send(path);
    assertThat(response.statusCode(), is(400));
    assertThat(contentType(response), is("application/problem+json"));
    JsonNode problem = JSON.readTree(response.body());
    assertThat(problem.path("status").asInt(), is(400));
    assertThat(problem.path("parameter").asText(), is(parameter));
    assertThat(problem.path("value").asText(), is(value));
    assertThat(problem.path("expected").asText(), is(expected));
    assertThat(response.headers().firstValue("ETag").isPresent(), is(false));
  }

  @Test
  void tooManyOrTooLongIdsAreRefused() throws Exception {
    String many = "1,".repeat(DashboardApi.MAX_IDS + 1);
    assertThat(send("/api/metrics?ids=" + many).statusCode(), is(400));
    assertThat(send("/api/metrics?ids=" + "x".repeat(101)).statusCode(), is(400));
    assertThat(send("/api/metrics?ids=1&ids=2,3").statusCode(), is(200));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/nothing",
        "/../DashboardConfig.class",
        "/%2e%2e/DashboardConfig.class",
        "/..%2fDashboardConfig.class",
        "/vendor/..%5c..%5cDashboardConfig.class",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd"
      })
  void whatIsNotServedIsNotFound(String path) throws Exception {
    String answer = raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    assertThat(answer, not(startsWith("HTTP/1.1 200")));
    assertThat(answer, startsWith("HTTP/1.1 4"));
    assertThat(answer, not(containsString("root:")));
  }

  @Test
  void anUnknownPathIsAProblemToo() throws Exception {
    HttpResponse<String> response = send("/api/nothing");
    assertThat(response.statusCode(), is(404));
    assertThat(contentType(response), is("application/problem+json"));
    HttpResponse<String> posted =
        client.send(
            HttpRequest.newBuilder(uri("/api/metrics"))
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(posted.statusCode(), is(405));
    assertThat(contentType(posted), is("application/problem+json"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/app.js", "/vendor/preact/preact.js", "/api/metrics", "/api/x"})
  void everyAnswerHasTheSecurityHeaders(String path) throws Exception {
    HttpResponse<String> response = send(path);
    String policy = response.headers().firstValue("Content-Security-Policy").orElse("");
    assertThat(policy, containsString("default-src 'none'"));
    assertThat(policy, not(containsString("unsafe")));
    assertThat(response.headers().firstValue("X-Content-Type-Options").orElse(""), is("nosniff"));
    assertThat(response.headers().firstValue("X-Frame-Options").orElse(""), is("DENY"));
    assertThat(response.headers().allValues("Access-Control-Allow-Origin"), is(empty()));
  }

  @Test
  void thePageIsServedWithTypesThatBrowsersTake() throws Exception {
    assertThat(contentType(send("/")), startsWith("text/html"));
    assertThat(contentType(send("/app.js")), startsWith("text/javascript"));
    assertThat(contentType(send("/vendor/uplot/uPlot.js")), startsWith("text/javascript"));
    assertThat(contentType(send("/app.css")), startsWith("text/css"));
    assertThat(contentType(send("/icon.svg")), startsWith("image/svg+xml"));
    assertThat(send("/").body(), not(containsString("http://")));
    assertThat(send("/").body(), not(containsString("https://")));
  }

  @Test
  void anUnchangedAnswerIsNotSentAgain() throws Exception {
    HttpResponse<String> first = send("/api/classification/table");
    String tag = first.headers().firstValue("ETag").orElseThrow();
    HttpResponse<String> second =
        client.send(
            HttpRequest.newBuilder(uri("/api/classification/table"))
                .header("If-None-Match", tag)
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (tag.equals(second.headers().firstValue("ETag").orElseThrow())) {
      assertThat(second.statusCode(), is(304));
      assertThat(second.body(), is(""));
    } else {
      assertThat(second.statusCode(), is(200));
    }
  }

  @Test
  void answersAreCompressedForThoseWhoAsk() throws Exception {
    HttpResponse<byte[]> response =
        client.send(
            HttpRequest.newBuilder(uri("/api/classification/chart"))
                .header("Accept-Encoding", "gzip")
                .build(),
            HttpResponse.BodyHandlers.ofByteArray());
    assertThat(response.headers().firstValue("Content-Encoding").orElse(""), is("gzip"));
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(response.body()))) {
      assertThat(JSON.readTree(in).path("times").size(), is(144));
    }
  }

  @Test
  void anotherSitesNameForThisMachineIsRefused() throws Exception {
    String answer = raw("GET /api/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n");
    assertThat(answer, startsWith("HTTP/1.1 403"));
    assertThat(answer, not(containsString("contract")));
    String own = raw("GET /health HTTP/1.1\r\nHost: 127.0.0.1:8507\r\nConnection: close\r\n");
    assertThat(own, startsWith("HTTP/1.1 200"));
  }

  @Test
  void aTakenPortIsOneClearSentenceAndLeavesTheStoreFree() throws Exception {
    DashboardConfig config = config(folder.resolve("other"));
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      IOException e =
          assertThrows(
              IOException.class,
              () -> DashboardServer.start(config.withPort(taken.getLocalPort())).close());
      assertThat(
          String.valueOf(e.getMessage()),
          is(
              "port "
                  + taken.getLocalPort()
                  + " on 127.0.0.1 is taken; stop what listens there or choose another with"
                  + " --port"));
    }
    IOException e =
        assertThrows(
            IOException.class, () -> DashboardServer.start(config.withHost("192.0.2.1")).close());
    assertThat(
        e.getMessage(), is("192.0.2.1 is no address of this machine; choose another with --host"));
    try (DashboardServer again = DashboardServer.start(config)) {
      assertThat(again.port(), greaterThan(0));
    }
  }

  @Test
  void anEmptyLakeIsServedAsWaiting() throws Exception {
    try (DashboardServer waiting = DashboardServer.start(config(folder.resolve("nothing")))) {
      for (String path :
          List.of(
              "/api/metrics",
              "/api/classification/chart",
              "/api/classification/table",
              "/api/instances",
              "/api/instances/critical",
              "/api/rejected",
              "/api/queries/recent",
              "/api/throughput")) {
        HttpResponse<String> response = send(waiting.port(), path);
        assertThat(path, response.statusCode(), is(200));
      }
      assertThat(send(waiting.port(), "/health").statusCode(), is(200));
      assertThat(send(waiting.port(), "/ready").statusCode(), is(503));
    }
  }

  /** The newest panes of the 10-minute windows of a range, as a FROM clause. */
  private static String rows(Instant from, Instant to, String ids) {
    return " FROM (SELECT * FROM $files WHERE window_millis = 600000 AND window_start >= TIMESTAMP '"
        + SampleLake.timestamp(from)
        + "' AND window_start < TIMESTAMP '"
        + SampleLake.timestamp(to)
        + "'"
        + (ids.isEmpty() ? "" : " AND instance_id IN (" + ids + ")")
        + " QUALIFY pane_index = max(pane_index) OVER (PARTITION BY window_start, instance_id))";
  }

  private static double sql(String sql) throws Exception {
    return lake.value("rollups", sql);
  }

  private static void assertEquals(JsonNode answer, String member, String sql) throws Exception {
    double expected = sql(sql);
    assertThat(
        member,
        answer.path(member).asDouble(Double.NaN),
        closeTo(expected, 1e-9 * Math.abs(expected)));
  }

  private static double sum(JsonNode array) {
    double sum = 0;
    for (JsonNode value : array) {
      sum += value.asDouble();
    }
    return sum;
  }

  private static DashboardConfig config(Path root) {
    return DashboardConfig.of(root, SampleLake.CONTRACT).withPort(0);
  }

  /** Asks again until the answer is as wanted. */
  private static JsonNode await(
      String path, java.util.function.Predicate<JsonNode> wanted, Duration patience)
      throws Exception {
    long deadline = System.nanoTime() + patience.toNanos();
    JsonNode answer = get(path);
    while (!wanted.test(answer)) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(path + " still answers " + answer);
      }
      answer = get(path);
    }
    return answer;
  }

  private static JsonNode get(String path) throws Exception {
    return JSON.readTree(send(path).body());
  }

  private static HttpResponse<String> send(String path) throws Exception {
    return send(server.port(), path);
  }

  private static HttpResponse<String> send(int port, String path) throws Exception {
    return client.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static URI uri(String path) {
    return URI.create("http://127.0.0.1:" + server.port() + path);
  }

  private static String contentType(HttpResponse<?> response) {
    return response.headers().firstValue("Content-Type").orElse("");
  }

  /** Sends what java.net.http would mend. */
  private static String raw(String request) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", server.port())) {
      socket.getOutputStream().write((request + "\r\n").getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
