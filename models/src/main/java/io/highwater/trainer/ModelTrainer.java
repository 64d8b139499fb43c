package io.highwater.trainer;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.contract.Feature;
import io.highwater.contract.Field;
import io.highwater.detect.Calibration;
import io.highwater.detect.FeatureRange;
import io.highwater.detect.ForestInputs;
import io.highwater.detect.GroupRanks;
import io.highwater.detect.ScoringModel;
import io.highwater.features.Encodings;
import io.highwater.features.FeatureSet;
import io.highwater.features.PrequentialEncodings;
import io.highwater.features.RowChoice;
import io.highwater.features.Targets;
import io.highwater.onnx.OnnxGraphs;
import io.highwater.onnx.OnnxModel;
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
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
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

  /** Of rows that can be learned from: fewer make no trees, or no calibration. */
  private static final int MIN_LEARNED_ROWS = 100;

  private static final int MIN_HELD_OUT_ROWS = 20;

  private final Contract contract;
  private final Detector detector;
  private final TrainingSettings settings;
  private final FeatureSet features;
  private final RowChoice choice;

  private ModelTrainer(Contract contract, Detector detector, TrainingSettings settings) {
    this.contract = contract;
    this.detector = detector;
    this.settings = settings;
    this.features = FeatureSet.of(contract, detector);
    this.choice = RowChoice.of(detector);
  }

  /** For a contract that declares a detector. */
  public static ModelTrainer of(Contract contract, TrainingSettings settings) {
    Detector detector = contract.detector();
    if (detector == null) {
      throw new IllegalArgumentException(
          "contract " + contract.id() + " has no detector; expected one to learn for");
    }
    return new ModelTrainer(contract, detector, settings);
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
    Collected rows = collect(history, split, champion);
    LOG.info(
        "{} rows to learn from, {} for early stopping, {} for calibration, {} of the newest day",
        rows.learned.count(),
        rows.stop.count(),
        rows.calibration.count(),
        rows.newest.count());
    DurationModels trees =
        DurationModels.of(trees(rows, Objective.MEAN), trees(rows, Objective.QUANTILE_90));
    try (OnnxModel mean = OnnxModel.open(trees.meanGraph, features.columns());
        OnnxModel p90 = OnnxModel.open(trees.p90Graph, features.columns())) {
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

  /**
   * What was read.
   *
   * @param beforeNewest what was usual before the newest day
   * @param served what is usual by all rows, which the model serves with
   * @param championNewest the newest rows as the champion sees them
   */
  private record Collected(
      SampledRows learned,
      SampledRows stop,
      SampledRows calibration,
      SampledRows newest,
      @Nullable SampledRows championNewest,
      Encodings beforeNewest,
      Encodings served,
      Instant first,
      Instant last) {}

  private Collected collect(
      EventHistory history, TrainingSplit split, @Nullable LoadedModel champion)
      throws IOException, TrainingRefusedException {
    PrequentialEncodings encodings = PrequentialEncodings.of(contract, detector);
    TimeSpan span = new TimeSpan(contract.eventTime());
    LOG.info("Reading from {} on", TrainingSplit.date(split.from()));
    history.read(
        split.from(),
        split.learnFrom(),
        batch -> {
          span.add(batch);
          encodings.add(batch, choice.trainable(batch), (rows, of, earlier) -> {});
        });
    RowSample learned = sample(features, settings.maxRows());
    read(history, split.learnFrom(), split.stopFrom(), encodings, span, learned);
    RowSample stop = sample(features, Math.max(RowSample.MIN_CAPACITY, settings.maxRows() / 4));
    read(history, split.stopFrom(), split.calibrateFrom(), encodings, span, stop);
    RowSample calibration = sample(features, settings.maxRows());
    read(history, split.calibrateFrom(), split.newestFrom(), encodings, span, calibration);

    RowSample newest = sample(features, settings.maxRows());
    RowSample championNewest =
        champion == null ? null : sample(champion.scoring().features(), settings.maxRows());
    boolean championSawIt = champion != null && saw(champion, split);
    Encodings[] before = {Encodings.empty()};
    history.read(
        split.newestFrom(),
        split.to(),
        batch -> {
          span.add(batch);
          newest.count(batch);
          encodings.add(
              batch,
              choice.trainable(batch),
              (rows, of, earlier) -> {
                before[0] = earlier;
                newest.add(rows, of, earlier);
                if (champion != null && championNewest != null) {
                  championNewest.add(
                      rows, of, championSawIt ? earlier : champion.scoring().encodings());
                }
              });
        });
    return new Collected(
        enough("learn from", learned, MIN_LEARNED_ROWS, split.learnFrom(), split.stopFrom()),
        enough("stop by", stop, MIN_HELD_OUT_ROWS, split.stopFrom(), split.calibrateFrom()),
        enough(
            "calibrate by",
            calibration,
            MIN_HELD_OUT_ROWS,
            split.calibrateFrom(),
            split.newestFrom()),
        enough("judge by", newest, MIN_HELD_OUT_ROWS, split.newestFrom(), split.to()),
        championNewest == null ? null : championNewest.toRows(),
        before[0],
        encodings.build(),
        span.first(),
        span.last());
  }

  private RowSample sample(FeatureSet of, int maxRows) {
    return new RowSample(contract, detector, of, maxRows, settings.seed());
  }

  private void read(
      EventHistory history,
      long fromHour,
      long toHour,
      PrequentialEncodings encodings,
      TimeSpan span,
      RowSample sample)
      throws IOException {
    history.read(
        fromHour,
        toHour,
        batch -> {
          span.add(batch);
          sample.count(batch);
          encodings.add(batch, choice.trainable(batch), sample::add);
        });
  }

  /** A champion that was trained on the newest day is to know no more of it than the challenger. */
  private static boolean saw(LoadedModel champion, TrainingSplit split) {
    return !Instant.parse(champion.manifest().training().to())
        .isBefore(Instant.EPOCH.plus(split.newestFrom(), ChronoUnit.HOURS));
  }

  private static SampledRows enough(
      String what, RowSample sample, int minimum, long fromHour, long toHour)
      throws TrainingRefusedException {
    SampledRows rows = sample.toRows();
    if (rows.count() < minimum) {
      throw new TrainingRefusedException(
          "there are %d rows to %s, from %s to %s; expected %d at least"
              .formatted(
                  rows.count(),
                  what,
                  Instant.EPOCH.plus(fromHour, ChronoUnit.HOURS),
                  Instant.EPOCH.plus(toHour, ChronoUnit.HOURS),
                  minimum));
    }
    return rows;
  }

  private TrainedTrees trees(Collected rows, Objective objective) {
    long started = System.nanoTime();
    TrainedTrees trees =
        new DurationTrainer()
            .train(
                rows.learned.features(),
                rows.learned.targets(),
                features.columns(),
                rows.stop.features(),
                rows.stop.targets(),
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
      Collected rows,
      DurationModels trees,
      OnnxModel mean,
      OnnxModel p90)
      throws IOException {
    TrainingResult.HeldOut held =
        new TrainingResult.HeldOut(
            rows.calibration,
            Predictor.run(mean, rows.calibration.features(), features.columns()),
            Predictor.run(p90, rows.calibration.features(), features.columns()),
            detector.minimumTarget());
    Calibration calibration = held.calibrate(settings.alertBudget());
    Predictions calibrated =
        new Predictions(held.mean(), Predictor.calibrated(held.p90(), calibration.p90Shift()));
    ForestInputs forestInputs = ForestInputs.of(features, detector.shapeFeatures());
    byte[] forestGraph = OnnxGraphs.isolation(forest(forestInputs, rows.calibration, calibrated));
    try (OnnxModel forest = OnnxModel.open(forestGraph, forestInputs.columns())) {
      ScoringModel model =
          new ScoringModel(
              "challenger",
              features,
              forestInputs,
              rows.beforeNewest,
              mean,
              p90,
              forest,
              calibration.p90Shift(),
              calibration.threshold(),
              ranks(rows, mean, p90, calibration.p90Shift()),
              FeatureRange.of(features.names(), features.definitions(), rows.learned.features()));
      NewestOutliers outliers = new NewestOutliers(contract, detector);
      history.read(split.newestFrom(), split.to(), batch -> outliers.add(batch, model));
      Predictions newest = Predictor.predict(model, rows.newest);
      double[] uncalibrated =
          Predictor.sum(
              Predictor.run(p90, rows.newest.features(), features.columns()), rows.newest.known());
      HeldOutMetrics heldOut = metrics(split, rows.newest, newest);
      GateDecision gate = GateDecision.of(heldOut, championMetrics(split, rows, champion));
      LOG.info("Gate: {}", gate.reason());
      Manifest manifest =
          manifest(
              split,
              rows,
              model,
              calibration,
              metrics(trees, rows.newest, newest, uncalibrated, outliers.share()),
              heldOut,
              gate);
      return new TrainingResult(
          new TrainedModel(trees.meanGraph, trees.p90Graph, forestGraph, rows.served, manifest),
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
              List.of(
                  new Part("early stopping", rows.stop, Predictor.predict(model, rows.stop)),
                  new Part("calibration", rows.calibration, calibrated),
                  new Part("newest", rows.newest, newest)),
              uncalibrated,
              Predictor.run(
                  forest,
                  Predictor.forestInputs(forestInputs, rows.newest, newest),
                  forestInputs.columns()),
              rawForest(rows),
              outliers.findings()));
    }
  }

  /** Of rows that the trees have not seen, as all are that it will score. */
  private IsolationForest forest(ForestInputs inputs, SampledRows rows, Predictions predictions) {
    return IsolationForest.fit(
        Predictor.forestInputs(inputs, rows, predictions), inputs.columns(), settings.seed());
  }

  /** By all rows but those of the newest day. */
  private static GroupRanks ranks(Collected rows, OnnxModel mean, OnnxModel p90, double shift) {
    List<SampledRows> parts = List.of(rows.learned, rows.stop, rows.calibration);
    int count = parts.stream().mapToInt(SampledRows::count).sum();
    long[] groups = new long[count];
    double[] actual = new double[count];
    double[] expected = new double[count];
    int at = 0;
    for (SampledRows part : parts) {
      Predictions predictions =
          new Predictions(
              Predictor.run(mean, part.features(), part.columns()),
              Predictor.calibrated(Predictor.run(p90, part.features(), part.columns()), shift));
      System.arraycopy(part.subjects().groups(), 0, groups, at, part.count());
      System.arraycopy(part.actual(), 0, actual, at, part.count());
      System.arraycopy(predictions.expected(part), 0, expected, at, part.count());
      at += part.count();
    }
    return GroupRanks.of(groups, actual, expected);
  }

  private static @Nullable HeldOutMetrics championMetrics(
      TrainingSplit split, Collected rows, @Nullable LoadedModel champion) {
    return champion == null || rows.championNewest == null
        ? null
        : metrics(
            split, rows.championNewest, Predictor.predict(champion.scoring(), rows.championNewest));
  }

  private static HeldOutMetrics metrics(
      TrainingSplit split, SampledRows rows, Predictions predictions) {
    return HeldOutMetrics.of(
        TrainingSplit.date(split.newestFrom()).toString(),
        rows.actual(),
        predictions.totalP90(rows));
  }

  private static Map<String, Double> metrics(
      DurationModels trees,
      SampledRows rows,
      Predictions predictions,
      double[] uncalibratedP90,
      double alertShare) {
    double[] mean = predictions.totalMean(rows);
    return new TreeMap<>(
        Map.of(
            "mean_trees", (double) trees.mean.bestIteration(),
            "p90_trees", (double) trees.p90.bestIteration(),
            "newest_rmsle", Errors.rootMeanSquaredLogError(rows.actual(), mean),
            "newest_median_absolute_percentage_error",
                Errors.medianAbsolutePercentageError(rows.actual(), mean),
            "newest_coverage_before_calibration", Errors.coverage(rows.actual(), uncalibratedP90),
            "newest_coverage_after_calibration",
                Errors.coverage(rows.actual(), predictions.totalP90(rows)),
            "newest_alert_share", alertShare));
  }

  private Manifest manifest(
      TrainingSplit split,
      Collected rows,
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
            rows.first.toString(),
            rows.last.toString(),
            rows.learned.count(),
            Instant.EPOCH.plus(split.calibrateFrom(), ChronoUnit.HOURS).toString(),
            rows.calibration.count()),
        model.ranges(),
        detector.shapeFeatures(),
        model.forestInputs().names(),
        metrics,
        calibration,
        model.ranks(),
        Map.of(),
        Map.of(
            "learned", rows.learned.digest(),
            "early_stopping", rows.stop.digest(),
            "calibration", rows.calibration.digest(),
            "newest", rows.newest.digest()),
        ToolVersions.all(),
        heldOut,
        gate);
  }

  /** A forest of the features alone, which the report shows beside ours. */
  private double[] rawForest(Collected rows) {
    IsolationForest forest =
        IsolationForest.fit(rows.calibration.features(), features.columns(), settings.seed());
    double[] scores = new double[rows.newest.count()];
    for (int row = 0; row < scores.length; row++) {
      scores[row] = forest.score(rows.newest.features(), row * features.columns());
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

  /** From the first to the last event time. */
  private static final class TimeSpan {
    private final String eventTime;
    private long first = Long.MAX_VALUE;
    private long last = Long.MIN_VALUE;

    TimeSpan(String eventTime) {
      this.eventTime = eventTime;
    }

    void add(VectorSchemaRoot batch) {
      TimeStampMicroVector times = (TimeStampMicroVector) batch.getVector(eventTime);
      for (int row = 0; row < batch.getRowCount(); row++) {
        first = Math.min(first, times.get(row));
        last = Math.max(last, times.get(row));
      }
    }

    Instant first() {
      return Instant.EPOCH.plus(first, ChronoUnit.MICROS);
    }

    Instant last() {
      return Instant.EPOCH.plus(last, ChronoUnit.MICROS);
    }
  }
}
