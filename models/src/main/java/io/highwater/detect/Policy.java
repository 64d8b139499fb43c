package io.highwater.detect;

import org.jspecify.annotations.Nullable;

/** Says which candidates are outliers. */
public sealed interface Policy permits ConformalPolicy, ReferencePolicy {
  /** Names of the policies: what {@code --policy} takes. */
  enum Name {
    CONFORMAL,
    REFERENCE
  }

  /**
   * A candidate that was scored; durations are in milliseconds.
   *
   * @param score {@link Durations#score}
   * @param group the hash of its group
   * @param usualCount how many rows of its subject are known
   */
  record Candidate(double actual, double expected, double score, long group, float usualCount) {}

  /** Why the row is an outlier; null where it is none. */
  @Nullable OutlierReason judge(Candidate row);
}
