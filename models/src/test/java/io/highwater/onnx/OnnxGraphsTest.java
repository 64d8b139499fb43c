package io.highwater.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.highwater.training.DurationRows;
import io.highwater.training.DurationTrainer;
import io.highwater.training.IsolationForest;
import io.highwater.training.LightGbmPredictor;
import io.highwater.training.Objective;
import io.highwater.training.TrainedTrees;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Three implementations of the same trees: LightGBM, ONNX Runtime and the plain walk. */
class OnnxGraphsTest {
  private static final int COLUMNS = 25;
  private static final int ROWS = 100_000;
  private static final double LOG_TOLERANCE = 3e-5;

  @ParameterizedTest
  @EnumSource(Objective.class)
  void graphPredictsWhatLightGbmDoes(Objective objective) throws InvalidModelException {
    TrainedTrees trained = DurationRows.of(40_000, COLUMNS, 1).train(objective);
    DurationRows unseen = DurationRows.unseen(ROWS, COLUMNS, 2);
    double[] expected = new double[ROWS];
    try (LightGbmPredictor lightGbm = new LightGbmPredictor(trained)) {
      lightGbm.predict(unseen.rows(), ROWS, expected);
    }
    float[] milliseconds = new float[ROWS];
    try (OnnxModel model = OnnxModel.open(OnnxGraphs.duration(trained.ensemble()), COLUMNS)) {
      model.run(Floats.direct(unseen.rows()), ROWS, milliseconds);
    }

    double worst = 0;
    for (int row = 0; row < ROWS; row++) {
      // The graph answers at least a millisecond.
      double log = Math.max(expected[row], Math.log1p(1));
      worst = Math.max(worst, Math.abs(log - Math.log1p(milliseconds[row])));
      worst =
          Math.max(
              worst,
              Math.abs(expected[row] - trained.ensemble().predict(unseen.rows(), row * COLUMNS)));
    }
    assertEquals(0, worst, LOG_TOLERANCE);
  }

  @Test
  void graphScoresAsTheForestDoes() throws InvalidModelException {
    IsolationForest forest =
        IsolationForest.fit(DurationRows.of(10_000, COLUMNS, 1).rows(), COLUMNS, 1);
    DurationRows unseen = DurationRows.unseen(ROWS, COLUMNS, 2);
    float[] scores = new float[ROWS];
    try (OnnxModel model = OnnxModel.open(OnnxGraphs.isolation(forest), COLUMNS)) {
      model.run(Floats.direct(unseen.rows()), ROWS, scores);
    }

    double worst = 0;
    for (int row = 0; row < ROWS; row++) {
      double difference = forest.score(unseen.rows(), row * COLUMNS) - scores[row];
      worst = Math.max(worst, Math.abs(difference));
    }
    assertEquals(0, worst, 1e-6);
  }

  /** What is beyond float32 as milliseconds would be infinite; less than one makes no sense. */
  @Test
  void durationsStayWithinOneMillisecondAndTheLimit() throws InvalidModelException {
    assertEquals(1, constant(-3));
    assertEquals(1, constant(0.3f));
    assertEquals(Math.expm1(7), constant(7), 1e-3);
    assertEquals(Math.expm1(50), constant(90), 1e-6 * Math.exp(50));
  }

  /** A model of one leaf. */
  private static float constant(float log) throws InvalidModelException {
    float[] targets = new float[100];
    Arrays.fill(targets, log);
    DurationRows rows = new DurationRows(new float[200], targets, 2);
    TrainedTrees trained =
        new DurationTrainer().train(rows.rows(), targets, 2, rows.rows(), targets, Objective.MEAN);
    float[] out = new float[1];
    try (OnnxModel model = OnnxModel.open(OnnxGraphs.duration(trained.ensemble()), 2)) {
      model.run(Floats.direct(new float[2]), 1, out);
    }
    return out[0];
  }
}
