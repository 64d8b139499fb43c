package io.highwater.onnx;

import io.highwater.detect.RowModel;
import io.highwater.training.TreeEnsemble;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens ONNX graphs. ONNX Runtime says what a graph is and what it answers; one of trees is then
 * walked ({@link TreeWalk}), which gives the same answers faster, and any other is run by ONNX
 * Runtime ({@link OnnxModel}).
 */
public final class RowModels {
  private static final Logger LOG = LoggerFactory.getLogger(RowModels.class);
  private static final int PROBES = 1_024;

  /** Between float32 and float64 sums of some hundred leaves, of which the exponential is taken. */
  private static final double RELATIVE_TOLERANCE = 1e-4;

  private RowModels() {}

  /**
   * Opens a graph; the caller closes it. The same rows give the same bits, however they are cut
   * into batches.
   *
   * @param graph an ONNX model with the input "features" float32[n, columns] and one output
   *     float32[n, 1]
   * @throws InvalidModelException if it is not one, or not one that ONNX Runtime can load
   */
  public static RowModel open(byte[] graph, int columns) throws InvalidModelException {
    OnnxModel model = OnnxModel.open(graph, columns);
    RowModel chosen = null;
    try {
      chosen = walkOrRun(graph, model, columns);
      return chosen;
    } finally {
      if (chosen != model) {
        model.close();
      }
    }
  }

  private static RowModel walkOrRun(byte[] graph, OnnxModel model, int columns) {
    TreeGraph trees;
    TreeWalk walk;
    try {
      trees = TreeGraph.read(graph, columns);
      walk = new TreeWalk(trees.trees(), trees.ofSum());
    } catch (RuntimeException e) {
      LOG.info("A graph runs in ONNX Runtime, as it is not of trees alone: {}", e.getMessage());
      return model;
    }
    double difference = greatestDifference(model, walk, trees.trees());
    if (!(difference <= RELATIVE_TOLERANCE)) {
      LOG.warn("A graph runs in ONNX Runtime, as a walk of its trees is {} away", difference);
      return model;
    }
    return walk;
  }

  /** Of the answers to made-up rows; relative, for those above 1. */
  static double greatestDifference(RowModel one, RowModel other, TreeEnsemble trees) {
    FloatBuffer rows = probes(trees);
    float[] expected = new float[PROBES];
    float[] actual = new float[PROBES];
    one.run(rows, PROBES, expected);
    other.run(rows, PROBES, actual);
    double greatest = 0;
    for (int row = 0; row < PROBES; row++) {
      // A NaN is greater than all.
      greatest =
          Math.max(
              greatest,
              Math.abs(expected[row] - actual[row]) / Math.max(1, Math.abs(expected[row])));
    }
    return greatest;
  }

  /**
   * Where trees may go wrong: at their thresholds and just beside, and where values are missing.
   */
  private static FloatBuffer probes(TreeEnsemble trees) {
    List<List<Float>> thresholds = new ArrayList<>();
    for (int column = 0; column < trees.columns(); column++) {
      thresholds.add(new ArrayList<>(List.of(0f)));
    }
    for (int node = 0; node < trees.nodes(); node++) {
      if (!trees.isLeaf(node)) {
        thresholds.get(trees.column(node)).add(OnnxGraphs.roundedDown(trees.threshold(node)));
      }
    }
    SplittableRandom random = new SplittableRandom(1);
    FloatBuffer rows =
        ByteBuffer.allocateDirect(Float.BYTES * PROBES * trees.columns())
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    while (rows.hasRemaining()) {
      for (List<Float> of : thresholds) {
        float threshold = of.get(random.nextInt(of.size()));
        rows.put(
            switch (random.nextInt(4)) {
              case 0 -> threshold;
              case 1 -> Math.nextUp(threshold);
              case 2 -> Math.nextDown(threshold);
              default -> Float.NaN;
            });
      }
    }
    return rows.clear();
  }
}
