package io.highwater.detect;

import org.jspecify.annotations.Nullable;

/**
 * An outlier is what scores above the level that a budgeted share of held-out rows exceeded.
 *
 * @param threshold of duration_score
 */
public record ConformalPolicy(double threshold) implements Policy {
  @Override
  public @Nullable OutlierReason judge(Candidate row) {
    if (!(row.score() > threshold)) {
      return null;
    }
    return row.usualCount() == 0
        ? OutlierReason.SLOW_WITHOUT_HISTORY
        : OutlierReason.SLOWER_THAN_PREDICTED;
  }
}
