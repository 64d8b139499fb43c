package io.highwater.dashboard;

import io.highwater.dashboard.AdviceTopic.Confidence;
import io.highwater.dashboard.AdviceTopic.Limits;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * What to check and do about the problems that a selection has. Every item cites numbers of the
 * selection and tells the SQL over the lake's roll-ups that gives the same numbers: both are made
 * from one text.
 */
final class Advice {
  /** In milliseconds. */
  private static final List<Scale> DURATIONS =
      List.of(
          new Scale("ms", 1),
          new Scale("s", 1_000),
          new Scale("min", 60_000),
          new Scale("h", 3_600_000));

  /** In megabytes. */
  private static final List<Scale> VOLUMES =
      List.of(new Scale("MB", 1), new Scale("GB", 1e3), new Scale("TB", 1e6), new Scale("PB", 1e9));

  private static final List<String> MEASURES =
      List.of(
          "queries",
          "cached",
          "cpu_bound",
          "io_bound",
          "network_bound",
          "queue_wlm_bound",
          "spilled_queries",
          "spilled_mb",
          "scanned_mb",
          "queue_ms",
          "execution_ms",
          "compile_ms");

  private final ScopedQueries queries;
  private final Path rollUps;

  Advice(ScopedQueries queries, DashboardConfig config) {
    this.queries = queries;
    this.rollUps = config.lake().resolve(config.contract()).resolve("rollups");
  }

  /** A problem of a selection: how large it is, in numbers by name. */
  private record Finding(AdviceTopic topic, Map<String, @Nullable Object> numbers) {
    double part() {
      return Rows.number(numbers, topic.partName());
    }

    double share() {
      return Rows.number(numbers, "share");
    }

    boolean isLarge() {
      return part() > topic.limits().part();
    }

    boolean isFrequent() {
      return share() > topic.limits().share();
    }

    boolean isProblem() {
      return topic.limits().both() ? isLarge() && isFrequent() : isLarge() || isFrequent();
    }

    Confidence confidence() {
      return isLarge() && isFrequent()
          ? topic.best()
          : Confidence.values()[Math.max(0, topic.best().ordinal() - 1)];
    }
  }

  /**
   * The problems of a selection, those with the highest confidence and the largest share first.
   *
   * @param type of the only topic that is asked for; null for all
   */
  Map<String, @Nullable Object> recommendations(Scope scope, @Nullable String type)
      throws SQLException {
    List<AdviceTopic> topics =
        AdviceTopic.ALL.stream()
            .filter(topic -> type == null || topic.type().equals(type))
            .toList();
    return queries.ask(
        scope,
        (connection, selection, json) -> {
          List<Finding> findings = new ArrayList<>();
          if (!topics.isEmpty()) {
            findings.addAll(findings(connection, selection, topics));
          }
          findings.sort(
              Comparator.comparing(Finding::confidence)
                  .thenComparingDouble(Finding::share)
                  .reversed());
          json.put("items", findings.stream().map(finding -> item(finding, selection)).toList());
        });
  }

  private static List<Finding> findings(
      Connection connection, Selection selection, List<AdviceTopic> topics) throws SQLException {
    StringJoiner columns = new StringJoiner(",\n  ");
    for (int i = 0; i < topics.size(); i++) {
      for (Map.Entry<String, String> number : numbers(topics.get(i)).entrySet()) {
        columns.add(number.getValue() + " AS " + number.getKey() + "_" + i);
      }
    }
    Selection.From hours = selection.hours();
    Map<String, @Nullable Object> row =
        Rows.one(
            connection,
            sql("instance" + sums() + hours.sql() + "\n  GROUP BY instance", columns),
            hours.parameters());
    List<Finding> findings = new ArrayList<>();
    for (int i = 0; i < topics.size(); i++) {
      Map<String, @Nullable Object> numbers = new LinkedHashMap<>();
      for (String name : numbers(topics.get(i)).keySet()) {
        numbers.put(name, row.get(name + "_" + i));
      }
      Finding finding = new Finding(topics.get(i), numbers);
      if (finding.isProblem()) {
        findings.add(finding);
      }
    }
    return findings;
  }

  private Map<String, @Nullable Object> item(Finding finding, Selection selection) {
    AdviceTopic topic = finding.topic();
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", topic.type());
    json.put("title", topic.title());
    json.put("confidence", finding.confidence().name().toLowerCase(Locale.ROOT));
    json.put("why_confidence", why(finding));
    json.put("finding", sentence(finding));
    json.put("evidence", evidence(finding));
    json.put("sql", sqlOverTheLake(topic, selection));
    json.put("checks", topic.checks());
    json.put("actions", topic.actions());
    return json;
  }

  private static String why(Finding finding) {
    AdviceTopic topic = finding.topic();
    Limits limits = topic.limits();
    String above =
        finding.isLarge() && finding.isFrequent()
            ? "It is above both limits, %s and %s"
            : "It is above one of two limits only, %s or %s";
    return above.formatted(amount(limits.part(), topic.unit()), percent(limits.share()))
        + "; "
        + topic.caveat()
        + ".";
  }

  private static String sentence(Finding finding) {
    AdviceTopic topic = finding.topic();
    Map<String, @Nullable Object> numbers = finding.numbers();
    String sentence =
        topic
            .finding()
            .formatted(
                amount(finding.part(), topic.unit()).replace(" queries", ""),
                amount(Rows.number(numbers, topic.wholeName()), topic.unit()),
                percent(finding.share()),
                numbers.get("worst_instance"),
                amount(Rows.number(numbers, "worst_instance_" + topic.unit()), topic.unit()));
    AdviceTopic.Extra extra = topic.extra();
    return extra == null
        ? sentence
        : sentence
            + " "
            + extra.sentence().formatted(amount(Rows.number(numbers, extra.name()), extra.unit()));
  }

  private static List<Map<String, @Nullable Object>> evidence(Finding finding) {
    List<Map<String, @Nullable Object>> evidence = new ArrayList<>();
    finding
        .numbers()
        .forEach(
            (name, value) -> {
              Map<String, @Nullable Object> json = new LinkedHashMap<>();
              json.put("name", name);
              json.put("value", value);
              json.put("unit", unit(finding.topic(), name));
              evidence.add(json);
            });
    return evidence;
  }

  private static @Nullable String unit(AdviceTopic topic, String name) {
    AdviceTopic.Extra extra = topic.extra();
    return switch (name) {
      case "share" -> "share";
      case "worst_instance" -> null;
      default -> extra != null && name.equals(extra.name()) ? extra.unit() : topic.unit();
    };
  }

  /** The numbers of a topic by name, SQL over sums by instance. */
  private static Map<String, String> numbers(AdviceTopic topic) {
    Map<String, String> numbers = new LinkedHashMap<>();
    String part = topic.part();
    numbers.put(topic.partName(), "sum(" + part + ")");
    numbers.put(topic.wholeName(), "sum(" + topic.whole() + ")");
    numbers.put("share", "sum(" + part + ") / nullif(sum(" + topic.whole() + "), 0)");
    numbers.put("worst_instance", "arg_max(instance, " + part + ")");
    numbers.put("worst_instance_" + topic.unit(), "max(" + part + ")");
    if (topic.extra() != null) {
      numbers.put(topic.extra().name(), topic.extra().sql());
    }
    return numbers;
  }

  private String sqlOverTheLake(AdviceTopic topic, Selection selection) {
    StringJoiner columns = new StringJoiner(",\n  ");
    numbers(topic).forEach((name, sql) -> columns.add(sql + " AS " + name));
    String panes =
        """
        instance_id::VARCHAR AS instance%s
          FROM (
            FROM read_parquet(%s, hive_partitioning = false, union_by_name = true)
            WHERE window_millis = %d
              AND window_start >= TIMESTAMP '%s' AND window_start < TIMESTAMP '%s'%s
            QUALIFY row_number() OVER (
              PARTITION BY window_start, instance_id ORDER BY run_id DESC, pane_index DESC) = 1)
          GROUP BY instance_id\
        """
            .formatted(
                sums(),
                literal(rollUps + "/**/*.parquet"),
                selection.windowMillis(),
                timestamp(selection.from()),
                timestamp(selection.to()),
                in(selection.ids()));
    return sql(panes, columns);
  }

  private static String sql(String instances, StringJoiner columns) {
    return "WITH instances AS (\n  SELECT "
        + instances
        + ")\nSELECT\n  "
        + columns
        + "\nFROM instances";
  }

  private static String sums() {
    StringJoiner sums = new StringJoiner(", ", ",\n    ", "");
    MEASURES.forEach(measure -> sums.add("sum(" + measure + ") AS " + measure));
    return sums.toString();
  }

  private static String in(@Nullable List<String> ids) {
    if (ids == null) {
      return "";
    }
    StringJoiner literals =
        new StringJoiner(", ", "\n      AND instance_id::VARCHAR IN (", ")")
            .setEmptyValue("\n      AND false");
    ids.forEach(id -> literals.add(literal(id)));
    return literals.toString();
  }

  private static String literal(String text) {
    return "'" + text.replace("'", "''") + "'";
  }

  private static String timestamp(Instant time) {
    return time.toString().replace('T', ' ').replace("Z", "");
  }

  /** As people say it. */
  private static String amount(double value, String unit) {
    return switch (unit) {
      case "ms" -> scaled(value, DURATIONS);
      case "MB" -> scaled(value, VOLUMES);
      default -> String.format(Locale.ROOT, "%,.0f %s", value, unit);
    };
  }

  private record Scale(String unit, double size) {}

  private static String scaled(double value, List<Scale> scales) {
    Scale scale = scales.get(0);
    for (Scale larger : scales) {
      scale = value >= larger.size() ? larger : scale;
    }
    return String.format(Locale.ROOT, "%,.1f %s", value / scale.size(), scale.unit());
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
