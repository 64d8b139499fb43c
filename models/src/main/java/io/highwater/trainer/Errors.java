package io.highwater.trainer;

import java.util.Arrays;

/** How far predictions are from what happened; all durations are milliseconds. */
final class Errors {
  private Errors() {}

  /** The root of the mean squared difference of ln(1 + milliseconds). */
  static double rootMeanSquaredLogError(double[] actual, double[] predicted) {
    double sum = 0;
    for (int row = 0; row < actual.length; row++) {
      double error = Math.log1p(Math.max(0, actual[row])) - Math.log1p(predicted[row]);
      sum += error * error;
    }
    return Math.sqrt(sum / actual.length);
  }

  /** The median of |predicted - actual| / actual; actual counts as 1 ms at least. */
  static double medianAbsolutePercentageError(double[] actual, double[] predicted) {
    if (actual.length == 0) {
      return Double.NaN;
    }
    double[] errors = new double[actual.length];
    for (int row = 0; row < actual.length; row++) {
      errors[row] = 100 * Math.abs(predicted[row] - actual[row]) / Math.max(1, actual[row]);
    }
    Arrays.sort(errors);
    return errors[errors.length / 2];
  }

  /** The share of rows that took at most what was predicted. */
  static double coverage(double[] actual, double[] predicted) {
    int covered = 0;
    for (int row = 0; row < actual.length; row++) {
      covered += actual[row] <= predicted[row] ? 1 : 0;
    }
    return covered / (double) actual.length;
  }
}
