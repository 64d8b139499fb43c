package io.highwater.training;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * An isolation forest (Liu, Ting, Zhou: Isolation Forest, ICDM 2008): rows that random splits
 * isolate early are outliers. Among the columns that differ within a node one is drawn, and in its
 * range a point; smaller rows go left. A missing number (NaN) goes left too, and does not count in
 * the range. An immutable value.
 */
public final class IsolationForest {
  private static final int TREES = 100;
  private static final int SAMPLE = 256;

  private final TreeEnsemble paths;
  private final double expectedLength;

  private IsolationForest(TreeEnsemble paths, double expectedLength) {
    this.paths = paths;
    this.expectedLength = expectedLength;
  }

  /**
   * Grows 100 trees of 256 rows each, drawn without repetition (all rows, where there are fewer).
   *
   * @param rows row-major float32[n, columns]; NaN is missing
   * @param seed the same seed and rows give the same forest
   * @throws IllegalArgumentException if there are fewer than two rows
   */
  public static IsolationForest fit(float[] rows, int columns, long seed) {
    return fit(rows, columns, TREES, SAMPLE, new SplittableRandom(seed));
  }

  static IsolationForest fit(
      float[] rows, int columns, int trees, int maxSample, RandomGenerator random) {
    int rowCount = columns == 0 ? 0 : rows.length / columns;
    if (rowCount < 2 || rows.length != rowCount * columns) {
      throw new IllegalArgumentException(
          "%d values of %d columns are not two rows or more".formatted(rows.length, columns));
    }
    int sample = Math.min(maxSample, rowCount);
    int[] order = new int[rowCount];
    for (int row = 0; row < rowCount; row++) {
      order[row] = row;
    }
    TreeEnsemble.Builder paths = new TreeEnsemble.Builder(columns);
    Grower grower = new Grower(rows, columns, heightLimit(sample), random, paths);
    for (int tree = 0; tree < trees; tree++) {
      if (sample < rowCount) {
        drawToFront(order, sample, random);
      }
      paths.addRoot(grower.grow(order, 0, sample, 0));
    }
    return new IsolationForest(paths.build(), expectedPathLength(sample));
  }

  /**
   * How much of an outlier a row is: 2^(-E(h)/c(sample)), between 0 and 1; 0.5 is nothing special.
   */
  public double score(float[] row) {
    return score(row, 0);
  }

  /**
   * As {@link #score(float[])}, for one row of many.
   *
   * @param offset where the row begins
   */
  public double score(float[] rows, int offset) {
    return Math.exp(scale() * paths.predict(rows, offset));
  }

  /** Trees whose leaves hold the path's length: their depth, and c(rows) of the rows in them. */
  public TreeEnsemble paths() {
    return paths;
  }

  /** What turns the sum of a row's path lengths into the logarithm of its score. */
  public double scale() {
    return -Math.log(2) / (paths.trees() * expectedLength);
  }

  /**
   * c(n) = 2 H(n - 1) - 2 (n - 1) / n: the mean length of an unsuccessful search in a binary search
   * tree of n rows, which an ended branch is credited with (equation 1; H exact instead of its
   * estimate, so that c(2) = 1; c(1) = 0).
   */
  static double expectedPathLength(int rows) {
    double harmonic = 0;
    for (int i = 1; i < rows; i++) {
      harmonic += 1.0 / i;
    }
    return 2 * harmonic - 2.0 * (rows - 1) / rows;
  }

  /** The ceiling of the logarithm of base 2. */
  static int heightLimit(int sample) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(sample - 1);
  }

  /** The first steps of a Fisher-Yates shuffle. */
  private static void drawToFront(int[] order, int count, RandomGenerator random) {
    for (int i = 0; i < count; i++) {
      swap(order, i, i + random.nextInt(order.length - i));
    }
  }

  private static void swap(int[] order, int i, int j) {
    int kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }

  private record Grower(
      float[] rows,
      int columns,
      int heightLimit,
      RandomGenerator random,
      TreeEnsemble.Builder paths) {

    /** Grows the tree of some rows, given by their numbers, and returns its topmost node. */
    int grow(int[] order, int from, int to, int depth) {
      int[] differing = new int[columns];
      int count = 0;
      for (int column = 0; depth < heightLimit && column < columns; column++) {
        if (least(order, from, to, column) < greatest(order, from, to, column)) {
          differing[count++] = column;
        }
      }
      if (count == 0) {
        return paths.addLeaf(depth + expectedPathLength(to - from));
      }
      int column = differing[random.nextInt(count)];
      float point = point(least(order, from, to, column), greatest(order, from, to, column));
      int middle = partition(order, from, to, column, point);
      int left = grow(order, from, middle, depth + 1);
      int right = grow(order, middle, to, depth + 1);
      return paths.addSplit(column, point, true, left, right);
    }

    /** From the least on, below the greatest, so that neither side is empty. */
    private float point(float least, float greatest) {
      double drawn = least + random.nextDouble() * ((double) greatest - least);
      return Math.min((float) drawn, Math.nextDown(greatest));
    }

    private int partition(int[] order, int from, int to, int column, float point) {
      int middle = from;
      for (int i = from; i < to; i++) {
        float number = rows[order[i] * columns + column];
        if (!(number > point)) {
          swap(order, i, middle++);
        }
      }
      return middle;
    }

    private float least(int[] order, int from, int to, int column) {
      float least = Float.MAX_VALUE;
      for (int i = from; i < to; i++) {
        float number = rows[order[i] * columns + column];
        least = number < least ? number : least;
      }
      return Math.max(least, -Float.MAX_VALUE);
    }

    private float greatest(int[] order, int from, int to, int column) {
      float greatest = -Float.MAX_VALUE;
      for (int i = from; i < to; i++) {
        float number = rows[order[i] * columns + column];
        greatest = number > greatest ? number : greatest;
      }
      return Math.min(greatest, Float.MAX_VALUE);
    }
  }
}
