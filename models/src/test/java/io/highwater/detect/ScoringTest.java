package io.highwater.detect;

import static io.highwater.detect.FakeModels.CONTRACT;
import static io.highwater.detect.FakeModels.DETECTOR;
import static io.highwater.detect.FakeModels.FEATURES;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import io.highwater.contract.Detector;
import io.highwater.detect.Policy.Name;
import io.highwater.features.Encodings;
import io.highwater.features.Numbers;
import io.highwater.features.PrequentialEncodings;
import io.highwater.features.SubjectValues;
import io.highwater.features.Targets;
import io.highwater.record.RowSelection;
import io.highwater.record.WarehouseRows;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ScoringTest {
  private static final double SHIFT = 0.3;
  private static final double THRESHOLD = 2.2;

  private final BufferAllocator allocator = new RootAllocator();
  private VectorSchemaRoot batch = VectorSchemaRoot.of();
  private Encodings encodings = Encodings.empty();

  @BeforeEach
  void makeRows() {
    batch = WarehouseRows.sorted(42, 2_000, 1_000, allocator);
    encodings = FakeModels.encodings(allocator);
  }

  @AfterEach
  void hasGivenBackItsMemory() {
    batch.close();
    allocator.close();
  }

  private ScoringModel model() {
    return FakeModels.model(encodings, SHIFT, THRESHOLD);
  }

  /** The columns of the scores as text, a line a row. */
  private List<String> lines(Scores scores) {
    List<FieldVector> vectors = scores.toVectors(allocator);
    List<String> lines = new ArrayList<>();
    for (int row = 0; row < scores.rowCount(); row++) {
      List<String> values = new ArrayList<>();
      for (FieldVector vector : vectors) {
        values.add(String.valueOf(vector.getObject(row)));
      }
      lines.add(String.join(" ", values));
    }
    vectors.forEach(FieldVector::close);
    return lines;
  }

  /** Row by row, from the values of the row and the median of its subject. */
  private String naive(int row, boolean all, Name policy) {
    boolean cached = Boolean.TRUE.equals(batch.getVector("was_cached").getObject(row));
    boolean aborted = Boolean.TRUE.equals(batch.getVector("was_aborted").getObject(row));
    long actual = ((BigIntVector) batch.getVector("execution_duration_ms")).get(row);
    boolean candidate = !cached && !aborted && actual >= 1000;
    if (!(candidate || (all && !cached))) {
      return "null null null null null null null";
    }
    SubjectValues usual = SubjectValues.of(batch, DETECTOR.subject(), new int[] {row}, encodings);
    double mean = (float) Math.max(1, Math.expm1(usual.medians()[0]));
    double p90 = (float) (2 * Math.max(1, Math.expm1(usual.medians()[0])));
    double calibrated = Math.max(1, Math.expm1(Math.log1p(p90) + SHIFT));
    double score =
        Math.log(Math.max(1, (double) actual) / mean) / Math.max(0.1, Math.log(calibrated / mean));
    double fromUsual = Math.log1p(actual) - usual.medians()[0];
    float deviations = (float) (fromUsual / Math.max(0.1, usual.spreads()[0]));
    float forest = (float) (1 / (1 + Math.exp(-deviations)));
    String reason = null;
    double expected = Math.max(mean, calibrated);
    if (candidate && policy == Name.CONFORMAL && score > THRESHOLD) {
      reason = usual.counts()[0] == 0 ? "slow_without_history" : "slower_than_predicted";
    } else if (candidate && policy == Name.REFERENCE && actual >= 60_000) {
      if (actual / expected >= 10) {
        reason = "ratio";
      } else if (actual - expected >= 120_000) {
        reason = "delta";
      } else if (actual >= 100_000 && expected <= 5_000) {
        reason = "rank";
      }
    }
    return mean
        + " "
        + calibrated
        + " "
        + score
        + " "
        + (double) forest
        + " "
        + (reason != null)
        + " "
        + reason
        + " v1";
  }

  @ParameterizedTest
  @EnumSource(Name.class)
  void isWhatANaiveLoopOverRowsGives(Name policy) {
    for (Scoring.Rows rows : Scoring.Rows.values()) {
      Scores scores = Scoring.of(DETECTOR, rows, policy).score(batch, model());
      List<String> expected = new ArrayList<>();
      for (int row = 0; row < batch.getRowCount(); row++) {
        expected.add(naive(row, rows == Scoring.Rows.ALL, policy));
      }
      assertThat(lines(scores), equalTo(expected));
      assertThat(scores.outliers().length, greaterThan(5));
    }
  }

  @ParameterizedTest
  @EnumSource(Scoring.Rows.class)
  void scoresDoNotDependOnTheSizeOfBatches(Scoring.Rows rows) {
    Scoring scoring = Scoring.of(DETECTOR, rows, Name.CONFORMAL);
    List<String> whole = lines(scoring.score(batch, model()));
    List<String> parts = new ArrayList<>();
    for (int start = 0; start < 2_000; start += 333) {
      int[] part = new int[Math.min(333, 2_000 - start)];
      int from = start;
      Arrays.setAll(part, i -> from + i);
      try (VectorSchemaRoot smaller = RowSelection.take(batch, part, part.length, allocator)) {
        parts.addAll(lines(scoring.score(smaller, model())));
      }
    }
    assertThat(parts, equalTo(whole));
  }

  /** The same rows with the known part taken off beforehand, by a model of the rest. */
  @Test
  void aKnownPartIsTakenOffAndAddedToPredictions() {
    Detector withKnownPart =
        new Detector(
            DETECTOR.target(),
            "compile_duration_ms",
            DETECTOR.subject(),
            DETECTOR.neverScored(),
            DETECTOR.neverFlagged(),
            DETECTOR.minimumTarget(),
            DETECTOR.alertBudget(),
            DETECTOR.features(),
            DETECTOR.shapeFeatures(),
            DETECTOR.context());
    Scores whole =
        Scoring.of(withKnownPart, Scoring.Rows.ALL, Name.CONFORMAL).score(batch, model());
    double[] known = Targets.known(batch, withKnownPart, whole.rows());
    double[] execution = Numbers.read(batch.getVector("execution_duration_ms"), whole.rows());
    assertThat(whole.actual(), equalTo(execution));
    BigIntVector executions = (BigIntVector) batch.getVector("execution_duration_ms");
    for (int i = 0; i < known.length; i++) {
      // Whole milliseconds, as the column of the rest is one of integers.
      double compile = Math.floor(known[i]);
      ((Float8Vector) batch.getVector("compile_duration_ms")).setSafe(whole.rows()[i], compile);
      known[i] = compile;
    }
    whole = Scoring.of(withKnownPart, Scoring.Rows.ALL, Name.CONFORMAL).score(batch, model());
    for (int i = 0; i < known.length; i++) {
      executions.set(whole.rows()[i], (long) (execution[i] - known[i]));
    }
    Scores rest = Scoring.of(DETECTOR, Scoring.Rows.ALL, Name.CONFORMAL).score(batch, model());

    assertThat(whole.durationScores(), equalTo(rest.durationScores()));
    assertThat(whole.forestScores(), equalTo(rest.forestScores()));
    for (int i = 0; i < known.length; i++) {
      assertThat(whole.predicted()[i], is(rest.predicted()[i] + known[i]));
      assertThat(whole.predictedP90()[i], is(rest.predictedP90()[i] + known[i]));
    }
  }

  @Test
  void aBatchWithoutAModelHasNoScores() {
    assertThat(
        lines(Scores.none(2)),
        equalTo(
            List.of("null null null null null null null", "null null null null null null null")));
  }

  @Test
  void aBatchWithoutCandidatesRunsNoModel() {
    BitVector cached = (BitVector) batch.getVector("was_cached");
    for (int row = 0; row < 2_000; row++) {
      cached.set(row, 1);
    }
    Scores scores =
        Scoring.of(DETECTOR, Scoring.Rows.CANDIDATES, Name.CONFORMAL).score(batch, model());

    assertThat(scores.rows().length, is(0));
  }

  private List<Explanation> explained(ScoringModel model) {
    Scores scores =
        Scoring.of(DETECTOR, Scoring.Rows.CANDIDATES, Name.CONFORMAL).score(batch, model);
    return Explainer.of(DETECTOR).explain(batch, scores, model);
  }

  /** Row 5 becomes a query of 90 seconds of a subject that usually takes half a second. */
  private void makeSlow(int row, String fingerprint) {
    ((BigIntVector) batch.getVector("instance_id")).setSafe(row, 3);
    ((VarCharVector) batch.getVector("feature_fingerprint"))
        .setSafe(row, fingerprint.getBytes(StandardCharsets.UTF_8));
    ((BigIntVector) batch.getVector("execution_duration_ms")).setSafe(row, 90_000);
    ((BigIntVector) batch.getVector("num_joins")).setSafe(row, 14);
    ((BigIntVector) batch.getVector("queue_duration_ms")).setSafe(row, 12_345);
    ((Float8Vector) batch.getVector("mbytes_spilled")).setSafe(row, 5_120);
    ((Float8Vector) batch.getVector("mbytes_scanned")).setSafe(row, 12.34);
    ((VarCharVector) batch.getVector("query_class"))
        .setSafe(row, "io_bound".getBytes(StandardCharsets.UTF_8));
    ((BitVector) batch.getVector("was_cached")).setSafe(row, 0);
    ((BitVector) batch.getVector("was_aborted")).setSafe(row, 0);
  }

  private Encodings encodingsOfAKnownSubject() {
    makeSlow(5, "abcdef0123456789");
    try (VectorSchemaRoot rows = RowSelection.take(batch, new int[100], 100, allocator)) {
      for (int row = 0; row < 100; row++) {
        ((BigIntVector) rows.getVector("instance_id")).setSafe(row, 3);
        ((VarCharVector) rows.getVector("feature_fingerprint"))
            .setSafe(row, "abcdef0123456789".getBytes(StandardCharsets.UTF_8));
        ((BigIntVector) rows.getVector("execution_duration_ms"))
            .setSafe(row, row < 90 ? 500 : 2_000);
      }
      PrequentialEncodings builder = PrequentialEncodings.of(CONTRACT, DETECTOR);
      int[] all = new int[100];
      Arrays.setAll(all, row -> row);
      builder.add(rows, all, (of, ofDay, earlier) -> {});
      return builder.build();
    }
  }

  @Test
  void explainsAnOutlierInOneSentence() {
    Encodings known = encodingsOfAKnownSubject();
    ScoringModel plain = FakeModels.model(known, 0, THRESHOLD);
    ScoringModel model =
        new ScoringModel(
            plain.version(),
            plain.features(),
            plain.forestInputs(),
            known,
            plain.mean(),
            plain.p90(),
            plain.forest(),
            0,
            THRESHOLD,
            plain.ranks(),
            List.of(
                new FeatureRange("joins", "value(num_joins)", 0, 0, 0, 1, 8, 20),
                new FeatureRange("scans", "value(num_scans)", 0, 0, 0, 1, 100, 200)));

    Explanation explanation =
        explained(model).stream().filter(of -> of.row() == 5).findFirst().orElseThrow();

    assertThat(
        explanation.sentence(),
        equalTo(
            "Took 90 s, 91.2 times the 987 ms to be expected at most (predicted: 493 ms);"
                + " feature_fingerprint abcdef012345… of instance_id 3 usually takes 493 ms (95 %"
                + " up to 2.02 s; 100 seen); unusual: num_joins 14 (usually 1); beside it:"
                + " queue_duration_ms 12.3 s, mbytes_spilled 5.12 GB, mbytes_scanned 12.3 MB,"
                + " query_class io_bound."));
    assertThat(explanation.severity(), is(Severity.MAJOR));
    assertThat(explanation.ratio(), closeTo(91.2, 0.1));
    assertThat(explanation.usualCount(), is(100L));
    assertThat(explanation.usualMedian(), closeTo(500, 8));
    assertThat(explanation.usualP95(), closeTo(2_000, 32));
  }

  @Test
  void saysThatASubjectIsNew() {
    makeSlow(5, "never seen");

    Explanation explanation =
        explained(model()).stream().filter(of -> of.row() == 5).findFirst().orElseThrow();

    assertThat(
        explanation.sentence(),
        containsString("; feature_fingerprint never seen of instance_id 3 was not seen before;"));
    assertThat(explanation.usualMedian(), nullValue());
    assertThat(explanation.usualCount(), is(0L));
  }

  @Test
  void severityIsByTheReferencesMeasures() {
    assertThat(Severity.of(99_000, 10_000), is(Severity.MINOR));
    assertThat(Severity.of(100_000, 10_000), is(Severity.MAJOR));
    assertThat(Severity.of(180_000, 60_000), is(Severity.MAJOR));
    assertThat(Severity.of(600_000, 60_000), is(Severity.CRITICAL));
  }

  @Test
  void outliersKeepTheEventsColumnsAndGetThoseOfTheTable() {
    List<Explanation> explanations = explained(model());
    assertThat(explanations, not(empty()));

    try (VectorSchemaRoot outliers = OutlierRows.of(CONTRACT, batch, explanations, allocator);
        VectorSchemaRoot again = OutlierRows.of(CONTRACT, batch, explanations, allocator)) {
      assertThat(outliers.getRowCount(), is(explanations.size()));
      assertThat(
          outliers.getFieldVectors().size(),
          is(batch.getFieldVectors().size() + OutlierRows.COLUMNS.size()));
      for (int i = 0; i < explanations.size(); i++) {
        Explanation explanation = explanations.get(i);
        assertThat(
            outliers.getVector("query_id").getObject(i),
            equalTo(batch.getVector("query_id").getObject(explanation.row())));
        assertThat(
            outliers.getVector("usual_median_ms").getObject(i), equalTo(explanation.usualMedian()));
        assertThat(
            outliers.getVector("usual_count").getObject(i), equalTo(explanation.usualCount()));
        assertThat(
            String.valueOf(outliers.getVector("explanation").getObject(i)),
            equalTo(explanation.sentence()));
        assertThat(
            String.valueOf(outliers.getVector("severity").getObject(i)),
            equalTo(explanation.severity().code()));
        String id = String.valueOf(outliers.getVector("outlier_id").getObject(i));
        assertThat(id, matchesPattern("[0-9a-f]{24}"));
        assertThat(String.valueOf(again.getVector("outlier_id").getObject(i)), equalTo(id));
      }
    }
  }

  @Test
  void rangesAreThoseOfTheColumns() {
    float[] rows = new float[300];
    for (int i = 0; i < 100; i++) {
      rows[3 * i] = 100 - i;
      rows[3 * i + 1] = i < 40 ? Float.NaN : i;
      rows[3 * i + 2] = Float.NaN;
    }
    assertThat(
        FeatureRange.of(List.of("a", "b", "c"), List.of("A", "B", "C"), rows),
        equalTo(
            List.of(
                new FeatureRange("a", "A", 0, 1, 1, 50, 99, 100),
                new FeatureRange("b", "B", 0.4, 40, 40, 69, 99, 99),
                new FeatureRange(
                    "c", "C", 1, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN))));
    assertThat(FEATURES.columns(), is(22));
  }
}
