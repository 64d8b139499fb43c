package io.highwater.trainer;

import io.highwater.detect.Durations;
import io.highwater.detect.ForestInputs;
import io.highwater.detect.RowModel;
import io.highwater.detect.ScoringModel;
import io.highwater.trainer.TrainingResult.Part;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** What models say of sampled rows. */
final class Predictor {
  private static final int ROWS_AT_ONCE = 4_096;

  private Predictor() {}

  /** Predictions of what is not known beforehand, by row, in milliseconds. */
  record Predictions(double[] mean, double[] p90) {
    /** With the quantile shifted in log space. */
    Predictions calibrated(double p90Shift) {
      double[] calibrated = new double[p90.length];
      for (int row = 0; row < p90.length; row++) {
        calibrated[row] = Durations.calibratedP90(p90[row], p90Shift);
      }
      return new Predictions(mean, calibrated);
    }

    /** The mean with what is known beforehand. */
    double[] totalMean(SampledRows rows) {
      return sum(mean, rows.known());
    }

    /** The quantile with what is known beforehand. */
    double[] totalP90(SampledRows rows) {
      return sum(p90, rows.known());
    }

    /** What the rows were to be expected to take at most. */
    double[] expected(SampledRows rows) {
      double[] expected = new double[mean.length];
      for (int row = 0; row < expected.length; row++) {
        expected[row] =
            Durations.expected(mean[row] + rows.known()[row], p90[row] + rows.known()[row]);
      }
      return expected;
    }
  }

  static double[] sum(double[] left, double[] right) {
    double[] sum = new double[left.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = left[i] + right[i];
    }
    return sum;
  }

  /** By a model in service, calibrated. */
  static Predictions predict(ScoringModel model, SampledRows rows) {
    return predict(model.mean(), model.p90(), rows).calibrated(model.p90Shift());
  }

  /** Not calibrated. */
  static Predictions predict(RowModel mean, RowModel p90, SampledRows rows) {
    return new Predictions(
        run(mean, rows.features(), rows.columns()), run(p90, rows.features(), rows.columns()));
  }

  /** float32[n, k], row after row. */
  static float[] forestInputs(ForestInputs inputs, Part part) {
    SampledRows rows = part.rows();
    float[] filled = new float[rows.count() * inputs.columns()];
    inputs.fill(
        FloatBuffer.wrap(rows.features()),
        rows.subjects(),
        rows.unknown(),
        part.predictions().mean(),
        part.predictions().p90(),
        FloatBuffer.wrap(filled));
    return filled;
  }

  /**
   * A model's numbers, as when it serves.
   *
   * @param rows float32[n, columns]
   */
  static double[] run(RowModel model, float[] rows, int columns) {
    int count = rows.length / columns;
    double[] numbers = new double[count];
    FloatBuffer some =
        ByteBuffer.allocateDirect(Float.BYTES * ROWS_AT_ONCE * columns)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    float[] out = new float[ROWS_AT_ONCE];
    for (int start = 0; start < count; start += ROWS_AT_ONCE) {
      int size = Math.min(ROWS_AT_ONCE, count - start);
      some.clear().put(rows, start * columns, size * columns).flip();
      model.run(some, size, out);
      for (int row = 0; row < size; row++) {
        numbers[start + row] = out[row];
      }
    }
    return numbers;
  }
}
