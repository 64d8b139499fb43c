package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.javalin.http.ServiceUnavailableResponse;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranges that reach back before the store, beside SQL over the lake. */
class HistoryApiTest {
  private static final int HOURS = 48;

  /** Of a lake of two days the store keeps the last one. It begins and ends within an hour. */
  private static final String OLD = "from=2024-03-01T16:20:00Z&to=2024-03-02T03:10:00Z";

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static DashboardConfig config;
  private static DashboardServer server;
  private static DashboardClient client;

  @BeforeAll
  static void startServer() throws Exception {
    lake = new SampleLake(folder.resolve("lake"));
    for (int i = 0; i < HOURS; i++) {
      Instant hour = hour(i);
      lake.writeParquet("rollups", hour, "rollups-0.parquet", SampleLake.rollups(hour, 6, 1, 0));
      String events = SampleLake.scored(SampleLake.events(hour, 100, 100 * i), "v1");
      lake.writeParquet("events", hour, "events-0.parquet", events);
      lake.writeParquet("outliers", hour, "outliers-0.parquet", SampleLake.outliers(events));
    }
    lake.writeParquet(
        "rejected", hour(20), "rejected-0.parquet", SampleLake.rejected(hour(20), 40));
    config = DashboardConfig.of(lake.root(), SampleLake.CONTRACT).withKeepDays(1).withPort(0);
    server = DashboardServer.start(config);
    client = DashboardClient.whenReady(server.port());
  }

  @AfterAll
  static void stopServer() throws Exception {
    Path files = history(config);
    assertThat(Files.isDirectory(files), is(true));
    server.close();
    assertThat(Files.exists(files), is(false));
    lake.close();
  }

  @ParameterizedTest
  @CsvSource({"''", "'3'", "'2,5'"})
  void aRangeBeforeTheStoreEqualsSqlOverTheLake(String ids) throws Exception {
    String scope = OLD + "&ids=" + ids;
    JsonNode metrics = fromLake("/api/metrics?" + scope);
    String in = ids.isEmpty() ? "" : " AND instance_id IN (" + ids + ")";
    String rollUps =
        " FROM $files WHERE window_millis = 600000 AND window_start >= '2024-03-01 16:20'"
            + " AND window_start < '2024-03-02 03:10'"
            + in;
    String events =
        " FROM $files WHERE arrival_timestamp >= '2024-03-01 16:20'"
            + " AND arrival_timestamp < '2024-03-02 03:10'"
            + in;
    assertThat(
        metrics.path("queries").asDouble(),
        is(lake.value("rollups", "SELECT sum(queries)" + rollUps)));
    assertThat(
        metrics.path("anomalies_count").asDouble(),
        is(lake.value("outliers", "SELECT count(*)" + events)));
    assertThat(metrics.path("rejected").asInt(), is(40));
    assertThat(metrics.path("previous_complete").asBoolean(true), is(false));
    metrics
        .properties()
        .forEach(
            member ->
                assertThat(
                    member.toString(),
                    member.getKey().endsWith("_delta") && !member.getValue().isNull(),
                    is(false)));
    assertThat(metrics.path("from").asText(), is("2024-03-01T16:20:00Z"));
    assertThat(
        fromLake("/api/anomalies?" + scope).path("total").asDouble(),
        is(lake.value("outliers", "SELECT count(*)" + events)));
    JsonNode hours = fromLake("/api/analyses/hours?" + scope);
    double queueMillis = 0;
    for (JsonNode value : hours.path("series").path("queue_ms")) {
      queueMillis += value.asDouble();
    }
    assertThat(
        queueMillis,
        closeTo(lake.value("rollups", "SELECT sum(queue_ms)" + rollUps), 1e-9 * queueMillis));
    double expected =
        lake.value(
            "events",
            "SELECT max(execution_duration_ms) FROM $files"
                + " WHERE arrival_timestamp >= '2024-03-01 16:00'"
                + " AND arrival_timestamp < '2024-03-02 04:00' AND NOT was_cached"
                + in);
    JsonNode top = fromLake("/api/queries/top?limit=1&" + scope).path("rows").get(0);
    assertThat(top.path("execution_ms").asDouble(), is(expected));
  }

  @ParameterizedTest
  @CsvSource({
    "from=2024-03-02T06:00:00Z&to=2024-03-02T09:00:00Z",
    "from=2023-03-01T06:00:00Z&to=2023-03-02T09:00:00Z",
    "from=2022-03-01T00:00:00Z&to=2022-05-01T00:00:00Z",
    "window=1week"
  })
  void whatTheStoreHoldsOrTheLakeDoesNotIsAnsweredFromTheStore(String scope) throws Exception {
    HttpResponse<String> response = client.get("/api/metrics?" + scope);
    assertThat(response.statusCode(), is(200));
    assertThat(client.parse(response).path("source").asText(), is("store"));
  }

  @Test
  void progressIsToldUntilTheRangeIsThere() throws Exception {
    String path = "/api/metrics?from=2024-03-01T01:00:00Z&to=2024-03-01T13:00:00Z";
    HttpResponse<String> response = client.get(path);
    while (response.statusCode() == 202) {
      JsonNode loading = client.parse(response);
      assertThat(loading.path("state").asText(), is("loading"));
      assertThat(
          loading.path("files_loaded").asInt(),
          lessThanOrEqualTo(loading.path("files_total").asInt()));
      assertThat(response.headers().firstValue("ETag").isPresent(), is(false));
      response = client.get(path);
    }
    assertThat(response.statusCode(), is(200));
    assertThat(client.parse(response).path("source").asText(), is("lake"));
    // What was loaded of the store says nothing of it.
    assertThat(response.headers().firstValue("ETag").isPresent(), is(false));
  }

  @Test
  void aRangeOfMoreThanAMonthIsRefused() throws Exception {
    HttpResponse<String> response =
        client.get("/api/metrics?from=2024-02-01T00:00:00Z&to=2024-03-04T00:00:00Z");
    assertThat(response.statusCode(), is(400));
    JsonNode problem = client.parse(response);
    assertThat(problem.path("parameter").asText(), is("from"));
    assertThat(problem.path("expected").asText(), containsString("31 days before"));
  }

  @Test
  void aDamagedFileIsToldUntilABackfillOfItsHourComesIn() throws Exception {
    Instant hour = hour(1);
    String path = "/api/metrics?from=2024-03-01T01:00:00Z&to=2024-03-01T02:00:00Z&ids=1";
    double expected =
        lake.value(
            "rollups",
            "SELECT sum(queries) FROM $files WHERE window_millis = 600000 AND instance_id = 1"
                + " AND date_trunc('hour', window_start) = '2024-03-01 01:00'");
    Path damaged = lake.folder("rollups", hour).resolve("rollups-1.parquet");
    Files.writeString(damaged, "PAR1, and no more of it");
    assertThat(fromLake(path).path("queries").asDouble(), is(expected));
    for (JsonNode told :
        List.of(client.json("/api/status").path("files"), client.json("/api/pipeline"))) {
      assertThat(told.path("skipped").asInt(), is(1));
      JsonNode file = told.path("skipped_files").get(0);
      assertThat(
          file.path("path").asText(), is("rollups/date=2024-03-01/hour=01/rollups-1.parquet"));
      assertThat(file.path("bytes").asLong(), is(Files.size(damaged)));
      assertThat(file.path("reason").asText(), containsString("No magic bytes"));
    }
    assertThat(
        client.get("/metrics").body(),
        containsString("highwater_store_files{state=\"skipped\"} 1.0"));
    String generation = "1709400000000_0123abcd";
    String name = SampleLake.nameOfGeneration(generation, "again");
    lake.writeParquet(
        "rollups",
        hour,
        name,
        "SELECT * REPLACE (queries + 7 AS queries, 2::BIGINT AS run_id) FROM ("
            + SampleLake.rollups(hour, 6, 1, 0)
            + ")");
    lake.replace(
        "rollups",
        hour,
        generation,
        List.of(name),
        List.of("rollups-0.parquet", "rollups-1.parquet"));
    JsonNode after =
        client.await(
            path,
            answer ->
                answer.path("queries").isNumber() && answer.path("queries").asDouble() != expected);
    assertThat(after.path("queries").asDouble(), is(expected + 6 * 7));
    assertThat(client.json("/api/status").path("files").path("skipped").asInt(), is(0));
    Files.delete(damaged); // Which SQL over all files of the lake would stumble over.
  }

  @Test
  void aLoadThatTakesTooLongIsGivenUpWithAProblem() throws Exception {
    DashboardConfig other = config.withStore(folder.resolve("other.duckdb"));
    try (HotStore store = HotStore.open(other, InstantSource.system());
        HistoryStore history = HistoryStore.open(other, store, Duration.ZERO)) {
      store.poll();
      ScopedQueries queries =
          new ScopedQueries(
              store,
              new KeptAnswers(store, InstantSource.system()),
              history,
              InstantSource.system());
      ServiceUnavailableResponse problem =
          assertThrows(
              ServiceUnavailableResponse.class,
              () -> {
                while (true) {
                  ask(queries, hour(3));
                }
              });
      assertThat(
          problem.getMessage(), containsString("took longer than 0 s, with 0 of 6 files loaded"));
    }
  }

  @Test
  void onlyTheRangesAskedForLastAreKept() throws Exception {
    DashboardConfig other = config.withStore(folder.resolve("few.duckdb"));
    // What a killed process left.
    Files.createDirectories(history(other));
    Files.writeString(history(other).resolve("left.duckdb"), "left");
    try (HotStore store = HotStore.open(other, InstantSource.system());
        HistoryStore history = HistoryStore.open(other, store, Duration.ofMinutes(1))) {
      store.poll();
      ScopedQueries queries =
          new ScopedQueries(
              store,
              new KeptAnswers(store, InstantSource.system()),
              history,
              InstantSource.system());
      for (int i = 0; i < 7; i++) {
        Map<String, @Nullable Object> answer = ask(queries, hour(i));
        while (answer.containsKey("state")) {
          answer = ask(queries, hour(i));
        }
        assertThat(answer.get("source"), is("lake"));
      }
      try (Stream<Path> files = Files.list(history(other))) {
        assertThat(files.filter(file -> file.toString().endsWith(".duckdb")).count(), is(4L));
      }
    }
  }

  private static Path history(DashboardConfig of) {
    return of.store().resolveSibling(of.store().getFileName() + ".history");
  }

  /** The range of two hours from one on; while it is loaded how far that is. */
  private static Map<String, @Nullable Object> ask(ScopedQueries queries, Instant from)
      throws Exception {
    try {
      return queries.ask(
          new Scope(
              "custom", Duration.ofHours(2), from.plus(Duration.ofHours(2)), List.of(), false),
          (connection, selection, answer) -> {});
    } catch (HistoryLoading loading) {
      return new LinkedHashMap<>(loading.toJson());
    }
  }

  private static JsonNode fromLake(String path) throws IOException, InterruptedException {
    return client.await(path, answer -> answer.path("source").asText().equals("lake"));
  }

  private static Instant hour(int i) {
    return SampleLake.START.plus(Duration.ofHours(i));
  }
}
