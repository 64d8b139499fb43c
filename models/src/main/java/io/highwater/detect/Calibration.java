package io.highwater.detect;

import java.util.Arrays;

/**
 * What held-out rows, newer than those that were learned from, set.
 *
 * @param p90Shift {@link Durations#shift}
 * @param threshold of duration_score; infinite where the rows were too few
 * @param alertBudget the share of all rows that may be above it
 * @param rows all that were held out, also those that are never scored
 * @param coverageBefore the share of the rows at or below the 0.90 quantile as it was predicted
 * @param coverageAfter likewise of the calibrated one
 */
public record Calibration(
    double p90Shift,
    double threshold,
    double alertBudget,
    long rows,
    double coverageBefore,
    double coverageAfter) {

  /**
   * Calibrates on held-out rows that could be learned from.
   *
   * @param targets what they took, in milliseconds
   * @param unknown what of it was to be predicted
   * @param mean what was predicted for them, in milliseconds
   * @param p90 the quantile, not calibrated
   * @param minimumTarget below it a row is never flagged
   * @param allRows how many rows there were in the held-out time, of any kind: the budget is a
   *     share of them
   */
  public static Calibration of(
      double[] targets,
      double[] unknown,
      double[] mean,
      double[] p90,
      double minimumTarget,
      long allRows,
      double alertBudget) {
    double shift = Durations.shift(unknown, p90);
    double[] scores = new double[unknown.length];
    int candidates = 0;
    int before = 0;
    int after = 0;
    for (int i = 0; i < unknown.length; i++) {
      double calibrated = Durations.calibratedP90(p90[i], shift);
      before += unknown[i] <= p90[i] ? 1 : 0;
      after += unknown[i] <= calibrated ? 1 : 0;
      if (targets[i] >= minimumTarget) {
        scores[candidates++] = Durations.score(unknown[i], mean[i], calibrated);
      }
    }
    return new Calibration(
        shift,
        Conformal.threshold(Arrays.copyOf(scores, candidates), allRows, alertBudget),
        alertBudget,
        allRows,
        before / (double) unknown.length,
        after / (double) unknown.length);
  }
}
