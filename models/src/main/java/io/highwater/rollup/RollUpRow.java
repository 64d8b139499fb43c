package io.highwater.rollup;

import io.highwater.contract.Measure;
import io.highwater.contract.RollUp;
import io.highwater.contract.Score;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One result of a window and key.
 *
 * @param windowStartMillis milliseconds since the epoch
 * @param runId of results of several runs the highest counts
 * @param paneIndex of results of one run the highest counts
 * @param isFinal whether no later result can come from this run
 * @param results one a measure, by {@link Accumulator#results}
 * @param scores one a score, by {@link Baseline}; null where they are not known
 */
public record RollUpRow(
    long windowStartMillis,
    long windowMillis,
    RollUpKey key,
    long runId,
    long paneIndex,
    boolean isFinal,
    List<@Nullable Object> results,
    List<@Nullable Double> scores) {
  public RollUpRow {
    results = Collections.unmodifiableList(new ArrayList<>(results));
    scores = Collections.unmodifiableList(new ArrayList<>(scores));
  }

  /** Not yet scored. */
  public RollUpRow(
      long windowStartMillis,
      long windowMillis,
      RollUpKey key,
      long runId,
      long paneIndex,
      boolean isFinal,
      List<@Nullable Object> results) {
    this(windowStartMillis, windowMillis, key, runId, paneIndex, isFinal, results, List.of());
  }

  public RollUpRow withScores(List<@Nullable Double> newScores) {
    return new RollUpRow(
        windowStartMillis, windowMillis, key, runId, paneIndex, isFinal, results, newScores);
  }

  /**
   * What {@link Baseline} compares: {@code ln(1 + column / per)} of each score. Of an average, as a
   * sum rises and falls with the number of queries, which is no trouble by itself; the logarithm,
   * as durations and sizes spread over orders of magnitude and one value would make every other
   * usual.
   *
   * @return NaN where one of the two is null or {@code per} is 0
   */
  public List<Double> signals(RollUp rollUp) {
    List<Double> signals = new ArrayList<>();
    for (Score score : rollUp.scores()) {
      double per = result(rollUp, score.per());
      signals.add(per > 0 ? Math.log1p(result(rollUp, score.column()) / per) : Double.NaN);
    }
    return signals;
  }

  private double result(RollUp rollUp, String measureName) {
    for (int i = 0; i < results.size(); i++) {
      Measure measure = rollUp.measures().get(i);
      if (measure.name().equals(measureName)) {
        return results.get(i) instanceof Number number ? number.doubleValue() : Double.NaN;
      }
    }
    throw new IllegalArgumentException("no measure is named '" + measureName + "'");
  }
}
