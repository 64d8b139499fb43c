package io.highwater.onnx;

import static java.util.Objects.requireNonNull;

import io.highwater.training.TreeEnsemble;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;

/**
 * A graph that is a sum of trees and then arithmetic on it, as {@link OnnxGraphs} writes them. The
 * numbers of fields are those of onnx.proto3.
 *
 * @param trees over the columns of the input
 * @param ofSum makes the output of the sum of a row's leaves
 */
record TreeGraph(TreeEnsemble trees, DoubleUnaryOperator ofSum) {
  /** All that is understood; another attribute could change what the trees mean. */
  private static final Set<String> ATTRIBUTES =
      Set.of(
          "n_targets",
          "nodes_nodeids",
          "nodes_treeids",
          "nodes_modes",
          "nodes_featureids",
          "nodes_values",
          "nodes_truenodeids",
          "nodes_falsenodeids",
          "nodes_missing_value_tracks_true",
          "target_nodeids",
          "target_treeids",
          "target_ids",
          "target_weights");

  /** An operator's, by name. */
  private record Attributes(Map<String, ProtobufReader> byName) {
    static Attributes of(ProtobufReader operator) {
      Attributes attributes =
          new Attributes(
              operator.messages(5).stream()
                  .collect(Collectors.toMap(one -> one.text(1), one -> one)));
      require(
          attributes.byName.keySet().equals(ATTRIBUTES),
          "attributes " + attributes.byName.keySet());
      return attributes;
    }

    ProtobufReader of(String name) {
      return requireNonNull(byName.get(name), name);
    }

    long[] numbers(String name) {
      return of(name).numbers(8);
    }

    float[] floats(String name) {
      return of(name).floats(7);
    }

    List<String> texts(String name) {
      return of(name).texts(9);
    }
  }

  /** A node is known by its tree and its number. */
  private record NodeId(long tree, long node) {}

  /**
   * Reads a model.
   *
   * @param columns of its input
   * @throws IllegalArgumentException where the graph is of another kind
   */
  static TreeGraph read(byte[] model, int columns) {
    ProtobufReader graph = only(new ProtobufReader(model).messages(7), "graph");
    Map<String, Float> constants = constants(graph);
    List<ProtobufReader> nodes = graph.messages(1);
    require(!nodes.isEmpty() && nodes.get(0).text(4).equals("TreeEnsembleRegressor"), "no trees");
    TreeEnsemble trees = trees(nodes.get(0), columns);
    DoubleUnaryOperator ofSum = DoubleUnaryOperator.identity();
    String last = nodes.get(0).text(2);
    for (ProtobufReader node : nodes.subList(1, nodes.size())) {
      List<String> inputs = node.texts(1);
      require(inputs.get(0).equals(last) && constants.keySet().containsAll(rest(inputs)), "a fork");
      List<Float> operands = rest(inputs).stream().map(constants::get).toList();
      ofSum = ofSum.andThen(operator(node.text(4), operands));
      last = node.text(2);
    }
    require(only(graph.messages(12), "output").text(1).equals(last), "another output");
    return new TreeGraph(trees, ofSum);
  }

  private static DoubleUnaryOperator operator(String name, List<Float> operands) {
    double first = operands.isEmpty() ? 0 : operands.get(0);
    double second = operands.size() < 2 ? 0 : operands.get(1);
    return switch (name + operands.size()) {
      case "Clip2" -> value -> Math.min(Math.max(value, first), second);
      case "Exp0" -> Math::exp;
      case "Max1" -> value -> Math.max(value, first);
      case "Mul1" -> value -> value * first;
      case "Sub1" -> value -> value - first;
      default -> throw new IllegalArgumentException("operator " + name);
    };
  }

  /** By name. */
  private static Map<String, Float> constants(ProtobufReader graph) {
    Map<String, Float> constants = new HashMap<>();
    for (ProtobufReader tensor : graph.messages(5)) {
      float[] values = tensor.floats(4);
      if (tensor.numbers(1).length == 0 && values.length == 1) {
        constants.put(tensor.text(8), values[0]);
      }
    }
    return constants;
  }

  private static TreeEnsemble trees(ProtobufReader operator, int columns) {
    Attributes attributes = Attributes.of(operator);
    require(attributes.of("n_targets").number(3) == 1, "more than one target");
    long[] nodes = attributes.numbers("nodes_nodeids");
    long[] treeOf = attributes.numbers("nodes_treeids");
    Map<NodeId, Integer> places = new HashMap<>();
    for (int place = 0; place < nodes.length; place++) {
      places.put(new NodeId(treeOf[place], nodes[place]), place);
    }
    double[] values = leaves(attributes, places);
    List<String> modes = attributes.texts("nodes_modes");
    long[] column = attributes.numbers("nodes_featureids");
    float[] thresholds = attributes.floats("nodes_values");
    long[] left = attributes.numbers("nodes_truenodeids");
    long[] right = attributes.numbers("nodes_falsenodeids");
    long[] missingGoesLeft = attributes.numbers("nodes_missing_value_tracks_true");
    TreeEnsemble.Builder ensemble = new TreeEnsemble.Builder(columns);
    for (int place = 0; place < nodes.length; place++) {
      // The first node of a tree is its root.
      if (place == 0 || treeOf[place] != treeOf[place - 1]) {
        ensemble.addRoot(place);
      }
      if (modes.get(place).equals("LEAF")) {
        ensemble.addLeaf(values[place]);
      } else {
        require(modes.get(place).equals("BRANCH_LEQ"), "mode " + modes.get(place));
        ensemble.addSplit(
            Math.toIntExact(column[place]),
            thresholds[place],
            missingGoesLeft[place] != 0,
            place(places, treeOf[place], left[place]),
            place(places, treeOf[place], right[place]));
      }
    }
    return ensemble.build();
  }

  /** What each leaf adds, by its place. */
  private static double[] leaves(Attributes attributes, Map<NodeId, Integer> places) {
    long[] trees = attributes.numbers("target_treeids");
    long[] nodes = attributes.numbers("target_nodeids");
    float[] weights = attributes.floats("target_weights");
    double[] values = new double[places.size()];
    for (int leaf = 0; leaf < weights.length; leaf++) {
      values[place(places, trees[leaf], nodes[leaf])] = weights[leaf];
    }
    return values;
  }

  private static int place(Map<NodeId, Integer> places, long tree, long node) {
    Integer place = places.get(new NodeId(tree, node));
    require(place != null, "no node " + node + " in tree " + tree);
    return requireNonNull(place);
  }

  private static List<String> rest(List<String> inputs) {
    return inputs.subList(1, inputs.size());
  }

  private static ProtobufReader only(List<ProtobufReader> messages, String what) {
    require(messages.size() == 1, messages.size() + " of " + what);
    return messages.get(0);
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
