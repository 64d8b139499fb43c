package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.detect.Calibration;
import io.highwater.detect.Durations;
import io.highwater.detect.FeatureRange;
import io.highwater.detect.ForestInputs;
import io.highwater.detect.GroupRanks;
import io.highwater.features.Encodings;
import io.highwater.features.FeatureSet;
import io.highwater.features.Targets;
import io.highwater.onnx.OnnxGraphs;
import io.highwater.record.RecordSchemas;
import io.highwater.registry.GateDecision;
import io.highwater.registry.HeldOutMetrics;
import io.highwater.registry.Manifest;
import io.highwater.registry.ModelRegistry;
import io.highwater.registry.TrainedModel;
import io.highwater.training.IsolationForest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * Models in a registry, with real graphs: isolation forests, so that what is predicted is below 1
 * ms and differs from row to row. A row of more than {@link #OUTLIER_MILLIS} is an outlier.
 */
final class TestModels {
  static final long OUTLIER_MILLIS = 5_000;

  private TestModels() {}

  /**
   * Puts a model into service.
   *
   * @param seed another one gives other predictions
   * @return its version
   */
  static String publish(Path registry, Contract contract, long seed) throws IOException {
    Detector detector = requireNonNull(contract.detector());
    FeatureSet features = FeatureSet.of(contract, detector);
    ForestInputs forestInputs = ForestInputs.of(features, detector.shapeFeatures());
    Manifest manifest =
        new Manifest(
            Manifest.FORMAT_VERSION,
            contract.id(),
            contract.version(),
            "",
            "",
            Targets.definition(detector),
            detector.subject(),
            new Manifest.Training(
                "2024-02-01T00:00:00Z", "2024-02-14T00:00:00Z", 1_000, "2024-02-12T00:00:00Z", 900),
            FeatureRange.of(features.names(), features.definitions(), new float[0]),
            detector.shapeFeatures(),
            forestInputs.names(),
            Map.of(),
            new Calibration(0, Durations.score(OUTLIER_MILLIS, 1, 1), 0.001, 900, 0.9, 0.9),
            new GroupRanks(new GroupRanks.Rank(100_000, 5_000), Map.of()),
            Map.of(),
            Map.of(),
            Map.of(),
            new HeldOutMetrics("2024-02-14", 900, 0.2, 0.9),
            new GateDecision(true, "for a test"));
    return ModelRegistry.of(registry, contract.id())
        .publish(
            new TrainedModel(
                graph(features.columns(), seed),
                graph(features.columns(), seed + 1),
                graph(forestInputs.columns(), seed + 2),
                Encodings.empty(),
                manifest),
            Instant.parse("2024-02-15T00:00:00Z").plusSeconds(seed),
            10);
  }

  private static byte[] graph(int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] rows = new float[300 * columns];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = (float) (10 * random.nextDouble());
    }
    return OnnxGraphs.isolation(IsolationForest.fit(rows, columns, seed));
  }

  /** The columns that a model adds. */
  static List<String> scores() {
    return RecordSchemas.SCORES.stream().map(Field::getName).toList();
  }
}
