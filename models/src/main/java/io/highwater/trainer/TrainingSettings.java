package io.highwater.trainer;

/**
 * What is learned from, and how many outliers are wanted.
 *
 * @param windowDays how many days (UTC) of the history count, the newest last
 * @param maxRows at most so many are learned from
 * @param alertBudget the share of all rows that may be outliers though nothing is wrong
 * @param seed of the sampling and of the isolation forest
 */
public record TrainingSettings(int windowDays, int maxRows, double alertBudget, long seed) {
  public static final int DEFAULT_WINDOW_DAYS = 14;
  public static final int DEFAULT_MAX_ROWS = 400_000;

  public TrainingSettings {
    if (windowDays < TrainingSplit.MIN_DAYS) {
      throw new IllegalArgumentException(
          "windowDays is " + windowDays + ", expected " + TrainingSplit.MIN_DAYS + " or more");
    }
    if (maxRows < RowSample.MIN_CAPACITY) {
      throw new IllegalArgumentException(
          "maxRows is " + maxRows + ", expected " + RowSample.MIN_CAPACITY + " or more");
    }
    if (!(alertBudget > 0 && alertBudget < 1)) {
      throw new IllegalArgumentException(
          "alertBudget is " + alertBudget + ", expected above 0 and below 1");
    }
  }
}
