package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.detect.Explainer;
import io.highwater.detect.OutlierRows;
import io.highwater.detect.Scores;
import io.highwater.detect.Scoring;
import io.highwater.onnx.RowModels;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.record.RowSelection;
import io.highwater.registry.ServedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;

/**
 * Rows of the outliers table: of scored events those that are outliers, each with what is usual for
 * its like and a sentence that says so, by the version of the model that scored it. Bounded or
 * unbounded; keeps windows and timestamps. Few rows are outliers, so that finding them is nearly
 * all of the work.
 */
public final class ExplainOutliers
    extends PTransform<PCollection<RecordBatch>, PCollection<RecordBatch>> {
  private final Contract contract;
  private final ScoringSettings settings;

  private ExplainOutliers(Contract contract, ScoringSettings settings) {
    this.contract = contract;
    this.settings = settings;
  }

  /**
   * @param settings those that the events were scored with, with a registry
   */
  public static ExplainOutliers of(Contract contract, ScoringSettings settings) {
    requireNonNull(settings.registry(), "registry");
    return new ExplainOutliers(requireNonNull(contract, "contract"), settings);
  }

  @Override
  public PCollection<RecordBatch> expand(PCollection<RecordBatch> events) {
    return events
        .apply("Explain", ParDo.of(new ExplainFn(contract, settings)))
        .setCoder(BatchCoders.recordBatch());
  }

  private static final class ExplainFn extends ArrowFn<RecordBatch, RecordBatch> {
    private final Contract contract;
    private final ScoringSettings settings;
    private transient Scoring scoring;
    private transient Explainer explainer;
    // Shared by the JVM; its ONNX sessions are native memory.
    private transient ServedModel served;

    ExplainFn(Contract contract, ScoringSettings settings) {
      this.contract = contract;
      this.settings = settings;
    }

    @Override
    void open(BufferAllocator allocator) {
      scoring = settings.scoring(contract);
      explainer = Explainer.of(requireNonNull(contract.detector()));
      served =
          ServedModel.open(Path.of(requireNonNull(settings.registry())), contract, RowModels::open);
    }

    @Override
    void release() {
      served.close();
    }

    @ProcessElement
    public void process(@Element RecordBatch batch, OutputReceiver<RecordBatch> out)
        throws IOException {
      try (VectorSchemaRoot events = batch.open(allocator())) {
        for (Map.Entry<String, IntStream.Builder> outliers : outliersByVersion(events).entrySet()) {
          int[] rows = outliers.getValue().build().toArray();
          try (VectorSchemaRoot taken = RowSelection.take(events, rows, rows.length, allocator());
              ServedModel.Lease lease = served.lease(outliers.getKey())) {
            Scores scores = scoring.score(taken, lease.model().scoring());
            try (VectorSchemaRoot explained =
                OutlierRows.of(
                    contract,
                    taken,
                    explainer.explain(taken, scores, lease.model().scoring()),
                    allocator())) {
              out.output(RecordBatch.copyOf(contract, explained, contract.eventTime()));
            }
          }
        }
      }
    }

    private static Map<String, IntStream.Builder> outliersByVersion(VectorSchemaRoot events) {
      BitVector isOutlier = (BitVector) events.getVector(RecordSchemas.IS_OUTLIER);
      VarCharVector versions = (VarCharVector) events.getVector(RecordSchemas.MODEL_VERSION);
      Map<String, IntStream.Builder> byVersion = new TreeMap<>();
      for (int row = 0; row < events.getRowCount(); row++) {
        if (!isOutlier.isNull(row) && isOutlier.get(row) == 1) {
          String version = new String(versions.get(row), StandardCharsets.UTF_8);
          byVersion.computeIfAbsent(version, unused -> IntStream.builder()).add(row);
        }
      }
      return byVersion;
    }
  }
}
