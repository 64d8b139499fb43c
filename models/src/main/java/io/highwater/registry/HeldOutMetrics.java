package io.highwater.registry;

/**
 * How well a model's 0.90 quantile predicts the rows of one day that it has not seen.
 *
 * @param day such as 2024-04-16
 * @param pinballLoss the mean of max(0.9 e, -0.1 e), e = ln(1 + actual) - ln(1 + predicted)
 *     (Koenker and Bassett 1978)
 * @param coverage the share of rows at or below the prediction
 */
public record HeldOutMetrics(String day, long rows, double pinballLoss, double coverage) {
  private static final double QUANTILE = 0.9;

  /**
   * Of a day's rows.
   *
   * @param actual in milliseconds
   * @param p90 calibrated, in milliseconds
   */
  public static HeldOutMetrics of(String day, double[] actual, double[] p90) {
    double loss = 0;
    int covered = 0;
    for (int i = 0; i < actual.length; i++) {
      double error = Math.log1p(Math.max(0, actual[i])) - Math.log1p(p90[i]);
      loss += Math.max(QUANTILE * error, (QUANTILE - 1) * error);
      if (actual[i] <= p90[i]) {
        covered++;
      }
    }
    return new HeldOutMetrics(
        day, actual.length, loss / actual.length, covered / (double) actual.length);
  }
}
