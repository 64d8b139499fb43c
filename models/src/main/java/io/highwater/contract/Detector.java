package io.highwater.contract;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What models learn of a stream, so that rows whose target is far above what was to be expected are
 * outliers.
 *
 * @param target the column that is predicted, such as a duration in milliseconds; negative values
 *     count as 0
 * @param knownPart a column of the same unit that is a part of the target and is known before the
 *     rest: it is taken off before learning and added to what is predicted; null where there is
 *     none
 * @param subject the columns that say which rows are alike, the widest first: what is usual for a
 *     subject leans on what is usual for all that share its first column
 * @param neverScored boolean columns; a row where one is true is neither learned from nor scored
 * @param neverFlagged boolean columns; a row where one is true is not learned from and never an
 *     outlier
 * @param minimumTarget below it no row is an outlier; in the unit of the target
 * @param alertBudget the share of all rows that may be outliers though nothing is wrong
 * @param features the inputs of the models, in their order
 * @param shapeFeatures those of them that the isolation forest sees beside the residuals
 * @param context columns that are shown beside an outlier
 */
public record Detector(
    String target,
    @Nullable String knownPart,
    List<String> subject,
    List<String> neverScored,
    List<String> neverFlagged,
    double minimumTarget,
    double alertBudget,
    List<Feature> features,
    List<String> shapeFeatures,
    List<String> context)
    implements Serializable {
  public static final double DEFAULT_ALERT_BUDGET = 0.001;

  public Detector {
    subject = List.copyOf(subject);
    neverScored = List.copyOf(neverScored);
    neverFlagged = List.copyOf(neverFlagged);
    features = List.copyOf(features);
    shapeFeatures = List.copyOf(shapeFeatures);
    context = List.copyOf(context);
  }
}
