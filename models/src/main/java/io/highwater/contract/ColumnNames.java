package io.highwater.contract;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * Reads names of columns where a contract refers to them.
 *
 * @param types fields and derived columns; without a type where that could not be read
 */
record ColumnNames(Map<String, Optional<FieldType>> types, ContractProblems problems) {
  /**
   * The name of a column of one of the types that are allowed; anything else is a problem.
   *
   * @return null where it is no text
   */
  @Nullable String read(Node node, String what, List<FieldType> allowed) {
    String name = YamlObject.text(node, what, problems);
    if (name == null) {
      return null;
    }
    Optional<FieldType> type = types.get(name);
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

  /** The names of a list; null as a node is an empty list. */
  List<String> readList(@Nullable Node node, String what, List<FieldType> allowed) {
    List<String> names = new ArrayList<>();
    for (Node item : YamlObject.list(node, what, problems)) {
      String name = read(item, "an item of " + what, allowed);
      if (name != null && names.contains(name)) {
        problems.add(item, "an item of " + what, "each column once");
      } else if (name != null) {
        names.add(name);
      }
    }
    return names;
  }

  /** Like {@link FieldType#logicalType}; null where it is not known. */
  @Nullable FieldType typeOf(String name) {
    return types.getOrDefault(name, Optional.empty()).orElse(null);
  }
}
