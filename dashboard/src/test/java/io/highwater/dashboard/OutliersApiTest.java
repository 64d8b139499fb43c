package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.lessThanOrEqualTo;

import com.fasterxml.jackson.databind.JsonNode;
import io.highwater.detect.Calibration;
import io.highwater.detect.GroupRanks;
import io.highwater.features.Encodings;
import io.highwater.record.Compression;
import io.highwater.registry.GateDecision;
import io.highwater.registry.HeldOutMetrics;
import io.highwater.registry.Manifest;
import io.highwater.registry.ModelRegistry;
import io.highwater.registry.TrainedModel;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the API tells of outliers and models, beside SQL over the lake and the registry's files. */
class OutliersApiTest {
  private static final int HOURS = 60;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));
  private static final Instant LAST = END.minus(Duration.ofHours(1));
  private static final Instant TRAINED = Instant.parse("2024-03-02T00:00:10Z");

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static Path registry;
  private static DashboardServer server;
  private static DashboardClient client;

  @BeforeAll
  static void startServer() throws Exception {
    lake = new SampleLake(folder.resolve("lake"));
    for (int i = 0; i < HOURS; i++) {
      Instant hour = SampleLake.START.plus(Duration.ofHours(i));
      lake.writeParquet(
          "rollups", hour, "rollups-%d.parquet".formatted(i), SampleLake.rollups(hour, 24, 1, 0));
      lake.writeParquet(
          "outliers",
          hour,
          "outliers-%d.parquet".formatted(i),
          SampleLake.outliers(SampleLake.scored(SampleLake.events(hour, 300, 300 * i), "v1")));
    }
    String events = SampleLake.events(LAST, 300, 300 * (HOURS - 1));
    // The last hour's outliers twice, once as a newer model has them.
    lake.writeParquet(
        "outliers",
        LAST,
        "outliers-again.parquet",
        SampleLake.outliers(SampleLake.scored(events, "v2")));
    lake.writeArrow(
        "events", LAST, "events-0.arrow", Compression.ZSTD, SampleLake.scored(events, "v2"));
    registry = folder.resolve("registry");
    ModelRegistry models = ModelRegistry.of(registry, SampleLake.CONTRACT);
    models.publish(model(true, "better"), TRAINED, 10);
    models.publish(model(false, "loses more"), TRAINED.plusSeconds(86_400), 10);
    server =
        DashboardServer.start(
            DashboardConfig.of(lake.root(), SampleLake.CONTRACT)
                .withRegistry(registry)
                .withPort(0));
    client = DashboardClient.whenReady(server.port());
  }

  @AfterAll
  static void stopServer() throws Exception {
    server.close();
    lake.close();
  }

  @ParameterizedTest
  @CsvSource({"24h,''", "24h,'3'", "24h,'2,5,7'", "1week,''", "1week,'4,9'"})
  void outliersEqualSqlOverTheLake(String window, String ids) throws Exception {
    Duration length = window.equals("24h") ? Duration.ofHours(24) : Duration.ofDays(7);
    JsonNode answer = client.json("/api/anomalies?limit=1000&window=" + window + "&ids=" + ids);
    String now = outliers(END.minus(length), END, ids);
    double total = sql("SELECT count(*)" + now);
    assertThat(total, greaterThan(0.0));
    assertThat(answer.path("total").asDouble(), is(total));
    assertThat(answer.path("rows").size(), is((int) Math.min(1000, total)));
    assertThat(answer.path("to").asText(), is(END.toString()));
    JsonNode metrics = client.json("/api/metrics?window=" + window + "&ids=" + ids);
    assertThat(metrics.path("anomalies_count").asDouble(), is(total));
    if (window.equals("24h")) {
      String before = outliers(END.minus(length.multipliedBy(2)), END.minus(length), ids);
      assertThat(
          metrics.path("anomalies_count_delta").asDouble(),
          is(total - sql("SELECT count(*)" + before)));
    }
    for (JsonNode count : answer.path("by")) {
      assertThat(
          count.path("count").asDouble(),
          is(
              sql(
                  "SELECT count(*)%s WHERE severity = '%s' AND outlier_reason = '%s'"
                      .formatted(
                          now, count.path("severity").asText(), count.path("reason").asText()))));
    }
  }

  @Test
  void theNewestOutliersComeFirstWithWhatTheLakeHasOfThem() throws Exception {
    JsonNode rows = client.json("/api/anomalies?limit=40").path("rows");
    assertThat(rows.size(), is(40));
    Instant last = Instant.MAX;
    Set<String> ids = new HashSet<>();
    for (JsonNode row : rows) {
      Instant time = Instant.parse(row.path("event_time").asText());
      assertThat(time.compareTo(last), lessThanOrEqualTo(0));
      last = time;
      assertThat(ids.add(row.path("outlier_id").asText()), is(true));
      assertThat(row.path("model_version").asText(), is(time.isBefore(LAST) ? "v1" : "v2"));
      for (Map.Entry<String, String> column :
          Map.of(
                  "actual_ms", "execution_duration_ms",
                  "predicted_ms", "predicted_ms",
                  "predicted_p90_ms", "predicted_p90_ms",
                  "ratio", "ratio",
                  "usual_count", "usual_count",
                  "query_id", "query_id",
                  "spilled_mb", "mbytes_spilled")
              .entrySet()) {
        double expected = sql("SELECT any_value(" + column.getValue() + ")" + of(row));
        assertThat(
            row.path(column.getKey()).asDouble(), closeTo(expected, 1e-9 * Math.abs(expected)));
      }
      for (Map.Entry<String, String> column :
          Map.of(
                  "explanation", "explanation",
                  "reason", "outlier_reason",
                  "severity", "severity",
                  "instance", "instance_id",
                  "fingerprint", "feature_fingerprint")
              .entrySet()) {
        assertThat(
            column.getKey(),
            sql(
                "SELECT count(*)%s AND %s::VARCHAR = '%s'"
                    .formatted(of(row), column.getValue(), row.path(column.getKey()).asText())),
            greaterThan(0.0));
      }
    }
    assertThat(
        Instant.parse(rows.get(39).path("event_time").asText()).toEpochMilli(),
        is(
            (long)
                sql(
                    "SELECT min(t) FROM (SELECT epoch_ms(arrival_timestamp) AS t%s ORDER BY"
                            .formatted(outliers(SampleLake.START, END, ""))
                        + " arrival_timestamp DESC LIMIT 40)")));
  }

  @ParameterizedTest
  @CsvSource({
    "severity=critical,severity = 'critical'",
    "severity=minor,severity = 'minor'",
    "reason=slow_without_history,outlier_reason = 'slow_without_history'",
    "severity=major&reason=slower_than_predicted&ids=1|2|3|4|5|6,"
        + "severity = 'major' AND outlier_reason = 'slower_than_predicted' AND instance_id <= 6"
  })
  void filtersTakeTheSameRowsAsSql(String query, String condition) throws Exception {
    String commas = query.replace('|', ',');
    JsonNode answer = client.json("/api/anomalies?limit=1000&window=1week&" + commas);
    String rows = outliers(SampleLake.START, END, "") + " WHERE " + condition;
    double total = sql("SELECT count(*)" + rows);
    assertThat(total, greaterThan(0.0));
    assertThat(total, lessThan(sql("SELECT count(*)" + outliers(SampleLake.START, END, ""))));
    assertThat(answer.path("total").asDouble(), is(total));
    double idsOfAnswer = 0;
    for (JsonNode row : answer.path("rows")) {
      idsOfAnswer += row.path("query_id").asDouble();
    }
    assertThat(idsOfAnswer, is(sql("SELECT sum(query_id)" + rows)));
  }

  @ParameterizedTest
  @CsvSource({
    "severity=bad,severity,bad,'one of minor, major, critical'",
    "reason=,reason,'','one of slower_than_predicted, slow_without_history, ratio, delta, rank'",
    "limit=1001,limit,1001,a whole number from 1 to 1000",
    "window=1h,window,1h,24h or 1week"
  })
  void aWrongParameterIsNamed(String query, String parameter, String value, String expected)
      throws Exception {
    HttpResponse<String> response = client.get("/api/anomalies?" + query);
    assertThat(response.statusCode(), is(400));
    JsonNode problem = client.parse(response);
    assertThat(problem.path("parameter").asText(), is(parameter));
    assertThat(problem.path("value").asText(), is(value));
    assertThat(problem.path("expected").asText(), is(expected));
  }

  @Test
  void unknownInstancesHaveNone() throws Exception {
    JsonNode answer = client.json("/api/anomalies?ids=77777,nobody%27--");
    assertThat(answer.path("total").asInt(-1), is(0));
    assertThat(answer.path("by").size(), is(0));
    assertThat(answer.path("rows").size(), is(0));
    assertThat(client.json("/api/predictions?ids=77777").path("rows").size(), is(0));
  }

  @Test
  void predictionsAreThoseOfTheNewestScoredEvents() throws Exception {
    JsonNode rows = client.json("/api/predictions?limit=1000").path("rows");
    lake.execute(
        "CREATE OR REPLACE TABLE scored AS "
            + SampleLake.scored(SampleLake.events(LAST, 300, 300 * (HOURS - 1)), "v2"));
    double actual = 0;
    double predicted = 0;
    int outliers = 0;
    for (JsonNode row : rows) {
      actual += row.path("actual_ms").asDouble();
      predicted += row.path("predicted_ms").asDouble();
      outliers += row.path("is_outlier").asBoolean() ? 1 : 0;
    }
    String scored = " FROM scored WHERE predicted_ms IS NOT NULL";
    assertThat((double) rows.size(), is(sql("SELECT count(*)" + scored)));
    assertThat(actual, is(sql("SELECT sum(execution_duration_ms)" + scored)));
    assertThat(predicted, closeTo(sql("SELECT sum(predicted_ms)" + scored), 1e-6 * predicted));
    assertThat((double) outliers, is(sql("SELECT count(*)" + scored + " AND is_outlier")));
    assertThat(client.json("/api/predictions?limit=5&ids=3,4").path("rows").size(), is(5));
  }

  @Test
  void theStatusNamesTheModelInServiceAndWhichScoredLast() throws Exception {
    JsonNode model = client.json("/api/status").path("model");
    assertThat(model.path("version").asText(), is("20240302T000010000Z"));
    assertThat(model.path("since").asText(), is(TRAINED.toString()));
    assertThat(model.path("newest_scored_version").asText(), is("v2"));
    assertThat(model.path("held_out").path("coverage").asDouble(), is(0.893));
    assertThat(model.path("held_out").path("pinball_loss").asDouble(), is(0.21));
    assertThat(model.path("error").isNull(), is(true));
  }

  @Test
  void everyVersionIsListedWithItsGateAndADamagedOneWithItsReason() throws Exception {
    String damaged = "20240101T000000000Z";
    Path manifest = registry.resolve(SampleLake.CONTRACT).resolve(damaged).resolve("manifest.json");
    Files.createDirectories(manifest.resolveSibling("."));
    Files.writeString(manifest, "{");
    JsonNode models = client.json("/api/models");
    assertThat(models.path("version").asText(), is("20240302T000010000Z"));
    JsonNode versions = models.path("versions");
    assertThat(versions.size(), is(3));
    assertThat(versions.get(0).path("version").asText(), is("20240303T000010000Z"));
    assertThat(versions.get(0).path("gate").path("accepted").asBoolean(true), is(false));
    assertThat(versions.get(0).path("gate").path("reason").asText(), is("loses more"));
    assertThat(versions.get(1).path("training").path("rows").asInt(), is(400_000));
    assertThat(versions.get(2).path("version").asText(), is(damaged));
    assertThat(versions.get(2).path("error").asText(), containsString("its manifest is damaged"));
  }

  @Test
  void withoutARegistryTheNewestScoredEventNamesTheModel() throws Exception {
    DashboardConfig config =
        DashboardConfig.of(lake.root(), SampleLake.CONTRACT)
            .withStore(folder.resolve("other.duckdb"))
            .withPort(0);
    try (DashboardServer other = DashboardServer.start(config)) {
      DashboardClient asked = DashboardClient.whenReady(other.port());
      JsonNode model = asked.json("/api/status").path("model");
      assertThat(model.path("version").asText(), is("v2"));
      assertThat(model.path("since").isNull(), is(true));
      assertThat(asked.json("/api/models").path("versions").size(), is(0));
    }
  }

  @Test
  void aDamagedRegistryIsToldAndTheRestStillAnswers() throws Exception {
    Path broken = folder.resolve("broken");
    Files.createDirectories(broken.resolve(SampleLake.CONTRACT));
    Files.writeString(broken.resolve(SampleLake.CONTRACT).resolve("latest.json"), "{");
    DashboardConfig config =
        DashboardConfig.of(folder.resolve("nothing"), SampleLake.CONTRACT)
            .withRegistry(broken)
            .withPort(0);
    try (DashboardServer other = DashboardServer.start(config)) {
      DashboardClient asked = new DashboardClient(other.port());
      JsonNode model = asked.json("/api/status").path("model");
      assertThat(model.path("version").isNull(), is(true));
      assertThat(model.path("error").asText(), containsString("latest.json is damaged"));
      assertThat(
          asked.json("/api/models").path("error").asText(),
          containsString("latest.json is damaged"));
    }
  }

  /** The outliers of a range, each once, as a FROM clause. */
  private static String outliers(Instant from, Instant to, String ids) {
    return " FROM (SELECT * FROM $files WHERE arrival_timestamp >= TIMESTAMP '"
        + SampleLake.timestamp(from)
        + "' AND arrival_timestamp < TIMESTAMP '"
        + SampleLake.timestamp(to)
        + "'"
        + (ids.isEmpty() ? "" : " AND instance_id IN (" + ids + ")")
        + " QUALIFY model_version = max(model_version) OVER (PARTITION BY outlier_id))";
  }

  private static String of(JsonNode row) {
    return " FROM $files WHERE outlier_id = '" + row.path("outlier_id").asText() + "'";
  }

  private static double sql(String sql) throws Exception {
    return lake.value("outliers", sql);
  }

  static TrainedModel model(boolean accepted, String reason) throws IOException {
    Manifest manifest =
        new Manifest(
            Manifest.FORMAT_VERSION,
            SampleLake.CONTRACT,
            "1.0.0",
            "",
            "",
            "execution_duration_ms",
            List.of("instance_id", "feature_fingerprint"),
            new Manifest.Training(
                "2024-02-17T00:00:00Z",
                "2024-03-02T00:00:00Z",
                400_000,
                "2024-02-29T00:00:00Z",
                900),
            List.of(),
            List.of(),
            List.of(),
            Map.of(),
            new Calibration(0.1, 2.5, 0.001, 900, 0.86, 0.9),
            new GroupRanks(new GroupRanks.Rank(100_000, 5_000), Map.of()),
            Map.of(),
            Map.of(),
            Map.of(),
            new HeldOutMetrics("2024-03-01", 900, 0.21, 0.893),
            new GateDecision(accepted, reason));
    byte[] graph = {};
    return new TrainedModel(graph, graph, graph, Encodings.empty(), manifest);
  }
}
