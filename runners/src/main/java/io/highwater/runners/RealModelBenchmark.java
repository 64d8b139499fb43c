package io.highwater.runners;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.detect.Durations;
import io.highwater.detect.Policy;
import io.highwater.detect.Scores;
import io.highwater.detect.Scoring;
import io.highwater.features.Encodings;
import io.highwater.features.Numbers;
import io.highwater.features.RowChoice;
import io.highwater.features.SubjectValues;
import io.highwater.features.Targets;
import io.highwater.lake.FileTree;
import io.highwater.runners.BenchmarkModel.Variant;
import io.highwater.trainer.LakeHistory;
import io.highwater.trainer.TrainingSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * How well durations are predicted on rows of a real query log, in the order of time: trained on
 * what is before 2024-04-16, asked about what is after it, beside what is usual for a fingerprint
 * and what is usual at all.
 */
final class RealModelBenchmark {
  private static final Instant TEST_FROM = Instant.parse("2024-04-16T00:00:00Z");
  private static final int ALL_DAYS = 3_650;

  private RealModelBenchmark() {}

  /**
   * Predictions for rows, in milliseconds.
   *
   * @param p90Before as it was before calibration
   */
  private record Predicted(
      List<Double> actual, List<Double> middle, List<Double> p90, List<Double> p90Before) {
    Predicted() {
      this(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }

    void add(double took, double expected, double high, double highBefore) {
      actual.add(took);
      middle.add(expected);
      p90.add(high);
      p90Before.add(highBefore);
    }
  }

  static String run(String input) throws Exception {
    Path home = Files.createTempDirectory("highwater-bench");
    try {
      Path lake = ModelBenchmark.lakeOf(home, input);
      System.out.println(
          "| predicted by | RMSLE | pinball loss of P90 | coverage before | coverage after |"
              + " median absolute percentage error |");
      System.out.println("|---|---|---|---|---|---|");
      String line = "";
      for (Variant variant : Variant.others(ModelBenchmark.contract())) {
        String figures = print(variant.text(), predicted(lake, variant));
        line = line.isEmpty() ? figures : line;
      }
      Contract contract = ModelBenchmark.contract();
      print("the fingerprint's median", baseline(lake, contract, true));
      print("the median of all", baseline(lake, contract, false));
      return line;
    } finally {
      FileTree.delete(home);
    }
  }

  private static String print(String name, Predicted rows) {
    double squares = 0;
    double pinball = 0;
    double before = 0;
    double after = 0;
    int count = rows.actual.size();
    double[] percentages = new double[count];
    for (int i = 0; i < count; i++) {
      double actual = rows.actual.get(i);
      double error = Math.log1p(actual) - Math.log1p(rows.middle.get(i));
      squares += error * error;
      double high = Math.log1p(actual) - Math.log1p(rows.p90.get(i));
      pinball += Math.max(0.9 * high, -0.1 * high);
      before += actual <= rows.p90Before.get(i) ? 1 : 0;
      after += actual <= rows.p90.get(i) ? 1 : 0;
      percentages[i] = 100 * Math.abs(rows.middle.get(i) - actual) / Math.max(1, actual);
    }
    Arrays.sort(percentages);
    System.out.printf(
        Locale.ROOT,
        "| %s | %.3f | %.4f | %.1f %% | %.1f %% | %.1f %% |%n",
        name,
        Math.sqrt(squares / count),
        pinball / count,
        100 * before / count,
        100 * after / count,
        percentages[count / 2]);
    return String.format(
        Locale.ROOT,
        "rows=%d rmsle=%.4f pinball_loss=%.4f coverage_before=%.4f coverage_after=%.4f"
            + " median_absolute_percentage_error=%.2f",
        count,
        Math.sqrt(squares / count),
        pinball / count,
        before / count,
        after / count,
        percentages[count / 2]);
  }

  private static Predicted predicted(Path lake, Variant variant) throws Exception {
    Predicted predicted = new Predicted();
    try (BenchmarkModel model =
        BenchmarkModel.train(
            lake,
            ModelBenchmark.contract(),
            variant,
            TEST_FROM,
            new TrainingSettings(ALL_DAYS, TrainingSettings.DEFAULT_MAX_ROWS, 0.001, 1))) {
      double shift = model.result().model().manifest().calibration().p90Shift();
      Scoring scoring = Scoring.of(model.detector(), Scoring.Rows.ALL, Policy.Name.CONFORMAL);
      RowChoice choice = RowChoice.of(model.detector());
      LakeHistory.of(lake, model.contract())
          .read(
              TEST_FROM.getEpochSecond() / 3_600,
              Long.MAX_VALUE,
              batch -> {
                Scores scores = scoring.score(batch, model.scoring());
                Set<Integer> trainable = trainable(choice, batch);
                double[] known = Targets.known(batch, model.detector(), scores.rows());
                for (int i = 0; i < scores.rows().length; i++) {
                  if (trainable.contains(scores.rows()[i])) {
                    double high = scores.predictedP90()[i] - known[i];
                    predicted.add(
                        scores.actual()[i],
                        scores.predicted()[i],
                        scores.predictedP90()[i],
                        known[i] + Durations.calibratedP90(high, -shift));
                  }
                }
              });
    }
    return predicted;
  }

  private static Set<Integer> trainable(RowChoice choice, VectorSchemaRoot batch) {
    Set<Integer> rows = new HashSet<>();
    Arrays.stream(choice.trainable(batch)).forEach(rows::add);
    return rows;
  }

  /** Median and 0.90 quantile of the rows before: of the fingerprint, its instance, or all. */
  private static Predicted baseline(Path lake, Contract contract, boolean byFingerprint)
      throws Exception {
    Detector detector = requireNonNull(contract.detector(), "detector");
    RowChoice choice = RowChoice.of(detector);
    Map<Long, List<Double>> targets = new HashMap<>();
    LakeHistory history = LakeHistory.of(lake, contract);
    long testHour = TEST_FROM.getEpochSecond() / 3_600;
    history.read(
        history.hours().get(0),
        testHour,
        batch -> {
          int[] rows = choice.trainable(batch);
          SubjectValues of = SubjectValues.of(batch, detector.subject(), rows, Encodings.empty());
          double[] took = Numbers.read(batch.getVector(detector.target()), rows);
          for (int i = 0; i < rows.length; i++) {
            for (long key : new long[] {of.subjects()[i], of.groups()[i], 0}) {
              targets.computeIfAbsent(key, unused -> new ArrayList<>()).add(took[i]);
            }
          }
        });
    targets.values().forEach(values -> values.sort(Double::compare));
    Predicted predicted = new Predicted();
    history.read(
        testHour,
        Long.MAX_VALUE,
        batch -> {
          int[] rows = choice.trainable(batch);
          SubjectValues of = SubjectValues.of(batch, detector.subject(), rows, Encodings.empty());
          double[] took = Numbers.read(batch.getVector(detector.target()), rows);
          for (int i = 0; i < rows.length; i++) {
            List<Double> past =
                byFingerprint
                    ? first(
                        targets.get(of.subjects()[i]), targets.get(of.groups()[i]), targets.get(0L))
                    : first(targets.get(0L), null, null);
            double high = quantile(past, 0.9);
            predicted.add(took[i], quantile(past, 0.5), high, high);
          }
        });
    return predicted;
  }

  private static List<Double> first(
      @Nullable List<Double> own, @Nullable List<Double> group, @Nullable List<Double> all) {
    List<Double> wider = own != null ? own : group != null ? group : all;
    return requireNonNull(wider, "there are no rows before " + TEST_FROM);
  }

  private static double quantile(List<Double> sorted, double share) {
    return sorted.get(Math.max(0, (int) Math.ceil(share * sorted.size()) - 1));
  }
}
