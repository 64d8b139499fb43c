package io.highwater.runners;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.contract.Feature;
import io.highwater.detect.ForestInputs;
import io.highwater.detect.RowModel;
import io.highwater.detect.ScoringModel;
import io.highwater.features.FeatureSet;
import io.highwater.onnx.RowModels;
import io.highwater.registry.Manifest;
import io.highwater.registry.TrainedModel;
import io.highwater.trainer.EventHistory;
import io.highwater.trainer.LakeHistory;
import io.highwater.trainer.ModelTrainer;
import io.highwater.trainer.TrainingResult;
import io.highwater.trainer.TrainingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/** A model for a benchmark: of a contract with another detector, of the events before some time. */
final class BenchmarkModel implements AutoCloseable {
  private static final String COMPILE = "compile_duration_ms";

  private final Contract contract;
  private final TrainingResult result;
  private final double seconds;
  private final RowModel mean;
  private final RowModel p90;
  private final RowModel forest;

  /** How the detector differs from the contract's. */
  enum Variant {
    WITH_ENCODINGS("conformal, with encodings") {
      @Override
      Detector of(Detector detector) {
        return detector;
      }
    },
    WITHOUT_ENCODINGS("conformal, without encodings") {
      @Override
      Detector of(Detector detector) {
        return with(
            detector, detector.knownPart(), feature -> feature.column() != null || isTime(feature));
      }
    },
    COMPILE_AS_FEATURE("compile time as a feature") {
      @Override
      Detector of(Detector detector) {
        return with(detector, null, feature -> true);
      }
    },
    WITHOUT_COMPILE("without compile time") {
      @Override
      Detector of(Detector detector) {
        return with(detector, null, feature -> !COMPILE.equals(feature.column()));
      }
    },
    MINUS_COMPILE("execution minus compile time") {
      @Override
      Detector of(Detector detector) {
        return with(detector, COMPILE, feature -> true);
      }
    };

    private final String text;

    Variant(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }

    /** The contract's own, and those that are another one. */
    static List<Variant> others(Contract contract) {
      Detector own = requireNonNull(contract.detector(), "detector");
      return Arrays.stream(values())
          .filter(variant -> variant == WITH_ENCODINGS || !variant.of(own).equals(own))
          .toList();
    }

    abstract Detector of(Detector detector);

    private static boolean isTime(Feature feature) {
      return feature.function() == Feature.Function.HOUR_OF_DAY
          || feature.function() == Feature.Function.DAY_OF_WEEK;
    }

    private static Detector with(
        Detector of, @Nullable String knownPart, Predicate<Feature> features) {
      return new Detector(
          of.target(),
          knownPart,
          of.subject(),
          of.neverScored(),
          of.neverFlagged(),
          of.minimumTarget(),
          of.alertBudget(),
          of.features().stream().filter(features).toList(),
          of.shapeFeatures(),
          of.context());
    }
  }

  private BenchmarkModel(
      Contract contract,
      TrainingResult result,
      double seconds,
      RowModel mean,
      RowModel p90,
      RowModel forest) {
    this.contract = contract;
    this.result = result;
    this.seconds = seconds;
    this.mean = mean;
    this.p90 = p90;
    this.forest = forest;
  }

  /** Trains on a lake's events before {@code until}. */
  static BenchmarkModel train(
      Path lake, Contract builtIn, Variant variant, Instant until, TrainingSettings settings)
      throws Exception {
    Contract contract =
        new Contract(
            builtIn.id(),
            builtIn.version(),
            builtIn.eventTime(),
            builtIn.outOfOrderBound(),
            builtIn.key(),
            builtIn.fields(),
            builtIn.derived(),
            builtIn.rules(),
            builtIn.rollUp(),
            variant.of(requireNonNull(builtIn.detector(), "detector")));
    long endHour = until.getEpochSecond() / 3_600;
    EventHistory all = LakeHistory.of(lake, contract);
    EventHistory before =
        new EventHistory() {
          @Override
          public List<Long> hours() {
            return all.hours().stream().filter(hour -> hour < endHour).toList();
          }

          @Override
          public void read(long fromHour, long toHour, Consumer<VectorSchemaRoot> consumer)
              throws IOException {
            all.read(fromHour, toHour, consumer);
          }
        };
    long started = System.nanoTime();
    TrainingResult result = ModelTrainer.of(contract, settings).train(before, null);
    double seconds = (System.nanoTime() - started) / 1e9;
    TrainedModel model = result.model();
    Manifest manifest = model.manifest();
    return new BenchmarkModel(
        contract,
        result,
        seconds,
        RowModels.open(model.meanGraph(), manifest.features().size()),
        RowModels.open(model.p90Graph(), manifest.features().size()),
        RowModels.open(model.forestGraph(), manifest.forestInputs().size()));
  }

  Contract contract() {
    return contract;
  }

  Detector detector() {
    return requireNonNull(contract.detector(), "detector");
  }

  TrainingResult result() {
    return result;
  }

  double seconds() {
    return seconds;
  }

  /** As it would serve. */
  ScoringModel scoring() {
    Manifest manifest = result.model().manifest();
    FeatureSet features = FeatureSet.of(contract, detector());
    return new ScoringModel(
        "benchmark",
        features,
        ForestInputs.of(features, detector().shapeFeatures()),
        result.model().encodings(),
        mean,
        p90,
        forest,
        manifest.calibration().p90Shift(),
        manifest.calibration().threshold(),
        manifest.ranks(),
        manifest.features());
  }

  @Override
  public void close() {
    mean.close();
    p90.close();
    forest.close();
  }
}
