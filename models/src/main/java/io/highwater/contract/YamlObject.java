package io.highwater.contract;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * One YAML mapping while a contract is read: hands out its values by type and notes what is wrong
 * with them. A getter returns null where the key is absent or its value is wrong.
 */
final class YamlObject {
  private final MappingNode node;
  private final String what;
  private final ContractProblems problems;
  private final Map<String, Node> values = new LinkedHashMap<>();

  private YamlObject(MappingNode node, String what, ContractProblems problems) {
    this.node = node;
    this.what = what;
    this.problems = problems;
  }

  /**
   * Reads the keys of a mapping; unknown and repeated ones are problems.
   *
   * @param what the mapping in messages; one such as {@code a field} goes by its name there
   * @param keys those that are read or that may be there without effect
   * @param unsupported keys of the standard that would be ignored at the user's cost
   * @return null where the node is no mapping
   */
  static @Nullable YamlObject read(
      @Nullable Node node,
      String what,
      List<String> keys,
      List<String> unsupported,
      ContractProblems problems) {
    if (node == null) {
      return null;
    }
    if (!(node instanceof MappingNode mapping)) {
      problems.add(node, what, "an object");
      return null;
    }
    YamlObject object = new YamlObject(mapping, named(mapping, what), problems);
    for (NodeTuple tuple : mapping.getValue()) {
      Node keyNode = tuple.getKeyNode();
      String key = keyNode instanceof ScalarNode scalar ? scalar.getValue() : "";
      if (unsupported.contains(key)) {
        problems.add(
            keyNode, "key of " + object.what, key, "to be left out: it is not supported yet");
      } else if (!keys.contains(key)) {
        problems.add(keyNode, "unknown key of " + object.what, "one of " + String.join(", ", keys));
      } else if (object.values.putIfAbsent(key, tuple.getValueNode()) != null) {
        problems.add(keyNode, "key of " + object.what, "each key once");
      }
    }
    return object;
  }

  /** {@code a field} as {@code field 'amount'}, if the mapping has such a name. */
  private static String named(MappingNode mapping, String what) {
    for (NodeTuple tuple : mapping.getValue()) {
      if (what.startsWith("a ")
          && tuple.getKeyNode() instanceof ScalarNode key
          && key.getValue().equals("name")
          && tuple.getValueNode() instanceof ScalarNode name) {
        return what.substring(2) + " '" + name.getValue() + "'";
      }
    }
    return what;
  }

  String what() {
    return what;
  }

  Node node() {
    return node;
  }

  /** The value under {@code key}; null where there is none or an explicit null. */
  @Nullable Node get(String key) {
    Node value = values.get(key);
    return value == null || value.getTag().equals(Tag.NULL) ? null : value;
  }

  /** Like {@link #get}, and an absent key is a problem. */
  @Nullable Node require(String key, String expected) {
    Node value = get(key);
    if (value == null) {
      problems.add(node, "'" + key + "' of " + what, "nothing", expected);
    }
    return value;
  }

  @Nullable String text(String key) {
    return text(get(key), "'" + key + "' of " + what, problems);
  }

  @Nullable String requireText(String key) {
    return text(require(key, "text"), "'" + key + "' of " + what, problems);
  }

  @Nullable Boolean bool(String key) {
    Node value = get(key);
    if (value == null) {
      return null;
    }
    if (!value.getTag().equals(Tag.BOOL)) {
      problems.add(value, "'" + key + "' of " + what, "true or false");
      return null;
    }
    return Boolean.valueOf(((ScalarNode) value).getValue());
  }

  @Nullable Double number(String key) {
    return number(get(key), "'" + key + "' of " + what, problems);
  }

  /** A whole number of at least 1. */
  @Nullable Integer positiveInteger(String key) {
    Node value = get(key);
    if (value == null) {
      return null;
    }
    if (value.getTag().equals(Tag.INT)) {
      try {
        int number = Integer.parseInt(((ScalarNode) value).getValue());
        if (number >= 1) {
          return number;
        }
      } catch (NumberFormatException e) {
        // Beyond 32 bits: reported with the rest below.
      }
    }
    problems.add(
        value, "'" + key + "' of " + what, "a whole number from 1 to " + Integer.MAX_VALUE);
    return null;
  }

  List<Node> list(String key) {
    return list(get(key), "'" + key + "' of " + what, problems);
  }

  /** The values of {@code customProperties} by the name of their property. */
  Map<String, Node> customProperties(List<String> known) {
    Map<String, Node> properties = new LinkedHashMap<>();
    for (Node item : list("customProperties")) {
      YamlObject property =
          read(
              item,
              "a custom property of " + what,
              List.of("property", "value", "description"),
              List.of(),
              problems);
      if (property == null) {
        continue;
      }
      String name = property.requireText("property");
      Node value = property.require("value", "the property's value");
      Node nameNode = property.get("property");
      if (name == null || nameNode == null || value == null) {
        continue;
      }
      if (!known.contains(name)) {
        problems.add(
            nameNode,
            "unknown custom property of " + what,
            known.isEmpty() ? "none" : "one of " + String.join(", ", known));
      } else if (properties.putIfAbsent(name, value) != null) {
        problems.add(nameNode, "custom property of " + what, "each property once");
      }
    }
    return properties;
  }

  static @Nullable String text(@Nullable Node value, String what, ContractProblems problems) {
    if (value == null) {
      return null;
    }
    if (value instanceof ScalarNode scalar && scalar.getTag().equals(Tag.STR)) {
      if (!scalar.getValue().isBlank()) {
        return scalar.getValue();
      }
      problems.add(value, what, "blank text", "text");
    } else {
      // 1.0 and true are a number and a boolean in YAML.
      problems.add(value, what, value instanceof ScalarNode ? "text, in quotes" : "text");
    }
    return null;
  }

  static @Nullable Double number(@Nullable Node value, String what, ContractProblems problems) {
    if (value == null) {
      return null;
    }
    if (value.getTag().equals(Tag.INT) || value.getTag().equals(Tag.FLOAT)) {
      try {
        double number = Double.parseDouble(((ScalarNode) value).getValue());
        if (Double.isFinite(number)) {
          return number;
        }
      } catch (NumberFormatException e) {
        // YAML's .inf and .nan: reported with the rest below.
      }
    }
    problems.add(value, what, "a finite number");
    return null;
  }

  static List<Node> list(@Nullable Node value, String what, ContractProblems problems) {
    if (value == null) {
      return List.of();
    }
    if (value instanceof SequenceNode sequence) {
      return sequence.getValue();
    }
    problems.add(value, what, "a list");
    return List.of();
  }

  static boolean isEmptyList(Node value) {
    return value instanceof SequenceNode sequence && sequence.getValue().isEmpty();
  }

  static List<String> texts(@Nullable Node value, String what, ContractProblems problems) {
    List<String> texts = new ArrayList<>();
    for (Node item : list(value, what, problems)) {
      String text = text(item, "an item of " + what, problems);
      if (text != null) {
        texts.add(text);
      }
    }
    return texts;
  }
}
