package io.highwater.runners;

import io.highwater.detect.RowModel;
import io.highwater.onnx.OnnxGraphs;
import io.highwater.onnx.OnnxModel;
import io.highwater.onnx.RowModels;
import io.highwater.training.DurationTrainer;
import io.highwater.training.IsolationForest;
import io.highwater.training.LightGbmPredictor;
import io.highwater.training.Objective;
import io.highwater.training.TrainedTrees;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Rows per second of a model's graphs, on one thread and in batches of 4,096: as they score, beside
 * ONNX Runtime, LightGBM's own predict and a plain walk, a row after the other. Made-up features,
 * 25 of them, as the time depends on the trees and not on what they say.
 */
final class ScoreBenchmark {
  private static final int COLUMNS = 25;
  private static final int BATCH = 4_096;
  private static final int TRAINING_ROWS = 400_000;
  private static final int VALIDATION_ROWS = 40_000;

  /** Of which the first warms up and the median counts. */
  private static final int ROUNDS = 6;

  private ScoreBenchmark() {}

  /** Scores a batch. */
  private interface Scorer {
    void score();
  }

  static String run(long rows) throws Exception {
    SplittableRandom random = new SplittableRandom(1);
    float[] training = features(TRAINING_ROWS, random);
    float[] validation = features(VALIDATION_ROWS, random);
    float[] batch = Arrays.copyOf(validation, BATCH * COLUMNS);
    FloatBuffer direct =
        ByteBuffer.allocateDirect(Float.BYTES * batch.length)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    direct.put(batch).clear();
    float[] out = new float[BATCH];
    double[] wide = new double[BATCH];
    StringBuilder line = new StringBuilder("rows=" + rows);

    for (Objective objective : Objective.values()) {
      long start = System.nanoTime();
      TrainedTrees trained =
          new DurationTrainer()
              .train(
                  training, targets(training), COLUMNS, validation, targets(validation), objective);
      double seconds = (System.nanoTime() - start) / 1e9;
      String name = objective.name().toLowerCase(Locale.ROOT);
      System.out.printf(
          Locale.ROOT,
          "%s: %d trees, %,d nodes, trained on %,d rows in %.1f s%n",
          name,
          trained.ensemble().trees(),
          trained.ensemble().nodes(),
          TRAINING_ROWS,
          seconds);
      line.append(String.format(Locale.ROOT, " %s_training_seconds=%.1f", name, seconds));
      byte[] graph = OnnxGraphs.duration(trained.ensemble());
      try (RowModel scoring = RowModels.open(graph, COLUMNS);
          OnnxModel onnx = OnnxModel.open(graph, COLUMNS);
          LightGbmPredictor lightGbm = new LightGbmPredictor(trained)) {
        double ofScoring =
            measure(line, name + "_scoring", rows, () -> scoring.run(direct, BATCH, out));
        double ofOnnx = measure(line, name + "_onnx", rows, () -> onnx.run(direct, BATCH, out));
        double ofLightGbm =
            measure(line, name + "_lightgbm", rows, () -> lightGbm.predict(batch, BATCH, wide));
        measure(
            line,
            name + "_walk",
            rows,
            () -> {
              for (int row = 0; row < BATCH; row++) {
                wide[row] = trained.ensemble().predict(batch, row * COLUMNS);
              }
            });
        line.append(
            String.format(
                Locale.ROOT,
                " %s_scoring_to_onnx=%.2f %s_onnx_to_lightgbm=%.2f",
                name,
                ofScoring / ofOnnx,
                name,
                ofOnnx / ofLightGbm));
      }
    }
    IsolationForest forest = IsolationForest.fit(validation, COLUMNS, 1);
    byte[] graph = OnnxGraphs.isolation(forest);
    try (RowModel scoring = RowModels.open(graph, COLUMNS);
        OnnxModel onnx = OnnxModel.open(graph, COLUMNS)) {
      double ofScoring =
          measure(line, "forest_scoring", rows, () -> scoring.run(direct, BATCH, out));
      double ofOnnx = measure(line, "forest_onnx", rows, () -> onnx.run(direct, BATCH, out));
      line.append(String.format(Locale.ROOT, " forest_scoring_to_onnx=%.2f", ofScoring / ofOnnx));
      measure(
          line,
          "forest_walk",
          rows,
          () -> {
            for (int row = 0; row < BATCH; row++) {
              wide[row] = forest.score(batch, row * COLUMNS);
            }
          });
    }
    return line.toString();
  }

  private static double measure(StringBuilder line, String name, long rows, Scorer scorer) {
    long batches = Math.max(1, rows / BATCH / ROUNDS);
    double[] rates = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      long start = System.nanoTime();
      for (long i = 0; i < batches; i++) {
        scorer.score();
      }
      rates[round] = batches * BATCH * 1e9 / (System.nanoTime() - start);
    }
    double[] counted = Arrays.copyOfRange(rates, 1, ROUNDS);
    Arrays.sort(counted);
    double median = counted[counted.length / 2];
    System.out.printf("%-22s %,11.0f rows/s%n", name, median);
    line.append(String.format(Locale.ROOT, " %s_rows_per_second=%.0f", name, median));
    return median;
  }

  private static float[] features(int rows, SplittableRandom random) {
    float[] features = new float[rows * COLUMNS];
    for (int i = 0; i < features.length; i++) {
      features[i] = random.nextInt(20) == 0 ? Float.NaN : (float) (10 * random.nextDouble());
    }
    return features;
  }

  /** What a query takes by some of its features, on the scale of ln(1 + milliseconds). */
  private static float[] targets(float[] features) {
    SplittableRandom noise = new SplittableRandom(features.length);
    float[] targets = new float[features.length / COLUMNS];
    for (int row = 0; row < targets.length; row++) {
      double sum = 0;
      for (int column = 0; column < 8; column++) {
        float value = features[row * COLUMNS + column];
        sum += Float.isNaN(value) ? 1 : Math.sin(value + column) * (1 + column % 3);
      }
      targets[row] = (float) Math.max(0, 6 + sum / 3 + noise.nextGaussian());
    }
    return targets;
  }
}
