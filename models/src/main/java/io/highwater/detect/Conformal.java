package io.highwater.detect;

import java.util.Arrays;

/**
 * Thresholds by split conformal prediction (Vovk, Gammerman, Shafer 2005): of n held-out scores
 * that are exchangeable with the next one, the ceil((n + 1)(1 - a))-th smallest is exceeded by the
 * next one with a chance of at most a, and of at least a - 1/(n + 1) where scores do not tie.
 */
public final class Conformal {
  /** Above the error of (n + 1) a in a double, below what would be another rank. */
  private static final double ROUNDING = 1e-9;

  private Conformal() {}

  /**
   * The value that a share {@code alpha} of what comes exceeds.
   *
   * @param scores of held-out rows, in any order
   * @param rows how many were held out; those beyond the scores count as lower than any score, as
   *     rows that are never flagged
   * @param alpha above 0 and below 1
   * @return positive infinity where the rows are too few to say, negative where {@code alpha} is
   *     more than the share of the scores
   */
  public static double threshold(double[] scores, long rows, double alpha) {
    if (!(alpha > 0 && alpha < 1)) {
      throw new IllegalArgumentException("alpha is " + alpha + ", expected above 0 and below 1");
    }
    if (rows < scores.length) {
      throw new IllegalArgumentException(
          "rows are " + rows + ", expected at least as many as scores, " + scores.length);
    }
    // n + 1 - floor((n + 1) a) is ceil((n + 1)(1 - a)) without its rounding error.
    long rank = rows + 1 - (long) Math.floor((rows + 1) * alpha + ROUNDING);
    if (rank > rows) {
      return Double.POSITIVE_INFINITY;
    }
    long place = rank - (rows - scores.length);
    if (place < 1) {
      return Double.NEGATIVE_INFINITY;
    }
    double[] sorted = scores.clone();
    Arrays.sort(sorted);
    return sorted[(int) place - 1];
  }
}
