package io.highwater.detect;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.features.Encodings;
import io.highwater.features.FeatureSet;
import io.highwater.features.PrequentialEncodings;
import io.highwater.features.RowChoice;
import io.highwater.record.WarehouseRows;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Models that a person can compute. */
public final class FakeModels {
  public static final Contract CONTRACT = WarehouseRows.contract();
  public static final Detector DETECTOR = Objects.requireNonNull(CONTRACT.detector());
  public static final FeatureSet FEATURES = FeatureSet.of(CONTRACT, DETECTOR);
  public static final ForestInputs FOREST_INPUTS =
      ForestInputs.of(FEATURES, DETECTOR.shapeFeatures());

  private FakeModels() {}

  /** What a row's numbers make, by plain Java. */
  @FunctionalInterface
  public interface RowFunction {
    double apply(float[] row);
  }

  public static RowModel of(int columns, RowFunction function) {
    return new RowModel() {
      @Override
      public void run(FloatBuffer rows, int rowCount, float[] out) {
        if (rows.remaining() != rowCount * columns) {
          throw new IllegalArgumentException(
              rows.remaining() + " floats are not " + rowCount + " rows of " + columns);
        }
        float[] row = new float[columns];
        for (int i = 0; i < rowCount; i++) {
          rows.get(rows.position() + i * columns, row);
          out[i] = (float) function.apply(row);
        }
      }

      @Override
      public void close() {}
    };
  }

  /** The usual median, at least 1 ms. */
  public static double usualMedian(float[] row) {
    return Math.max(1, Math.expm1(row[0]));
  }

  /** Twice the usual median. */
  public static double twiceTheUsual(float[] row) {
    return 2 * usualMedian(row);
  }

  /** A number of how many deviations a row is from what is usual. */
  public static double oddity(float[] row) {
    return 1 / (1 + Math.exp(-row[2]));
  }

  public static Encodings encodings(BufferAllocator allocator) {
    PrequentialEncodings encodings = PrequentialEncodings.of(CONTRACT, DETECTOR);
    try (VectorSchemaRoot past = WarehouseRows.sorted(500, 8_000, 1_000, allocator)) {
      encodings.add(past, RowChoice.of(DETECTOR).trainable(past), (batch, rows, earlier) -> {});
    }
    return encodings.build();
  }

  public static ScoringModel model(Encodings encodings, double shift, double threshold) {
    int columns = FEATURES.columns();
    return new ScoringModel(
        "v1",
        FEATURES,
        FOREST_INPUTS,
        encodings,
        of(columns, FakeModels::usualMedian),
        of(columns, FakeModels::twiceTheUsual),
        of(FOREST_INPUTS.columns(), FakeModels::oddity),
        shift,
        threshold,
        new GroupRanks(new GroupRanks.Rank(100_000, 5_000), Map.of()),
        List.of());
  }
}
