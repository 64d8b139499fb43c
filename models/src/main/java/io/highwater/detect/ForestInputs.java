package io.highwater.detect;

import io.highwater.features.FeatureSet;
import io.highwater.features.SubjectValues;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * What the isolation forest sees: what the duration models and the subject's past leave
 * unexplained, and those features that the contract names. On features alone a forest finds what is
 * rare, not what is slow. Immutable.
 */
public final class ForestInputs {
  private static final List<String> RESIDUALS =
      List.of("duration_score", "log_ratio_to_p90", "usual_deviations");

  /** A spread below it, a tenth, is no reason to call a small difference many deviations. */
  private static final double LEAST_SPREAD = 0.1;

  private final int width;
  private final int[] shape;
  private final List<String> names;

  private ForestInputs(int width, int[] shape, List<String> names) {
    this.width = width;
    this.shape = shape;
    this.names = names;
  }

  /**
   * The inputs of a detector.
   *
   * @param shapeFeatures names of features
   * @throws IllegalArgumentException where one is not among the features; in one line
   */
  public static ForestInputs of(FeatureSet features, List<String> shapeFeatures) {
    List<String> names = new ArrayList<>(RESIDUALS);
    int[] shape = new int[shapeFeatures.size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = features.names().indexOf(shapeFeatures.get(i));
      if (shape[i] < 0) {
        throw new IllegalArgumentException(
            "shape feature '%s' is not among the features".formatted(shapeFeatures.get(i)));
      }
      names.add(shapeFeatures.get(i));
    }
    return new ForestInputs(features.columns(), shape, List.copyOf(names));
  }

  /** In the order of the columns. */
  public List<String> names() {
    return names;
  }

  public int columns() {
    return names.size();
  }

  /**
   * Writes the inputs from the buffer's index 0 on.
   *
   * @param features float32[n, d] of the rows, from index 0 on
   * @param actual what was to be predicted of the rows, in milliseconds
   * @param mean what the mean model predicts
   * @param p90 the calibrated quantile
   */
  public void fill(
      FloatBuffer features,
      SubjectValues subjects,
      double[] actual,
      double[] mean,
      double[] p90,
      FloatBuffer out) {
    int at = 0;
    for (int row = 0; row < actual.length; row++) {
      double fromUsual = Math.log1p(Math.max(0, actual[row])) - subjects.medians()[row];
      out.put(at++, (float) Durations.score(actual[row], mean[row], p90[row]));
      out.put(at++, (float) Durations.logRatio(actual[row], p90[row]));
      out.put(at++, (float) (fromUsual / Math.max(LEAST_SPREAD, subjects.spreads()[row])));
      for (int column : shape) {
        out.put(at++, features.get(row * width + column));
      }
    }
  }
}
