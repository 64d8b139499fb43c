package io.highwater.contract;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

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

  private final Map<String, Optional<FieldType>> columnTypes;
  private final ContractProblems problems;

  /**
   * @param columnTypes fields and derived columns; without a type where that could not be read
   */
  RollUpReader(Map<String, Optional<FieldType>> columnTypes, ContractProblems problems) {
    this.columnTypes = columnTypes;
    this.problems = problems;
  }

  @Nullable RollUp read(@Nullable Node node) {
    YamlObject rollUps =
        YamlObject.read(
            node, "rollUps", List.of("windows", "keys", "measures"), List.of(), problems);
    if (rollUps == null) {
      return null;
    }
    List<Duration> windows = readWindows(rollUps.require("windows", "a list of durations"));
    Set<String> names = new HashSet<>();
    List<String> keys = new ArrayList<>();
    Node keysNode = rollUps.require("keys", "a list of columns");
    for (Node item : YamlObject.list(keysNode, "'keys' of rollUps", problems)) {
      String name = column(item, "a key of rollUps", KEY_TYPES);
      if (name != null) {
        checkName(item, "a key of rollUps", name, names);
        keys.add(name);
      }
    }
    List<Measure> measures = new ArrayList<>();
    Node measuresNode = rollUps.require("measures", "a list of measures");
    for (Node item : YamlObject.list(measuresNode, "'measures' of rollUps", problems)) {
      Measure measure = readMeasure(item, names);
      if (measure != null) {
        measures.add(measure);
      }
    }
    requireItems(keysNode, "'keys' of rollUps");
    requireItems(measuresNode, "'measures' of rollUps");
    return new RollUp(windows, keys, measures);
  }

  private void requireItems(@Nullable Node node, String what) {
    if (node instanceof SequenceNode sequence && sequence.getValue().isEmpty()) {
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
            List.of("name", "function", "column", "where", "description"),
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
        problems.add(functionNode, "'function' of " + what, "one of count, sum, min, max, last");
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
    if (name == null || function == null) {
      return null;
    }
    return new Measure(name, function, column, where);
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
      case SUM -> NUMBERS;
      case MIN, MAX -> ORDERED;
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
    String name = YamlObject.text(node, what, problems);
    if (name == null) {
      return null;
    }
    Optional<FieldType> type = columnTypes.get(name);
    if (type == null) {
      problems.add(node, what, "a field or a derived column of the contract");
    } else if (type.isPresent() && !allowed.contains(type.get())) {
      problems.add(
          node,
          what,
          name + ", a column of type " + type.get().logicalType(),
          "one of type "
              + String.join(" or ", allowed.stream().map(FieldType::logicalType).toList()));
    }
    return name;
  }

  private void checkName(Node node, String what, String name, Set<String> names) {
    String lowerCase = name.toLowerCase(Locale.ROOT);
    if (name.startsWith("_") || RESERVED_COLUMNS.contains(lowerCase)) {
      problems.add(node, what, name, "a name that the roll-ups table does not use itself");
    } else if (!names.add(lowerCase)) {
      problems.add(node, what, name, "each name once, among keys and measures");
    }
  }
}
