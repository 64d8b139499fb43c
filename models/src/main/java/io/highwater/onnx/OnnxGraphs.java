package io.highwater.onnx;

import io.highwater.training.IsolationForest;
import io.highwater.training.TreeEnsemble;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes trees as ONNX graphs (opset 17, ai.onnx.ml 3). The input "features" is float32[n, columns]
 * with NaN for what is missing. The numbers of fields are those of onnx.proto3.
 */
public final class OnnxGraphs {
  static final String INPUT = "features";

  private static final int FLOAT = 1;
  private static final int OPSET = 17;
  private static final String TREE_DOMAIN = "ai.onnx.ml";
  private static final int TREE_OPSET = 3;
  private static final int IR_VERSION = 8;

  /** Far beyond any duration, and within float32 once it is an exponent. */
  private static final float LOG_LIMIT = 50;

  private OnnxGraphs() {}

  /**
   * A duration model: the output "milliseconds" is float32[n, 1], at least 1.
   *
   * @param ensemble predicts log1p(milliseconds)
   */
  public static byte[] duration(TreeEnsemble ensemble) {
    Graph graph = new Graph(ensemble.columns());
    graph.addTrees(ensemble, "log");
    graph.add("Clip", "clipped", "log", graph.constant(-LOG_LIMIT), graph.constant(LOG_LIMIT));
    graph.add("Exp", "one_more", "clipped");
    graph.add("Sub", "duration", "one_more", graph.constant(1));
    graph.add("Max", "milliseconds", "duration", graph.constant(1));
    return graph.toBytes("milliseconds");
  }

  /** An isolation forest: the output "score" is float32[n, 1], between 0 and 1. */
  public static byte[] isolation(IsolationForest forest) {
    Graph graph = new Graph(forest.paths().columns());
    graph.addTrees(forest.paths(), "path_lengths");
    graph.add("Mul", "log", "path_lengths", graph.constant((float) forest.scale()));
    graph.add("Exp", "score", "log");
    return graph.toBytes("score");
  }

  /** The largest float32 that is not greater, so that a float32 is on the same side of both. */
  static float roundedDown(double threshold) {
    float rounded = (float) threshold;
    return rounded > threshold ? Math.nextDown(rounded) : rounded;
  }

  /** Nodes in the order of computation. */
  private static final class Graph {
    private final int columns;
    private final List<ProtobufMessage> nodes = new ArrayList<>();
    private final List<ProtobufMessage> constants = new ArrayList<>();

    Graph(int columns) {
      this.columns = columns;
    }

    String constant(float value) {
      String name = "constant" + constants.size();
      constants.add(
          new ProtobufMessage() // TensorProto
              .add(2, FLOAT)
              .addFloat(4, value)
              .add(8, name));
      return name;
    }

    void add(String operator, String output, String... inputs) {
      add(new ProtobufMessage(), operator, output, inputs);
    }

    /** The sum of the leaves, float32[n, 1]. */
    void addTrees(TreeEnsemble ensemble, String output) {
      TreeAttributes attributes = new TreeAttributes(ensemble);
      for (int tree = 0; tree < ensemble.trees(); tree++) {
        attributes.addNode(tree, ensemble.root(tree));
      }
      add(attributes.toNode(), "TreeEnsembleRegressor", output, INPUT);
    }

    private void add(ProtobufMessage node, String operator, String output, String... inputs) {
      for (String input : inputs) {
        node.add(1, input);
      }
      nodes.add(node.add(2, output).add(4, operator));
    }

    /** The whole model; its output is the value of the last node. */
    byte[] toBytes(String output) {
      ProtobufMessage graph = new ProtobufMessage(); // GraphProto
      nodes.forEach(node -> graph.add(1, node));
      graph.add(2, output);
      constants.forEach(constant -> graph.add(5, constant));
      graph.add(11, valueInfo(INPUT, columns)).add(12, valueInfo(output, 1));
      return new ProtobufMessage() // ModelProto
          .add(1, IR_VERSION)
          .add(2, "highwater")
          .add(7, graph)
          .add(8, new ProtobufMessage().add(2, OPSET))
          .add(8, new ProtobufMessage().add(1, TREE_DOMAIN).add(2, TREE_OPSET))
          .toBytes();
    }

    /** A ValueInfoProto of float32[n, width], where n is any. */
    private static ProtobufMessage valueInfo(String name, long width) {
      ProtobufMessage shape =
          new ProtobufMessage()
              .add(1, new ProtobufMessage().add(2, "n"))
              .add(1, new ProtobufMessage().add(1, width));
      ProtobufMessage tensor = new ProtobufMessage().add(1, FLOAT).add(2, shape);
      return new ProtobufMessage().add(1, name).add(2, new ProtobufMessage().add(1, tensor));
    }
  }

  /** An ensemble as the operator wants it, one list for each property of a node. */
  private static final class TreeAttributes {
    private static final int FLOATS = 7;
    private static final int INTEGERS = 8;
    private static final int STRINGS = 9;

    private final TreeEnsemble ensemble;
    private final List<ProtobufMessage> attributes = new ArrayList<>();
    private final ProtobufMessage nodes = attribute("nodes_nodeids", INTEGERS);
    private final ProtobufMessage trees = attribute("nodes_treeids", INTEGERS);
    private final ProtobufMessage modes = attribute("nodes_modes", STRINGS);
    private final ProtobufMessage columns = attribute("nodes_featureids", INTEGERS);
    private final ProtobufMessage thresholds = attribute("nodes_values", FLOATS);
    private final ProtobufMessage left = attribute("nodes_truenodeids", INTEGERS);
    private final ProtobufMessage right = attribute("nodes_falsenodeids", INTEGERS);
    private final ProtobufMessage missingGoesLeft =
        attribute("nodes_missing_value_tracks_true", INTEGERS);
    private final ProtobufMessage leaves = attribute("target_nodeids", INTEGERS);
    private final ProtobufMessage leafTrees = attribute("target_treeids", INTEGERS);
    private final ProtobufMessage targets = attribute("target_ids", INTEGERS);
    private final ProtobufMessage leafValues = attribute("target_weights", FLOATS);

    TreeAttributes(TreeEnsemble ensemble) {
      this.ensemble = ensemble;
      attributes.add(new ProtobufMessage().add(1, "n_targets").add(3, 1).add(20, 2));
    }

    /** Adds a node and all below it; the first of a tree counts as its root. */
    void addNode(int tree, int node) {
      boolean leaf = ensemble.isLeaf(node);
      nodes.add(INTEGERS, node);
      trees.add(INTEGERS, tree);
      modes.add(STRINGS, leaf ? "LEAF" : "BRANCH_LEQ");
      columns.add(INTEGERS, leaf ? 0 : ensemble.column(node));
      thresholds.addFloat(FLOATS, leaf ? 0 : roundedDown(ensemble.threshold(node)));
      left.add(INTEGERS, leaf ? 0 : ensemble.left(node));
      right.add(INTEGERS, leaf ? 0 : ensemble.right(node));
      missingGoesLeft.add(INTEGERS, !leaf && ensemble.missingGoesLeft(node) ? 1 : 0);
      if (leaf) {
        leaves.add(INTEGERS, node);
        leafTrees.add(INTEGERS, tree);
        targets.add(INTEGERS, 0);
        leafValues.addFloat(FLOATS, (float) ensemble.value(node));
      } else {
        addNode(tree, ensemble.left(node));
        addNode(tree, ensemble.right(node));
      }
    }

    /** A NodeProto without its operator. */
    ProtobufMessage toNode() {
      ProtobufMessage node = new ProtobufMessage().add(7, TREE_DOMAIN);
      attributes.forEach(attribute -> node.add(5, attribute));
      return node;
    }

    /** An AttributeProto, whose types are numbered as its fields for lists, less one. */
    private ProtobufMessage attribute(String name, int field) {
      ProtobufMessage attribute = new ProtobufMessage().add(1, name).add(20, field - 1);
      attributes.add(attribute);
      return attribute;
    }
  }
}
