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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The OpenAPI document describes every route, and every answer is as it says: with data and
 * without, for right and wrong parameters, and for those who may not ask.
 */
class OpenApiTest {
  private static final int HOURS = 30;

  @TempDir private static Path folder;
  private static ApiDocument document;
  private static SampleLake lake;
  private static DashboardServer full;
  private static DashboardServer guarded;
  private static String token;

  @BeforeAll
  static void startServers() throws Exception {
    document = new ApiDocument();
    lake = new SampleLake(folder.resolve("lake"));
    for (int i = 0; i < HOURS; i++) {
      Instant hour = SampleLake.START.plus(Duration.ofHours(i));
      String events = SampleLake.scored(SampleLake.events(hour, 300, 300 * i), "v1");
      lake.writeParquet("rollups", hour, "rollups.parquet", SampleLake.rollups(hour, 9, 1, 0));
      lake.writeParquet("outliers", hour, "outliers.parquet", SampleLake.outliers(events));
      lake.writeParquet("rejected", hour, "rejected.parquet", SampleLake.rejected(hour, 20));
      lake.writeArrow("events", hour, "events.arrow", Compression.ZSTD, events);
    }
    Files.writeString(
        lake.folder("rollups", SampleLake.START).resolve("damaged.parquet"), "no Parquet");
    Path registry = folder.resolve("registry");
    ModelRegistry models = ModelRegistry.of(registry, SampleLake.CONTRACT);
    models.publish(OutliersApiTest.model(true, "better"), SampleLake.START, 10);
    models.publish(OutliersApiTest.model(false, "worse"), SampleLake.START.plusSeconds(60), 10);
    full =
        DashboardServer.start(
            DashboardConfig.of(lake.root(), SampleLake.CONTRACT)
                .withRegistry(registry)
                .withPort(0));
    new DashboardClient(full.port())
        .await("/ready", answer -> answer.path("status").asText().equals("ready"));
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
      if (route.startsWith("GET ")) {
        assertThat(route + query, answer.status(), is(lessThan(300)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("routes")
  void answersWithoutDataAreAsDescribed(String route) throws Exception {
    document.check(route, ask(new DashboardClient(guarded.port(), token), route, ""));
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
      JsonNode schema = parameter.path("schema");
      boolean anyText =
          schema.path("type").asText().equals("string")
              && !schema.has("enum")
              && !schema.has("format");
      if (!anyText) {
        String name = parameter.path("name").asText();
        Answer answer = ask(client, route, "?" + name + "=%7Ewrong");
        document.check(route, answer);
        assertThat(route + " " + name, answer.status(), is(400));
        assertThat(new ObjectMapper().readTree(answer.body()).path("parameter").asText(), is(name));
      }
    }
  }

  @Test
  void whatIsNotDescribedFails() {
    AssertionError other =
        assertThrows(
            AssertionError.class,
            () ->
                document.check(
                    "GET /ready", new Answer(200, "application/json", "{\"status\":\"ok\"}")));
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
      String value = URLEncoder.encode(parameter.path("example").asText(), StandardCharsets.UTF_8);
      together.merge(
          parameter.path("x-together").asText(name),
          "?" + name + "=" + value,
          (first, next) -> first + "&" + next.substring(1));
    }
    return List.copyOf(together.values());
  }

  /** Asks until the limit of requests lets it. */
  private static Answer ask(DashboardClient client, String route, String query)
      throws IOException, InterruptedException {
    String path = route.substring(route.indexOf(' ') + 1);
    for (JsonNode parameter : document.parameters(route, "path")) {
      path =
          path.replace(
              "{" + parameter.path("name").asText() + "}", parameter.path("example").asText());
    }
    String method = route.substring(0, route.indexOf(' '));
    JsonNode body = document.operation(route).at("/requestBody/content/application~1json/example");
    for (int i = 0; i < 20_000; i++) {
      HttpResponse<InputStream> response = client.open(method, path + query, body.toString());
      if (response.statusCode() != 429) {
        return new Answer(
            response.statusCode(), DashboardClient.contentType(response), body(response));
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
