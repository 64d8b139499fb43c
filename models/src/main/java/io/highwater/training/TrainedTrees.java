package io.highwater.training;

import java.util.List;

/**
 * A duration model: the trees up to the one with which the validation rows were predicted best.
 *
 * @param ensemble predicts log1p(milliseconds)
 * @param bestIteration how many trees that is
 * @param gain of each column, how much its splits lowered the training loss
 * @param validationLoss of log1p(milliseconds): the mean squared error, or the mean pinball loss
 * @param modelText the same trees as LightGBM writes them
 */
public record TrainedTrees(
    TreeEnsemble ensemble,
    int bestIteration,
    List<Double> gain,
    double validationLoss,
    String modelText) {

  public TrainedTrees {
    gain = List.copyOf(gain);
  }
}
