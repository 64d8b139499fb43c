package io.highwater.detect;

import io.highwater.features.Encodings;
import io.highwater.features.FeatureSet;
import java.util.List;

/**
 * All that rows are scored with: one version of a model. Immutable; who opened its graphs closes
 * them.
 *
 * @param version what model_version says
 * @param mean of ln(1 + target), in milliseconds
 * @param p90 the 0.90 quantile, in milliseconds, not calibrated
 * @param forest of {@link ForestInputs}
 * @param p90Shift {@link Durations#shift}
 * @param threshold of duration_score, for {@link ConformalPolicy}
 * @param ranges of the features in training
 */
public record ScoringModel(
    String version,
    FeatureSet features,
    ForestInputs forestInputs,
    Encodings encodings,
    RowModel mean,
    RowModel p90,
    RowModel forest,
    double p90Shift,
    double threshold,
    GroupRanks ranks,
    List<FeatureRange> ranges) {
  public ScoringModel {
    ranges = List.copyOf(ranges);
  }

  Policy policy(Policy.Name name) {
    return switch (name) {
      case CONFORMAL -> new ConformalPolicy(threshold);
      case REFERENCE -> new ReferencePolicy(ranks);
    };
  }
}
