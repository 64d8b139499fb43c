package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the dashboard says of a real query log, beside SQL over the events of the lake, which the
 * dashboard adds up from roll-ups: integers are to be equal, doubles but for the order in which
 * they were added. Nothing that is compared comes out of a sketch: the API tells no quantile of the
 * roll-ups, and a table is among the ten of its hour by an exact count up to 512 tables, far more
 * than an hour of these rows has.
 *
 * <p>All two months as a backfill writes them, scored by a model that was trained of them; only
 * with {@code -Psoak}, as writing and reading their 1,350 hours takes minutes.
 */
class RealRowsDashboardIT extends DashboardBesideSql {
  private static final String CLASSES =
      Stream.of("normal", "cpu_bound", "io_bound", "network_bound", "queue_wlm_bound")
          .map(name -> "count(*) FILTER (query_class = '%1$s') AS %1$s".formatted(name))
          .reduce((left, right) -> left + ", " + right)
          .orElseThrow();

  private static final String RATIOS =
      """
      100 * count(*) FILTER (query_class = 'normal') / nullif(count(*), 0) AS score,
      sum(queue_duration_ms) / nullif(sum(queue_duration_ms) + sum(execution_duration_ms), 0)
        AS queue_ratio,
      count(*) FILTER (was_cached) / nullif(count(*), 0) AS cache_hit_rate,
      count(*) FILTER (was_aborted) AS aborted,
      count(*) FILTER (mbytes_spilled > 0) AS spilled_queries,
      coalesce(sum(mbytes_spilled), 0) AS spilled_mb
      """;

  static Stream<Asked> scopes() {
    return Stream.of(
        new Asked(true, "from=2024-03-01T00:00:00Z&to=2024-05-01T00:00:00Z", ""),
        new Asked(true, "window=24h", ""),
        new Asked(true, "window=1week", "134,76,19"),
        new Asked(true, "from=2024-04-29T00:00:00Z&to=2024-04-30T00:00:00Z", ""),
        new Asked(true, "from=2024-04-27T10:20:00Z&to=2024-04-29T10:10:00Z", "134,76,19,85"),
        new Asked(true, "from=2024-04-28T00:00:00Z&to=2024-04-29T00:00:00Z", "999999"),
        new Asked(false, "from=2024-04-20T00:00:00Z&to=2024-04-27T00:00:00Z", ""),
        new Asked(false, "from=2024-04-26T05:50:00Z&to=2024-04-28T03:40:00Z", "134,104"));
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theCardsEqualSqlOverTheEvents(Asked asked) throws Exception {
    JsonNode answer = choose(asked);
    JsonNode now = numbers("chosen", answer.path("from"), answer.path("to"));
    assertSame(asked, List.of(now), List.of(answer));
    Instant from = instant(answer.path("from"));
    Instant before = from.minus(Duration.between(from, instant(answer.path("to"))));
    view("earlier", before, from, asked);
    JsonNode earlier =
        asked.held()
            ? numbers("earlier", JSON.valueToTree(before.toString()), answer.path("from"))
            : JSON.createObjectNode();
    for (Iterator<String> names = now.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      JsonNode delta = answer.path(name + "_delta");
      if (now.path(name).isNull() || !earlier.path(name).isNumber()) {
        assertThat(name, delta.isNull(), is(true));
      } else {
        double expected = now.path(name).asDouble() - earlier.path(name).asDouble();
        double scale = Math.max(now.path(name).asDouble(), earlier.path(name).asDouble());
        assertThat(
            name + " " + delta + " " + expected,
            Math.abs(delta.asDouble(Double.NaN) - expected) <= ROUNDING * scale,
            is(true));
      }
    }
  }

  private static JsonNode numbers(String events, JsonNode from, JsonNode to) throws Exception {
    JsonNode numbers =
        sql("SELECT count(*) AS queries, "
                + RATIOS
                + """
                , sum(queue_duration_ms) AS queue_time,
                  (SELECT sum(size) FROM (SELECT arg_max(cluster_size, arrival_timestamp) AS size
                    FROM %1$s WHERE cluster_size IS NOT NULL GROUP BY instance_id)) AS cluster_size,
                  (SELECT count(*) FROM lake.rejected
                    WHERE received_at >= '%2$s' AND received_at < '%3$s') AS rejected,
                  count(*) FILTER (is_outlier) AS anomalies_count
                FROM %1$s
                """
                    .formatted(events, time(from), time(to)))
            .get(0);
    if (numbers.path("queries").asLong() == 0) {
      ObjectNode none = JSON.createObjectNode();
      numbers.fieldNames().forEachRemaining(none::putNull);
      return none;
    }
    return numbers;
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theClassesOverTimeEqualSqlOverTheEvents(Asked asked) throws Exception {
    choose(asked);
    JsonNode chart = ask(asked, "/api/classification/chart");
    List<JsonNode> steps = new ArrayList<>();
    for (int i = 0; i < chart.path("times").size(); i++) {
      ObjectNode step = JSON.createObjectNode();
      step.put("event_time", chart.path("times").get(i).asText());
      for (Map.Entry<String, JsonNode> series : chart.path("series").properties()) {
        step.set(series.getKey(), series.getValue().get(i));
      }
      steps.add(step);
    }
    String step = "to_seconds(" + chart.path("step_seconds") + ")";
    assertSame(
        asked,
        sql(
            """
            WITH steps AS (
              SELECT unnest(generate_series(time_bucket(%1$s, TIMESTAMP '%2$s', TIMESTAMP 'epoch'),
                TIMESTAMP '%3$s' - INTERVAL 1 SECOND, %1$s)) AS event_time),
            sums AS (
              SELECT time_bucket(%1$s, arrival_timestamp, TIMESTAMP 'epoch') AS event_time,
                count(*) AS queries, %4$s, sum(queue_duration_ms) AS queue_ms,
                sum(execution_duration_ms) AS execution_ms,
                count(*) FILTER (is_outlier) AS outliers
              FROM chosen GROUP BY 1)
            SELECT event_time, coalesce(columns(* EXCLUDE event_time), 0)
            FROM steps LEFT JOIN sums USING (event_time) ORDER BY event_time
            """
                .formatted(step, time(chart.path("from")), time(chart.path("to")), CLASSES)),
        steps);
    assertSame(
        asked,
        sql(
            """
            SELECT instance_id::VARCHAR AS instance, arrival_timestamp AS event_time, query_class
            FROM chosen WHERE is_outlier ORDER BY arrival_timestamp DESC LIMIT 200
            """),
        rows(chart.path("marks")));
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theTableOfInstancesEqualsSqlOverTheEvents(Asked asked) throws Exception {
    choose(asked);
    JsonNode table = ask(asked, "/api/classification/table");
    assertSame(
        asked,
        sql(
            """
            SELECT instance_id::VARCHAR AS id, count(*) AS queries, %s, %s,
              sum(mbytes_scanned) AS scanned_mb, sum(queue_duration_ms) AS queue_ms,
              sum(execution_duration_ms) AS execution_ms
            FROM chosen GROUP BY instance_id ORDER BY queries DESC, id
            """
                .formatted(CLASSES, RATIOS)),
        rows(table.path("instances")));
    List<JsonNode> classes = new ArrayList<>();
    for (JsonNode row : table.path("classes")) {
      classes.addAll(
          sql(
              """
              SELECT '%1$s' AS "class", count(*) FILTER (query_class = '%1$s') AS queries,
                CASE WHEN count(*) > 0 THEN queries / count(*) END AS share FROM chosen
              """
                  .formatted(row.path("class").asText())));
    }
    assertThat(classes.size(), is(5));
    assertSame(asked, classes, rows(table.path("classes")));
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void whatIsCriticalEqualsSqlOverTheEvents(Asked asked) throws Exception {
    choose(asked);
    List<JsonNode> critical =
        sql(
            """
            SELECT instance_id::VARCHAR AS id, sum(of_class)::BIGINT AS queries FROM (
              SELECT instance_id, query_class, count(*) AS of_class,
                sum(count(*)) OVER (PARTITION BY instance_id) AS of_all
              FROM chosen GROUP BY instance_id, query_class)
            WHERE query_class <> 'normal' AND (of_class > 50 OR of_class > 0.05 * of_all)
            GROUP BY ALL ORDER BY any_value(of_all) DESC, id
            """);
    List<JsonNode> told = new ArrayList<>();
    for (JsonNode row : ask(asked, "/api/instances/critical").path("instances")) {
      long queries = 0;
      for (JsonNode of : row.path("classes")) {
        queries += of.path("queries").asLong();
      }
      told.add(JSON.createObjectNode().put("id", row.path("id").asText()).put("queries", queries));
    }
    assertSame(asked, critical, told);
    if (!critical.isEmpty()) {
      JsonNode metrics = ask(asked, "/api/metrics?critical=true");
      String ids = String.join(",", critical.stream().map(row -> row.path("id").asText()).toList());
      assertSame(
          asked,
          sql(
              "SELECT count(*) AS queries, sum(queue_duration_ms) AS queue_time FROM chosen"
                  + " WHERE instance_id IN ("
                  + ids
                  + ")"),
          List.of(metrics));
    }
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theTopFingerprintsEqualSqlOverTheEvents(Asked asked) throws Exception {
    JsonNode scope = choose(asked);
    Instant from = instant(scope.path("from")).truncatedTo(ChronoUnit.HOURS);
    Instant to = endOfHour(instant(scope.path("to")));
    view("newer", from, to, asked);
    view("older", from.minus(Duration.between(from, to)), from, asked);
    for (Map.Entry<String, String> by :
        Map.of(
                "count", "queries",
                "time", "execution_ms",
                "spill", "spilled_mb",
                "queue", "queue_ms",
                "slowdown", "lost_ms")
            .entrySet()) {
      JsonNode answer = ask(asked, "/api/queries/top?limit=50&by=" + by.getKey());
      assertSame(
          asked,
          sql(
              """
              WITH newer_sums AS (
                SELECT instance_id::VARCHAR AS instance, feature_fingerprint AS fingerprint,
                  query_type, count(*) AS queries, sum(execution_duration_ms) AS execution_ms,
                  avg(execution_duration_ms) AS mean_ms, max(execution_duration_ms) AS max_ms,
                  sum(compile_duration_ms) AS compile_ms, sum(queue_duration_ms) AS queue_ms,
                  sum(mbytes_scanned) AS scanned_mb, sum(mbytes_spilled) AS spilled_mb,
                  sum(execution_duration_ms) / (SELECT sum(execution_duration_ms) FROM newer
                    WHERE NOT was_cached) AS share_of_time
                FROM newer WHERE NOT was_cached GROUP BY ALL),
              older_means AS (
                SELECT instance_id::VARCHAR AS instance, feature_fingerprint AS fingerprint,
                  query_type, avg(execution_duration_ms) AS mean_ms_before
                FROM older WHERE NOT was_cached AND %2$s GROUP BY ALL)
              SELECT *, mean_ms / mean_ms_before AS slowdown,
                (mean_ms - mean_ms_before) * queries AS lost_ms
              FROM newer_sums LEFT JOIN older_means USING (instance, fingerprint, query_type)
              WHERE fingerprint IS NOT NULL AND %1$s > 0
              ORDER BY %1$s DESC, execution_ms DESC, instance, fingerprint, query_type LIMIT 50
              """
                  .formatted(by.getValue(), answer.path("previous_complete"))),
          rows(answer.path("rows")));
      assertThat(
          answer.path("previous_complete").asBoolean(),
          is(
              asked.held()
                  && !from.minus(Duration.between(from, to))
                      .isBefore(Instant.parse("2024-03-01T00:00:00Z"))));
    }
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theHoursEqualSqlOverTheEvents(Asked asked) throws Exception {
    JsonNode scope = choose(asked);
    JsonNode hours = ask(asked, "/api/analyses/hours");
    List<JsonNode> told = new ArrayList<>();
    for (int i = 0; i < hours.path("times").size(); i++) {
      ObjectNode hour = JSON.createObjectNode();
      hour.put("event_time", hours.path("times").get(i).asText());
      for (Map.Entry<String, JsonNode> series : hours.path("series").properties()) {
        hour.set(series.getKey(), series.getValue().get(i));
      }
      told.add(hour);
    }
    assertSame(
        asked,
        sql(
            """
            WITH hours AS (
              SELECT unnest(generate_series(date_trunc('hour', TIMESTAMP '%1$s'),
                TIMESTAMP '%2$s' - INTERVAL 1 SECOND, INTERVAL 1 HOUR)) AS event_time),
            sums AS (
              SELECT date_trunc('hour', arrival_timestamp) AS event_time, count(*) AS queries,
                count(*) FILTER (was_cached) AS cached,
                count(*) FILTER (mbytes_spilled > 0) AS spilled_queries,
                sum(mbytes_spilled) AS spilled_mb, sum(queue_duration_ms) AS queue_ms,
                sum(execution_duration_ms) AS execution_ms,
                coalesce(sum(compile_duration_ms), 0) AS compile_ms
              FROM chosen GROUP BY 1)
            SELECT event_time, coalesce(columns(* EXCLUDE event_time), 0),
              cached / queries AS cache_hit_rate
            FROM hours LEFT JOIN sums USING (event_time) ORDER BY event_time
            """
                .formatted(time(scope.path("from")), time(scope.path("to")))),
        told);
    assertSame(
        asked,
        sql(
            """
            SELECT query_type AS type, count(*) AS queries, sum(mbytes_spilled) AS mb FROM chosen
            WHERE mbytes_spilled > 0 GROUP BY 1 ORDER BY mb DESC, type
            """),
        rows(hours.path("spill_by_type")));
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theLoadOfInstancesEqualsSqlOverTheEvents(Asked asked) throws Exception {
    JsonNode scope = choose(asked);
    Instant from = instant(scope.path("from"));
    Instant to = instant(scope.path("to"));
    view("hours", from.truncatedTo(ChronoUnit.HOURS), endOfHour(to), asked);
    String byHour =
        """
        WITH of_hour AS (
          SELECT instance_id::VARCHAR AS instance, date_trunc('hour', arrival_timestamp) AS hour,
            count(*) AS queries, sum(execution_duration_ms) AS execution,
            sum(queue_duration_ms) AS queue, sum(compile_duration_ms) AS compile,
            sum(mbytes_scanned) AS scanned, sum(mbytes_spilled) AS spilled,
            execution / (3600000 * 5) AS busy, greatest(0, busy - 1) AS over,
            CASE WHEN min(num_joins) FILTER (query_type = 'select')
                <> max(num_joins) FILTER (query_type = 'select')
              THEN corr(compile_duration_ms, num_joins) FILTER (query_type = 'select') END AS r
          FROM hours GROUP BY ALL)
        """;
    assertSame(
        asked,
        sql(
            byHour
                + """
                SELECT instance, avg(least(1, busy)) AS utilization_mean,
                  max(least(1, busy)) AS utilization_max, max(over) AS oversubscription_max,
                  count(*) FILTER (over > 0) AS oversubscribed_windows, count(*) AS windows,
                  avg(100 * (1 - 0.4 * coalesce(queue / nullif(queue + execution, 0), 0)
                    - 0.3 * coalesce(spilled / nullif(scanned + spilled, 0), 0)
                    - 0.2 * over / (1 + over) - 0.1 * coalesce(compile / nullif(execution, 0), 0)))
                    AS composite_score
                FROM of_hour GROUP BY instance
                ORDER BY oversubscription_max DESC, utilization_mean DESC, instance
                """),
        rows(ask(asked, "/api/analyses/utilization").path("rows")));
    assertSame(
        asked,
        sql(
            byHour
                + """
                SELECT instance, sum(compile) AS compile_ms, sum(execution) AS execution_ms,
                  sum(compile) / nullif(sum(execution), 0) AS compile_share,
                  sum(r * queries) / sum(queries) FILTER (isfinite(r))
                    AS joins_compile_correlation
                FROM of_hour GROUP BY instance ORDER BY compile_ms DESC NULLS LAST, instance
                """),
        rows(ask(asked, "/api/analyses/compile").path("rows")));
    for (JsonNode row : ask(asked, "/api/analyses/utilization").path("rows")) {
      assertSame(
          asked,
          sql(
              """
              SELECT list(queries ORDER BY part) AS sparkline FROM (
                SELECT part, count(instance_id) AS queries
                FROM range(24) parts(part) LEFT JOIN (FROM chosen WHERE instance_id = %s) ON part
                  = (epoch_ms(time_bucket(INTERVAL 10 MINUTE, arrival_timestamp)) - %d) * 24 // %d
                GROUP BY part)
              """
                  .formatted(
                      row.path("instance").asText(),
                      from.toEpochMilli(),
                      Duration.between(from, to).toMillis())),
          List.of(row));
    }
    assertSame(
        asked,
        sql(
            """
            SELECT instance, "table", sum(reads)::BIGINT AS reads FROM (
              SELECT instance_id::VARCHAR AS instance, "table", count(*) AS reads,
                date_trunc('hour', arrival_timestamp) AS hour
              FROM (SELECT *, unnest(string_split(read_table_ids, ',')) AS "table" FROM hours)
              GROUP BY instance_id, "table", hour
              QUALIFY row_number() OVER (PARTITION BY instance, hour
                ORDER BY reads DESC, "table") <= 10)
            GROUP BY ALL ORDER BY reads DESC, instance, "table" LIMIT 100
            """),
        rows(ask(asked, "/api/analyses/tables?limit=100").path("rows")));
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theAdviceEqualsSqlOverTheEvents(Asked asked) throws Exception {
    choose(asked);
    JsonNode items = ask(asked, "/api/recommendations").path("items");
    for (JsonNode item : items) {
      String type = item.path("type").asText();
      boolean ofTime = type.equals("compile");
      String part =
          switch (type) {
            case "spill" -> "count(*) FILTER (mbytes_spilled > 0)";
            case "compile" -> "coalesce(sum(compile_duration_ms), 0)";
            case "cache" -> "count(*) FILTER (NOT was_cached)";
            default -> "count(*) FILTER (query_class = '" + type + "')";
          };
      ObjectNode evidence = JSON.createObjectNode();
      item.path("evidence").forEach(of -> evidence.set(of.path("name").asText(), of.path("value")));
      assertSame(
          asked,
          sql(
              """
              SELECT sum(part) AS affected_%1$s, sum(whole) AS all_%1$s,
                sum(part) / sum(whole) AS share, max(part) AS worst_instance_%1$s
              FROM (SELECT %2$s AS part, %3$s AS whole FROM chosen GROUP BY instance_id)
              """
                  .formatted(
                      ofTime ? "ms" : "queries",
                      part,
                      ofTime ? "sum(execution_duration_ms)" : "count(*)")),
          List.of(evidence));
      assertSame(asked, sql(item.path("sql").asText()), List.of(evidence));
    }
  }

  @ParameterizedTest
  @MethodSource("scopes")
  void theOutliersEqualSqlOverTheEvents(Asked asked) throws Exception {
    choose(asked);
    JsonNode outliers = ask(asked, "/api/anomalies?limit=1000");
    List<JsonNode> expected =
        sql(
            """
            SELECT instance_id::VARCHAR AS instance, query_id, arrival_timestamp AS event_time,
              execution_duration_ms AS actual_ms, predicted_ms, outlier_reason AS reason,
              feature_fingerprint AS fingerprint, model_version
            FROM chosen WHERE is_outlier ORDER BY arrival_timestamp DESC
            """);
    assertSame(asked, expected, rows(outliers.path("rows")));
    assertThat(outliers.path("total").asInt(), is(expected.size()));
  }

  @Test
  void theRejectedRecordsEqualSqlOverTheLake() throws Exception {
    JsonNode rejected = json(get(true, "/api/rejected?limit=1000"));
    assertThat(rejected.path("total").asInt(), is(10));
    assertSame(
        null,
        sql(
            "SELECT code, stage, count(*) AS count FROM lake.rejected GROUP BY ALL"
                + " ORDER BY count DESC, code, stage"),
        rows(rejected.path("by")));
    assertSame(
        null,
        sql(
            """
            SELECT received_at, code, field, value, reason, file, "row",
              decode(raw) AS raw
            FROM lake.rejected ORDER BY received_at DESC, "row" DESC
            """),
        rows(rejected.path("rows")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "134,76"})
  void theNewestQueriesEqualTheEvents(String ids) throws Exception {
    assertSame(
        null,
        sql(
            """
            SELECT arrival_timestamp AS event_time, instance_id::VARCHAR AS instance, query_id,
              user_id, database_id, query_type, query_class, queue_duration_ms AS queue_ms,
              compile_duration_ms AS compile_ms, execution_duration_ms AS execution_ms,
              mbytes_scanned AS scanned_mb, mbytes_spilled AS spilled_mb, was_cached AS cached,
              was_aborted AS aborted, feature_fingerprint AS fingerprint, predicted_ms
            FROM lake.events WHERE true%s
            ORDER BY arrival_timestamp DESC, query_id DESC LIMIT 1000
            """
                .formatted(ids.isEmpty() ? "" : " AND instance_id IN (" + ids + ")")),
        rows(json(get(true, "/api/queries/recent?limit=1000&ids=" + ids)).path("rows")));
    assertSame(
        null,
        sql(
            "SELECT list(DISTINCT instance_id ORDER BY instance_id)::VARCHAR[] AS instances"
                + " FROM lake.events"),
        List.of(json(get(true, "/api/instances"))));
  }
}
