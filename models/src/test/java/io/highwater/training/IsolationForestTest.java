package io.highwater.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;
import java.util.Scanner;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IsolationForestTest {
  @Test
  void expectedPathLengthIsThatOfABinarySearchTree() {
    assertEquals(0, IsolationForest.expectedPathLength(1));
    assertEquals(1, IsolationForest.expectedPathLength(2));
    // 2 (1 + 1/2) - 4/3
    assertEquals(5.0 / 3, IsolationForest.expectedPathLength(3), 1e-15);
    // Equation 1 with its estimate of the harmonic number, which is too small by 1 / (2 * 255).
    assertEquals(
        2 * (Math.log(255) + 0.5772156649) - 2 * 255 / 256.0,
        IsolationForest.expectedPathLength(256),
        1.01 / 255);
  }

  @Test
  void heightLimitIsTheLogarithmOfTheSample() {
    assertEquals(1, IsolationForest.heightLimit(2));
    assertEquals(2, IsolationForest.heightLimit(3));
    assertEquals(2, IsolationForest.heightLimit(4));
    assertEquals(3, IsolationForest.heightLimit(5));
    assertEquals(8, IsolationForest.heightLimit(256));
    assertEquals(9, IsolationForest.heightLimit(257));
  }

  /**
   * Four rows, 0, 1, 2 and 10, so at most two splits deep. The first point is half of the way from
   * 0 to 10, the second a quarter of that from 0 to 2; 1 and 2 stay together.
   */
  @Test
  void growsNodeForNode() {
    IsolationForest forest = grown(new float[] {0, 1, 2, 10}, 1, new Drawn("0 0", 0.5, 0.25));

    assertEquals("(0 <= 5.0 ? (0 <= 0.5 ? 2.0 : 3.0) : 1.0)", shown(forest));
    // c(4) = 2 (1 + 1/2 + 1/3) - 6/4 = 13/6
    assertEquals(Math.pow(2, -2 / (13.0 / 6)), forest.score(new float[] {0.5f}), 1e-15);
    assertEquals(Math.pow(2, -3 / (13.0 / 6)), forest.score(new float[] {0.6f}), 1e-15);
    assertEquals(Math.pow(2, -1 / (13.0 / 6)), forest.score(new float[] {99}), 1e-15);
  }

  /** Of the three columns the middle one is the same everywhere; the third is drawn, as 1 of 2. */
  @Test
  void drawsAmongTheColumnsThatDiffer() {
    IsolationForest forest = grown(new float[] {0, 7, 4, 1, 7, 8}, 3, new Drawn("1", 0.75));

    assertEquals("(2 <= 7.0 ? 1.0 : 1.0)", shown(forest));
  }

  /** Rows that are all the same end at the root with c(4) = 13/6. */
  @Test
  void sameRowsAreOneLeaf() {
    IsolationForest forest = grown(new float[] {3, 3, 3, 3}, 1, new Drawn(""));

    assertEquals(13.0 / 6, forest.paths().value(forest.paths().root(0)), 1e-15);
    assertEquals(0.5, forest.score(new float[] {3}), 1e-15);
  }

  /** The range is 2 to 6; the missing one joins 2 on the left, and the two cannot be told apart. */
  @Test
  void missingNumbersGoLeftAndAreNotInTheRange() {
    IsolationForest forest = grown(new float[] {Float.NaN, 2, 6}, 1, new Drawn("0", 0.5));

    assertEquals("(0 <= 4.0 ? 2.0 : 1.0)", shown(forest));
    assertEquals(forest.score(new float[] {2}), forest.score(new float[] {Float.NaN}));
  }

  @Test
  void infiniteNumbersAreSplitOff() {
    float[] rows = {Float.NEGATIVE_INFINITY, 1, Float.POSITIVE_INFINITY};

    IsolationForest forest = grown(rows, 1, new Drawn("0 0", 0.5, 0.5));

    assertEquals("(0 <= 0.0 ? 1.0 : (0 <= 1.7014117E38 ? 2.0 : 2.0))", shown(forest));
  }

  @Test
  void pointsBetweenNeighboursLeaveNoSideEmpty() {
    float[] rows = {1, Math.nextUp(1f)};

    assertEquals("(0 <= 1.0 ? 1.0 : 1.0)", shown(grown(rows, 1, new Drawn("0", 0.999))));
  }

  @Test
  void sampleIsDrawnAnewForEachTree() {
    // Of rows 0, 1, 2 the first is swapped with the third: 30 and 10, which the split puts in
    // order. Of rows 1, 2, 0 the second is swapped with the third: 10 and 0.
    IsolationForest forest =
        IsolationForest.fit(new float[] {0, 10, 30}, 1, 2, 2, new Drawn("2 0 0 0 1 0", 0.5, 0.5));

    assertEquals("(0 <= 20.0 ? 1.0 : 1.0) (0 <= 5.0 ? 1.0 : 1.0)", shown(forest));
  }

  @Test
  void sameSeedGivesTheSameForest() {
    DurationRows rows = DurationRows.of(1_000, 10, 1);

    String first = shown(IsolationForest.fit(rows.rows(), 10, 7));
    assertEquals(first, shown(IsolationForest.fit(rows.rows(), 10, 7)));
    assertNotEquals(first, shown(IsolationForest.fit(rows.rows(), 10, 8)));
  }

  /**
   * Of 0, 1 and 10 the first split parts 10 from the others with probability 0.9, else 0; the
   * second parts what is left. So 10 has a path of 1.1, 0 one of 1.9, and 1 always one of 2.
   */
  @Test
  void meanPathsAreThoseOfProbability() {
    int trees = 50_000;
    IsolationForest forest =
        IsolationForest.fit(new float[] {0, 1, 10}, 1, trees, 256, new SplittableRandom(1));

    assertEquals(1.1, forest.paths().predict(new float[] {10}) / trees, 0.01);
    assertEquals(1.9, forest.paths().predict(new float[] {0}) / trees, 0.01);
    assertEquals(2, forest.paths().predict(new float[] {1}) / trees, 1e-9);
  }

  /** A normal cloud in four dimensions, a tenth of whose rows lie in two clusters far from it. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void ranksClusteredOutliersFirst(long seed) {
    int columns = 4;
    int rowCount = 20_000;
    SplittableRandom random = new SplittableRandom(seed);
    float[] rows = new float[rowCount * columns];
    for (int i = 0; i < rows.length; i++) {
      int row = i / columns;
      float centre = isOutlier(row) ? (row % 20 == 0 ? 4 : -4) : 0;
      rows[i] = centre + (float) random.nextGaussian();
    }

    IsolationForest forest = IsolationForest.fit(rows, columns, seed);

    double[] scores = new double[rowCount];
    for (int row = 0; row < rowCount; row++) {
      scores[row] = forest.score(rows, row * columns);
    }
    assertEquals(1, areaUnderCurve(scores), 0.01);
  }

  private static boolean isOutlier(int row) {
    return row % 10 == 0;
  }

  /** The share of pairs of an outlier and another row in which the outlier's score is higher. */
  private static double areaUnderCurve(double[] scores) {
    double[] others =
        IntStream.range(0, scores.length)
            .filter(row -> !isOutlier(row))
            .mapToDouble(row -> scores[row])
            .sorted()
            .toArray();
    double lower =
        IntStream.range(0, scores.length)
            .filter(IsolationForestTest::isOutlier)
            .mapToDouble(row -> lowerThan(scores[row], others))
            .sum();
    return lower / others.length / (scores.length - others.length);
  }

  private static int lowerThan(double score, double[] sorted) {
    int found = Arrays.binarySearch(sorted, score);
    return found < 0 ? ~found : found;
  }

  @Test
  void refusesFewerThanTwoRows() {
    assertThrows(
        IllegalArgumentException.class, () -> IsolationForest.fit(new float[] {1, 2}, 2, 1));
    assertThrows(
        IllegalArgumentException.class, () -> IsolationForest.fit(new float[] {1, 2, 3}, 2, 1));
  }

  private static IsolationForest grown(float[] rows, int columns, RandomGenerator random) {
    return IsolationForest.fit(rows, columns, 1, 256, random);
  }

  private static String shown(IsolationForest forest) {
    TreeEnsemble trees = forest.paths();
    return IntStream.range(0, trees.trees())
        .mapToObj(tree -> shown(trees, trees.root(tree)))
        .collect(Collectors.joining(" "));
  }

  private static String shown(TreeEnsemble trees, int node) {
    if (trees.isLeaf(node)) {
      return Double.toString(trees.value(node));
    }
    assertTrue(trees.missingGoesLeft(node));
    return "(%d <= %s ? %s : %s)"
        .formatted(
            trees.column(node),
            (float) trees.threshold(node),
            shown(trees, trees.left(node)),
            shown(trees, trees.right(node)));
  }

  /** Draws what the test says. */
  private static final class Drawn implements RandomGenerator {
    private final Queue<Integer> integers = new ArrayDeque<>();
    private final Queue<Double> fractions = new ArrayDeque<>();

    Drawn(String integers, double... fractions) {
      new Scanner(integers).forEachRemaining(number -> this.integers.add(Integer.valueOf(number)));
      Arrays.stream(fractions).forEach(this.fractions::add);
    }

    @Override
    public int nextInt(int bound) {
      int drawn = integers.remove();
      assertTrue(drawn < bound, "one of " + bound);
      return drawn;
    }

    @Override
    public double nextDouble() {
      return fractions.remove();
    }

    @Override
    public long nextLong() {
      throw new UnsupportedOperationException("no other numbers are drawn");
    }
  }
}
