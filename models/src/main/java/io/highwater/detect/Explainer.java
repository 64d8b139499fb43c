package io.highwater.detect;

import io.highwater.contract.Detector;
import io.highwater.contract.Feature;
import io.highwater.features.Encodings;
import io.highwater.features.Numbers;
import io.highwater.features.Targets;
import io.highwater.features.Usual;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/** Puts into words why rows are outliers. Immutable. */
public final class Explainer {
  private static final int MAX_UNUSUAL_INPUTS = 2;

  /** Enough of a fingerprint to tell it from others on a page. */
  private static final int MAX_TEXT = 12;

  /** Functions whose inputs are amounts of a column, which a person can compare. */
  private static final Set<Feature.Function> AMOUNTS =
      Set.of(Feature.Function.VALUE, Feature.Function.LOG1P);

  private final Detector detector;

  private Explainer(Detector detector) {
    this.detector = detector;
  }

  public static Explainer of(Detector detector) {
    return new Explainer(detector);
  }

  /** Explains all outliers of a batch, in the order of its rows. */
  public List<Explanation> explain(VectorSchemaRoot batch, Scores scores, ScoringModel model) {
    List<Explanation> explanations = new ArrayList<>();
    for (int place : scores.outliers()) {
      explanations.add(explain(batch, scores, place, model));
    }
    return explanations;
  }

  private Explanation explain(
      VectorSchemaRoot batch, Scores scores, int place, ScoringModel model) {
    int row = scores.rows()[place];
    double actual = scores.actual()[place];
    double expected = Durations.expected(scores.predicted()[place], scores.predictedP90()[place]);
    Usual usual = usual(model.encodings(), scores.subjects()[place]);
    double known = Targets.known(batch, detector, new int[] {row})[0];
    double ratio = actual / expected;
    String sentence =
        sentence(actual, expected, ratio, scores.predicted()[place])
            + "; "
            + usualText(batch, row, usual, known)
            + unusualInputs(batch, row, model.ranges())
            + context(batch, row)
            + ".";
    return new Explanation(
        row,
        usual == null ? null : known + usual.medianTarget(),
        usual == null ? null : known + usual.p95Target(),
        usual == null ? 0 : usual.count(),
        ratio,
        Severity.of(actual, expected),
        sentence);
  }

  private static @Nullable Usual usual(Encodings encodings, long subject) {
    return subject == 0 ? null : encodings.usual(subject);
  }

  private String sentence(double actual, double expected, double ratio, double predicted) {
    String target = detector.target();
    String subject =
        Amounts.isDuration(target)
            ? "Took " + Amounts.text(target, actual)
            : target + " was " + Amounts.text(target, actual);
    return "%s, %s times the %s to be expected at most (predicted: %s)"
        .formatted(
            subject,
            Amounts.plain(ratio),
            Amounts.text(target, expected),
            Amounts.text(target, predicted));
  }

  /** In the words of the subject's columns, from the narrowest to the widest. */
  private String usualText(VectorSchemaRoot batch, int row, @Nullable Usual usual, double known) {
    List<String> parts = new ArrayList<>();
    for (int i = detector.subject().size() - 1; i >= 0; i--) {
      String column = detector.subject().get(i);
      parts.add(column + " " + shortText(batch.getVector(column).getObject(row)));
    }
    String of = String.join(" of ", parts);
    if (usual == null) {
      return of + " was not seen before";
    }
    String target = detector.target();
    return "%s usually takes %s (95 %% up to %s; %s seen)"
        .formatted(
            of,
            Amounts.text(target, known + usual.medianTarget()),
            Amounts.text(target, known + usual.p95Target()),
            Amounts.plain(usual.count()));
  }

  private static String shortText(@Nullable Object value) {
    String text = String.valueOf(value);
    return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + "…" : text;
  }

  private record Unusual(String text, double distance) {}

  /** Amounts outside what 98 % of the training rows had, the farthest first. */
  private String unusualInputs(VectorSchemaRoot batch, int row, List<FeatureRange> ranges) {
    List<Unusual> unusual = new ArrayList<>();
    for (Feature feature : detector.features()) {
      String column = feature.column();
      if (column == null || !AMOUNTS.contains(feature.function())) {
        continue;
      }
      FieldVector vector = batch.getVector(column);
      double value = Numbers.read(vector, new int[] {row})[0];
      boolean isLog = feature.function() == Feature.Function.LOG1P;
      double input = isLog ? (float) Math.log1p(Math.max(0, value)) : (float) value;
      for (FeatureRange range : ranges) {
        if (range.name().equals(feature.name()) && (input > range.p99() || input < range.p01())) {
          double median = isLog ? Math.expm1(range.median()) : range.median();
          unusual.add(
              new Unusual(
                  "%s %s (usually %s)"
                      .formatted(column, Amounts.text(column, value), Amounts.text(column, median)),
                  distance(input, range)));
        }
      }
    }
    if (unusual.isEmpty()) {
      return "";
    }
    unusual.sort(Comparator.comparingDouble(Unusual::distance).reversed());
    return "; unusual: "
        + String.join(", ", unusual.stream().limit(MAX_UNUSUAL_INPUTS).map(Unusual::text).toList());
  }

  /** How many times as far from the median as 98 % of the training rows were at most. */
  private static double distance(double input, FeatureRange range) {
    double toEdge =
        input > range.p99() ? range.p99() - range.median() : range.median() - range.p01();
    // A feature that hardly varies is unusual by its own size.
    return Math.abs(input - range.median()) / Math.max(toEdge, 1);
  }

  private String context(VectorSchemaRoot batch, int row) {
    if (detector.context().isEmpty()) {
      return "";
    }
    List<String> parts = new ArrayList<>();
    for (String column : detector.context()) {
      Object value = batch.getVector(column).getObject(row);
      parts.add(column + " " + Amounts.text(column, value));
    }
    return "; beside it: " + String.join(", ", parts);
  }
}
