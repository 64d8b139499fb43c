package io.highwater.runners;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * How well a detector finds what was done on purpose.
 *
 * @param precision the share of what it flags that is right
 * @param recall the share of what is to be found that it flags
 * @param averagePrecision the mean, over what is to be found, of the precision down to its score
 */
record DetectionQuality(double precision, double recall, double averagePrecision, long alerts) {
  /**
   * A row as a detector sees it.
   *
   * @param isTarget whether it is to be found
   * @param score the higher, the more suspicious
   */
  record Judged(boolean isTarget, double score, boolean isFlagged) {}

  static DetectionQuality of(List<Judged> rows) {
    List<Judged> byScore = new ArrayList<>(rows);
    byScore.sort(Comparator.comparingDouble(Judged::score).reversed());
    long targets = rows.stream().filter(Judged::isTarget).count();
    long alerts = rows.stream().filter(Judged::isFlagged).count();
    long hits = rows.stream().filter(row -> row.isFlagged() && row.isTarget()).count();
    double sum = 0;
    long found = 0;
    for (int i = 0; i < byScore.size(); i++) {
      if (byScore.get(i).isTarget() && byScore.get(i).score() > Double.NEGATIVE_INFINITY) {
        found++;
        sum += found / (i + 1.0);
      }
    }
    return new DetectionQuality(
        alerts == 0 ? 0 : hits / (double) alerts,
        targets == 0 ? 0 : hits / (double) targets,
        targets == 0 ? 0 : sum / targets,
        alerts);
  }

  /** The harmonic mean of precision and recall. */
  double f1() {
    return precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall);
  }
}
