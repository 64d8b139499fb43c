package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.startsWith;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.highwater.record.Compression;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Outliers folded, filtered, one by one, in a chart and as files, beside SQL over the lake. */
class OutlierViewsTest {
  private static final int HOURS = 24;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));
  private static final Instant LAST = END.minus(Duration.ofHours(1));
  private static final List<String> SEVERITIES = List.of("minor", "major", "critical");

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
          "rollups", hour, "rollups-%d.parquet".formatted(i), SampleLake.rollups(hour, 3, 1, 0));
      lake.writeParquet(
          "outliers", hour, "outliers-%d.parquet".formatted(i), SampleLake.outliers(events(i)));
    }
    // One whose explanation a spreadsheet would run.
    lake.writeParquet(
        "outliers",
        LAST,
        "outliers-formula.parquet",
        "SELECT * REPLACE ('=1+2, \"twice\"' AS explanation, 'x' AS outlier_id,"
            + " 0.5::DOUBLE AS ratio, -5::BIGINT AS user_id) FROM ("
            + SampleLake.outliers(events(HOURS - 1))
            + ") LIMIT 1");
    lake.writeArrow("events", LAST, "events-0.arrow", Compression.ZSTD, events(HOURS - 1));
    lake.execute("CREATE TABLE outliers AS FROM " + lake.files("outliers"));
    lake.execute("CREATE TABLE scored AS " + events(HOURS - 1));
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
  @ValueSource(strings = {"", "&severity=minor", "&ids=2", "&min_duration_ms=20000&ids=1,3"})
  void neighboursOfAnInstanceAndReasonAreFoldedIntoTheWorst(String filter) throws Exception {
    JsonNode single = client.json("/api/anomalies?limit=1000" + filter);
    JsonNode folded = client.json("/api/anomalies?limit=1000&fold=true" + filter);
    List<List<JsonNode>> runs = runs(single.path("rows"));
    assertThat(runs.size(), lessThan(single.path("rows").size()));
    assertThat(folded.path("total").asInt(), is(single.path("rows").size()));
    assertThat(folded.path("total_rows").asInt(), is(runs.size()));
    assertThat(single.path("total_rows").asInt(), is(single.path("total").asInt()));
    assertThat(folded.path("rows").size(), is(runs.size()));
    Map<String, JsonNode> byId = new LinkedHashMap<>();
    Instant last = Instant.MAX;
    for (JsonNode row : folded.path("rows")) {
      byId.put(row.path("outlier_id").asText(), row);
      Instant lastAt = Instant.parse(row.path("last_at").asText());
      assertThat(lastAt.isAfter(last), is(false));
      last = lastAt;
    }
    for (List<JsonNode> run : runs) {
      JsonNode worst =
          run.stream()
              .max(
                  Comparator.comparingInt(
                          (JsonNode row) -> SEVERITIES.indexOf(row.path("severity").asText()))
                      .thenComparingDouble(row -> row.path("ratio").asDouble()))
              .orElseThrow();
      JsonNode row =
          byId.getOrDefault(worst.path("outlier_id").asText(), MissingNode.getInstance());
      assertThat(row.path("folded").asInt(), is(run.size()));
      assertThat(row.path("first_at"), is(run.get(0).path("event_time")));
      assertThat(row.path("last_at"), is(run.get(run.size() - 1).path("event_time")));
      assertThat(row.path("explanation"), is(worst.path("explanation")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"fold=true", "fold=false", "severity=minor"})
  void pagesJoinUpAndOnePastTheEndStillTellsTheTotals(String query) throws Exception {
    JsonNode all = client.json("/api/anomalies?limit=1000&" + query);
    List<JsonNode> joined = new ArrayList<>();
    for (int offset = 0; offset < all.path("total_rows").asInt(); offset += 37) {
      client
          .json("/api/anomalies?limit=37&" + query + "&offset=" + offset)
          .path("rows")
          .forEach(joined::add);
    }
    List<JsonNode> whole = new ArrayList<>();
    all.path("rows").forEach(whole::add);
    assertThat(joined, is(whole));
    JsonNode past = client.json("/api/anomalies?offset=100000&" + query);
    assertThat(past.path("rows").size(), is(0));
    assertThat(past.path("total"), is(all.path("total")));
    assertThat(past.path("total_rows"), is(all.path("total_rows")));
    assertThat(past.path("total").asInt(), greaterThan(0));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "user=7|user_id = 7",
        "database=2&ids=1|database_id = 2 AND instance_id = 1",
        "type=copy&reason=slow_without_history|query_type = 'copy' AND outlier_reason ="
            + " 'slow_without_history'",
        "fingerprint=6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
            + "|feature_fingerprint ="
            + " '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b'",
        "min_duration_ms=30000|execution_duration_ms >= 30000"
      })
  void filtersTakeTheSameRowsAsSql(String query, String condition) throws Exception {
    JsonNode answer = client.json("/api/anomalies?limit=1000&" + query);
    String rows = " FROM outliers WHERE " + condition;
    double count = sql("SELECT count(*)" + rows);
    assertThat(count, greaterThan(0.0));
    assertThat(count, lessThan(sql("SELECT count(*) FROM outliers")));
    assertThat(answer.path("total").asDouble(), is(count));
    double ids = 0;
    for (JsonNode row : answer.path("rows")) {
      ids += row.path("query_id").asDouble();
    }
    assertThat(ids, is(sql("SELECT sum(query_id)" + rows)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"user=77777", "database=-1", "type=nothing", "fingerprint=%27%3B--", "ids=8"})
  void whatIsNotThereGivesNoRows(String query) throws Exception {
    for (String fold : List.of("true", "false")) {
      JsonNode answer = client.json("/api/anomalies?fold=" + fold + "&" + query);
      assertThat(answer.path("total").asInt(-1), is(0));
      assertThat(answer.path("total_rows").asInt(-1), is(0));
      assertThat(answer.path("rows").size(), is(0));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "user=me|user|me|a whole number from -9223372036854775808 to 9223372036854775807",
        "min_duration_ms=-1|min_duration_ms|-1|a whole number from 0 to 9223372036854775807",
        "offset=-1|offset|-1|a whole number from 0 to 1000000",
        "fold=1|fold|1|one of true, false"
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

  @ParameterizedTest
  @CsvSource({"'',''", "'2',' WHERE instance_id = 2'"})
  void optionsAreTheMostFrequentValues(String ids, String where) throws Exception {
    JsonNode options = client.json("/api/anomalies/options?ids=" + ids);
    for (Map.Entry<String, String> column :
        Map.of(
                "users", "user_id",
                "databases", "database_id",
                "types", "query_type",
                "fingerprints", "feature_fingerprint")
            .entrySet()) {
      JsonNode values = options.path(column.getKey());
      String groups =
          " FROM (SELECT count(*) AS n FROM outliers%s GROUP BY %s ORDER BY n DESC LIMIT 20)"
              .formatted(where, column.getValue());
      assertThat((double) values.size(), is(sql("SELECT count(*)" + groups)));
      assertThat(values.size(), greaterThan(2));
      double sum = 0;
      int last = Integer.MAX_VALUE;
      for (JsonNode value : values) {
        sum += value.path("count").asDouble();
        assertThat(value.path("count").asInt() <= last, is(true));
        last = value.path("count").asInt();
        assertThat(
            value.path("count").asDouble(),
            is(
                sql(
                    "SELECT count(*) FILTER (%s::VARCHAR = '%s') FROM (FROM outliers%s)"
                        .formatted(column.getValue(), value.path("value").asText(), where))));
      }
      assertThat(sum, is(sql("SELECT sum(n)" + groups)));
    }
  }

  @Test
  void anOutlierIsToldWithTheHistoryOfItsInstanceAndFingerprint() throws Exception {
    for (JsonNode row : client.json("/api/anomalies?limit=5").path("rows")) {
      JsonNode answer = client.json("/api/anomalies/" + row.path("outlier_id").asText());
      JsonNode outlier = answer.path("outlier");
      for (String member :
          List.of("query_id", "explanation", "actual_ms", "severity", "feedback")) {
        assertThat(member, outlier.path(member), is(row.path(member)));
      }
      assertThat(answer.path("feedback").size(), is(0));
      String alike =
          " WHERE instance_id = %s AND feature_fingerprint = '%s'"
              .formatted(row.path("instance").asText(), row.path("fingerprint").asText());
      String all =
          " FROM (SELECT query_id, execution_duration_ms, true AS is_outlier FROM outliers"
              + alike
              + " UNION SELECT query_id, execution_duration_ms, coalesce(is_outlier, false)"
              + " FROM scored"
              + alike
              + ")";
      JsonNode points = answer.path("history").path("points");
      assertThat((double) points.size(), is(sql("SELECT count(*)" + all)));
      assertThat(sql("SELECT count(*)" + all + " WHERE NOT is_outlier"), greaterThan(0.0));
      double actual = 0;
      double ids = 0;
      int outliers = 0;
      Instant last = Instant.MAX;
      for (JsonNode point : points) {
        actual += point.path("actual_ms").asDouble();
        ids += point.path("query_id").asDouble();
        outliers += point.path("is_outlier").asBoolean() ? 1 : 0;
        Instant time = Instant.parse(point.path("event_time").asText());
        assertThat(time.isAfter(last), is(false));
        last = time;
      }
      assertThat(actual, is(sql("SELECT sum(execution_duration_ms)" + all)));
      assertThat(ids, is(sql("SELECT sum(query_id)" + all)));
      assertThat((double) outliers, is(sql("SELECT count(*)" + all + " WHERE is_outlier")));
      assertThat(answer.path("history").path("sampled").asBoolean(true), is(false));
    }
  }

  @Test
  void anUnknownOutlierIsNull() throws Exception {
    JsonNode answer = client.json("/api/anomalies/nobody%27--");
    assertThat(answer.path("outlier").isNull(), is(true));
    assertThat(answer.path("feedback").size(), is(0));
    assertThat(answer.path("history").path("points").isArray(), is(true));
    assertThat(answer.path("history").path("points").size(), is(0));
  }

  @Test
  void theChartCountsAndMarksOutliers() throws Exception {
    JsonNode chart = client.json("/api/classification/chart?ids=1,2");
    JsonNode counts = chart.path("series").path("outliers");
    assertThat(counts.size(), is(chart.path("times").size()));
    double sum = 0;
    for (int i = 0; i < counts.size(); i++) {
      sum += counts.get(i).asDouble();
      Instant from = Instant.parse(chart.path("times").get(i).asText());
      if (i % 12 == 0) {
        assertThat(
            counts.get(i).asDouble(),
            is(
                sql(
                    "SELECT count(*) FROM outliers WHERE instance_id < 3 AND arrival_timestamp >="
                        + " TIMESTAMP '%s' AND arrival_timestamp < TIMESTAMP '%s'"
                            .formatted(
                                SampleLake.timestamp(from),
                                SampleLake.timestamp(from.plusSeconds(600))))));
      }
    }
    assertThat(sum, is(sql("SELECT count(*) FROM outliers WHERE instance_id < 3")));
    List<JsonNode> newest = new ArrayList<>();
    client.json("/api/anomalies?ids=1,2&limit=200").path("rows").forEach(newest::add);
    JsonNode marks = chart.path("marks");
    assertThat(marks.size(), is(Math.min(200, (int) sum)));
    for (int i = 0; i < marks.size(); i++) {
      for (String member : List.of("outlier_id", "event_time", "severity", "query_class")) {
        assertThat(marks.get(i).path(member), is(newest.get(i).path(member)));
      }
      assertThat(marks.get(i).path("instance"), is(newest.get(i).path("instance")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "&ids=2&severity=major"})
  void theFilesHaveTheSameRowsAsTheTable(String filter) throws Exception {
    JsonNode rows = client.json("/api/anomalies?limit=1000" + filter).path("rows");
    HttpResponse<String> csv = client.get("/api/anomalies/export?format=csv" + filter);
    assertThat(DashboardClient.contentType(csv), startsWith("text/csv"));
    assertThat(
        csv.headers().firstValue("Content-Disposition").orElse(""),
        is("attachment; filename=\"outliers.csv\""));
    assertThat(
        csv.headers().firstValue("X-Total-Count").orElse(""), is(String.valueOf(rows.size())));
    List<List<String>> lines = parseCsv(csv.body());
    assertThat(lines.size(), is(rows.size() + 1));
    JsonNode json = client.json("/api/anomalies/export?format=json" + filter);
    assertThat(json.path("rows").size(), is(rows.size()));
    assertThat(json.path("total").asInt(), is(rows.size()));
    assertThat(json.path("to").asText(), is(END.toString()));
    for (int i = 0; i < rows.size(); i++) {
      for (int column = 0; column < lines.get(0).size(); column++) {
        String name = lines.get(0).get(column);
        JsonNode expected = rows.get(i).path(name);
        String text = lines.get(i + 1).get(column);
        assertThat(name, json.path("rows").get(i).path(name), is(expected));
        if (expected.isNull()) {
          assertThat(name, text, is(""));
        } else if (expected.isNumber()) {
          assertThat(name, Double.parseDouble(text), closeTo(expected.asDouble(), 0));
        } else {
          String shown = expected.asText();
          assertThat(name, text, is(shown.startsWith("=") ? "'" + shown : shown));
        }
      }
    }
  }

  @Test
  void aSpreadsheetRunsNothingOfAFile() throws Exception {
    String csv = client.get("/api/anomalies/export?user=-5").body();
    assertThat(csv, containsString(",\"'=1+2, \"\"twice\"\"\","));
    assertThat(csv, containsString(",-5,"));
    assertThat(csv.lines().count(), is(2L));
    assertThat(csv.endsWith("\r\n"), is(true));
  }

  @Test
  void anEmptyFileStillNamesItsColumns() throws Exception {
    List<List<String>> lines =
        parseCsv(client.get("/api/anomalies/export?format=csv&ids=77").body());
    assertThat(lines.size(), is(1));
    assertThat(lines.get(0).get(0), is("outlier_id"));
    assertThat(
        client.json("/api/anomalies/export?format=json&ids=77").path("total").asInt(), is(0));
    HttpResponse<String> refused = client.get("/api/anomalies/export?format=xlsx");
    assertThat(refused.statusCode(), is(400));
    assertThat(client.parse(refused).path("expected").asText(), is("one of csv, json"));
  }

  private static String events(int hour) {
    Instant start = SampleLake.START.plus(Duration.ofHours(hour));
    return SampleLake.scored(SampleLake.repeatedEvents(start, 300, 300 * hour), "v1");
  }

  /** The rows of each instance and reason, cut where the next is more than 10 minutes later. */
  private static List<List<JsonNode>> runs(JsonNode newestFirst) {
    Map<String, List<JsonNode>> open = new LinkedHashMap<>();
    List<List<JsonNode>> runs = new ArrayList<>();
    for (int i = newestFirst.size() - 1; i >= 0; i--) {
      JsonNode row = newestFirst.get(i);
      String key = row.path("instance").asText() + "/" + row.path("reason").asText();
      List<JsonNode> run = open.get(key);
      if (run == null
          || Duration.between(time(run.get(run.size() - 1)), time(row))
                  .compareTo(Duration.ofMinutes(10))
              > 0) {
        run = new ArrayList<>();
        open.put(key, run);
        runs.add(run);
      }
      run.add(row);
    }
    return runs;
  }

  private static Instant time(JsonNode row) {
    return Instant.parse(row.path("event_time").asText());
  }

  /** RFC 4180. */
  private static List<List<String>> parseCsv(String text) {
    List<List<String>> lines = new ArrayList<>();
    List<String> line = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quoted) {
        if (c != '"') {
          field.append(c);
        } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
          field.append(c);
          i++;
        } else {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == ',') {
        line.add(field.toString());
        field.setLength(0);
      } else if (c == '\r') {
        line.add(field.toString());
        field.setLength(0);
        lines.add(line);
        line = new ArrayList<>();
        i++;
      } else {
        field.append(c);
      }
    }
    return lines;
  }

  private static double sql(String sql) throws Exception {
    return lake.value("outliers", sql);
  }
}
