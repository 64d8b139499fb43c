package io.highwater.trainer;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.contract.Feature;
import io.highwater.contract.Field;
import io.highwater.detect.Calibration;
import io.highwater.detect.FeatureRange;
import io.highwater.detect.ForestInputs;
import io.highwater.detect.GroupRanks;
import io.highwater.detect.RowModel;
import io.highwater.detect.ScoringModel;
import io.highwater.features.FeatureSet;
import io.highwater.features.Targets;
import io.highwater.onnx.OnnxGraphs;
import io.highwater.onnx.RowModels;
import io.highwater.registry.GateDecision;
import io.highwater.registry.HeldOutMetrics;
import io.highwater.registry.LoadedModel;
import io.highwater.registry.Manifest;
import io.highwater.registry.TrainedModel;
import io.highwater.trainer.Predictor.Predictions;
import io.highwater.trainer.TrainingResult.Part;
import io.highwater.training.DurationTrainer;
import io.highwater.training.IsolationForest;
import io.highwater.training.Objective;
import io.highwater.training.TrainedTrees;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Learns from a history of events and makes a model of it: {@link TrainingSplit} says what serves
 * for what. The same events give the same model, however they are cut into batches. Memory is that
 * of the sampled rows and of what is usual for a million subjects.
 */
public final class ModelTrainer {
  private static final Logger LOG = LoggerFactory.getLogger(ModelTrainer.class);

  private final Contract contract;
  private final Detector detector;
  private final TrainingSettings settings;
  private final FeatureSet features;
  private final ConfirmedOutliers confirmed;

  private ModelTrainer(
      Contract contract,
      Detector detector,
      TrainingSettings settings,
      ConfirmedOutliers confirmed) {
    this.contract = contract;
    this.detector = detector;
    this.settings = settings;
    this.features = FeatureSet.of(contract, detector);
    this.confirmed = confirmed;
  }

  /** For a contract that declares a detector. */
  public static ModelTrainer of(Contract contract, TrainingSettings settings) {
    Detector detector = contract.detector();
    if (detector == null) {
      throw new IllegalArgumentException(
          "contract " + contract.id() + " has no detector; expected one to learn for");
    }
    return new ModelTrainer(contract, detector, settings, ConfirmedOutliers.none());
  }

  /** Learns nothing from outliers that people have confirmed. */
  public ModelTrainer without(ConfirmedOutliers newConfirmed) {
    return new ModelTrainer(contract, detector, settings, newConfirmed);
  }

  /**
   * Trains.
   *
   * @param champion the model in service, to be held against the new one; null for none
   * @throws TrainingRefusedException where there is not enough to learn from
   */
  public TrainingResult train(EventHistory history, @Nullable LoadedModel champion)
      throws IOException, TrainingRefusedException {
    TrainingSplit split = TrainingSplit.of(history.hours(), settings.windowDays());
    TrainingRows rows =
        new TrainingRowsReader(contract, detector, features, settings, confirmed)
            .read(history, split, champion);
    LOG.info(
        "{} rows to learn from, {} for early stopping, {} for calibration, {} of the newest day",
        rows.learned().count(),
        rows.stop().count(),
        rows.calibration().count(),
        rows.newest().count());
    if (confirmed.count() > 0) {
      LOG.info("Left out where they occur: {} outliers that people confirmed", confirmed.count());
    }
    DurationModels trees =
        DurationModels.of(trees(rows, Objective.MEAN), trees(rows, Objective.QUANTILE_90));
    try (RowModel mean = RowModels.open(trees.meanGraph, features.columns());
        RowModel p90 = RowModels.open(trees.p90Graph, features.columns())) {
      return judge(history, split, champion, rows, trees, mean, p90);
    }
  }

  /** Both models, as they were trained and as they serve. */
  private record DurationModels(
      TrainedTrees mean, TrainedTrees p90, byte[] meanGraph, byte[] p90Graph) {
    static DurationModels of(TrainedTrees mean, TrainedTrees p90) {
      return new DurationModels(
          mean, p90, OnnxGraphs.duration(mean.ensemble()), OnnxGraphs.duration(p90.ensemble()));
    }
  }

  private TrainedTrees trees(TrainingRows rows, Objective objective) {
    long started = System.nanoTime();
    TrainedTrees trees =
        new DurationTrainer()
            .train(
                rows.learned().features(),
                rows.learned().targets(),
                features.columns(),
                rows.stop().features(),
                rows.stop().targets(),
                objective);
    LOG.info(
        "{}: {} trees in {} s",
        objective,
        trees.bestIteration(),
        Math.round((System.nanoTime() - started) / 1e8) / 10.0);
    return trees;
  }

  private TrainingResult judge(
      EventHistory history,
      TrainingSplit split,
      @Nullable LoadedModel champion,
      TrainingRows rows,
      DurationModels trees,
      RowModel mean,
      RowModel p90)
      throws IOException {
    Predictions uncalibrated = Predictor.predict(mean, p90, rows.calibration());
    TrainingResult.HeldOut held =
        new TrainingResult.HeldOut(
            rows.calibration(), uncalibrated.mean(), uncalibrated.p90(), detector.minimumTarget());
    Calibration calibration = held.calibrate(settings.alertBudget());
    double shift = calibration.p90Shift();
    Predictions uncalibratedNewest = Predictor.predict(mean, p90, rows.newest());
    Part learned =
        new Part(
            "learning",
            rows.learned(),
            Predictor.predict(mean, p90, rows.learned()).calibrated(shift));
    Part stop =
        new Part(
            "early stopping",
            rows.stop(),
            Predictor.predict(mean, p90, rows.stop()).calibrated(shift));
    Part calibrated = new Part("calibration", rows.calibration(), uncalibrated.calibrated(shift));
    Part newest = new Part("newest", rows.newest(), uncalibratedNewest.calibrated(shift));
    ForestInputs forestInputs = ForestInputs.of(features, detector.shapeFeatures());
    byte[] forestGraph = OnnxGraphs.isolation(forest(forestInputs, calibrated));
    try (RowModel forest = RowModels.open(forestGraph, forestInputs.columns())) {
      ScoringModel model =
          new ScoringModel(
              "challenger",
              features,
              forestInputs,
              rows.beforeNewest(),
              mean,
              p90,
              forest,
              shift,
              calibration.threshold(),
              ranks(List.of(learned, stop, calibrated)),
              FeatureRange.of(features.names(), features.definitions(), rows.learned().features()));
      NewestOutliers outliers = new NewestOutliers(contract, detector);
      history.read(split.newestFrom(), split.to(), batch -> outliers.add(batch, model));
      double[] uncalibratedP90 = uncalibratedNewest.totalP90(rows.newest());
      HeldOutMetrics heldOut = metrics(split, newest);
      GateDecision gate = GateDecision.of(heldOut, championMetrics(split, rows, champion));
      LOG.info("Gate: {}", gate.reason());
      Manifest manifest =
          manifest(
              split,
              rows,
              model,
              calibration,
              metrics(trees, newest, uncalibratedP90, outliers.share()),
              heldOut,
              gate);
      return new TrainingResult(
          new TrainedModel(trees.meanGraph, trees.p90Graph, forestGraph, rows.served(), manifest),
          outliers.share(),
          outliers.rows(),
          held,
          new TrainingResult.ReportData(
              split,
              features.names(),
              categories(),
              categoryColumn(),
              trees.mean.gain(),
              trees.p90.gain(),
              List.of(stop, calibrated, newest),
              uncalibratedP90,
              Predictor.run(
                  forest, Predictor.forestInputs(forestInputs, newest), forestInputs.columns()),
              rawForest(rows),
              outliers.findings()));
    }
  }

  /** Of rows that the trees have not seen, as all are that it will score. */
  private IsolationForest forest(ForestInputs inputs, Part part) {
    return IsolationForest.fit(
        Predictor.forestInputs(inputs, part), inputs.columns(), settings.seed());
  }

  /** By all rows but those of the newest day. */
  private static GroupRanks ranks(List<Part> parts) {
    int count = parts.stream().mapToInt(part -> part.rows().count()).sum();
    long[] groups = new long[count];
    double[] actual = new double[count];
    double[] expected = new double[count];
    int at = 0;
    for (Part part : parts) {
      SampledRows rows = part.rows();
      System.arraycopy(rows.subjects().groups(), 0, groups, at, rows.count());
      System.arraycopy(rows.actual(), 0, actual, at, rows.count());
      System.arraycopy(part.predictions().expected(rows), 0, expected, at, rows.count());
      at += rows.count();
    }
    return GroupRanks.of(groups, actual, expected);
  }

  private static @Nullable HeldOutMetrics championMetrics(
      TrainingSplit split, TrainingRows rows, @Nullable LoadedModel champion) {
    SampledRows newest = rows.championNewest();
    return champion == null || newest == null
        ? null
        : metrics(split, new Part("newest", newest, Predictor.predict(champion.scoring(), newest)));
  }

  private static HeldOutMetrics metrics(TrainingSplit split, Part newest) {
    return HeldOutMetrics.of(
        TrainingSplit.date(split.newestFrom()).toString(),
        newest.rows().actual(),
        newest.predictions().totalP90(newest.rows()));
  }

  private static Map<String, Double> metrics(
      DurationModels trees, Part newest, double[] uncalibratedP90, double alertShare) {
    SampledRows rows = newest.rows();
    double[] mean = newest.predictions().totalMean(rows);
    return new TreeMap<>(
        Map.of(
            "mean_trees", (double) trees.mean.bestIteration(),
            "p90_trees", (double) trees.p90.bestIteration(),
            "newest_rmsle", Errors.rootMeanSquaredLogError(rows.actual(), mean),
            "newest_median_absolute_percentage_error",
                Errors.medianAbsolutePercentageError(rows.actual(), mean),
            "newest_coverage_before_calibration", Errors.coverage(rows.actual(), uncalibratedP90),
            "newest_coverage_after_calibration",
                Errors.coverage(rows.actual(), newest.predictions().totalP90(rows)),
            "newest_alert_share", alertShare));
  }

  private Manifest manifest(
      TrainingSplit split,
      TrainingRows rows,
      ScoringModel model,
      Calibration calibration,
      Map<String, Double> metrics,
      HeldOutMetrics heldOut,
      GateDecision gate) {
    return new Manifest(
        Manifest.FORMAT_VERSION,
        contract.id(),
        contract.version(),
        "",
        "",
        Targets.definition(detector),
        detector.subject(),
        new Manifest.Training(
            rows.first().toString(),
            rows.last().toString(),
            rows.learned().count(),
            Instant.EPOCH.plus(split.calibrateFrom(), ChronoUnit.HOURS).toString(),
            rows.calibration().count()),
        model.ranges(),
        detector.shapeFeatures(),
        model.forestInputs().names(),
        metrics,
        calibration,
        model.ranks(),
        Map.of(),
        Map.of(
            "learned", rows.learned().digest(),
            "early_stopping", rows.stop().digest(),
            "calibration", rows.calibration().digest(),
            "newest", rows.newest().digest()),
        ToolVersions.all(),
        heldOut,
        gate);
  }

  /** A forest of the features alone, which the report shows beside ours. */
  private double[] rawForest(TrainingRows rows) {
    IsolationForest forest =
        IsolationForest.fit(rows.calibration().features(), features.columns(), settings.seed());
    double[] scores = new double[rows.newest().count()];
    for (int row = 0; row < scores.length; row++) {
      scores[row] = forest.score(rows.newest().features(), row * features.columns());
    }
    return scores;
  }

  private int categoryColumn() {
    for (int column = 0; column < detector.features().size(); column++) {
      if (detector.features().get(column).function() == Feature.Function.CATEGORY) {
        return column;
      }
    }
    return -1;
  }

  private List<String> categories() {
    int column = categoryColumn();
    return column < 0
        ? List.of()
        : contract.fields().stream()
            .filter(field -> field.name().equals(detector.features().get(column).column()))
            .map(Field::allowedValues)
            .findFirst()
            .orElse(List.of());
  }
}
