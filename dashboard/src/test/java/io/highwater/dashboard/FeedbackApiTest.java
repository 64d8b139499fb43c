package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;

import com.fasterxml.jackson.databind.JsonNode;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeTable;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What people say of outliers, on its way into the lake and back. */
class FeedbackApiTest {
  private static final String JSON = "application/json";
  private static final int HOURS = 3;

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static DashboardServer server;
  private static DashboardClient client;

  /** Outliers that nobody has said anything of yet, the newest first. */
  private static Iterator<JsonNode> untouched = Collections.emptyIterator();

  @BeforeAll
  static void startServer() throws Exception {
    lake = new SampleLake(folder.resolve("the lake"));
    for (int i = 0; i < HOURS; i++) {
      Instant hour = SampleLake.START.plus(Duration.ofHours(i));
      lake.writeParquet("rollups", hour, "rollups-0.parquet", SampleLake.rollups(hour, 9, 1, 0));
      lake.writeParquet(
          "outliers",
          hour,
          "outliers-0.parquet",
          SampleLake.outliers(SampleLake.scored(SampleLake.events(hour, 300, 300 * i), "v1")));
    }
    server =
        DashboardServer.start(DashboardConfig.of(lake.root(), SampleLake.CONTRACT).withPort(0));
    client = DashboardClient.whenReady(server.port());
    untouched = client.json("/api/anomalies").path("rows").iterator();
  }

  @AfterAll
  static void stopServer() throws Exception {
    server.close();
    lake.close();
  }

  @Test
  void whatWasSaidIsInTheLakeAndOnTheOutlier() throws Exception {
    int total = client.json("/api/anomalies").path("total").asInt();
    JsonNode outlier = untouched.next();
    String id = outlier.path("outlier_id").asText();
    Set<String> filesBefore = files();
    assertThat(outlier.path("feedback").isNull(), is(true));
    Instant before = Instant.now();

    HttpResponse<String> response =
        say(id, "{\"verdict\":\"wrong\",\"note\":\"nightly load; it's \\u0022usual\\u0022\"}");
    assertThat(response.statusCode(), is(201));
    JsonNode said = client.parse(response);
    assertThat(said.path("verdict").asText(), is("wrong"));
    assertThat(said.path("note").asText(), is("nightly load; it's \"usual\""));
    assertThat(said.path("who").asText(), is("local"));
    Instant at = Instant.parse(said.path("at").asText());
    assertThat(at, greaterThan(before.minusSeconds(1)));
    assertThat(at, lessThan(Instant.now().plusSeconds(1)));

    Set<String> files = files();
    files.removeAll(filesBefore);
    assertThat(files, hasSize(1));
    assertThat(
        files.iterator().next(),
        startsWith(
            LakeHour.of(SampleLake.CONTRACT, "feedback", at.toEpochMilli()).directory()
                + "/feedback-"));
    assertThat(
        lake.value(
            "feedback",
            "SELECT count(*) FROM $files WHERE outlier_id = '%s' AND verdict = 'wrong'"
                    .formatted(id)
                + " AND note = 'nightly load; it''s \"usual\"' AND who = 'local'"
                + " AND length(feedback_id) = 36 AND instance_id = %s AND query_id = %s"
                    .formatted(outlier.path("instance").asText(), outlier.path("query_id").asText())
                + " AND event_time = TIMESTAMP '%s' AND created_at = TIMESTAMP '%s'"
                    .formatted(
                        SampleLake.timestamp(Instant.parse(outlier.path("event_time").asText())),
                        SampleLake.timestamp(at))),
        is(1.0));

    JsonNode told = await(id, 1);
    assertThat(told.path("feedback").get(0), is(said));
    assertThat(told.path("outlier").path("feedback").asText(), is("wrong"));
    JsonNode now = client.json("/api/anomalies");
    for (JsonNode row : now.path("rows")) {
      if (row.path("outlier_id").asText().equals(id)) {
        assertThat(row.path("feedback").asText(), is("wrong"));
      } else {
        assertThat(row.path("feedback").asText(), is(not("wrong")));
      }
    }
    // It is of today and the data of 2024, which nevertheless stays.
    assertThat(now.path("total").asInt(), is(total));
  }

  @Test
  void theNewestCountsAndEarlierOnesStayAlsoWithoutTheStore() throws Exception {
    String id = untouchedId();
    assertThat(say(id, "{\"verdict\":\"right\"}").statusCode(), is(201));
    assertThat(say(id, "{\"verdict\":\"wrong\",\"note\":null}").statusCode(), is(201));
    assertThat(say(id, "{\"verdict\":\"right\",\"note\":\" \"}").statusCode(), is(201));
    JsonNode told = await(id, 3);
    assertThat(verdicts(told), is(List.of("right", "wrong", "right")));
    assertThat(told.path("feedback").get(0).path("note").isNull(), is(true));
    assertThat(told.path("outlier").path("feedback").asText(), is("right"));

    DashboardConfig config =
        DashboardConfig.of(lake.root(), SampleLake.CONTRACT)
            .withStore(folder.resolve("anew.duckdb"))
            .withPort(0);
    try (DashboardServer anew = DashboardServer.start(config)) {
      DashboardClient asked = DashboardClient.whenReady(anew.port());
      JsonNode again = asked.json("/api/anomalies/" + id);
      assertThat(again.path("feedback"), is(told.path("feedback")));
      assertThat(again.path("outlier"), is(told.path("outlier")));
      assertThat(
          asked.get("/api/anomalies/export").body().lines().filter(l -> l.startsWith(id)).toList(),
          contains(endsWith(",right")));
    }
  }

  @Test
  void anUnknownOutlierIsNotFoundAndNothingIsWritten() throws Exception {
    Set<String> files = files();
    HttpResponse<String> response = say("nobody%27--", "{\"verdict\":\"right\"}");
    assertThat(response.statusCode(), is(404));
    assertThat(DashboardClient.contentType(response), is("application/problem+json"));
    assertThat(
        client.parse(response).path("detail").asText(), is("no outlier has the id 'nobody'--'"));
    assertThat(files(), is(files));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{}|verdict|''|right or wrong",
        "{\"verdict\":\"maybe\"}|verdict|maybe|right or wrong",
        "{\"verdict\":1}|verdict|1|a text",
        "{\"verdict\":\"right\",\"note\":[\"a\"]}|note|[\"a\"]|a text",
        "[]|body|[]|a JSON object with verdict and, if wanted, note",
        "{\"verdict\":|body|{\"verdict\":|a JSON object with verdict and, if wanted, note",
        "''|body|''|a JSON object with verdict and, if wanted, note"
      })
  void aWrongBodyIsNamedAndNothingIsWritten(
      String body, String parameter, String value, String expected) throws Exception {
    Set<String> files = files();
    HttpResponse<String> response = say(untouchedId(), body);
    assertThat(response.statusCode(), is(400));
    JsonNode problem = client.parse(response);
    assertThat(problem.path("parameter").asText(), is(parameter));
    assertThat(problem.path("value").asText(), is(value));
    assertThat(problem.path("expected").asText(), is(expected));
    assertThat(files(), is(files));
  }

  @Test
  void aNoteOfFiveHundredCharactersIsTakenAndNoLongerOne() throws Exception {
    String id = untouchedId();
    String note = "é".repeat(500);
    assertThat(say(id, "{\"verdict\":\"right\",\"note\":\"" + note + "\"}").statusCode(), is(201));
    assertThat(await(id, 1).path("feedback").get(0).path("note").asText(), is(note));
    Set<String> files = files();
    HttpResponse<String> longer = say(id, "{\"verdict\":\"right\",\"note\":\"" + note + "e\"}");
    assertThat(longer.statusCode(), is(400));
    assertThat(client.parse(longer).path("value").asText(), is("501 characters"));
    String huge = "{\"verdict\":\"right\",\"x\":\"" + "x".repeat(20_000) + "\"}";
    assertThat(say(id, huge).statusCode(), is(413));
    assertThat(files(), is(files));
  }

  @ParameterizedTest
  @CsvSource({"text/plain", "application/x-www-form-urlencoded", "multipart/form-data"})
  void whatAnotherSiteCanSendIsRefused(String type) throws Exception {
    Set<String> files = files();
    HttpResponse<String> response =
        client.post(
            "/api/anomalies/" + untouchedId() + "/feedback", type, "{\"verdict\":\"right\"}");
    assertThat(response.statusCode(), is(415));
    assertThat(DashboardClient.contentType(response), is("application/problem+json"));
    assertThat(files(), is(files));
  }

  @Test
  void nothingUnfinishedStays() throws Exception {
    assertThat(say(untouchedId(), "{\"verdict\":\"right\"}").statusCode(), is(201));
    try (Stream<Path> all = Files.walk(lake.root().resolve(SampleLake.CONTRACT + "/feedback"))) {
      assertThat(
          all.filter(Files::isRegularFile)
              .map(path -> lake.root().relativize(path).toString())
              .collect(Collectors.toSet()),
          is(files()));
    }
  }

  private static HttpResponse<String> say(String outlierId, String body) throws Exception {
    return client.post("/api/anomalies/" + outlierId + "/feedback", JSON, body);
  }

  private static String untouchedId() {
    return untouched.next().path("outlier_id").asText();
  }

  private static JsonNode await(String outlierId, int said) throws Exception {
    return client.await(
        "/api/anomalies/" + outlierId, answer -> answer.path("feedback").size() == said);
  }

  private static List<String> verdicts(JsonNode answer) {
    List<String> verdicts = new ArrayList<>();
    answer.path("feedback").forEach(said -> verdicts.add(said.path("verdict").asText()));
    return verdicts;
  }

  /** The table's files that count, below the lake. */
  private static Set<String> files() {
    return LakeTable.of(lake.root(), SampleLake.CONTRACT, "feedback").files().stream()
        .map(file -> lake.root().relativize(file.path()).toString())
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
