package io.highwater.contract;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/** Reads what one field of a contract allows, and checks that it makes sense together. */
final class FieldConstraintsReader {
  /** Beyond it not every integer is a double, which is how bounds are kept. */
  private static final double MAX_EXACT_INTEGER = 1L << 53;

  private final String what;
  private final @Nullable FieldType type;
  private final boolean required;
  private final ContractProblems problems;

  private @Nullable Double minimum;
  private @Nullable Double maximum;
  private @Nullable Integer maxLength;
  private @Nullable Double nullAs;
  private List<String> allowedValues = List.of();

  /**
   * @param what names the field in messages
   * @param type null where it could not be read
   */
  FieldConstraintsReader(
      String what, @Nullable FieldType type, boolean required, ContractProblems problems) {
    this.what = what;
    this.type = type;
    this.required = required;
    this.problems = problems;
  }

  void readOptions(@Nullable Node node) {
    YamlObject options =
        YamlObject.read(
            node,
            "logicalTypeOptions of " + what,
            List.of("minimum", "maximum", "maxLength"),
            List.of(
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf",
                "minLength",
                "pattern",
                "format",
                "timezone",
                "defaultTimezone"),
            problems);
    if (options == null) {
      return;
    }
    Node minimumNode = options.get("minimum");
    Node maximumNode = options.get("maximum");
    Node maxLengthNode = options.get("maxLength");
    minimum = bound(minimumNode, "minimum");
    maximum = bound(maximumNode, "maximum");
    maxLength = options.positiveInteger("maxLength");
    requireType(maxLengthNode, "maxLength", List.of(FieldType.STRING));
    if (minimumNode != null && minimum != null && maximum != null && minimum > maximum) {
      problems.add(minimumNode, "minimum of " + what, "at most the maximum");
    }
  }

  void readCustom(Map<String, Node> properties) {
    Node nullAsNode = properties.get("nullAs");
    nullAs = bound(nullAsNode, "nullAs");
    if (nullAsNode != null && nullAs != null) {
      if (type == FieldType.INTEGER && nullAs != Math.rint(nullAs)) {
        problems.add(nullAsNode, "nullAs of " + what, "a whole number");
      }
      if ((minimum != null && nullAs < minimum) || (maximum != null && nullAs > maximum)) {
        problems.add(nullAsNode, "nullAs of " + what, "a number between minimum and maximum");
      }
      if (required) {
        problems.add(nullAsNode, "nullAs of " + what, "nothing, as a required field is never null");
      }
    }
    Node allowedNode = properties.get("allowedValues");
    if (allowedNode == null) {
      return;
    }
    requireType(allowedNode, "allowedValues", List.of(FieldType.STRING));
    allowedValues = YamlObject.texts(allowedNode, "allowedValues of " + what, problems);
    Set<String> unique = new HashSet<>(allowedValues);
    boolean empty = allowedNode instanceof SequenceNode list && list.getValue().isEmpty();
    if (empty || unique.size() < allowedValues.size()) {
      problems.add(
          allowedNode,
          "allowedValues of " + what,
          empty ? "no value" : "a value twice",
          "a list of different values");
    }
  }

  Field toField(String name, FieldType fieldType) {
    return new Field(name, fieldType, required, minimum, maximum, maxLength, allowedValues, nullAs);
  }

  private @Nullable Double bound(@Nullable Node node, String key) {
    Double number = YamlObject.number(node, key + " of " + what, problems);
    if (node == null || number == null) {
      return null;
    }
    requireType(node, key, List.of(FieldType.INTEGER, FieldType.NUMBER));
    if (type == FieldType.INTEGER && Math.abs(number) > MAX_EXACT_INTEGER) {
      problems.add(node, key + " of " + what, "a number between -2^53 and 2^53");
    }
    return number;
  }

  private void requireType(@Nullable Node node, String key, List<FieldType> allowed) {
    if (node != null && type != null && !allowed.contains(type)) {
      problems.add(
          node,
          key + " of " + what,
          "a " + key + " on type " + type.logicalType(),
          "it only on type "
              + String.join(" or ", allowed.stream().map(FieldType::logicalType).toList()));
    }
  }
}
