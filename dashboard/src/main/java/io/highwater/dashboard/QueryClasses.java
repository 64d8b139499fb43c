package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The classes of warehouse queries, and where one is critical: with more than 50 queries or more
 * than 5 % of all (reference/warehouse-queries.md). Shares are 0 to 1.
 */
final class QueryClasses {
  /** In the order of the roll-up's measures. */
  static final List<String> NAMES =
      List.of("normal", "cpu_bound", "io_bound", "network_bound", "queue_wlm_bound");

  private static final int CRITICAL_QUERIES = 50;
  private static final double CRITICAL_SHARE = 0.05;

  private QueryClasses() {}

  /** Each class with its queries and share, over rows with queries and a count of each class. */
  static List<Map<String, @Nullable Object>> of(List<Map<String, @Nullable Object>> rows) {
    double queries = rows.stream().mapToDouble(row -> Rows.number(row, "queries")).sum();
    List<Map<String, @Nullable Object>> classes = new ArrayList<>();
    for (String name : NAMES) {
      double count = rows.stream().mapToDouble(row -> Rows.number(row, name)).sum();
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("class", name);
      json.put("queries", count);
      json.put("share", queries == 0 ? null : count / queries);
      classes.add(json);
    }
    return classes;
  }

  /** The instances with a critical class, and which classes these are; rows with id as well. */
  static List<Map<String, @Nullable Object>> criticalByInstance(
      List<Map<String, @Nullable Object>> rows) {
    List<Map<String, @Nullable Object>> critical = new ArrayList<>();
    for (Map<String, @Nullable Object> row : rows) {
      List<Map<String, @Nullable Object>> classes = criticalOf(List.of(row));
      if (!classes.isEmpty()) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("id", row.get("id"));
        json.put("queries", row.get("queries"));
        json.put("classes", classes);
        critical.add(json);
      }
    }
    return critical;
  }

  /**
   * The classes that are critical over all rows together, the most frequent first; instances says
   * in how many they are so.
   */
  static List<Map<String, @Nullable Object>> criticalTypes(
      List<Map<String, @Nullable Object>> rows) {
    List<Map<String, @Nullable Object>> types = new ArrayList<>();
    for (Map<String, @Nullable Object> critical : criticalOf(rows)) {
      Object name = critical.get("class");
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("type", name);
      json.put("queries", critical.get("queries"));
      json.put("share", critical.get("share"));
      json.put(
          "instances",
          rows.stream()
              .filter(
                  row -> criticalOf(List.of(row)).stream().anyMatch(of -> of.containsValue(name)))
              .count());
      types.add(json);
    }
    types.sort((a, b) -> Double.compare(Rows.number(b, "queries"), Rows.number(a, "queries")));
    return types;
  }

  /**
   * The ids of the instances of a selection that are critical in it, in the order of their text.
   */
  static List<String> criticalInstances(Connection connection, Selection selection)
      throws SQLException {
    StringBuilder sums = new StringBuilder("sum(queries) AS queries");
    NAMES.forEach(name -> sums.append(", sum(").append(name).append(") AS ").append(name));
    Selection.From hours = selection.hours();
    return criticalByInstance(
            Rows.all(
                connection,
                "SELECT instance AS id, " + sums + hours.sql() + " GROUP BY instance",
                hours.parameters()))
        .stream()
        .map(row -> String.valueOf(row.get("id")))
        .sorted()
        .toList();
  }

  private static List<Map<String, @Nullable Object>> criticalOf(
      List<Map<String, @Nullable Object>> rows) {
    List<Map<String, @Nullable Object>> classes = of(rows);
    classes.removeIf(
        json ->
            "normal".equals(json.get("class"))
                || (Rows.number(json, "queries") <= CRITICAL_QUERIES
                    && Rows.number(json, "share") <= CRITICAL_SHARE));
    return classes;
  }
}
