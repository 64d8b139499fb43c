package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.instanceOf;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.dashboard.DashboardConfig;
import io.highwater.dashboard.DashboardServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/**
 * A lake of a real query log with some damaged rows, dashboards over it, and SQL over its events to
 * hold their answers against.
 */
abstract class DashboardBesideSql {
  private static final String ROWS = "redset/serverless_until_april.csv";
  private static final Duration WAIT = Duration.ofSeconds(240);
  static final double ROUNDING = 1e-9;
  static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  @TempDir private static Path folder;
  private static @Nullable LakeRows lake;

  /** Of the whole lake, and of its last day, so that what is older is read from the lake. */
  private static @Nullable DashboardServer ofAll;

  private static @Nullable DashboardServer ofOneDay;

  /**
   * What a question is asked of.
   *
   * @param held whether the store of the dashboard that is asked holds it
   * @param ids instances; empty for all
   */
  record Asked(boolean held, String range, String ids) {
    String parameters() {
      return range + "&ids=" + ids;
    }

    String in() {
      return ids.isEmpty() ? "" : " AND instance_id IN (" + ids + ")";
    }
  }

  @BeforeAll
  static void fillLake() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    @Nullable Path rows = SharedData.find(ROWS);
    assumeTrue(rows != null, "no shared/data/" + ROWS + " beside the project");
    Path input = withDamagedRows(rows);
    Path root = folder.resolve("lake");
    String registry = "--registry=" + folder.resolve("models");
    run("train", "--input=" + rows, registry, "--windowDays=61");
    run(
        "backfill",
        "--input=" + input,
        "--lake=" + root,
        "--asOf=2024-04-26T17:25:00Z",
        registry,
        "--score=all",
        "--policy=reference");
    Contract contract = ContractLoader.load("warehouse-queries");
    lake = LakeRows.of(contract);
    lake.load("lake", root);
    DashboardConfig config = DashboardConfig.of(root, contract.id()).withPort(0);
    ofAll = DashboardServer.start(config.withKeepDays(92));
    ofOneDay =
        DashboardServer.start(
            config.withKeepDays(1).withStore(folder.resolve("one_day_store.duckdb")));
    for (boolean held : new boolean[] {true, false}) {
      Await.until("the lake is loaded", WAIT, () -> get(held, "/ready").statusCode() == 200);
    }
  }

  @AfterAll
  static void close() throws Exception {
    if (ofAll != null) {
      ofAll.close();
    }
    if (ofOneDay != null) {
      ofOneDay.close();
    }
    if (lake != null) {
      lake.close();
    }
  }

  /** Real rows, and a few of them again with what no warehouse says. */
  private static Path withDamagedRows(Path rows) throws Exception {
    Path input = folder.resolve("queries.csv");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE rows AS FROM read_csv('%s', all_varchar = true)".formatted(rows));
      statement.execute(
          """
          COPY (
            FROM rows UNION ALL
            (SELECT * REPLACE ('-17' AS execution_duration_ms) FROM rows LIMIT 5) UNION ALL
            (SELECT * REPLACE ('guess' AS query_type) FROM rows LIMIT 3) UNION ALL
            (SELECT * REPLACE (NULL AS instance_id) FROM rows LIMIT 2))
          TO '%s' (HEADER)
          """
              .formatted(input));
    }
    return input;
  }

  /** Makes the view chosen of the events of a scope; its answer says from when to when it is. */
  static JsonNode choose(Asked asked) throws Exception {
    JsonNode answer = ask(asked, "/api/metrics");
    assertThat(answer.path("source").asText(), is(asked.held() ? "store" : "lake"));
    Instant from = instant(answer.path("from"));
    Instant to = instant(answer.path("to"));
    if (asked.range().startsWith("window=")) {
      Instant end = Instant.parse("2024-04-30T00:00:00Z");
      assertThat(to.isAfter(end), is(true));
      assertThat(
          Duration.between(from, to),
          is(asked.range().endsWith("24h") ? Duration.ofDays(1) : Duration.ofDays(7)));
    } else {
      assertThat(asked.range(), is("from=" + from + "&to=" + to));
    }
    view("chosen", from, to, asked);
    return answer;
  }

  static void view(String name, Instant from, Instant to, Asked asked) throws Exception {
    lake()
        .execute(
            """
            CREATE OR REPLACE VIEW %s AS FROM lake.events
            WHERE arrival_timestamp >= '%s' AND arrival_timestamp < '%s'%s
            """
                .formatted(name, from, to, asked.in()));
  }

  /** Where the members that the expected rows have are others in the rows that were told. */
  static void assertSame(@Nullable Asked asked, List<JsonNode> expected, List<JsonNode> told) {
    List<String> differences = new ArrayList<>();
    if (expected.size() != told.size()) {
      differences.add("%d rows, expected %d".formatted(told.size(), expected.size()));
    }
    for (int i = 0; i < Math.min(expected.size(), told.size()); i++) {
      for (Map.Entry<String, JsonNode> member : expected.get(i).properties()) {
        JsonNode found = told.get(i).path(member.getKey());
        if (!same(member.getKey(), member.getValue(), found)) {
          differences.add(
              "%s of row %d is %s, expected %s"
                  .formatted(member.getKey(), i, found, member.getValue()));
        }
      }
    }
    assertThat(
        String.valueOf(asked),
        differences.subList(0, Math.min(5, differences.size())),
        is(empty()));
  }

  private static boolean same(String name, JsonNode expected, JsonNode found) {
    if (expected.isArray()) {
      return found.isArray()
          && expected.size() == found.size()
          && Stream.iterate(0, i -> i < expected.size(), i -> i + 1)
              .allMatch(i -> same(name, expected.get(i), found.get(i)));
    }
    if (name.equals("event_time") || name.equals("received_at")) {
      return instant(expected).equals(instant(found));
    }
    if (expected.isNumber() && found.isNumber()) {
      double rounding =
          expected.isIntegralNumber() ? 0 : ROUNDING * Math.abs(expected.doubleValue());
      return Math.abs(expected.doubleValue() - found.doubleValue()) <= rounding;
    }
    return expected.equals(found);
  }

  static List<JsonNode> sql(String query) throws Exception {
    List<JsonNode> rows = new ArrayList<>();
    for (String row : lake().rows("SELECT to_json(r)::VARCHAR FROM (" + query + ") AS r")) {
      rows.add(JSON.readTree(row));
    }
    return rows;
  }

  static List<JsonNode> rows(JsonNode array) {
    assertThat(array.toString(), array, is(instanceOf(ArrayNode.class)));
    List<JsonNode> rows = new ArrayList<>();
    array.forEach(rows::add);
    return rows;
  }

  /** Asks until a range that is older than the store has been loaded. */
  static JsonNode ask(Asked asked, String path) throws Exception {
    String whole = path + (path.contains("?") ? "&" : "?") + asked.parameters();
    Await.until(path, WAIT, () -> get(asked.held(), whole).statusCode() != 202);
    HttpResponse<String> response = get(asked.held(), whole);
    assertThat(response.body(), response.statusCode(), is(200));
    return json(response);
  }

  static HttpResponse<String> get(boolean held, String path) throws Exception {
    DashboardServer server = held ? ofAll : ofOneDay;
    int port = server == null ? 0 : server.port();
    return CLIENT.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
        BodyHandlers.ofString());
  }

  static JsonNode json(HttpResponse<String> response) throws Exception {
    return JSON.readTree(response.body());
  }

  static Instant instant(JsonNode time) {
    String text = time.asText().replace(' ', 'T');
    return Instant.parse(text.endsWith("Z") ? text : text + "Z");
  }

  static LakeRows lake() {
    if (lake == null) {
      throw new IllegalStateException("the lake was not loaded");
    }
    return lake;
  }

  private static void run(String... command) {
    CommandOutput output = CommandOutput.of(command);
    assertThat(output.err(), output.exitCode(), is(0));
    assertThat(output.out().length(), greaterThan(0));
  }

  static Instant endOfHour(Instant time) {
    Instant hour = time.truncatedTo(ChronoUnit.HOURS);
    return hour.equals(time) ? hour : hour.plus(Duration.ofHours(1));
  }

  static String time(JsonNode time) {
    return time.asText().replace("T", " ").replace("Z", "");
  }
}
