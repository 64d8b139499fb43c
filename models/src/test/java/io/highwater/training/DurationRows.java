package io.highwater.training;

import java.util.SplittableRandom;

/**
 * Made-up queries: durations that follow from the first five columns, with noise. Of each five one
 * is a count, one normal, one log-normal, one missing at times, and one of integers so large that
 * there is nothing between two of them in float32.
 *
 * @param rows row-major float32[n, columns]
 * @param targets log1p(milliseconds)
 */
public record DurationRows(float[] rows, float[] targets, int columns) {

  private static final float LARGE = 1 << 24;

  public static DurationRows of(int rowCount, int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] rows = new float[rowCount * columns];
    float[] targets = new float[rowCount];
    for (int row = 0; row < rowCount; row++) {
      int first = row * columns;
      for (int column = 0; column < columns; column++) {
        rows[first + column] =
            switch (column % 5) {
              case 0 -> random.nextInt(20);
              case 1 -> (float) random.nextGaussian();
              case 2 -> (float) Math.exp(10 + 4 * random.nextGaussian());
              case 3 -> random.nextInt(10) == 0 ? Float.NaN : (float) random.nextDouble();
              default -> LARGE + 2 * random.nextInt(20);
            };
      }
      double signal =
          0.2 * rows[first]
              + 0.7 * rows[first + 1]
              + 0.3 * Math.log(rows[first + 2])
              + (Float.isNaN(rows[first + 3]) ? 1 : rows[first + 3] * rows[first + 1])
              + 0.05 * (rows[first + 4] - LARGE);
      targets[row] = (float) Math.max(0, signal + 0.5 * random.nextGaussian());
    }
    return new DurationRows(rows, targets, columns);
  }

  /** Numbers that training did not see: missing, infinite, as large as they get, and others. */
  public static DurationRows unseen(int rowCount, int columns, long seed) {
    DurationRows usual = of(rowCount, columns, seed);
    SplittableRandom random = new SplittableRandom(seed + 1);
    float[] odd = {
      Float.NaN,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.MIN_VALUE,
      -0f,
      0f,
      1e-35f,
      16_777_218f,
      9.007199254740993e15f,
      9.223372036854775807e18f,
      -1
    };
    for (int i = 0; i < usual.rows.length; i++) {
      if (random.nextInt(5) == 0) {
        usual.rows[i] = odd[random.nextInt(odd.length)];
      }
    }
    return usual;
  }

  public int count() {
    return targets.length;
  }

  public TrainedTrees train(Objective objective) {
    DurationRows later = of(count() / 4, columns, 99);
    return new DurationTrainer()
        .train(rows, targets, columns, later.rows, later.targets, objective);
  }
}
