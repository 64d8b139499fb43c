package io.highwater.registry;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Whether a new model may take the place of the one in service, and why.
 *
 * @param reason one sentence with the figures
 */
public record GateDecision(boolean accepted, String reason) {
  /** Fewer rows say too little of a model. */
  static final long MIN_ROWS = 100;

  /** What two trainings on the same rows may differ by, as a share of the loss. */
  static final double LOSS_TOLERANCE = 0.01;

  /** A coverage so far from 0.90 is as good as 0.90: a day's rows are not more certain. */
  static final double COVERAGE_TOLERANCE = 0.02;

  private static final double WANTED_COVERAGE = 0.9;

  /**
   * Decides between two models by the same rows of the newest held-out day: the challenger must not
   * lose more, nor cover worse.
   *
   * @param champion the model in service; null where there is none
   */
  public static GateDecision of(HeldOutMetrics challenger, @Nullable HeldOutMetrics champion) {
    if (!Double.isFinite(challenger.pinballLoss())) {
      return new GateDecision(
          false, "the challenger's pinball loss is " + challenger.pinballLoss() + ", no number");
    }
    if (champion == null) {
      return new GateDecision(true, "there is no champion; the challenger's " + text(challenger));
    }
    if (!Double.isFinite(champion.pinballLoss())) {
      return new GateDecision(
          true, "the champion's pinball loss is no number; the challenger's " + text(challenger));
    }
    String both =
        "on %s the challenger's %s, the champion's %s"
            .formatted(challenger.day(), text(challenger), text(champion));
    if (challenger.rows() < MIN_ROWS) {
      return new GateDecision(false, both + ": too few rows to replace the champion");
    }
    if (challenger.pinballLoss() > champion.pinballLoss() * (1 + LOSS_TOLERANCE)) {
      return new GateDecision(false, both + ": the challenger loses more");
    }
    if (miss(challenger) > Math.max(COVERAGE_TOLERANCE, miss(champion))) {
      return new GateDecision(false, both + ": the challenger covers worse");
    }
    return new GateDecision(true, both + ": the challenger is not worse");
  }

  private static double miss(HeldOutMetrics metrics) {
    return Math.abs(metrics.coverage() - WANTED_COVERAGE);
  }

  private static String text(HeldOutMetrics metrics) {
    return String.format(
        Locale.ROOT,
        "pinball loss is %.4f and its coverage %.1f %% (%d rows)",
        metrics.pinballLoss(),
        100 * metrics.coverage(),
        metrics.rows());
  }
}
