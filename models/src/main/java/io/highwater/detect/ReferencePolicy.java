package io.highwater.detect;

import org.jspecify.annotations.Nullable;

/**
 * The rule of the reference pipeline for Redshift query logs: of queries of a minute or more, those
 * that took ten times or two minutes more than predicted, or that are among the slowest hundredth
 * of their instance though not predicted to be among the slowest tenth. It takes ranks within a
 * batch, so that its outliers change with the batches; here they are those of the training window.
 */
public record ReferencePolicy(GroupRanks ranks) implements Policy {
  static final double MINIMUM_MILLIS = 60_000;
  static final double RATIO = 10;
  static final double DELTA_MILLIS = 120_000;

  @Override
  public @Nullable OutlierReason judge(Candidate row) {
    if (!(row.actual() >= MINIMUM_MILLIS)) {
      return null;
    }
    if (row.actual() / row.expected() >= RATIO) {
      return OutlierReason.RATIO;
    }
    if (row.actual() - row.expected() >= DELTA_MILLIS) {
      return OutlierReason.DELTA;
    }
    GroupRanks.Rank rank = ranks.of(row.group());
    return row.actual() >= rank.actualP99() && row.expected() <= rank.expectedP90()
        ? OutlierReason.RANK
        : null;
  }
}
