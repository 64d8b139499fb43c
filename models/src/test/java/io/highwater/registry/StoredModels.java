package io.highwater.registry;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.highwater.detect.Calibration;
import io.highwater.detect.FakeModels;
import io.highwater.detect.FeatureRange;
import io.highwater.detect.GroupRanks;
import io.highwater.detect.RowModel;
import io.highwater.features.Encodings;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** Trained models with texts for graphs, and an opener that counts how many are open. */
final class StoredModels {
  static final String ID = FakeModels.CONTRACT.id();

  private StoredModels() {}

  /**
   * A model.
   *
   * @param scale what its mean model multiplies the usual median with
   */
  static TrainedModel model(Encodings encodings, int scale, boolean accepted) {
    return new TrainedModel(
        ("scale " + scale).getBytes(UTF_8),
        ("scale " + 2 * scale).getBytes(UTF_8),
        "oddity".getBytes(UTF_8),
        encodings,
        manifest(accepted));
  }

  static Manifest manifest(boolean accepted) {
    List<FeatureRange> ranges =
        FeatureRange.of(
            FakeModels.FEATURES.names(), FakeModels.FEATURES.definitions(), new float[0]);
    return new Manifest(
        Manifest.FORMAT_VERSION,
        ID,
        FakeModels.CONTRACT.version(),
        "",
        "",
        FakeModels.DETECTOR.target(),
        FakeModels.DETECTOR.subject(),
        new Manifest.Training(
            "2024-03-01T00:00:00Z", "2024-03-14T00:00:00Z", 400_000, "2024-03-12T00:00:00Z", 900),
        ranges,
        FakeModels.DETECTOR.shapeFeatures(),
        FakeModels.FOREST_INPUTS.names(),
        Map.of("rmsle", 0.5, "mape", Double.NaN),
        new Calibration(0.1, Double.POSITIVE_INFINITY, 0.001, 900, 0.86, 0.9),
        new GroupRanks(
            new GroupRanks.Rank(100_000, 5_000),
            Map.of(-7L, new GroupRanks.Rank(1, 2), 5L, new GroupRanks.Rank(3, 4))),
        Map.of(),
        Map.of("events", "abc"),
        Map.of("lightgbm", "4.3.0"),
        new HeldOutMetrics("2024-03-14", 900, 0.2, 0.9),
        new GateDecision(accepted, "because"));
  }

  /** Opens the graphs of {@link #model}, and refuses others. */
  static final class Opener implements GraphOpener {
    final AtomicInteger open = new AtomicInteger();

    @Override
    public RowModel open(byte[] graph, int columns) throws IOException {
      String text = new String(graph, UTF_8);
      FakeModels.RowFunction function;
      if (text.startsWith("scale ")) {
        int scale = Integer.parseInt(text.substring("scale ".length()));
        function = row -> scale * FakeModels.usualMedian(row);
      } else if (text.equals("oddity")) {
        function = FakeModels::oddity;
      } else {
        throw new IOException("the graph is not one of ours:\n" + text);
      }
      RowModel model = FakeModels.of(columns, function);
      open.incrementAndGet();
      return new RowModel() {
        private boolean closed;

        @Override
        public void run(FloatBuffer rows, int rowCount, float[] out) {
          if (closed) {
            throw new IllegalStateException("the model is closed");
          }
          model.run(rows, rowCount, out);
        }

        @Override
        public void close() {
          if (closed) {
            throw new IllegalStateException("the model is closed twice");
          }
          closed = true;
          open.decrementAndGet();
        }
      };
    }
  }
}
