package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.startsWith;

import com.fasterxml.jackson.databind.JsonNode;
import io.highwater.record.Compression;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
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

/** Asks a server over HTTP and compares with SQL over the files of its lake. */
class DashboardServerTest {
  private static final int HOURS = 60;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static DashboardServer server;
  private static DashboardClient client;

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
    server =
        DashboardServer.start(DashboardConfig.of(lake.root(), SampleLake.CONTRACT).withPort(0));
    client = DashboardClient.whenReady(server.port());
  }

  @AfterAll
  static void stopServer() throws Exception {
    server.close();
    lake.close();
  }

  @ParameterizedTest
  @CsvSource({"24h,''", "24h,'3'", "24h,'2,5,7'", "1week,''", "1week,'4,9'"})
  void metricsEqualSqlOverTheLake(String window, String ids) throws Exception {
    JsonNode metrics = client.json("/api/metrics?window=" + window + "&ids=" + ids);
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
    JsonNode metrics = client.json("/api/metrics?ids=77777,nobody%27--");
    assertThat(metrics.path("queries").isNull(), is(true));
    assertThat(metrics.path("score").isNull(), is(true));
    assertThat(client.json("/api/classification/table?ids=77777").path("instances").size(), is(0));
    assertThat(client.json("/api/queries/recent?ids=77777").path("rows").size(), is(0));
    JsonNode chart = client.json("/api/classification/chart?ids=77777");
    assertThat(chart.path("times").size(), is(144));
    assertThat(sum(chart.path("series").path("queries")), is(0.0));
  }

  @ParameterizedTest
  @CsvSource({"24h,600,144", "1week,3600,168"})
  void theChartEqualsSqlOverTheLake(String window, int step, int points) throws Exception {
    JsonNode chart = client.json("/api/classification/chart?ids=1,6&window=" + window);
    assertThat(chart.path("step_seconds").asInt(), is(step));
    assertThat(chart.path("times").size(), is(points));
    for (String name : QueryClasses.NAMES) {
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
    JsonNode table = client.json("/api/classification/table?window=24h");
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
        client.json("/api/instances").path("instances").toString(),
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
    JsonNode critical = client.json("/api/instances/critical?window=24h").path("instances");
    assertThat((double) critical.size(), is(expected));
    assertThat(expected, greaterThan(0.0));
    for (JsonNode row : critical) {
      assertThat(row.path("classes").size(), greaterThan(0));
    }
  }

  @Test
  void rejectedRowsAreToldWithCountsAndSafeText() throws Exception {
    JsonNode rejected = client.json("/api/rejected?limit=1000");
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
    JsonNode newest = client.json("/api/rejected?limit=1").path("rows").get(0);
    assertThat(newest.path("offset").asInt(), is(299));
    assertThat(newest.path("received_at").asText(), is("2024-03-03T11:04:52.123Z"));
  }

  @Test
  void theNewestQueriesComeFirst() throws Exception {
    JsonNode rows = client.json("/api/queries/recent?limit=20&ids=3,4").path("rows");
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
    JsonNode status = client.json("/api/status");
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
    double before = client.json("/api/status").path("rows").path("events").asDouble();
    Instant hour = END.minus(Duration.ofHours(2));
    long written = System.nanoTime();
    lake.writeArrow(
        "events", hour, "events-new.arrow", Compression.LZ4, SampleLake.events(hour, 900, 5000));
    JsonNode status =
        client.await(
            "/api/status", answer -> answer.path("rows").path("events").asDouble() > before);
    double seconds = (System.nanoTime() - written) / 1e9;
    System.out.printf("a new file was in after %.2f s%n", seconds);
    assertThat(status.path("rows").path("events").asDouble(), is(before + 900));
    assertThat(
        status.path("throughput").path("rows_per_second_60s").asDouble(),
        greaterThan(900 / 60.0 - 0.01));
    client.await(
        "/api/throughput?minutes=1", answer -> sum(answer.path("rows_per_second")) >= 900 / 5.0);
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
    HttpResponse<String> response = client.get(path);
    assertThat(response.statusCode(), is(400));
    assertThat(DashboardClient.contentType(response), is("application/problem+json"));
    JsonNode problem = client.parse(response);
    assertThat(problem.path("status").asInt(), is(400));
    assertThat(problem.path("parameter").asText(), is(parameter));
    assertThat(problem.path("value").asText(), is(value));
    assertThat(problem.path("expected").asText(), is(expected));
    assertThat(response.headers().firstValue("ETag").isPresent(), is(false));
  }

  @Test
  void tooManyOrTooLongIdsAreRefused() throws Exception {
    String many = "1,".repeat(Parameters.MAX_IDS + 1);
    assertThat(client.get("/api/metrics?ids=" + many).statusCode(), is(400));
    assertThat(client.get("/api/metrics?ids=" + "x".repeat(101)).statusCode(), is(400));
    assertThat(client.get("/api/metrics?ids=1&ids=2,3").statusCode(), is(200));
  }

  @Test
  void anUnchangedAnswerIsNotSentAgain() throws Exception {
    HttpResponse<String> first = client.get("/api/classification/table");
    String tag = first.headers().firstValue("ETag").orElseThrow();
    HttpResponse<String> second =
        client.get(
            "/api/classification/table",
            "If-None-Match",
            tag,
            HttpResponse.BodyHandlers.ofString());
    if (tag.equals(second.headers().firstValue("ETag").orElseThrow())) {
      assertThat(second.statusCode(), is(304));
      assertThat(second.body(), is(""));
    } else {
      assertThat(second.statusCode(), is(200));
    }
  }

  @ParameterizedTest
  @CsvSource({"/api/classification/chart,series", "/app.js,startFeed"})
  void answersAreCompressedForThoseWhoAsk(String path, String content) throws Exception {
    HttpResponse<byte[]> response =
        client.get(path, "Accept-Encoding", "gzip", HttpResponse.BodyHandlers.ofByteArray());
    assertThat(response.headers().firstValue("Content-Encoding").orElse(""), is("gzip"));
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(response.body()))) {
      assertThat(new String(in.readAllBytes(), StandardCharsets.UTF_8), containsString(content));
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
}
