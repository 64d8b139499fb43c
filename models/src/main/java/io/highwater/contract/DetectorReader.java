package io.highwater.contract;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/** Reads the detector of a contract. */
final class DetectorReader {
  private static final List<FieldType> NUMBERS = List.of(FieldType.INTEGER, FieldType.NUMBER);

  private static final List<FieldType> SUBJECT_TYPES =
      List.of(FieldType.INTEGER, FieldType.STRING, FieldType.BOOLEAN);

  private static final String FUNCTIONS =
      Arrays.stream(Feature.Function.values())
          .map(Feature.Function::word)
          .collect(Collectors.joining(", "));

  /** More would not be a budget for exceptions. */
  private static final double MAX_ALERT_BUDGET = 0.5;

  private final ColumnNames columns;
  private final Set<String> closedColumns;
  private final ContractProblems problems;

  /**
   * @param closedColumns those with a list of allowed values
   */
  DetectorReader(ColumnNames columns, Set<String> closedColumns, ContractProblems problems) {
    this.columns = columns;
    this.closedColumns = closedColumns;
    this.problems = problems;
  }

  @Nullable Detector read(@Nullable Node node) {
    YamlObject object =
        YamlObject.read(
            node,
            "detector",
            List.of(
                "target",
                "knownPart",
                "subject",
                "neverScored",
                "neverFlagged",
                "minimumTarget",
                "alertBudget",
                "features",
                "shapeFeatures",
                "context"),
            List.of(),
            problems);
    if (object == null) {
      return null;
    }
    Node targetNode = object.require("target", "the column to predict");
    String target =
        targetNode == null ? null : columns.read(targetNode, "'target' of detector", NUMBERS);
    Node knownNode = object.get("knownPart");
    String knownPart =
        knownNode == null ? null : columns.read(knownNode, "'knownPart' of detector", NUMBERS);
    if (knownNode != null && knownPart != null && knownPart.equals(target)) {
      problems.add(knownNode, "'knownPart' of detector", "another column than the target");
    }
    Node subjectNode = object.require("subject", "a list of columns");
    List<String> subject = columns.readList(subjectNode, "'subject' of detector", SUBJECT_TYPES);
    if (subjectNode != null && YamlObject.isEmptyList(subjectNode)) {
      problems.add(subjectNode, "'subject' of detector", "an empty list", "at least one item");
    }
    List<FieldType> flags = List.of(FieldType.BOOLEAN);
    List<String> neverScored =
        columns.readList(object.get("neverScored"), "'neverScored' of detector", flags);
    List<String> neverFlagged =
        columns.readList(object.get("neverFlagged"), "'neverFlagged' of detector", flags);
    Double minimumTarget = object.number("minimumTarget");
    Node minimumNode = object.get("minimumTarget");
    if (minimumNode != null && minimumTarget != null && minimumTarget < 0) {
      problems.add(minimumNode, "'minimumTarget' of detector", "0 or more");
    }
    Double alertBudget = object.number("alertBudget");
    Node budgetNode = object.get("alertBudget");
    if (budgetNode != null
        && alertBudget != null
        && !(alertBudget > 0 && alertBudget <= MAX_ALERT_BUDGET)) {
      problems.add(
          budgetNode,
          "'alertBudget' of detector",
          "a share above 0 and up to " + MAX_ALERT_BUDGET + ", such as 0.001");
    }
    Set<String> featureNames = new HashSet<>();
    List<Feature> features = readFeatures(object, target, featureNames);
    List<String> shapeFeatures = readShapeFeatures(object.get("shapeFeatures"), featureNames);
    List<String> context =
        columns.readList(
            object.get("context"), "'context' of detector", List.of(FieldType.values()));
    if (target == null || subject.isEmpty() || features.isEmpty()) {
      return null;
    }
    return new Detector(
        target,
        knownPart,
        subject,
        neverScored,
        neverFlagged,
        minimumTarget == null ? 0 : minimumTarget,
        alertBudget == null ? Detector.DEFAULT_ALERT_BUDGET : alertBudget,
        features,
        shapeFeatures,
        context);
  }

  /**
   * @param names is filled with those of all features, also where the rest of one is wrong
   */
  private List<Feature> readFeatures(
      YamlObject detector, @Nullable String target, Set<String> names) {
    Node node = detector.require("features", "a list of features");
    if (node != null && YamlObject.isEmptyList(node)) {
      problems.add(node, "'features' of detector", "an empty list", "at least one item");
    }
    List<Feature> features = new ArrayList<>();
    for (Node item : YamlObject.list(node, "'features' of detector", problems)) {
      Feature feature = readFeature(item, target, names);
      if (feature != null) {
        features.add(feature);
      }
    }
    return features;
  }

  private @Nullable Feature readFeature(Node item, @Nullable String target, Set<String> names) {
    YamlObject object =
        YamlObject.read(
            item,
            "a feature",
            List.of("name", "function", "column", "separator", "description"),
            List.of(),
            problems);
    if (object == null) {
      return null;
    }
    String name = object.requireText("name");
    String what = object.what();
    if (name != null && !names.add(name)) {
      problems.add(item, "name of a feature", name, "each name once");
    }
    String word = object.requireText("function");
    Node functionNode = object.get("function");
    if (word == null || functionNode == null) {
      return null;
    }
    Feature.Function function = function(word);
    if (function == null) {
      problems.add(functionNode, "'function' of " + what, "one of " + FUNCTIONS);
      return null;
    }
    String column = readColumn(object, function, target);
    Node separatorNode = object.get("separator");
    String separator = object.text("separator");
    boolean isList = function == Feature.Function.LIST_LENGTH;
    if (separatorNode != null && !isList) {
      problems.add(separatorNode, "'separator' of " + what, "nothing, as " + word + " takes none");
    } else if (separatorNode != null && separator != null && !isAsciiCharacter(separator)) {
      problems.add(separatorNode, "'separator' of " + what, "one ASCII character");
    }
    if (name == null || (column == null && !function.types().isEmpty())) {
      return null;
    }
    return new Feature(
        name, function, column, isList ? (separator == null ? "," : separator) : null);
  }

  private @Nullable String readColumn(
      YamlObject object, Feature.Function function, @Nullable String target) {
    String what = "'column' of " + object.what();
    if (function.types().isEmpty()) {
      Node node = object.get("column");
      if (node != null) {
        problems.add(node, what, "nothing, as " + function.word() + " takes none");
      }
      return null;
    }
    Node node = object.require("column", "the column that it is made of");
    if (node == null) {
      return null;
    }
    String column = columns.read(node, what, function.types());
    if (column == null) {
      return null;
    }
    if (column.equals(target)) {
      problems.add(node, what, "another column than the target, which is to be predicted");
    } else if (function == Feature.Function.CATEGORY
        && columns.typeOf(column) == FieldType.STRING
        && !closedColumns.contains(column)) {
      problems.add(node, what, "a field with allowedValues");
    }
    return column;
  }

  private List<String> readShapeFeatures(@Nullable Node node, Set<String> features) {
    String what = "'shapeFeatures' of detector";
    List<String> names = new ArrayList<>();
    for (Node item : YamlObject.list(node, what, problems)) {
      String name = YamlObject.text(item, "an item of " + what, problems);
      if (name == null) {
        continue;
      }
      if (!features.contains(name)) {
        problems.add(item, "an item of " + what, "the name of one of its features");
      } else if (names.contains(name)) {
        problems.add(item, "an item of " + what, "each feature once");
      } else {
        names.add(name);
      }
    }
    return names;
  }

  private static boolean isAsciiCharacter(String text) {
    return text.length() == 1 && text.charAt(0) < 128;
  }

  private static Feature.@Nullable Function function(String word) {
    for (Feature.Function function : Feature.Function.values()) {
      if (function.word().equals(word)) {
        return function;
      }
    }
    return null;
  }
}
