package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.dashboard.ApiDocument.Answer;
import io.highwater.record.Compression;
import io.highwater.registry.ModelRegistry;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The OpenAPI document describes every route, and every answer is as it says: with data and
 * without, for right and wrong parameters, and for those who may not ask.
 */
class OpenApiTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int HOURS = 36;
  private static final Instant LAST_HOUR = SampleLake.START.plus(Duration.ofHours(HOURS - 1));
  private static final String FEEDBACK = "POST /api/anomalies/{outlier_id}/feedback";

  /** Before the day that the full server's store holds. */
  private static final String OLD = "?from=2024-03-01T02:00:00Z&to=2024-03-01T05:00:00Z";

  /** Longer than any text may be, and nothing else either. */
  private static final String WRONG = "%7E" + "wrong".repeat(21);

  @TempDir private static Path folder;
  private static ApiDocument document;
  private static SampleLake lake;
  private static DashboardServer full;
  private static DashboardServer guarded;
  private static String token;

  /** An outlier of the full server, of which something was said. */
  private static String outlierId = "";

  @BeforeAll
  static void startServers() throws Exception {
    document = new ApiDocument();
    lake = new SampleLake(folder.resolve("lake"));
    for (int i = 0; i < HOURS; i++) {
      Instant hour = SampleLake.START.plus(Duration.ofHours(i));
      String events = SampleLake.scored(SampleLake.repeatedEvents(hour, 300, 300 * i), "v1");
      lake.writeParquet("rollups", hour, "rollups.parquet", AnalysisApiTest.rollups(hour, 0));
      lake.writeParquet("outliers", hour, "outliers.parquet", SampleLake.outliers(events));
      lake.writeParquet("rejected", hour, "rejected.parquet", SampleLake.rejected(hour, 20));
      lake.writeArrow("events", hour, "events.arrow", Compression.ZSTD, events);
    }
    lake.writeParquet("status", LAST_HOUR, "status.parquet", PipelineApiTest.status(LAST_HOUR, 0));
    String generation = "compact_" + LAST_HOUR.toEpochMilli();
    String compacted = SampleLake.nameOfGeneration(generation, "rollups");
    lake.writeParquet("rollups", LAST_HOUR, compacted, AnalysisApiTest.rollups(LAST_HOUR, 0));
    lake.replace("rollups", LAST_HOUR, generation, List.of(compacted), List.of("rollups.parquet"));
    Files.writeString(lake.folder("rollups", LAST_HOUR).resolve("damaged.parquet"), "no Parquet");
    Path registry = folder.resolve("registry");
    ModelRegistry models = ModelRegistry.of(registry, SampleLake.CONTRACT);
    models.publish(OutliersApiTest.model(true, "better"), SampleLake.START, 10);
    models.publish(OutliersApiTest.model(false, "worse"), SampleLake.START.plusSeconds(60), 10);
    full =
        DashboardServer.start(
            DashboardConfig.of(lake.root(), SampleLake.CONTRACT)
                .withRegistry(registry)
                .withKeepDays(1)
                .withPort(0));
    DashboardClient client = DashboardClient.whenReady(full.port());
    outlierId = client.json("/api/anomalies").at("/rows/0/outlier_id").asText();
    ask(client, FEEDBACK, "");
    client.await("/api/anomalies/" + outlierId, answer -> !answer.path("feedback").isEmpty());
    AccessTokens.NewToken admin = AccessTokens.create("root:admin", Instant.now());
    token = admin.secret();
    guarded =
        DashboardServer.start(
            DashboardConfig.of(folder.resolve("empty"), SampleLake.CONTRACT)
                .withAuth(Files.writeString(folder.resolve("tokens"), admin.line()))
                .withPort(0));
  }

  @AfterAll
  static void stopServers() throws Exception {
    full.close();
    guarded.close();
    lake.close();
  }

  static List<String> routes() {
    return full.routes();
  }

  /** Those that look at a range. */
  static List<String> scopedRoutes() {
    return routes().stream()
        .filter(
            route ->
                document.parameters(route, "query").stream()
                    .anyMatch(parameter -> parameter.path("name").asText().equals("from")))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("routes")
  void everyRouteIsDescribed(String route) {
    assertThat(document.operation(route).path("summary").asText().isBlank(), is(false));
  }

  @Test
  void everyDescribedRouteIsThere() {
    List<String> gone = new ArrayList<>(document.routes());
    gone.removeAll(full.routes());
    assertThat(gone, is(empty()));
  }

  @Test
  void theDocumentIsServed() throws Exception {
    JsonNode served = new DashboardClient(full.port()).json("/openapi.json");
    assertThat(served.path("openapi").asText(), is("3.1.0"));
    assertThat(served.path("paths").has("/api/metrics"), is(true));
  }

  @ParameterizedTest
  @MethodSource("routes")
  void answersAreAsDescribed(String route) throws Exception {
    DashboardClient client = new DashboardClient(full.port());
    for (String query : queries(route)) {
      Answer answer = ask(client, route, query);
      document.check(route, answer);
      assertThat(route + query, answer.status(), is(lessThan(300)));
      if (query.isEmpty() && route.contains(" /api/") && answer.contentType().endsWith("json")) {
        // What an array holds is held against the document only if there is something.
        assertThat(route, emptyArrays(JSON.readTree(answer.body())), is(empty()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("routes")
  void answersWithoutDataAreAsDescribed(String route) throws Exception {
    DashboardClient client = new DashboardClient(guarded.port(), token);
    for (String query : queries(route)) {
      document.check(route, ask(client, route, query));
    }
  }

  @ParameterizedTest
  @MethodSource("scopedRoutes")
  void rangesBeforeTheStoreAreAsDescribed(String route) throws Exception {
    DashboardClient client = new DashboardClient(full.port());
    Answer answer = ask(client, route, OLD);
    while (answer.status() == 202) {
      document.check(route, answer);
      answer = ask(client, route, OLD);
    }
    document.check(route, answer);
    assertThat(answer.status(), is(200));
    if (answer.contentType().endsWith("json")) {
      assertThat(JSON.readTree(answer.body()).path("source").asText(), is("lake"));
    }
    String loading = JSON.writeValueAsString(new HistoryLoading(1, 3).toJson());
    document.check(route, new Answer(202, "application/json", Set.of("Retry-After"), loading));
    String problem =
        JSON.writeValueAsString(Problem.json(503, "Service unavailable", "too long", "/api"));
    document.check(route, new Answer(503, Problem.CONTENT_TYPE, Set.of(), problem));
  }

  @Test
  void theExportIsDescribedInBothFormats() throws Exception {
    DashboardClient client = new DashboardClient(full.port());
    String route = "GET /api/anomalies/export";
    Answer csv = ask(client, route, "?format=csv");
    document.check(route, csv);
    assertThat(csv.contentType(), is("text/csv; charset=utf-8"));
    Answer json = ask(client, route, "?format=json");
    document.check(route, json);
    List<String> members = new ArrayList<>();
    JSON.readTree(json.body()).at("/rows/0").fieldNames().forEachRemaining(members::add);
    assertThat(csv.body().lines().findFirst().orElse(""), is(String.join(",", members)));
  }

  @ParameterizedTest
  @MethodSource("routes")
  void refusalsAreAsDescribed(String route) throws Exception {
    document.check(route, ask(new DashboardClient(guarded.port()), route, ""));
  }

  @ParameterizedTest
  @MethodSource("routes")
  void wrongParametersAreNamedAsDescribed(String route) throws Exception {
    DashboardClient client = new DashboardClient(full.port());
    for (JsonNode parameter : document.parameters(route, "query")) {
      String name = parameter.path("name").asText();
      Answer answer = ask(client, route, "?" + name + "=" + WRONG);
      document.check(route, answer);
      assertThat(route + " " + name, answer.status(), is(400));
      assertThat(JSON.readTree(answer.body()).path("parameter").asText(), is(name));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"verdict\":\"maybe\"}|verdict",
        "{\"verdict\":true}|verdict",
        "{\"note\":\"the nightly load\"}|verdict",
        "{\"verdict\":\"right\",\"note\":17}|note",
        "{\"verdict\":\"right\",\"note\":\"LONG\"}|note",
        "[\"right\"]|body"
      })
  void wrongFeedbackIsRefusedAsDescribed(String body, String parameter) throws Exception {
    String sent = body.replace("LONG", "x".repeat(501));
    assertThat(document.takes(FEEDBACK, sent), is(false));
    Answer answer = feedback("application/json", sent);
    document.check(FEEDBACK, answer);
    assertThat(answer.status(), is(400));
    assertThat(JSON.readTree(answer.body()).path("parameter").asText(), is(parameter));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"verdict\":\"right\",\"note\":null}|application/json|201",
        "{\"verdict\":\"wrong\",\"note\":\"again\"}|text/plain|415",
        "{\"verdict\":\"wrong\",\"more\":\"LONG\"}|application/json|413"
      })
  void feedbackIsTakenAsDescribed(String body, String contentType, int status) throws Exception {
    String sent = body.replace("LONG", "x".repeat(OutlierApi.MAX_BODY_BYTES));
    assertThat(document.takes(FEEDBACK, sent), is(true));
    Answer answer = feedback(contentType, sent);
    document.check(FEEDBACK, answer);
    assertThat(answer.status(), is(status));
  }

  @Test
  void whatIsNotDescribedFails() {
    AssertionError other =
        assertThrows(
            AssertionError.class,
            () ->
                document.check(
                    "GET /ready",
                    new Answer(200, "application/json", Set.of(), "{\"status\":\"ok\"}")));
    assertThat(other.getMessage(), containsString("store_loaded"));
    AssertionError missing =
        assertThrows(AssertionError.class, () -> document.operation("GET /api/new"));
    assertThat(missing.getMessage(), containsString("add paths / /api/new / get with a summary"));
  }

  /** No query, and one a parameter; those that only make sense together say so by x-together. */
  private static List<String> queries(String route) {
    Map<String, String> together = new LinkedHashMap<>(Map.of("", ""));
    for (JsonNode parameter : document.parameters(route, "query")) {
      String name = parameter.path("name").asText();
      String value = URLEncoder.encode(text(parameter.path("example")), StandardCharsets.UTF_8);
      together.merge(
          parameter.path("x-together").asText(name),
          "?" + name + "=" + value,
          (first, next) -> first + "&" + next.substring(1));
    }
    return List.copyOf(together.values());
  }

  /** A parameter's value in a request. */
  private static String text(JsonNode value) {
    if (!value.isArray()) {
      return value.asText();
    }
    StringJoiner values = new StringJoiner(",");
    value.forEach(element -> values.add(element.asText()));
    return values.toString();
  }

  /** The names of arrays without elements. */
  private static List<String> emptyArrays(JsonNode json) {
    List<String> names = new ArrayList<>();
    json.properties()
        .forEach(
            member -> {
              if (member.getValue().isArray() && member.getValue().isEmpty()) {
                names.add(member.getKey());
              }
            });
    json.forEach(child -> names.addAll(emptyArrays(child)));
    return names;
  }

  private static Answer feedback(String contentType, String body) throws Exception {
    HttpResponse<String> response =
        new DashboardClient(full.port())
            .post("/api/anomalies/" + outlierId + "/feedback", contentType, body);
    return Answer.of(response, response.body());
  }

  /** Asks until the limit of requests lets it. */
  private static Answer ask(DashboardClient client, String route, String query)
      throws IOException, InterruptedException {
    String path = route.substring(route.indexOf(' ') + 1);
    for (JsonNode parameter : document.parameters(route, "path")) {
      String name = parameter.path("name").asText();
      path =
          path.replace(
              "{" + name + "}",
              name.equals("outlier_id") ? outlierId : text(parameter.path("example")));
    }
    String method = route.substring(0, route.indexOf(' '));
    JsonNode body = document.operation(route).at("/requestBody/content/application~1json/example");
    for (int i = 0; i < 20_000; i++) {
      HttpResponse<InputStream> response = client.open(method, path + query, body.toString());
      if (response.statusCode() != 429) {
        return Answer.of(response, body(response));
      }
      response.body().close();
    }
    throw new AssertionError(route + " is not let in by the limit of requests");
  }

  private static String body(HttpResponse<InputStream> response) throws IOException {
    if (!DashboardClient.contentType(response).startsWith("text/event-stream")) {
      return new String(response.body().readAllBytes(), StandardCharsets.UTF_8);
    }
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      return String.valueOf(lines.readLine());
    }
  }
}
