package io.highwater.detect;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConformalTest {
  /** By sorting all rows, with exact arithmetic. */
  private static double naive(double[] scores, int rows, String alpha) {
    List<Double> sorted = new ArrayList<>();
    for (int i = scores.length; i < rows; i++) {
      sorted.add(Double.NEGATIVE_INFINITY);
    }
    for (double score : scores) {
      sorted.add(score);
    }
    sorted.add(Double.POSITIVE_INFINITY);
    Collections.sort(sorted);
    int rank =
        BigDecimal.ONE
            .subtract(new BigDecimal(alpha))
            .multiply(BigDecimal.valueOf(rows + 1L))
            .setScale(0, RoundingMode.CEILING)
            .intValueExact();
    return sorted.get(rank - 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.001", "0.01", "0.1", "0.25", "0.5", "0.9"})
  void isWhatSortingGives(String alpha) {
    Random random = new Random(7);
    for (int scoreCount = 0; scoreCount < 130; scoreCount++) {
      double[] scores = random.doubles(scoreCount).map(value -> Math.rint(value * 50)).toArray();
      for (int others : new int[] {0, 1, 9, 870, 999}) {
        int rows = scoreCount + others;
        assertThat(
            scoreCount + " of " + rows,
            Conformal.threshold(scores, rows, Double.parseDouble(alpha)),
            is(naive(scores, rows, alpha)));
      }
    }
  }

  /** The share of new rows above the threshold, over many draws, is what the theory says. */
  @Test
  void keepsTheBudgetAmongAllRows() {
    Random random = new Random(3);
    int heldOut = 1_999;
    double budget = 0.005;
    long alerts = 0;
    int draws = 4_000;
    for (int draw = 0; draw < draws; draw++) {
      // A third of the rows are candidates.
      double[] scores = random.doubles(heldOut / 3).toArray();
      double threshold = Conformal.threshold(scores, heldOut, budget);
      for (int i = 0; i < 20; i++) {
        if (random.nextInt(3) == 0 && random.nextDouble() > threshold) {
          alerts++;
        }
      }
    }
    assertThat(alerts / (draws * 20.0), closeTo(budget, 0.001));
  }

  @Test
  void refusesWhatIsNoShare() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> Conformal.threshold(new double[1], 1, 1));
    assertThat(e.getMessage(), containsString("alpha is 1.0"));
    assertThrows(IllegalArgumentException.class, () -> Conformal.threshold(new double[2], 1, 0.1));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.2, 1, 3})
  void aShiftedQuantileCoversNineOfTen(double bias) {
    Random random = new Random(11);
    double[] actual = new double[5_000];
    double[] p90 = new double[5_000];
    for (int i = 0; i < actual.length; i++) {
      double center = 3 + 6 * random.nextDouble();
      actual[i] = Math.expm1(Math.abs(center + random.nextGaussian()));
      p90[i] = Math.expm1(center + bias);
    }
    double shift = Durations.shift(actual, p90);
    int covered = 0;
    for (int i = 0; i < actual.length; i++) {
      if (actual[i] <= Durations.calibratedP90(p90[i], shift) * (1 + 1e-12)) {
        covered++;
      }
    }
    assertThat(covered, greaterThanOrEqualTo(4_500));
    assertThat(covered, lessThanOrEqualTo(4_505));
  }

  /** A naive count over the rows that calibrated, and over others of the same kind. */
  @Test
  void aCalibrationKeepsTheBudgetAndCoversNineOfTen() {
    Random random = new Random(2);
    int rows = 40_000;
    double budget = 0.004;
    double[][] actual = new double[2][rows];
    double[] mean = new double[rows];
    double[] p90 = new double[rows];
    for (int i = 0; i < rows; i++) {
      double center = 4 + 6 * random.nextDouble();
      double spread = 0.2 + random.nextDouble();
      mean[i] = Math.exp(center);
      p90[i] = Math.exp(center + spread);
      for (double[] part : actual) {
        part[i] = Math.exp(center + spread * random.nextGaussian());
      }
    }
    // As many rows again are never scored.
    Calibration calibration =
        Calibration.of(actual[0], actual[0], mean, p90, 1_000, 2 * rows, budget);

    for (double[] part : actual) {
      int alerts = 0;
      int covered = 0;
      int coveredBefore = 0;
      for (int i = 0; i < rows; i++) {
        double calibrated = Durations.calibratedP90(p90[i], calibration.p90Shift());
        double score = Durations.score(part[i], mean[i], calibrated);
        alerts += part[i] >= 1_000 && score > calibration.threshold() ? 1 : 0;
        covered += part[i] <= calibrated ? 1 : 0;
        coveredBefore += part[i] <= p90[i] ? 1 : 0;
      }
      assertThat(alerts / (2.0 * rows), closeTo(budget, part == actual[0] ? 1e-4 : 5e-4));
      assertThat(covered / (double) rows, closeTo(0.9, 0.01));
      if (part == actual[0]) {
        assertThat(calibration.coverageAfter(), is(covered / (double) rows));
        assertThat(calibration.coverageBefore(), is(coveredBefore / (double) rows));
      }
    }
    assertThat(calibration.coverageBefore(), closeTo(0.84, 0.02));
    assertThat(calibration.rows(), is(2L * rows));
  }

  @Test
  void tooFewRowsShiftNothing() {
    assertThat(Durations.shift(new double[] {5, 6}, new double[] {1, 1}), is(0.0));
  }

  @Test
  void aScoreCountsTheDistancesBetweenBothPredictions() {
    assertThat(Durations.score(16_000, 2_000, 4_000), closeTo(3, 1e-12));
    assertThat(Durations.score(4_000, 2_000, 4_000), closeTo(1, 1e-12));
    assertThat(Durations.score(20_000, 2_000, 2_000), closeTo(10 * Math.log(10), 1e-12));
    assertThat(Durations.score(20_000, 2_000, 500), closeTo(10 * Math.log(10), 1e-12));
    assertThat(Durations.score(0, 0.5, 0.5), is(0.0));
    assertThat(Durations.logRatio(20_000, 2_000), closeTo(Math.log(10), 1e-12));
    assertThat(Durations.expected(300, 200), is(300.0));
    assertThat(Durations.expected(0.2, 0.1), is(1.0));
    assertThat(Durations.calibratedP90(99, Math.log(2)), closeTo(199, 1e-9));
  }
}
