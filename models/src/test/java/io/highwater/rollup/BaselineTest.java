package io.highwater.rollup;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Function;
import io.highwater.contract.RollUp;
import io.highwater.contract.Score;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BaselineTest {
  private static final double SIGNAL = 2.0;

  @Test
  void hasNoScoreBeforeTwelveWindowsAreKnown() {
    Baseline baseline = Baseline.none(1);
    List<@Nullable Double> scores = new ArrayList<>();
    for (int window = 0; window < 13; window++) {
      Baseline.Scored scored = baseline.score(window, true, List.of(SIGNAL));
      scores.addAll(scored.scores());
      baseline = scored.next();
    }
    assertThat(scores.subList(0, 12), everyItem(nullValue()));
    assertThat(scores.get(12), is(0.0));
    // Of a signal that never changed, a rise by e is ten times the least deviation.
    assertThat(baseline.score(13, true, List.of(SIGNAL + 1)).scores(), contains(closeTo(10, 1e-9)));
  }

  /** The definition itself: weighted sums over all windows before. */
  @Test
  void equalsTheWeightedMeanAndVarianceOfAllWindowsBefore() {
    Random random = new Random(1);
    Baseline baseline = Baseline.none(1);
    List<Double> signals = new ArrayList<>();
    for (int window = 0; window < 200; window++) {
      double signal = random.nextGaussian();
      Baseline.Scored scored = baseline.score(window, true, List.of(signal));
      if (window >= Baseline.WINDOWS_NEEDED) {
        double[] weights = new double[window];
        for (int i = 0; i < window; i++) {
          double weight = Math.max(0.05, 1.0 / (i + 1));
          for (int before = 0; before < i; before++) {
            weights[before] *= 1 - weight;
          }
          weights[i] = weight;
        }
        double mean = 0;
        for (int i = 0; i < window; i++) {
          mean += weights[i] * signals.get(i);
        }
        double variance = 0;
        for (int i = 0; i < window; i++) {
          variance += weights[i] * Math.pow(signals.get(i) - mean, 2);
        }
        assertThat(
            scored.scores(), contains(closeTo((signal - mean) / Math.sqrt(variance + 0.01), 1e-9)));
      }
      baseline = scored.next();
      signals.add(signal);
    }
  }

  @Test
  void latePanesChangeTheScoresAfterThemAndFinalScoresFollowFromFinalValuesAlone()
      throws IOException {
    Random random = new Random(2);
    int windows = 60;
    List<Double> finals = random.doubles(windows).boxed().toList();
    Map<Long, @Nullable Double> ofBatch = new TreeMap<>();
    Baseline inOrder = Baseline.none(1);
    for (int window = 0; window < windows; window++) {
      Baseline.Scored scored = inOrder.score(window, true, List.of(finals.get(window)));
      ofBatch.put((long) window, scored.scores().get(0));
      inOrder = scored.next();
    }
    // Panes as a stream gives them: a window is final when the two after it have begun.
    Map<Long, @Nullable Double> ofStream = new TreeMap<>();
    Baseline baseline = Baseline.none(1);
    int changed = 0;
    for (int window = 0; window < windows + 2; window++) {
      @Nullable Double first = null;
      for (int pane = 0; pane < 3 && window < windows; pane++) {
        int of = Math.max(0, window - random.nextInt(2));
        Baseline.Scored scored = baseline.score(of, false, List.of(random.nextDouble()));
        baseline = copy(scored.next());
        Double again = baseline.score(window, false, List.of(0.5)).scores().get(0);
        changed += first != null && !first.equals(again) ? 1 : 0;
        first = again;
      }
      if (window >= 2) {
        Baseline.Scored scored = baseline.score(window - 2, true, List.of(finals.get(window - 2)));
        ofStream.put(window - 2L, scored.scores().get(0));
        baseline = copy(scored.next());
      }
      assertThat(bytes(baseline).length, lessThan(150));
    }
    assertThat(ofStream, equalTo(ofBatch));
    assertThat("late panes changed scores", changed, is(not(0)));
    assertThat(baseline, equalTo(inOrder));
  }

  @Test
  void finalPanesInAnotherOrderHaveTheSameScoresIfTheirWindowsWereKnown() {
    Baseline baseline = Baseline.none(1);
    for (int window = 0; window < 20; window++) {
      baseline = baseline.score(window, true, List.of(window % 3.0)).next();
    }
    Baseline inOrder = baseline.score(20, true, List.of(1.5)).next();
    Baseline known = baseline.score(20, false, List.of(1.5)).next();

    Baseline.Scored later = known.score(21, true, List.of(2.5));
    assertThat(later.scores(), equalTo(inOrder.score(21, true, List.of(2.5)).scores()));
    Baseline.Scored earlier = later.next().score(20, true, List.of(1.5));
    assertThat(earlier.scores(), equalTo(baseline.score(20, true, List.of(1.5)).scores()));
    assertThat(earlier.next(), equalTo(inOrder.score(21, true, List.of(2.5)).next()));
    assertThat(earlier.next().score(20, true, List.of(1.5)).scores(), contains(nullValue()));
  }

  @Test
  void staysSmallWhereAWindowNeverBecomesFinal() throws IOException {
    Baseline baseline = Baseline.none(1).score(0, false, List.of(SIGNAL)).next();
    for (int window = 1; window < 1_500; window++) {
      baseline = baseline.score(window, true, List.of(SIGNAL)).next();
    }
    assertThat(bytes(baseline).length, lessThan(100));
  }

  @Test
  void scoringLeavesTheBaselineAsItWas() throws IOException {
    Baseline baseline = Baseline.none(2);
    baseline = baseline.score(1, true, List.of(1.0, 2.0)).next();
    baseline = baseline.score(2, false, List.of(1.0, 2.0)).next();
    byte[] before = bytes(baseline);
    baseline.score(3, false, List.of(5.0, 6.0));
    baseline.score(2, true, List.of(5.0, 6.0));
    assertThat(bytes(baseline), equalTo(before));
  }

  @Test
  void aWindowWithoutASignalChangesNothing() {
    Baseline baseline = Baseline.none(1);
    Baseline without = Baseline.none(1);
    for (int window = 0; window < 40; window += 2) {
      baseline = baseline.score(window, true, List.of((double) window)).next();
      baseline = baseline.score(window + 1, true, List.of(Double.NaN)).next();
      without = without.score(window, true, List.of((double) window)).next();
    }
    assertThat(
        baseline.score(50, true, List.of(3.0)).scores(),
        equalTo(without.score(50, true, List.of(3.0)).scores()));
    assertThat(baseline.score(50, true, List.of(Double.NaN)).scores(), contains(nullValue()));
  }

  @Test
  void signalsAreLogarithmsOfAverages() {
    RollUp rollUp =
        new RollUp(
            List.of(),
            List.of(),
            List.of(
                new Measure("queries", Function.COUNT, null, null),
                new Measure("ms", Function.SUM, "execution_duration_ms", null)),
            List.of(new Score("s", "ms", "queries")),
            List.of());
    assertThat(signals(rollUp, 4L, 12L), contains(Math.log(4)));
    assertThat(signals(rollUp, 4L, null), contains(Double.NaN));
    assertThat(signals(rollUp, 0L, 0L), contains(Double.NaN));
  }

  private static List<Double> signals(RollUp rollUp, @Nullable Object... results) {
    return new RollUpRow(0, 1, RollUpKey.of(1L), 0, 0, true, Arrays.asList(results))
        .signals(rollUp);
  }

  private static Baseline copy(Baseline baseline) throws IOException {
    Baseline copy =
        Baseline.readFrom(new DataInputStream(new ByteArrayInputStream(bytes(baseline))));
    assertThat(copy, equalTo(baseline));
    return copy;
  }

  private static byte[] bytes(Baseline baseline) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    baseline.writeTo(new DataOutputStream(bytes));
    return bytes.toByteArray();
  }
}
