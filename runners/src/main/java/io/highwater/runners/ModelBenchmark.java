package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.detect.Policy;
import io.highwater.detect.Scores;
import io.highwater.detect.Scoring;
import io.highwater.detect.ScoringModel;
import io.highwater.features.RowChoice;
import io.highwater.lake.FileTree;
import io.highwater.pipelines.TrainingPipeline;
import io.highwater.runners.BenchmarkModel.Variant;
import io.highwater.runners.DetectionQuality.Judged;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.trainer.LakeHistory;
import io.highwater.trainer.TrainingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * What models find of the queries that the generator slowed down, in the order of time: trained on
 * 14 days, asked about the two days after them. Of queries of a second or more, as no others are
 * ever flagged; a slow-down by less than the factor asked for counts neither way.
 */
final class ModelBenchmark {
  private static final int SEEDS = 3;
  private static final int DAYS = 16;
  private static final int TRAINED_DAYS = 14;
  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final Instant TEST_FROM = START.plus(Duration.ofDays(TRAINED_DAYS));
  private static final double[] FACTORS = {2, 4, 8};

  /** The contract's, and as many as the generator slows down. */
  private static final double[] BUDGETS = {0.001, 0.005};

  private ModelBenchmark() {}

  /**
   * A query of the days after training.
   *
   * @param factor by which it was slowed down; 1 where it was not
   */
  private record Row(
      double factor, double actual, double score, double forest, double ratio, boolean byRule) {}

  private record Query(long instance, long id) {}

  static String run(long rows) throws Exception {
    Map<String, List<DetectionQuality>> sums = new LinkedHashMap<>();
    double ours = 0;
    double reference = 0;
    System.out.println("| seed | method | alerts | precision | recall | F1 | average precision |");
    System.out.println("|---|---|---|---|---|---|---|");
    double seconds = 0;
    long learned = 0;
    for (int seed = 1; seed <= SEEDS; seed++) {
      Path home = Files.createTempDirectory("highwater-bench");
      try {
        Path lake = lake(home, rows, seed);
        Map<Query, Double> truth = truth(home.resolve("truth.csv"));
        Map<Variant, Found> found = new EnumMap<>(Variant.class);
        for (Variant variant : Variant.others(contract())) {
          found.put(variant, find(lake, variant, truth));
        }
        Found best = found.get(Variant.WITH_ENCODINGS);
        if (best == null) {
          throw new IllegalStateException("a variant was not tried");
        }
        for (int i = 0; i < BUDGETS.length; i++) {
          double threshold = best.thresholds[i];
          long alerts = best.rows.stream().filter(row -> row.score > threshold).count();
          System.out.printf(
              Locale.ROOT,
              "seed %d, budget %.1f %%: %d of %d rows flagged, %.3f %%%n",
              seed,
              100 * BUDGETS[i],
              alerts,
              best.allRows,
              100.0 * alerts / best.allRows);
        }
        seconds = best.seconds;
        learned = best.learned;
        for (double factor : FACTORS) {
          Map<String, DetectionQuality> table = table(found, factor);
          for (Map.Entry<String, DetectionQuality> line : table.entrySet()) {
            if (factor == FACTORS[0]) {
              print(seed, line.getKey(), line.getValue());
            }
            sums.computeIfAbsent(key(factor, line.getKey()), unused -> new ArrayList<>())
                .add(line.getValue());
          }
        }
      } finally {
        FileTree.delete(home);
      }
    }
    System.out.println();
    System.out.println(
        "| slowed down at least | method | precision | recall | F1 | average precision |");
    System.out.println("|---|---|---|---|---|---|");
    for (Map.Entry<String, List<DetectionQuality>> line : sums.entrySet()) {
      List<DetectionQuality> of = line.getValue();
      double f1 = of.stream().mapToDouble(DetectionQuality::f1).average().orElse(0);
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f | %.2f | %.2f | %.2f |%n",
          line.getKey(),
          of.stream().mapToDouble(DetectionQuality::precision).average().orElse(0),
          of.stream().mapToDouble(DetectionQuality::recall).average().orElse(0),
          f1,
          of.stream().mapToDouble(DetectionQuality::averagePrecision).average().orElse(0));
      if (line.getKey().equals(key(FACTORS[0], REFERENCE))) {
        reference = f1;
      }
      if (line.getKey().equals(key(FACTORS[0], budget(Variant.WITH_ENCODINGS, BUDGETS[1])))) {
        ours = f1;
      }
    }
    return String.format(
        Locale.ROOT,
        "rows=%d seeds=%d learned_rows=%d training_seconds=%.1f f1=%.3f reference_f1=%.3f"
            + " f1_ratio=%.2f",
        rows,
        SEEDS,
        learned,
        seconds,
        ours,
        reference,
        ours / reference);
  }

  private static final String REFERENCE = "reference rule";

  private static String key(double factor, String method) {
    return "%.0fx | %s".formatted(factor, method);
  }

  private static String budget(Variant variant, double budget) {
    return "%s, budget %s".formatted(variant.text(), budget);
  }

  private static void print(int seed, String method, DetectionQuality quality) {
    System.out.printf(
        Locale.ROOT,
        "| %d | %s | %d | %.2f | %.2f | %.2f | %.2f |%n",
        seed,
        method,
        quality.alerts(),
        quality.precision(),
        quality.recall(),
        quality.f1(),
        quality.averagePrecision());
  }

  private static Path lake(Path home, long rows, int seed) throws Exception {
    Path input = home.resolve("queries.parquet");
    QueryFile.write(
        QueryGenerator.of(
            new QueryGenerator.Settings(rows, seed, START, Duration.ofDays(DAYS), 50, 0)),
        QueryFile.Format.PARQUET,
        input,
        home.resolve("truth.csv"));
    return lakeOf(home, input.toString());
  }

  /** Files as training reads them. */
  static Path lakeOf(Path home, String input) throws Exception {
    TrainOptions options =
        PipelineArguments.parse(
            new String[] {"--input=" + input, "--registry=" + home.resolve("registry")},
            BackfillCommand.DEFAULTS,
            TrainOptions.class);
    Path lake = Files.createDirectory(home.resolve("lake"));
    Training.collect(options, lake, Instant.now());
    return lake;
  }

  static Contract contract() {
    TrainOptions options =
        PipelineArguments.parse(
            new String[] {"--registry=none"}, BackfillCommand.DEFAULTS, TrainOptions.class);
    return TrainingPipeline.contract(options);
  }

  private static Map<Query, Double> truth(Path file) throws IOException {
    Map<Query, Double> factors = new HashMap<>();
    List<String> lines = Files.readAllLines(file);
    for (String line : lines.subList(1, lines.size())) {
      List<String> values = List.of(line.split(",", -1));
      if (values.get(2).equals("slow_down")) {
        factors.put(
            new Query(Long.parseLong(values.get(0)), Long.parseLong(values.get(1))),
            Double.parseDouble(values.get(3)));
      }
    }
    return factors;
  }

  /**
   * What a model says of the days after its training.
   *
   * @param rows those that could be flagged
   * @param thresholds by {@link #BUDGETS}
   */
  private record Found(
      List<Row> rows, double[] thresholds, long allRows, double seconds, long learned) {}

  private static Found find(Path lake, Variant variant, Map<Query, Double> truth) throws Exception {
    TrainingSettings settings =
        new TrainingSettings(TRAINED_DAYS, TrainingSettings.DEFAULT_MAX_ROWS, BUDGETS[0], 1);
    List<Row> rows = new ArrayList<>();
    long[] all = {0};
    try (BenchmarkModel model =
        BenchmarkModel.train(lake, contract(), variant, TEST_FROM, settings)) {
      ScoringModel scoring = model.scoring();
      Scoring byRule = scoring(model, Policy.Name.REFERENCE);
      RowChoice choice = RowChoice.of(model.detector());
      LakeHistory.of(lake, model.contract())
          .read(
              TEST_FROM.getEpochSecond() / 3_600,
              Long.MAX_VALUE,
              batch -> {
                all[0] += batch.getRowCount();
                add(batch, byRule.score(batch, scoring), choice, truth, rows);
              });
      double[] thresholds = Arrays.stream(BUDGETS).map(model.result()::thresholdAt).toArray();
      return new Found(
          rows,
          thresholds,
          all[0],
          model.seconds(),
          model.result().model().manifest().training().rows());
    }
  }

  private static Scoring scoring(BenchmarkModel model, Policy.Name policy) {
    return Scoring.of(model.detector(), Scoring.Rows.CANDIDATES, policy);
  }

  private static void add(
      VectorSchemaRoot batch,
      Scores scores,
      RowChoice choice,
      Map<Query, Double> truth,
      List<Row> rows) {
    BigIntVector instances = (BigIntVector) batch.getVector("instance_id");
    BigIntVector ids = (BigIntVector) batch.getVector("query_id");
    Set<Integer> candidates = new HashSet<>();
    Arrays.stream(choice.candidates(batch)).forEach(candidates::add);
    for (int i = 0; i < scores.rows().length; i++) {
      int row = scores.rows()[i];
      if (candidates.contains(row)) {
        rows.add(
            new Row(
                truth.getOrDefault(new Query(instances.get(row), ids.get(row)), 1.0),
                scores.actual()[i],
                scores.durationScores()[i],
                scores.forestScores()[i],
                scores.actual()[i]
                    / Math.max(1, Math.max(scores.predicted()[i], scores.predictedP90()[i])),
                scores.reasons()[i] != null));
      }
    }
  }

  private static Map<String, DetectionQuality> table(Map<Variant, Found> found, double factor) {
    Map<String, DetectionQuality> table = new LinkedHashMap<>();
    for (Map.Entry<Variant, Found> entry : found.entrySet()) {
      Found of = entry.getValue();
      List<Row> rows =
          of.rows.stream().filter(row -> row.factor == 1 || row.factor >= factor).toList();
      if (entry.getKey() == Variant.WITH_ENCODINGS) {
        table.put(
            REFERENCE,
            DetectionQuality.of(
                rows.stream()
                    .map(
                        row ->
                            new Judged(
                                row.factor > 1,
                                row.byRule ? row.ratio : Double.NEGATIVE_INFINITY,
                                row.byRule))
                    .toList()));
      }
      for (int i = 0; i < BUDGETS.length; i++) {
        double threshold = of.thresholds[i];
        table.put(
            budget(entry.getKey(), BUDGETS[i]),
            DetectionQuality.of(
                rows.stream()
                    .map(row -> new Judged(row.factor > 1, row.score, row.score > threshold))
                    .toList()));
      }
      if (entry.getKey() == Variant.WITH_ENCODINGS) {
        double threshold = ofSameCount(of);
        table.put(
            "forest, as many alerts",
            DetectionQuality.of(
                rows.stream()
                    .map(row -> new Judged(row.factor > 1, row.forest, row.forest > threshold))
                    .toList()));
      }
    }
    return table;
  }

  /** The forest's score that as many rows exceed as the greater budget's threshold. */
  private static double ofSameCount(Found of) {
    long count =
        of.rows.stream().filter(row -> row.score > of.thresholds[BUDGETS.length - 1]).count();
    double[] scores = of.rows.stream().mapToDouble(Row::forest).sorted().toArray();
    return scores[(int) Math.max(0, scores.length - 1 - count)];
  }
}
