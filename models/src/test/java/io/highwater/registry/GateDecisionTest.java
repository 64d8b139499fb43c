package io.highwater.registry;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateDecisionTest {
  private static HeldOutMetrics metrics(long rows, double loss, double coverage) {
    return new HeldOutMetrics("2024-04-16", rows, loss, coverage);
  }

  @ParameterizedTest
  @CsvSource({
    "1000, 0.20, 0.90, 0.20, 0.90, true, the challenger is not worse",
    "1000, 0.201, 0.90, 0.20, 0.90, true, the challenger is not worse",
    "1000, 0.203, 0.90, 0.20, 0.90, false, the challenger loses more",
    "1000, 0.19, 0.93, 0.20, 0.90, false, the challenger covers worse",
    "1000, 0.19, 0.87, 0.20, 0.90, false, the challenger covers worse",
    "1000, 0.19, 0.915, 0.20, 0.90, true, the challenger is not worse",
    "1000, 0.19, 0.95, 0.20, 0.83, true, the challenger is not worse",
    "99, 0.10, 0.90, 0.20, 0.90, false, too few rows",
    "1000, NaN, 0.90, 0.20, 0.90, false, no number",
    "1000, 0.20, 0.90, NaN, 0.90, true, the champion's pinball loss is no number"
  })
  void letsInWhatIsNotWorse(
      long rows,
      double loss,
      double coverage,
      double championLoss,
      double championCoverage,
      boolean accepted,
      String reason) {
    GateDecision decision =
        GateDecision.of(
            metrics(rows, loss, coverage), metrics(rows, championLoss, championCoverage));

    assertThat(decision.reason(), decision.accepted(), is(accepted));
    assertThat(decision.reason(), containsString(reason));
  }

  @Test
  void theFirstModelHasNobodyToBeat() {
    assertThat(
        GateDecision.of(metrics(5, 0.25, 0.875), null),
        equalTo(
            new GateDecision(
                true,
                "there is no champion; the challenger's pinball loss is 0.2500 and its coverage"
                    + " 87.5 % (5 rows)")));
  }

  @Test
  void theReasonHasTheFiguresOfBoth() {
    assertThat(
        GateDecision.of(metrics(1000, 0.3, 0.9), metrics(1000, 0.2, 0.91)).reason(),
        equalTo(
            "on 2024-04-16 the challenger's pinball loss is 0.3000 and its coverage 90.0 % (1000"
                + " rows), the champion's pinball loss is 0.2000 and its coverage 91.0 % (1000"
                + " rows): the challenger loses more"));
  }

  /** e = ln 2 above costs 0.9 ln 2, below 0.1 ln 2. */
  @Test
  void pinballLossAndCoverageAreByTheBook() {
    HeldOutMetrics metrics =
        HeldOutMetrics.of(
            "2024-04-16", new double[] {199, 99, 49, 99}, new double[] {99, 99, 99, 199});

    assertThat(metrics.pinballLoss(), closeTo(Math.log(2) * (0.9 + 0.1 + 0.1) / 4, 1e-12));
    assertThat(metrics.coverage(), is(0.75));
    assertThat(metrics.rows(), is(4L));
  }
}
