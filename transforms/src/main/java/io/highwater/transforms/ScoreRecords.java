package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.detect.Scores;
import io.highwater.detect.Scoring;
import io.highwater.onnx.RowModels;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.registry.ServedModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;
import org.jspecify.annotations.Nullable;

/**
 * Adds {@link RecordSchemas#SCORES} to rows, by the model in service, which may change between two
 * bundles. Rows pass unscored while there is none. Bounded or unbounded; keeps windows and
 * timestamps. A row's scores depend on the row and the model alone.
 */
public final class ScoreRecords
    extends PTransform<PCollection<RecordBatch>, PCollection<RecordBatch>> {
  private final Contract contract;
  private final ScoringSettings settings;

  private ScoreRecords(Contract contract, ScoringSettings settings) {
    this.contract = contract;
    this.settings = settings;
  }

  /** Of a contract that has a detector. */
  public static ScoreRecords of(Contract contract, ScoringSettings settings) {
    if (contract.detector() == null) {
      throw new IllegalArgumentException(
          "contract " + contract.id() + " has no detector; expected one to score by");
    }
    return new ScoreRecords(contract, requireNonNull(settings, "settings"));
  }

  @Override
  public PCollection<RecordBatch> expand(PCollection<RecordBatch> classified) {
    return classified
        .apply("Score", ParDo.of(new ScoreFn(contract, settings)))
        .setCoder(BatchCoders.recordBatch());
  }

  private static final class ScoreFn extends ArrowFn<RecordBatch, RecordBatch> {
    private final Contract contract;
    private final ScoringSettings settings;
    private final HighwaterMetrics.BatchCounter scored =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_SCORED);
    private final HighwaterMetrics.BatchCounter outliers =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_OUTLIER);
    private transient Scoring scoring;
    // Shared by the JVM; its ONNX sessions are native memory.
    private transient @Nullable ServedModel served;
    private transient ServedModel.@Nullable Lease lease;

    ScoreFn(Contract contract, ScoringSettings settings) {
      this.contract = contract;
      this.settings = settings;
    }

    @Override
    void open(BufferAllocator allocator) {
      scoring = settings.scoring(contract);
      String registry = settings.registry();
      if (registry != null) {
        served = ServedModel.open(Path.of(registry), contract, RowModels::open);
      }
    }

    @Override
    void release() {
      giveBack();
      if (served != null) {
        served.close();
      }
    }

    private void giveBack() {
      if (lease != null) {
        lease.close();
        lease = null;
      }
    }

    @StartBundle
    public void startBundle() {
      giveBack();
      lease = served == null ? null : served.lease();
    }

    @ProcessElement
    public void process(@Element RecordBatch batch, OutputReceiver<RecordBatch> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        Scores scores =
            lease == null
                ? Scores.none(rows.getRowCount())
                : scoring.score(rows, lease.model().scoring());
        scored.inc(scores.rows().length);
        outliers.inc(scores.outliers().length);
        List<FieldVector> added = scores.toVectors(allocator());
        try {
          List<FieldVector> columns = new ArrayList<>(rows.getFieldVectors());
          columns.addAll(added);
          out.output(
              RecordBatch.copyOf(
                  batch.contractId(),
                  batch.contractVersion(),
                  new VectorSchemaRoot(columns),
                  batch.minEventMillis(),
                  batch.maxEventMillis()));
        } finally {
          added.forEach(FieldVector::close);
        }
      }
    }

    @FinishBundle
    public void finishBundle() {
      giveBack();
    }
  }
}
