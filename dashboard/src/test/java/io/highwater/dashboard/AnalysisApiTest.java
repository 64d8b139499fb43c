package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The analyses and the advice beside SQL over the files of the lake. */
class AnalysisApiTest {
  private static final int HOURS = 60;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));

  /** A range that begins and ends within an hour. */
  private static final String CUSTOM = "from=2024-03-02T10:20:00Z&to=2024-03-03T03:40:00Z";

  private static final Map<String, String> LIMITS =
      Map.of(
          "cpu_bound", "sum(cpu_bound) > 50 OR sum(cpu_bound) > 0.05 * sum(queries)",
          "io_bound", "sum(io_bound) > 50 OR sum(io_bound) > 0.05 * sum(queries)",
          "network_bound", "sum(network_bound) > 50 OR sum(network_bound) > 0.05 * sum(queries)",
          "queue_wlm_bound",
              "sum(queue_wlm_bound) > 50 OR sum(queue_wlm_bound) > 0.05 * sum(queries)",
          "spill", "sum(spilled_queries) > 50 OR sum(spilled_queries) > 0.05 * sum(queries)",
          "compile", "sum(compile_ms) > 60000 AND sum(compile_ms) > 0.3 * sum(execution_ms)",
          "cache", "sum(queries - cached) > 1000 AND sum(cached) < 0.05 * sum(queries)");

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static DashboardServer server;
  private static DashboardClient client;

  @BeforeAll
  static void startServer() throws Exception {
    lake = new SampleLake(folder.resolve("lake"));
    for (int i = 0; i < HOURS; i++) {
      Instant hour = SampleLake.START.plus(Duration.ofHours(i));
      lake.writeParquet("rollups", hour, "rollups-%d.parquet".formatted(i), rollups(hour, 0));
      lake.writeParquet(
          "events", hour, "events-%d.parquet".formatted(i), events(hour, 300, 300 * i));
    }
    // A later pane of one hour takes the place of the first.
    lake.writeParquet("rollups", hour(40), "rollups-late.parquet", rollups(hour(40), 1));
    String root = lake.root().resolve(SampleLake.CONTRACT).toString().replace("'", "''");
    lake.execute(
        "CREATE TABLE events AS FROM read_parquet('%s/events/**/*.parquet')".formatted(root));
    lake.execute(
        """
        CREATE TABLE rollups AS FROM read_parquet('%s/rollups/**/*.parquet')
        QUALIFY row_number() OVER (PARTITION BY window_start, window_millis, instance_id
          ORDER BY run_id DESC, pane_index DESC) = 1
        """
            .formatted(root));
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
    "time,sum(execution_duration_ms),window=24h",
    "time,sum(execution_duration_ms)," + CUSTOM + "&ids=2|5|7",
    "count,count(*),window=24h&ids=3",
    "spill,sum(mbytes_spilled),window=1week",
    "queue,sum(queue_duration_ms)," + CUSTOM
  })
  void theTopFingerprintsEqualSqlOverTheLake(String by, String value, String scope)
      throws Exception {
    JsonNode answer = top("by=" + by + "&limit=25&" + scope);
    String rows =
        " FROM events WHERE NOT was_cached AND "
            + in("arrival_timestamp", answer.path("hours_from"), answer.path("hours_to"), scope);
    double share = 0;
    assertThat(answer.path("rows").size(), greaterThan(5));
    for (int i = 0; i < answer.path("rows").size(); i++) {
      JsonNode row = answer.path("rows").get(i);
      String of = rows + group(row);
      assertNumber(row, "queries", "SELECT count(*)" + of);
      assertNumber(row, "execution_ms", "SELECT sum(execution_duration_ms)" + of);
      assertNumber(row, "mean_ms", "SELECT avg(execution_duration_ms)" + of);
      assertNumber(row, "max_ms", "SELECT max(execution_duration_ms)" + of);
      assertNumber(row, "queue_ms", "SELECT sum(queue_duration_ms)" + of);
      assertNumber(row, "spilled_mb", "SELECT sum(mbytes_spilled)" + of);
      share += row.path("share_of_time").asDouble();
      double ranked =
          sql(
              "SELECT %s AS v%s GROUP BY instance_id, feature_fingerprint, query_type ORDER BY v"
                      .formatted(value, rows)
                  + " DESC OFFSET "
                  + i);
      assertThat(sql("SELECT " + value + of), closeTo(ranked, 1e-9 * ranked));
    }
    assertThat(
        share,
        closeTo(
            sql(
                "SELECT sum(v) / (SELECT sum(execution_duration_ms)%s) FROM (%s)"
                    .formatted(
                        rows,
                        "SELECT sum(execution_duration_ms) AS v, "
                            + value
                            + " AS r"
                            + rows
                            + " GROUP BY instance_id, feature_fingerprint, query_type"
                            + " ORDER BY r DESC, v DESC LIMIT 25")),
            1e-9));
  }

  @Test
  void aSlowdownIsAgainstAsManyHoursBefore() throws Exception {
    JsonNode answer = top("by=slowdown&limit=10&window=24h");
    assertThat(answer.path("previous_complete").asBoolean(), is(true));
    assertThat(answer.path("rows").size(), is(10));
    double last = Double.MAX_VALUE;
    for (JsonNode row : answer.path("rows")) {
      String rows = " FROM events WHERE NOT was_cached" + group(row) + " AND ";
      double now = sql("SELECT avg(execution_duration_ms)" + rows + between(hour(HOURS - 24), END));
      double before =
          sql(
              "SELECT avg(execution_duration_ms)"
                  + rows
                  + between(hour(HOURS - 48), hour(HOURS - 24)));
      assertThat(row.path("mean_ms").asDouble(), closeTo(now, 1e-9 * now));
      assertThat(row.path("mean_ms_before").asDouble(), closeTo(before, 1e-9 * before));
      assertThat(row.path("slowdown").asDouble(), closeTo(now / before, 1e-9));
      double lost = (now - before) * row.path("queries").asDouble();
      assertThat(row.path("lost_ms").asDouble(), closeTo(lost, 1e-6 * lost));
      assertThat(lost <= last, is(true));
      last = lost;
    }
  }

  @Test
  void whatIsNotHeldIsNotComparedWith() throws Exception {
    JsonNode answer = top("by=time&window=1week");
    assertThat(answer.path("previous_complete").asBoolean(true), is(false));
    assertThat(answer.path("rows").get(0).path("mean_ms_before").isNull(), is(true));
    assertThat(answer.path("rows").get(0).path("slowdown").isNull(), is(true));
    assertThat(top("by=slowdown&window=1week").path("rows").size(), is(0));
  }

  @ParameterizedTest
  @CsvSource({"window=24h,24", "window=1week&ids=3,168", CUSTOM + "&ids=2|5|7,18"})
  void theHoursEqualSqlOverTheLake(String scope, int steps) throws Exception {
    JsonNode answer = get("/api/analyses/hours?" + scope);
    JsonNode times = answer.path("times");
    assertThat(times.size(), is(steps));
    assertThat(answer.path("step_seconds").asInt(), is(3600));
    String rows = rollups(answer, scope);
    for (String column :
        List.of(
            "queries",
            "cached",
            "spilled_queries",
            "spilled_mb",
            "queue_ms",
            "execution_ms",
            "compile_ms")) {
      JsonNode series = answer.path("series").path(column);
      assertThat(series.size(), is(steps));
      for (int i = Math.max(0, steps - 20); i < steps; i += 3) {
        Instant from = Instant.parse(times.get(i).asText());
        String hour = rows + " AND " + "window_start " + betweenOf(from, from.plusSeconds(3600));
        double expected = sql("SELECT coalesce(sum(" + column + "), 0)" + hour);
        assertThat(column, series.get(i).asDouble(), closeTo(expected, 1e-9 * expected));
      }
    }
    Instant last = Instant.parse(times.get(steps - 1).asText());
    double rate =
        sql(
            "SELECT sum(cached) / sum(queries)"
                + rows
                + " AND window_start "
                + betweenOf(last, last.plusSeconds(3600)));
    assertThat(
        answer.path("series").path("cache_hit_rate").get(steps - 1).asDouble(),
        closeTo(rate, 1e-12));
    Map<String, JsonNode> types = new HashMap<>();
    answer.path("spill_by_type").forEach(type -> types.put(type.path("type").asText(), type));
    assertThat(new TreeSet<>(types.keySet()).toString(), is("[copy, select]"));
    for (String type : types.keySet()) {
      assertNumber(
          types.get(type),
          "queries",
          "SELECT sum((spilled_queries_by_type ->> '" + type + "')::BIGINT)" + rows);
      assertNumber(
          types.get(type),
          "mb",
          "SELECT sum((spilled_mb_by_type ->> '" + type + "')::DOUBLE)" + rows);
    }
    assertThat(answer.path("meaning").path("spill").asText(), containsString("memory"));
  }

  @ParameterizedTest
  @CsvSource({"window=24h", CUSTOM + "&ids=2|5|7"})
  void theTopTablesEqualSqlOverTheLake(String scope) throws Exception {
    JsonNode answer = get("/api/analyses/tables?limit=15&" + scope);
    assertThat(answer.path("rows").size(), greaterThan(8));
    String reads =
        " FROM (SELECT instance_id, unnest(from_json(top_read_tables, '[\"JSON\"]')) AS t"
            + " FROM rollups WHERE window_millis = 3600000 AND "
            + in("window_start", answer.path("hours_from"), answer.path("hours_to"), scope)
            + ")";
    for (int i = 0; i < answer.path("rows").size(); i++) {
      JsonNode row = answer.path("rows").get(i);
      String count = "SELECT sum((t ->> 'count')::BIGINT) AS v" + reads;
      assertNumber(
          row,
          "reads",
          "%s WHERE instance_id = %s AND t ->> 'value' = '%s'"
              .formatted(count, row.path("instance").asText(), row.path("table").asText()));
      assertNumber(
          row, "reads", count + " GROUP BY instance_id, t ->> 'value' ORDER BY v DESC OFFSET " + i);
    }
  }

  @ParameterizedTest
  @CsvSource({"window=24h", "window=1week&ids=3", CUSTOM + "&ids=2|5|7"})
  void utilizationAndCompilationEqualSqlOverTheLake(String scope) throws Exception {
    JsonNode utilization = get("/api/analyses/utilization?" + scope);
    JsonNode compile = get("/api/analyses/compile?" + scope);
    assertThat(utilization.path("rows").size(), greaterThan(0));
    assertThat(compile.path("rows").size(), is(utilization.path("rows").size()));
    String hours =
        " FROM rollups WHERE window_millis = 3600000 AND "
            + in(
                "window_start", utilization.path("hours_from"), utilization.path("hours_to"), scope)
            + " AND instance_id = ";
    double oversubscribed = 0;
    for (JsonNode row : utilization.path("rows")) {
      String of = hours + row.path("instance").asText();
      assertNumber(row, "utilization_mean", "SELECT avg(utilization)" + of);
      assertNumber(row, "utilization_max", "SELECT max(utilization)" + of);
      assertNumber(row, "oversubscription_max", "SELECT max(oversubscription)" + of);
      assertNumber(row, "oversubscribed_windows", "SELECT count_if(oversubscription > 0)" + of);
      assertNumber(row, "windows", "SELECT count(*)" + of);
      assertNumber(row, "composite_score", "SELECT avg(composite_score)" + of);
      oversubscribed += row.path("oversubscribed_windows").asDouble();
      JsonNode sparkline = row.path("sparkline");
      assertThat(sparkline.size(), is(24));
      double sum = 0;
      for (JsonNode value : sparkline) {
        sum += value.asDouble();
      }
      String fine =
          rollups(utilization, scope) + " AND instance_id = " + row.path("instance").asText();
      assertThat(sum, is(sql("SELECT sum(queries)" + fine)));
      Instant from = Instant.parse(utilization.path("from").asText());
      Duration part =
          Duration.between(from, Instant.parse(utilization.path("to").asText())).dividedBy(24);
      assertThat(
          sparkline.get(23).asDouble(),
          is(
              sql(
                  "SELECT sum(queries)"
                      + fine
                      + " AND window_start >= TIMESTAMP '"
                      + SampleLake.timestamp(from.plus(part.multipliedBy(23)))
                      + "'")));
    }
    assertThat(oversubscribed > 0, is(!scope.endsWith("ids=3")));
    for (JsonNode row : compile.path("rows")) {
      String of = hours + row.path("instance").asText();
      assertNumber(row, "compile_ms", "SELECT sum(compile_ms)" + of);
      assertNumber(row, "compile_share", "SELECT sum(compile_ms) / sum(execution_ms)" + of);
      assertNumber(
          row,
          "joins_compile_correlation",
          "SELECT sum(joins_compile_correlation * queries) / sum(queries)"
              + of
              + " AND joins_compile_correlation IS NOT NULL");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"window=24h", "window=24h&ids=5", "window=1week&ids=2|x'y", CUSTOM + "&ids=5|7"})
  void theAdviceCitesNumbersThatItsSqlGivesOverTheLake(String scope) throws Exception {
    JsonNode answer = get("/api/recommendations?" + scope);
    JsonNode items = answer.path("items");
    TreeSet<String> told = new TreeSet<>();
    for (JsonNode item : items) {
      String type = item.path("type").asText();
      told.add(type);
      for (JsonNode evidence : item.path("evidence")) {
        String name = evidence.path("name").asText();
        double expected =
            sql("SELECT " + name + "::DOUBLE FROM (" + item.path("sql").asText() + ")");
        assertThat(
            type + " " + name,
            evidence.path("value").asDouble(Double.NaN),
            closeTo(expected, 1e-9 * Math.abs(expected)));
      }
      double affected = item.path("evidence").get(0).path("value").asDouble();
      assertThat(affected, greaterThan(0.0));
      assertThat(
          item.path("finding").asText(),
          containsString(
              item.path("evidence").get(0).path("unit").asText().equals("ms")
                  ? String.format(java.util.Locale.ROOT, "%,.1f h of ", affected / 3_600_000)
                  : String.format(java.util.Locale.ROOT, "%,.0f of ", affected)));
      assertThat(item.path("checks").size(), greaterThan(1));
      assertThat(item.path("actions").size(), greaterThan(1));
      assertThat(item.path("why_confidence").asText(), containsString("limits"));
    }
    String rows = rollups(answer, scope.replace("|x'y", ""));
    TreeSet<String> expected = new TreeSet<>();
    for (Map.Entry<String, String> limit : LIMITS.entrySet()) {
      if (sql("SELECT (" + limit.getValue() + ")::INT" + rows) == 1) {
        expected.add(limit.getKey());
      }
    }
    assertThat(told, is(expected));
    assertThat(expected.contains("compile"), is(scope.contains("ids=5")));
  }

  @Test
  void aProblemAboveOneLimitOnlyIsToldWithLessConfidence() throws Exception {
    for (JsonNode item : get("/api/recommendations?window=24h").path("items")) {
      double affected = evidence(item, "affected_queries");
      double share = evidence(item, "share");
      boolean measured = List.of("queue_wlm_bound", "spill").contains(item.path("type").asText());
      String both = measured ? "high" : "medium";
      String one = measured ? "medium" : "low";
      assertThat(
          item.path("type").asText(),
          item.path("confidence").asText(),
          is(affected > 50 && share > 0.05 ? both : one));
    }
  }

  @Test
  void oneTypeOfAdviceIsToldAloneAndUnknownOnesAreEmpty() throws Exception {
    JsonNode spill = get("/api/recommendations/spill?window=24h").path("items");
    assertThat(spill.size(), is(1));
    assertThat(spill.get(0).path("type").asText(), is("spill"));
    assertThat(
        spill.get(0).toString(),
        is(itemOf(get("/api/recommendations?window=24h").path("items"), "spill").toString()));
    assertThat(get("/api/recommendations/nothing?window=24h").path("items").size(), is(0));
    assertThat(get("/api/recommendations/compile?window=24h").path("items").size(), is(0));
  }

  @Test
  void unknownInstancesGiveEmptyAnalyses() throws Exception {
    for (String path :
        List.of(
            "/api/queries/top?",
            "/api/analyses/tables?",
            "/api/analyses/utilization?",
            "/api/analyses/compile?")) {
      assertThat(path, get(path + "ids=77777|x%27--").path("rows").size(), is(0));
    }
    assertThat(get("/api/recommendations?ids=77777|x%27--").path("items").size(), is(0));
    JsonNode hours = get("/api/analyses/hours?ids=77777");
    assertThat(hours.path("series").path("queries").get(23).asDouble(-1), is(0.0));
    assertThat(hours.path("series").path("cache_hit_rate").get(23).isNull(), is(true));
    assertThat(hours.path("spill_by_type").size(), is(0));
  }

  @ParameterizedTest
  @CsvSource({
    "/api/queries/top?by=name,by,name,'one of time, count, spill, queue, slowdown'",
    "/api/queries/top?limit=201,limit,201,a whole number from 1 to 200",
    "/api/analyses/tables?limit=0,limit,0,a whole number from 1 to 100",
    "/api/analyses/hours?window=2h,window,2h,24h or 1week",
    "/api/recommendations/spill?window=2h,window,2h,24h or 1week"
  })
  void aWrongParameterIsNamed(String path, String parameter, String value, String expected)
      throws Exception {
    HttpResponse<String> response = client.get(path);
    assertThat(response.statusCode(), is(400));
    JsonNode problem = client.parse(response);
    assertThat(problem.path("parameter").asText(), is(parameter));
    assertThat(problem.path("value").asText(), is(value));
    assertThat(problem.path("expected").asText(), is(expected));
  }

  private static Instant hour(int i) {
    return SampleLake.START.plus(Duration.ofHours(i));
  }

  /** Roll-ups with what the analyses need; instance 5 compiles much and has no cached results. */
  static String rollups(Instant hour, long paneIndex) {
    return """
    SELECT * REPLACE (CASE WHEN instance_id = 5 THEN 0 ELSE cached END AS cached,
        CASE WHEN instance_id = 5 THEN execution_ms * 0.6 ELSE compile_ms END AS compile_ms),
      least(1, execution_ms / (window_millis / 2)) AS utilization,
      greatest(0, execution_ms / (window_millis / 2) - 1) AS oversubscription,
      40.0 + h %% 60 AS composite_score,
      CASE WHEN h %% 7 = 0 THEN NULL ELSE (h %% 200) / 100.0 - 1 END AS joins_compile_correlation,
      CASE WHEN spilled_queries > 1
          THEN format('{{"copy":1,"select":{}}}', spilled_queries - 1)
        WHEN spilled_queries = 1 THEN '{"select":1}' END AS spilled_queries_by_type,
      CASE WHEN spilled_queries > 1
          THEN format('{{"copy":{},"select":{}}}', spilled_mb * 0.25, spilled_mb * 0.75)
        WHEN spilled_queries = 1 THEN format('{{"select":{}}}', spilled_mb) END
        AS spilled_mb_by_type,
      CASE WHEN h %% 9 > 0
        THEN format('[{{"value":"{}","count":{}}},{{"value":"{}","count":{}}}]',
          h %% 5, 10 + h %% 90, 5 + h %% 4, 1 + h %% 9) END AS top_read_tables
    FROM (SELECT *, (hash(instance_id, window_start, window_millis, 3) %% 1000)::BIGINT AS h
      FROM (%s))
    """
        .formatted(SampleLake.rollups(hour, 24, 1, paneIndex));
  }

  /** Events of few fingerprints. */
  private static String events(Instant hour, int rows, int firstQueryId) {
    return "SELECT * REPLACE (sha256((query_id % 3)::VARCHAR) AS feature_fingerprint) FROM ("
        + SampleLake.events(hour, rows, firstQueryId)
        + ")";
  }

  private static JsonNode top(String query) throws Exception {
    return get("/api/queries/top?" + query);
  }

  private static JsonNode get(String path) throws Exception {
    HttpResponse<String> response =
        client.get(path.replace("|", ",").replace("'", "%27").replace(" ", "%20"));
    assertThat(response.body(), response.statusCode(), is(200));
    return client.parse(response);
  }

  private static JsonNode itemOf(JsonNode items, String type) {
    for (JsonNode item : items) {
      if (item.path("type").asText().equals(type)) {
        return item;
      }
    }
    throw new AssertionError("no " + type + " in " + items);
  }

  private static double evidence(JsonNode item, String name) {
    for (JsonNode evidence : item.path("evidence")) {
      if (evidence.path("name").asText().equals(name)) {
        return evidence.path("value").asDouble();
      }
    }
    throw new AssertionError("no " + name + " in " + item);
  }

  /** The finest roll-up windows of an answer's range and a request's instances. */
  private static String rollups(JsonNode answer, String scope) {
    return " FROM rollups WHERE window_millis = 600000 AND "
        + in("window_start", answer.path("from"), answer.path("to"), scope);
  }

  private static String in(String time, JsonNode from, JsonNode to, String scope) {
    String ids = scope.contains("ids=") ? scope.substring(scope.indexOf("ids=") + 4) : "";
    return time
        + " "
        + betweenOf(Instant.parse(from.asText()), Instant.parse(to.asText()))
        + (ids.isEmpty() ? "" : " AND instance_id IN (" + ids.replace('|', ',') + ")");
  }

  private static String between(Instant from, Instant to) {
    return "arrival_timestamp " + betweenOf(from, to);
  }

  private static String betweenOf(Instant from, Instant to) {
    return "BETWEEN TIMESTAMP '%s' AND TIMESTAMP '%s' - INTERVAL 1 MICROSECOND"
        .formatted(SampleLake.timestamp(from), SampleLake.timestamp(to));
  }

  private static String group(JsonNode row) {
    return " AND instance_id = %s AND feature_fingerprint = '%s' AND query_type = '%s'"
        .formatted(
            row.path("instance").asText(),
            row.path("fingerprint").asText(),
            row.path("query_type").asText());
  }

  private static void assertNumber(JsonNode row, String member, String sql) throws Exception {
    double expected = sql(sql);
    assertThat(
        member,
        row.path(member).asDouble(Double.NaN),
        closeTo(expected, 1e-9 * Math.abs(expected)));
  }

  private static double sql(String sql) throws Exception {
    return lake.value("rollups", sql);
  }
}
