package io.highwater.contract;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/** Reads the roll-ups of a contract. */
final class RollUpReader {
  /** Columns that the roll-ups table has of itself. */
  private static final Set<String> RESERVED_COLUMNS =
      Set.of("window_start", "window_millis", "run_id", "pane_index", "is_final", "date", "hour");

  private static final List<FieldType> KEY_TYPES =
      List.of(FieldType.INTEGER, FieldType.STRING, FieldType.BOOLEAN);

  private static final List<FieldType> NUMBERS = List.of(FieldType.INTEGER, FieldType.NUMBER);

  private static final List<FieldType> ORDERED =
      List.of(FieldType.INTEGER, FieldType.NUMBER, FieldType.TIMESTAMP);

  private static final List<FieldType> COUNTED = List.of(FieldType.INTEGER, FieldType.STRING);

  /** Enough for any page; a row of the roll-ups is to stay a row. */
  private static final int MAX_TOP = 100;

  private static final int DEFAULT_TOP = 10;

  private final Map<String, Optional<FieldType>> columnTypes;
  private final Set<String> closedColumns;
  private final ExpressionReader expressions;
  private final ContractProblems problems;

  /** What the expressions of the roll-up see; without a type where that could not be read. */
  private final Map<String, Optional<FieldType>> resultTypes = new LinkedHashMap<>();

  /**
   * @param columnTypes fields and derived columns; without a type where that could not be read
   * @param closedColumns those with a list of allowed values
   */
  RollUpReader(
      Map<String, Optional<FieldType>> columnTypes,
      Set<String> closedColumns,
      ExpressionReader expressions,
      ContractProblems problems) {
    this.columnTypes = columnTypes;
    this.closedColumns = closedColumns;
    this.expressions = expressions;
    this.problems = problems;
  }

  @Nullable RollUp read(@Nullable Node node) {
    YamlObject rollUps =
        YamlObject.read(
            node,
            "rollUps",
            List.of("windows", "keys", "measures", "scores", "derivedColumns"),
            List.of(),
            problems);
    if (rollUps == null) {
      return null;
    }
    List<Duration> windows = readWindows(rollUps.require("windows", "a list of durations"));
    resultTypes.put("window_start", Optional.of(FieldType.TIMESTAMP));
    resultTypes.put("window_millis", Optional.of(FieldType.INTEGER));
    Set<String> names = new HashSet<>();
    List<String> keys = new ArrayList<>();
    Node keysNode = rollUps.require("keys", "a list of columns");
    for (Node item : YamlObject.list(keysNode, "'keys' of rollUps", problems)) {
      String name = column(item, "a key of rollUps", KEY_TYPES);
      if (name != null) {
        checkName(item, "a key of rollUps", name, names);
        keys.add(name);
        resultTypes.put(name, columnTypes.getOrDefault(name, Optional.empty()));
      }
    }
    List<Measure> measures = new ArrayList<>();
    Node measuresNode = rollUps.require("measures", "a list of measures");
    for (Node item : YamlObject.list(measuresNode, "'measures' of rollUps", problems)) {
      Measure measure = readMeasure(item, names);
      if (measure != null) {
        measures.add(measure);
        resultTypes.put(measure.name(), resultType(measure));
      }
    }
    List<Score> scores = new ArrayList<>();
    for (Node item : rollUps.list("scores")) {
      Score score = readScore(item, measures, names);
      if (score != null) {
        scores.add(score);
      }
    }
    scores.forEach(score -> resultTypes.put(score.name(), Optional.of(FieldType.NUMBER)));
    List<DerivedColumn> derived = new ArrayList<>();
    for (Node item : rollUps.list("derivedColumns")) {
      DerivedColumn column = readDerived(item, names);
      if (column != null) {
        derived.add(column);
      }
    }
    expressions.check(resultTypes);
    requireItems(keysNode, "'keys' of rollUps");
    requireItems(measuresNode, "'measures' of rollUps");
    return new RollUp(windows, keys, measures, scores, derived);
  }

  private void requireItems(@Nullable Node node, String what) {
    if (node != null && YamlObject.isEmptyList(node)) {
      problems.add(node, what, "an empty list", "at least one item");
    }
  }

  private List<Duration> readWindows(@Nullable Node node) {
    List<Duration> windows = new ArrayList<>();
    requireItems(node, "'windows' of rollUps");
    for (Node item : YamlObject.list(node, "'windows' of rollUps", problems)) {
      Duration window =
          ContractReader.duration(item, "a window of rollUps", Duration.ofSeconds(1), problems);
      if (window == null) {
        continue;
      }
      if (window.toNanosPart() != 0) {
        problems.add(item, "a window of rollUps", "whole seconds");
      } else if (!windows.isEmpty()) {
        Duration first = windows.get(0);
        if (window.compareTo(windows.get(windows.size() - 1)) <= 0) {
          problems.add(item, "a window of rollUps", "a longer one than the window before it");
        } else if (window.toSeconds() % first.toSeconds() != 0) {
          problems.add(item, "a window of rollUps", "a multiple of the first window, " + first);
        }
      }
      windows.add(window);
    }
    return windows;
  }

  private @Nullable Measure readMeasure(Node item, Set<String> names) {
    YamlObject object =
        YamlObject.read(
            item,
            "a measure",
            List.of(
                "name",
                "function",
                "column",
                "where",
                "by",
                "at",
                "k",
                "separator",
                "with",
                "description"),
            List.of(),
            problems);
    if (object == null) {
      return null;
    }
    String name = object.requireText("name");
    String what = object.what();
    if (name != null) {
      checkName(item, "name of a measure", name, names);
    }
    String functionText = object.requireText("function");
    Node functionNode = object.get("function");
    Measure.Function function = null;
    if (functionText != null && functionNode != null) {
      function = function(functionText);
      if (function == null) {
        problems.add(
            functionNode,
            "'function' of " + what,
            "one of count, sum, min, max, last, quantile, distinct, top, correlation");
      }
    }
    Node columnNode = object.get("column");
    String column = null;
    if (function == Measure.Function.COUNT) {
      if (columnNode != null) {
        problems.add(
            columnNode, "'column' of " + what, "nothing: count counts rows, 'where' says which");
      }
    } else if (function != null) {
      columnNode = object.require("column", "the column to aggregate");
      column =
          columnNode == null ? null : column(columnNode, "'column' of " + what, typesOf(function));
    }
    Measure.Condition where = readCondition(object.get("where"), "'where' of " + what);
    if (function == null) {
      return null;
    }
    Measure.Settings settings = readSettings(object, function, column);
    return name == null ? null : new Measure(name, function, column, where, settings);
  }

  private Measure.Settings readSettings(
      YamlObject object, Measure.Function function, @Nullable String column) {
    String what = object.what();
    boolean isTop = function == Measure.Function.TOP;
    refuse(object, "at", function, Measure.Function.QUANTILE);
    refuse(object, "k", function, Measure.Function.TOP);
    refuse(object, "separator", function, Measure.Function.TOP);
    refuse(object, "with", function, Measure.Function.CORRELATION);
    refuse(object, "by", function, Measure.Function.COUNT, Measure.Function.SUM);
    Double at = null;
    if (function == Measure.Function.QUANTILE) {
      Node node = object.require("at", "the quantile, such as 0.95");
      at = YamlObject.number(node, "'at' of " + what, problems);
      if (node != null && at != null && !(at > 0 && at < 1)) {
        problems.add(node, "'at' of " + what, "a number above 0 and below 1");
      }
    }
    Integer k = null;
    String separator = null;
    if (isTop) {
      k = object.positiveInteger("k");
      Node node = object.get("k");
      if (node != null && k != null && k > MAX_TOP) {
        problems.add(node, "'k' of " + what, "a whole number from 1 to " + MAX_TOP);
      }
      k = k == null ? DEFAULT_TOP : k;
      separator = readSeparator(object, column);
    }
    String with = null;
    if (function == Measure.Function.CORRELATION) {
      Node node = object.require("with", "the column to correlate with");
      with = node == null ? null : column(node, "'with' of " + what, NUMBERS);
    }
    return new Measure.Settings(at, k, separator, with, readBy(object));
  }

  private @Nullable String readSeparator(YamlObject object, @Nullable String column) {
    Node node = object.get("separator");
    String separator = object.text("separator");
    if (node != null
        && column != null
        && columnTypes.getOrDefault(column, Optional.empty()).orElse(FieldType.STRING)
            != FieldType.STRING) {
      problems.add(
          node, "'separator' of " + object.what(), "nothing, as " + column + " is not a string");
    }
    return separator;
  }

  /** The result has an entry a value, so the values must be few and known. */
  private @Nullable String readBy(YamlObject object) {
    Node node = object.get("by");
    String what = "'by' of " + object.what();
    String by =
        node == null ? null : column(node, what, List.of(FieldType.STRING, FieldType.BOOLEAN));
    if (node != null
        && by != null
        && columnTypes.getOrDefault(by, Optional.empty()).orElse(null) == FieldType.STRING
        && !closedColumns.contains(by)) {
      problems.add(node, what, "a boolean column or a field with allowedValues");
    }
    return by;
  }

  private void refuse(
      YamlObject object, String key, Measure.Function function, Measure.Function... takers) {
    Node node = object.get(key);
    if (node != null && !List.of(takers).contains(function)) {
      problems.add(
          node,
          "'" + key + "' of " + object.what(),
          "nothing, as " + function.name().toLowerCase(Locale.ROOT) + " takes none");
    }
  }

  private Optional<FieldType> resultType(Measure measure) {
    String column = measure.column();
    if (column == null) {
      return Optional.of(measure.resultType(FieldType.INTEGER));
    }
    return columnTypes.getOrDefault(column, Optional.empty()).map(measure::resultType);
  }

  private @Nullable Score readScore(Node item, List<Measure> measures, Set<String> names) {
    YamlObject object =
        YamlObject.read(
            item, "a score", List.of("name", "column", "per", "description"), List.of(), problems);
    if (object == null) {
      return null;
    }
    String name = object.requireText("name");
    if (name != null) {
      checkName(item, "name of a score", name, names);
    }
    String column =
        measure(object, "column", Measure.Function.SUM, "a sum among the measures", measures);
    String per =
        measure(object, "per", Measure.Function.COUNT, "a count among the measures", measures);
    return name == null || column == null || per == null ? null : new Score(name, column, per);
  }

  private @Nullable String measure(
      YamlObject owner,
      String key,
      Measure.Function function,
      String expected,
      List<Measure> measures) {
    Node node = owner.require(key, expected);
    String name = YamlObject.text(node, "'" + key + "' of " + owner.what(), problems);
    if (node == null || name == null) {
      return null;
    }
    for (Measure measure : measures) {
      if (measure.name().equals(name)
          && measure.function() == function
          && measure.settings().by() == null) {
        return name;
      }
    }
    problems.add(node, "'" + key + "' of " + owner.what(), expected);
    return null;
  }

  private @Nullable DerivedColumn readDerived(Node item, Set<String> names) {
    YamlObject object =
        YamlObject.read(
            item,
            "a derived column",
            List.of("name", "type", "sql", "description"),
            List.of(),
            problems);
    if (object == null) {
      return null;
    }
    String name = object.requireText("name");
    String what = object.what();
    if (name != null) {
      checkName(item, "name of a derived column", name, names);
    }
    FieldType type = ContractReader.type(object, "type", what, problems);
    Node sqlNode = object.require("sql", "an SQL expression");
    String sql = expressions.read(sqlNode, "'sql' of " + what, type, name);
    return name == null || type == null || sql == null ? null : new DerivedColumn(name, type, sql);
  }

  private static Measure.@Nullable Function function(String text) {
    for (Measure.Function function : Measure.Function.values()) {
      if (function.name().toLowerCase(Locale.ROOT).equals(text)) {
        return function;
      }
    }
    return null;
  }

  private static List<FieldType> typesOf(Measure.Function function) {
    return switch (function) {
      case SUM, QUANTILE, CORRELATION -> NUMBERS;
      case MIN, MAX -> ORDERED;
      case DISTINCT, TOP -> COUNTED;
      case LAST, COUNT -> List.of(FieldType.values());
    };
  }

  private Measure.@Nullable Condition readCondition(@Nullable Node node, String what) {
    YamlObject object =
        YamlObject.read(node, what, List.of("column", "equals"), List.of(), problems);
    if (object == null) {
      return null;
    }
    Node columnNode = object.require("column", "the name of a column");
    String equalTo = object.text("equals");
    // Without a value to compare with, the column itself is the condition.
    List<FieldType> types =
        List.of(object.get("equals") == null ? FieldType.BOOLEAN : FieldType.STRING);
    String column = columnNode == null ? null : column(columnNode, "'column' in " + what, types);
    return column == null ? null : new Measure.Condition(column, equalTo);
  }

  private @Nullable String column(Node node, String what, List<FieldType> allowed) {
    return new ColumnNames(columnTypes, problems).read(node, what, allowed);
  }

  private void checkName(Node node, String what, String name, Set<String> names) {
    String lowerCase = name.toLowerCase(Locale.ROOT);
    if (name.startsWith("_") || RESERVED_COLUMNS.contains(lowerCase)) {
      problems.add(node, what, name, "a name that the roll-ups table does not use itself");
    } else if (!names.add(lowerCase)) {
      problems.add(node, what, name, "each name once in the roll-ups table");
    }
  }
}
