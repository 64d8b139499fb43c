package io.highwater.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.training.TreeEnsemble;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against the plain walk, a row after the other with a branch at each split. */
class TreeWalkTest {
  private static final int COLUMNS = 6;
  private static final int ROWS = 1_003;

  /** Those of which a comparison of bits could go wrong. */
  private static final float[] NUMBERS = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    1,
    -1,
    Math.nextUp(1f),
    16_777_217f,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY
  };

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void addsTheSameLeavesAsThePlainWalk(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    TreeEnsemble trees = trees(random);
    float[] rows = rows(random);
    float[] expected = new float[ROWS];
    for (int row = 0; row < ROWS; row++) {
      expected[row] = (float) trees.predict(rows, row * COLUMNS);
    }

    assertArrayEquals(expected, scores(trees, rows, DoubleUnaryOperator.identity()));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 8, 63, 64, 65, 1000})
  void scoresAreBitIdenticalForAnyBatchSize(int batchSize) {
    SplittableRandom random = new SplittableRandom(6);
    TreeEnsemble trees = trees(random);
    float[] rows = rows(random);
    float[] whole = scores(trees, rows, Math::exp);
    float[] pieces = new float[ROWS];
    for (int start = 0; start < ROWS; start += batchSize) {
      int end = Math.min(ROWS, start + batchSize);
      float[] some = Arrays.copyOfRange(rows, start * COLUMNS, end * COLUMNS);
      System.arraycopy(scores(trees, some, Math::exp), 0, pieces, start, end - start);
    }

    assertArrayEquals(whole, pieces);
  }

  @Test
  void refusesMoreColumnsThanItHasRoomFor() {
    TreeEnsemble.Builder trees = new TreeEnsemble.Builder(2_049);
    trees.addRoot(trees.addLeaf(1));

    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> new TreeWalk(trees.build(), DoubleUnaryOperator.identity()));

    assertEquals(
        "1 nodes of 2049 columns; there is room for 524288 and 2048", refused.getMessage());
  }

  private static float[] scores(TreeEnsemble trees, float[] rows, DoubleUnaryOperator ofSum) {
    float[] scores = new float[rows.length / COLUMNS];
    try (TreeWalk walk = new TreeWalk(trees, ofSum)) {
      walk.run(Floats.direct(rows), scores.length, scores);
    }
    return scores;
  }

  /** Of any shape: lopsided ones, and single leaves. */
  private static TreeEnsemble trees(SplittableRandom random) {
    TreeEnsemble.Builder trees = new TreeEnsemble.Builder(COLUMNS);
    for (int tree = 0; tree < 20; tree++) {
      trees.addRoot(node(trees, random, tree % 12));
    }
    return trees.build();
  }

  private static int node(TreeEnsemble.Builder trees, SplittableRandom random, int depth) {
    if (depth == 0 || random.nextInt(6) == 0) {
      return trees.addLeaf((float) random.nextDouble() - 0.5f);
    }
    int left = node(trees, random, depth - 1);
    int right = node(trees, random, random.nextInt(depth));
    return trees.addSplit(
        random.nextInt(COLUMNS), number(random), random.nextBoolean(), left, right);
  }

  private static float[] rows(SplittableRandom random) {
    float[] rows = new float[ROWS * COLUMNS];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = random.nextInt(10) == 0 ? Float.NaN : number(random);
    }
    return rows;
  }

  private static float number(SplittableRandom random) {
    return random.nextBoolean()
        ? NUMBERS[random.nextInt(NUMBERS.length)]
        : (float) (random.nextDouble() * 4 - 2);
  }
}
