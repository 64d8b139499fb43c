package io.highwater.training;

import java.util.Arrays;

/**
 * Trains gradient-boosted trees (LightGBM) that estimate log1p(milliseconds). The same rows give
 * the same trees.
 */
public final class DurationTrainer {
  /**
   * Scoring costs by the tree. On 400,000 generated queries of 25 columns (without the compile
   * time) the loss of later rows was, by trees:
   *
   * <pre>
   * trees x leaves  mean squared  pinball
   *       50 x 31          0.669    0.1252
   *      100 x 31          0.668    0.1203
   *      300 x 31          0.668    0.1198
   *      100 x 15          0.669    0.1218
   *      100 x 63          0.667    0.1198
   * </pre>
   *
   * A learning rate of 0.2 gained nothing at 100 trees, and on few real rows more trees were worse.
   */
  static final int MAX_TREES = 100;

  private static final int PATIENCE_TREES = 15;

  private static final String PARAMETERS =
      "num_leaves=31 learning_rate=0.1 min_data_in_leaf=50 max_bin=255 feature_fraction=0.8"
          + " num_threads=2 deterministic=true force_row_wise=true seed=1 verbosity=-1";

  /**
   * Loads LightGBM, for who wants to know before there is much to lose.
   *
   * @throws IllegalStateException if it cannot be loaded, and why
   */
  public static void requireLibrary() {
    LightGbmLibrary.load();
  }

  /**
   * Adds trees while they help with the validation rows, at most {@value #MAX_TREES}.
   *
   * @param rows row-major float32[n, columns]; NaN is missing
   * @param targets log1p(milliseconds), float32[n]
   * @param validationRows later rows of the same shape, that no tree is fitted to
   * @param validationTargets theirs
   * @throws IllegalArgumentException if the sizes do not fit together, there are no rows, or a
   *     target is not a finite number
   * @throws IllegalStateException if LightGBM cannot be loaded, or fails, and why
   */
  public TrainedTrees train(
      float[] rows,
      float[] targets,
      int columns,
      float[] validationRows,
      float[] validationTargets,
      Objective objective) {
    check("training", rows, targets, columns);
    check("validation", validationRows, validationTargets, columns);
    String parameters = PARAMETERS + " " + objective.parameters();
    try (LightGbm.Dataset training =
            new LightGbm.Dataset(rows, targets, columns, parameters, null);
        LightGbm.Dataset validation =
            new LightGbm.Dataset(validationRows, validationTargets, columns, parameters, training);
        LightGbm.Booster booster = LightGbm.Booster.toTrain(training, validation, parameters)) {
      return boost(booster, columns);
    }
  }

  private static TrainedTrees boost(LightGbm.Booster booster, int columns) {
    int best = 0;
    double bestLoss = Double.POSITIVE_INFINITY;
    boolean splits = true;
    for (int trees = 1; splits && trees <= MAX_TREES && trees - best <= PATIENCE_TREES; trees++) {
      splits = booster.addTree();
      double loss = booster.validationLoss();
      if (loss < bestLoss) {
        bestLoss = loss;
        best = trees;
      }
    }
    String text = booster.text(best);
    return new TrainedTrees(
        LightGbmText.parse(text),
        best,
        Arrays.stream(booster.gain(best, columns)).boxed().toList(),
        bestLoss,
        text);
  }

  private static void check(String what, float[] rows, float[] targets, int columns) {
    if (targets.length == 0 || rows.length != (long) targets.length * columns) {
      throw new IllegalArgumentException(
          "%d %s values for %d targets of %d columns"
              .formatted(rows.length, what, targets.length, columns));
    }
    for (int row = 0; row < targets.length; row++) {
      if (!Float.isFinite(targets[row])) {
        throw new IllegalArgumentException(
            "the %s target of row %d is %s".formatted(what, row, targets[row]));
      }
    }
  }
}
