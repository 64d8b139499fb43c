package io.highwater.trainer;

import io.highwater.detect.Calibration;
import io.highwater.detect.Durations;
import io.highwater.registry.TrainedModel;
import java.util.List;

/**
 * A model, and what is shown of its making.
 *
 * @param model to be published
 * @param alertShare the share of the newest day's rows that it would have flagged
 * @param newestRows how many there were, of any kind
 * @param heldOut what was calibrated by
 * @param report what the report is made of
 */
public record TrainingResult(
    TrainedModel model, double alertShare, long newestRows, HeldOut heldOut, ReportData report) {

  /**
   * What was said of the rows for calibration, so that it can be done again for another budget.
   *
   * @param p90 not calibrated
   */
  record HeldOut(SampledRows rows, double[] mean, double[] p90, double minimumTarget) {
    /**
     * Where the rows are too few for the budget, the greatest score seen is the threshold; and it
     * is never below 0, as what took no longer than predicted is no outlier.
     */
    Calibration calibrate(double alertBudget) {
      Calibration calibration =
          Calibration.of(
              rows.actual(),
              rows.unknown(),
              mean,
              p90,
              minimumTarget,
              rows.representedRows(),
              alertBudget);
      double threshold =
          calibration.threshold() == Double.POSITIVE_INFINITY
              ? greatestScore(calibration.p90Shift())
              : calibration.threshold();
      return new Calibration(
          calibration.p90Shift(),
          Math.max(0, threshold),
          alertBudget,
          calibration.rows(),
          calibration.coverageBefore(),
          calibration.coverageAfter());
    }

    private double greatestScore(double shift) {
      double greatest = 0;
      for (int row = 0; row < rows.count(); row++) {
        if (rows.actual()[row] >= minimumTarget) {
          double calibrated = Durations.calibratedP90(p90[row], shift);
          greatest =
              Math.max(greatest, Durations.score(rows.unknown()[row], mean[row], calibrated));
        }
      }
      return greatest;
    }
  }

  /** The threshold of duration_score that another budget would have given. */
  public double thresholdAt(double alertBudget) {
    return heldOut.calibrate(alertBudget).threshold();
  }

  /**
   * Rows and what was said of them, for plots.
   *
   * @param featureNames in the order of the columns
   * @param categories of the feature at {@code categoryColumn}, in the order of its numbers
   * @param categoryColumn by which coverage is told apart; -1 for none
   * @param meanGain of each feature, how much it lowered the loss of the mean
   * @param p90Gain likewise of the quantile
   * @param parts held-out parts in the order of time, the newest last
   * @param uncalibratedP90 of the newest part, with what is known beforehand
   * @param forest scores of the newest part
   * @param rawForest scores of the newest part by a forest of the features alone
   */
  record ReportData(
      TrainingSplit split,
      List<String> featureNames,
      List<String> categories,
      int categoryColumn,
      List<Double> meanGain,
      List<Double> p90Gain,
      List<Part> parts,
      double[] uncalibratedP90,
      double[] forest,
      double[] rawForest,
      List<NewestOutliers.Finding> findings) {}

  /** A part of the window. */
  record Part(String name, SampledRows rows, Predictor.Predictions predictions) {}
}
