package io.highwater.detect;

import java.util.Locale;

/** How bad an outlier is, by the two measures of the reference's rule. */
public enum Severity {
  MINOR,
  /** Ten times or two minutes more than was to be expected. */
  MAJOR,
  /** Ten times and two minutes more. */
  CRITICAL;

  static Severity of(double actual, double expected) {
    boolean manyTimes = actual / expected >= ReferencePolicy.RATIO;
    boolean minutes = actual - expected >= ReferencePolicy.DELTA_MILLIS;
    return manyTimes && minutes ? CRITICAL : manyTimes || minutes ? MAJOR : MINOR;
  }

  /** What stands in severity. */
  public String code() {
    return name().toLowerCase(Locale.ROOT);
  }
}
