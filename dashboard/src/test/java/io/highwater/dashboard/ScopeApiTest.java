package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which part of the data a request selects, beside SQL over the lake for the same part. */
class ScopeApiTest {
  private static final int INSTANCES = 9;
  private static final int HOURS = 30;
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
          "rollups",
          hour,
          "rollups-%d.parquet".formatted(i),
          SampleLake.rollups(hour, INSTANCES, 1, 0));
    }
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
  @CsvSource({
    "2024-03-01T05:00:00Z,2024-03-01T09:30:00Z,''",
    "2024-03-01T05:07:30Z,2024-03-01T05:31:00Z,'2,4'",
    "2024-02-01T00:00:00Z,2024-03-01T03:00:00Z,''",
    "2024-03-02T01:00:00Z,2024-04-02T00:00:00Z,'3'"
  })
  void aRangeOfItsOwnEqualsSqlOverTheLake(Instant from, Instant to, String ids) throws Exception {
    String query = "?from=" + from + "&to=" + to + "&ids=" + ids;
    JsonNode metrics = client.json("/api/metrics" + query);
    String rows = rows(from, to, ids);
    assertThat(metrics.path("window").asText(), is("custom"));
    assertThat(metrics.path("from").asText(), is(from.toString()));
    assertThat(metrics.path("to").asText(), is(to.toString()));
    assertThat(metrics.path("as_of").asText(), is(END.toString()));
    assertThat(metrics.path("source").asText(), is("store"));
    assertThat(sql("SELECT sum(queries)" + rows), greaterThan(0.0));
    assertThat(metrics.path("queries").asDouble(), is(sql("SELECT sum(queries)" + rows)));
    double queue = sql("SELECT sum(queue_ms)" + rows);
    assertThat(metrics.path("queue_time").asDouble(), closeTo(queue, 1e-9 * queue));
    JsonNode chart = client.json("/api/classification/chart" + query);
    double inChart = 0;
    for (JsonNode value : chart.path("series").path("cpu_bound")) {
      inChart += value.asDouble();
    }
    assertThat(inChart, is(sql("SELECT sum(cpu_bound)" + rows)));
    assertThat(chart.path("times").size(), lessThan(250));
  }

  @Test
  void aRangeIsComparedWithTheOneOfTheSameLengthBeforeIt() throws Exception {
    Instant from = SampleLake.START.plus(Duration.ofHours(8));
    Instant to = from.plus(Duration.ofHours(6));
    JsonNode metrics = client.json("/api/metrics?from=" + from + "&to=" + to);
    assertThat(metrics.path("previous_complete").asBoolean(), is(true));
    assertThat(
        metrics.path("queries_delta").asDouble(),
        is(
            sql("SELECT sum(queries)" + rows(from, to, ""))
                - sql("SELECT sum(queries)" + rows(from.minus(Duration.ofHours(6)), from, ""))));
  }

  @Test
  void aWindowIsCountedBackFromNowWhereThatIsAskedFor() throws Exception {
    Instant before = Instant.now();
    JsonNode metrics = client.json("/api/metrics?anchor=now&window=1week");
    Instant to = Instant.parse(metrics.path("to").asText());
    assertThat(to, greaterThan(before));
    assertThat(to, lessThan(Instant.now().plusSeconds(61)));
    assertThat(metrics.path("from").asText(), is(to.minus(Duration.ofDays(7)).toString()));
    assertThat(metrics.path("as_of").asText(), is(END.toString()));
    // The lake's data is of 2024.
    assertThat(metrics.path("queries").isNull(), is(true));
    assertThat(client.json("/api/metrics?anchor=newest").path("to").asText(), is(END.toString()));
    String tag = tag("/api/metrics");
    assertThat(tag("/api/metrics?anchor=now"), is(not(tag)));
  }

  @Test
  void onlyCriticalInstancesCountWhereThatIsAskedFor() throws Exception {
    Instant from = SampleLake.START;
    Instant to = from.plus(Duration.ofMinutes(30));
    String query = "?from=" + from + "&to=" + to;
    List<String> critical = new ArrayList<>();
    for (int instance = 1; instance <= INSTANCES; instance++) {
      if (sql(
              "SELECT (worst > 50 OR worst > 0.05 * queries)::INT FROM (SELECT greatest(sum(cpu_bound),"
                  + " sum(io_bound), sum(network_bound), sum(queue_wlm_bound)) AS worst,"
                  + " sum(queries) AS queries"
                  + rows(from, to, String.valueOf(instance))
                  + ")")
          == 1) {
        critical.add(String.valueOf(instance));
      }
    }
    assertThat(critical.size(), greaterThan(0));
    assertThat(critical.size(), lessThan(INSTANCES));
    JsonNode metrics = client.json("/api/metrics" + query + "&critical=true");
    assertThat(texts(metrics.path("ids")), containsInAnyOrder(critical.toArray()));
    assertThat(
        metrics.path("queries").asDouble(),
        is(sql("SELECT sum(queries)" + rows(from, to, String.join(",", critical)))));
    JsonNode listed = client.json("/api/instances/critical" + query).path("instances");
    assertThat(listed.size(), is(critical.size()));
    String chosen = critical.get(0);
    String others = "1,2,3,4,5,6,7,8,9".replace(chosen, "0");
    assertThat(
        texts(
            client
                .json("/api/metrics" + query + "&critical=true&ids=" + chosen + ",0")
                .path("ids")),
        is(List.of(chosen)));
    assertThat(
        texts(client.json("/api/metrics" + query + "&critical=true&ids=" + others).path("ids")),
        is(critical.subList(1, critical.size())));
    JsonNode none = client.json("/api/metrics" + query + "&critical=true&ids=0");
    assertThat(none.path("ids").size(), is(0));
    assertThat(none.path("queries").isNull(), is(true));
  }

  @ParameterizedTest
  @CsvSource({"''", "'1,2'", "'3'"})
  void criticalTypesAreTheClassesAboveFiftyQueriesOrFivePercent(String ids) throws Exception {
    Instant from = SampleLake.START.plus(Duration.ofHours(8));
    Instant to = from.plus(Duration.ofHours(1));
    JsonNode types =
        client.json("/api/critical/types?from=" + from + "&to=" + to + "&ids=" + ids).path("types");
    String rows = rows(from, to, ids);
    int found = 0;
    double last = Double.MAX_VALUE;
    for (String name : QueryClasses.NAMES.subList(1, QueryClasses.NAMES.size())) {
      String rule = "sum(%1$s) > 50 OR sum(%1$s) > 0.05 * sum(queries)".formatted(name);
      if (sql("SELECT (" + rule + ")::INT" + rows) == 1) {
        found++;
        JsonNode type = MissingNode.getInstance();
        for (JsonNode candidate : types) {
          type = candidate.path("type").asText().equals(name) ? candidate : type;
        }
        double count = sql("SELECT sum(" + name + ")" + rows);
        assertThat(type.path("queries").asDouble(), is(count));
        assertThat(
            type.path("share").asDouble(),
            closeTo(count / sql("SELECT sum(queries)" + rows), 1e-12));
        assertThat(
            type.path("instances").asDouble(),
            is(
                sql(
                    "SELECT count(*) FROM (SELECT instance_id"
                        + rows
                        + " GROUP BY instance_id HAVING "
                        + rule
                        + ")")));
      }
    }
    assertThat(types.size(), is(found));
    for (JsonNode type : types) {
      assertThat(type.path("queries").asDouble(), lessThan(last + 1));
      last = type.path("queries").asDouble();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "from=2024-03-01T00:00:00Z|to|''|a time, as the other end was given",
        "to=2024-03-01T00:00:00Z|from|''|a time, as the other end was given",
        "from=yesterday&to=2024-03-01T00:00:00Z|from|yesterday|an ISO 8601 time of UTC after 1970,"
            + " such as 2024-03-01T00:00:00Z",
        "from=2024-03-01T00:00:00Z&to=%2B99999-03-01T00:00:00Z|to|+99999-03-01T00:00:00Z|an ISO"
            + " 8601 time of UTC after 1970, such as 2024-03-01T00:00:00Z",
        "from=2024-03-02T00:00:00Z&to=2024-03-02T00:00:00Z|from|2024-03-02T00:00:00Z|a time before"
            + " 2024-03-02T00:00:00Z",
        "from=2024-03-01T00:00:00Z&to=2024-06-01T00:00:01Z|from|2024-03-01T00:00:00Z|a time at"
            + " most 92 days before 2024-06-01T00:00:01Z",
        "from=2024-03-01T00:00:00Z&to=2024-03-02T00:00:00Z&window=24h|window|24h|none where from"
            + " and to are given",
        "anchor=then|anchor|then|one of newest, now",
        "critical=yes|critical|yes|one of true, false"
      })
  void aWrongScopeIsNamedOnEveryPath(String query, String parameter, String value, String expected)
      throws Exception {
    for (String path :
        List.of(
            "/api/metrics",
            "/api/classification/chart",
            "/api/classification/table",
            "/api/instances/critical",
            "/api/critical/types",
            "/api/anomalies")) {
      HttpResponse<String> response = client.get(path + "?" + query);
      assertThat(path, response.statusCode(), is(400));
      JsonNode problem = client.parse(response);
      assertThat(problem.path("parameter").asText(), is(parameter));
      assertThat(problem.path("value").asText(), is(value));
      assertThat(problem.path("expected").asText(), is(expected));
    }
  }

  @Test
  void theLongestRangeIsAnswered() throws Exception {
    JsonNode metrics =
        client.json("/api/metrics?from=2024-01-15T00:00:00Z&to=2024-04-16T00:00:00Z");
    assertThat(
        metrics.path("queries").asDouble(),
        is(sql("SELECT sum(queries)" + rows(SampleLake.START, END, ""))));
  }

  private static String tag(String path) throws Exception {
    return client.get(path).headers().firstValue("ETag").orElseThrow();
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(value -> texts.add(value.asText()));
    return texts;
  }

  /** The 10-minute windows that begin in a range, as a FROM clause. */
  private static String rows(Instant from, Instant to, String ids) {
    return " FROM $files WHERE window_millis = 600000 AND window_start >= TIMESTAMP '"
        + SampleLake.timestamp(from)
        + "' AND window_start < TIMESTAMP '"
        + SampleLake.timestamp(to)
        + "'"
        + (ids.isEmpty() ? "" : " AND instance_id IN (" + ids + ")");
  }

  private static double sql(String sql) throws Exception {
    return lake.value("rollups", sql);
  }
}
