package io.highwater.trainer;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.detect.Explainer;
import io.highwater.detect.Explanation;
import io.highwater.detect.Policy;
import io.highwater.detect.Scores;
import io.highwater.detect.Scoring;
import io.highwater.detect.ScoringModel;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** What a model would have flagged: all rows are judged as when it serves. Not thread-safe. */
final class NewestOutliers {
  private static final int MAX_FINDINGS = 20;

  private final String eventTime;
  private final List<String> key;
  private final Scoring scoring;
  private final Explainer explainer;
  private final List<Finding> findings = new ArrayList<>();
  private long rows;
  private long outliers;

  /**
   * An outlier.
   *
   * @param key its key's values
   * @param score its duration_score
   * @param severity in the words of the lake
   */
  record Finding(
      Instant time,
      String key,
      double actual,
      double predicted,
      double score,
      String severity,
      String sentence) {}

  NewestOutliers(Contract contract, Detector detector) {
    this.eventTime = contract.eventTime();
    this.key = contract.key();
    this.scoring = Scoring.of(detector, Scoring.Rows.CANDIDATES, Policy.Name.CONFORMAL);
    this.explainer = Explainer.of(detector);
  }

  void add(VectorSchemaRoot batch, ScoringModel model) {
    rows += batch.getRowCount();
    Scores scores = scoring.score(batch, model);
    int[] places = scores.outliers();
    outliers += places.length;
    List<Explanation> explanations = explainer.explain(batch, scores, model);
    for (int i = 0; i < places.length; i++) {
      findings.add(finding(batch, scores, places[i], explanations.get(i)));
    }
    findings.sort(
        Comparator.comparingDouble(Finding::score).reversed().thenComparing(Finding::key));
    if (findings.size() > MAX_FINDINGS) {
      findings.subList(MAX_FINDINGS, findings.size()).clear();
    }
  }

  private Finding finding(
      VectorSchemaRoot batch, Scores scores, int place, Explanation explanation) {
    int row = explanation.row();
    TimeStampMicroVector times = (TimeStampMicroVector) batch.getVector(eventTime);
    List<String> values = new ArrayList<>();
    for (String column : key) {
      values.add(column + " " + batch.getVector(column).getObject(row));
    }
    return new Finding(
        Instant.EPOCH.plus(times.get(row), ChronoUnit.MICROS),
        String.join(", ", values),
        scores.actual()[place],
        scores.predicted()[place],
        scores.durationScores()[place],
        explanation.severity().code(),
        explanation.sentence());
  }

  /** The highest scores, the highest first. */
  List<Finding> findings() {
    return List.copyOf(findings);
  }

  /** How many rows there were, of any kind. */
  long rows() {
    return rows;
  }

  /** The share of all rows that is flagged. */
  double share() {
    return rows == 0 ? 0 : outliers / (double) rows;
  }
}
