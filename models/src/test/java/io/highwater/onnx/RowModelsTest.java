package io.highwater.onnx;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.instanceOf;
import static org.hamcrest.Matchers.lessThan;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.detect.RowModel;
import io.highwater.training.DurationRows;
import io.highwater.training.IsolationForest;
import io.highwater.training.Objective;
import io.highwater.training.TreeEnsemble;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowModelsTest {
  private static final int COLUMNS = 25;
  private static final int ROWS = 100_000;

  private static TreeEnsemble meanTrees;
  private static byte[] mean;
  private static byte[] quantile;
  private static byte[] isolation;

  @BeforeAll
  static void train() {
    DurationRows training = DurationRows.of(20_000, COLUMNS, 1);
    meanTrees = training.train(Objective.MEAN).ensemble();
    mean = OnnxGraphs.duration(meanTrees);
    quantile = OnnxGraphs.duration(training.train(Objective.QUANTILE_90).ensemble());
    isolation = OnnxGraphs.isolation(IsolationForest.fit(training.rows(), COLUMNS, 1));
  }

  @AfterEach
  void noSessionIsLeft() {
    assertEquals(0, OnnxModel.sessions());
  }

  @Test
  void walkedTreesAnswerAsOnnxRuntimeDoes() throws InvalidModelException {
    DurationRows unseen = DurationRows.unseen(ROWS, COLUMNS, 2);
    for (byte[] graph : List.of(mean, quantile, isolation)) {
      float[] walked = new float[ROWS];
      float[] run = new float[ROWS];
      try (RowModel model = RowModels.open(graph, COLUMNS)) {
        assertThat(model, instanceOf(TreeWalk.class));
        assertEquals(0, OnnxModel.sessions());
        model.run(Floats.direct(unseen.rows()), ROWS, walked);
      }
      try (OnnxModel model = OnnxModel.open(graph, COLUMNS)) {
        model.run(Floats.direct(unseen.rows()), ROWS, run);
      }

      double worst = 0;
      for (int row = 0; row < ROWS; row++) {
        worst = Math.max(worst, Math.abs(Math.log(walked[row]) - Math.log(run[row])));
      }
      assertThat(worst, lessThan(3e-5));
    }
  }

  /** Names of the same length, so that the message stays whole. */
  @ParameterizedTest
  @CsvSource({"Exp, Abs", "BRANCH_LEQ, BRANCH_GTE", "Max, Min"})
  void graphOfOtherOperatorsIsRunByOnnxRuntime(String known, String other) throws Exception {
    byte[] graph = new String(mean, ISO_8859_1).replaceFirst(known, other).getBytes(ISO_8859_1);
    float[] rows = DurationRows.unseen(100, COLUMNS, 3).rows();
    float[] expected = new float[100];
    float[] actual = new float[100];
    try (OnnxModel model = OnnxModel.open(graph, COLUMNS)) {
      model.run(Floats.direct(rows), 100, expected);
    }
    try (RowModel model = RowModels.open(graph, COLUMNS)) {
      assertThat(model, instanceOf(OnnxModel.class));
      model.run(Floats.direct(rows), 100, actual);
    }

    assertArrayEquals(expected, actual);
  }

  /** What is compared before a walk may serve finds a single leaf that is wrong. */
  @Test
  void probesFindAWrongLeaf() throws InvalidModelException {
    try (OnnxModel model = OnnxModel.open(mean, COLUMNS);
        TreeWalk right = new TreeWalk(meanTrees, TreeGraph.read(mean, COLUMNS).ofSum());
        TreeWalk wrong =
            new TreeWalk(withAnotherLeaf(meanTrees), TreeGraph.read(mean, COLUMNS).ofSum())) {
      assertThat(RowModels.greatestDifference(model, right, meanTrees), lessThan(1e-4));
      assertThat(RowModels.greatestDifference(model, wrong, meanTrees), greaterThan(1e-4));
    }
  }

  @Test
  void readsBackTheTreesThatWereWritten() {
    TreeEnsemble read = TreeGraph.read(mean, COLUMNS).trees();
    DurationRows unseen = DurationRows.unseen(1_000, COLUMNS, 4);

    assertEquals(meanTrees.trees(), read.trees());
    assertEquals(meanTrees.nodes(), read.nodes());
    for (int row = 0; row < 1_000; row++) {
      assertEquals(
          meanTrees.predict(unseen.rows(), row * COLUMNS),
          read.predict(unseen.rows(), row * COLUMNS),
          1e-5);
    }
  }

  /** As other writers of ONNX do. */
  @Test
  void readsPackedLists() {
    byte[] packedFloats = {0, 0, (byte) 0x80, 0x3F, 0, 0, 0x20, (byte) 0xC1};
    byte[] packedNumbers = {1, (byte) 0xAC, 2};
    ProtobufReader read =
        new ProtobufReader(
            new ProtobufMessage()
                .add(7, packedFloats)
                .addFloat(7, 3)
                .add(8, packedNumbers)
                .add(8, -1)
                .toBytes());

    assertArrayEquals(new float[] {1, -10, 3}, read.floats(7));
    assertArrayEquals(new long[] {1, 300, -1}, read.numbers(8));
  }

  @Test
  void refusesWhatOnnxRuntimeRefuses() {
    InvalidModelException refused =
        assertThrows(
            InvalidModelException.class, () -> RowModels.open("no model".getBytes(UTF_8), 1));

    assertThat(refused.getMessage(), containsString("cannot be loaded: "));
  }

  private static TreeEnsemble withAnotherLeaf(TreeEnsemble trees) {
    TreeEnsemble.Builder changed = new TreeEnsemble.Builder(trees.columns());
    for (int tree = 0; tree < trees.trees(); tree++) {
      changed.addRoot(trees.root(tree));
    }
    boolean found = false;
    for (int node = 0; node < trees.nodes(); node++) {
      if (trees.isLeaf(node)) {
        changed.addLeaf(trees.value(node) + (found ? 0 : 0.5));
        found = true;
      } else {
        changed.addSplit(
            trees.column(node),
            trees.threshold(node),
            trees.missingGoesLeft(node),
            trees.left(node),
            trees.right(node));
      }
    }
    return changed.build();
  }
}
