package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.record.RejectedRecords;
import io.highwater.record.SourcedBatch;
import io.highwater.sql.RowSql;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TupleTagList;

/**
 * Runs the contract's SQL, one SELECT a batch: adds the derived columns and rejects rows that break
 * a row rule. Bounded or unbounded; keeps windows and timestamps. The rows that come out have
 * passed every check and leave their raw messages behind; what failed here and before comes out
 * beside them.
 */
public final class ClassifyRecords extends PTransform<PCollection<SourcedBatch>, PCollectionTuple> {
  /** Batches of {@link RecordSchemas#classified}. */
  public static final TupleTag<RecordBatch> CLASSIFIED = new TupleTag<>("classified") {};

  /** Batches of {@link RejectedRecords}, of all checks. */
  public static final TupleTag<RecordBatch> REJECTED = new TupleTag<>("rejected") {};

  private final Contract contract;

  private ClassifyRecords(Contract contract) {
    this.contract = contract;
  }

  public static ClassifyRecords of(Contract contract) {
    return new ClassifyRecords(requireNonNull(contract, "contract"));
  }

  @Override
  public PCollectionTuple expand(PCollection<SourcedBatch> input) {
    PCollectionTuple outputs =
        input.apply(
            "Classify",
            ParDo.of(new ClassifyFn(contract))
                .withOutputTags(CLASSIFIED, TupleTagList.of(REJECTED)));
    outputs.get(CLASSIFIED).setCoder(BatchCoders.recordBatch());
    outputs.get(REJECTED).setCoder(BatchCoders.recordBatch());
    return outputs;
  }

  private static final class ClassifyFn extends ArrowFn<SourcedBatch, RecordBatch> {
    private final Contract contract;
    private final HighwaterMetrics.BatchCounter accepted =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_ACCEPTED);
    private final HighwaterMetrics.BatchCounter rejected =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_REJECTED);
    // An in-memory DuckDB, PER_INSTANCE.
    private transient RowSql sql;

    ClassifyFn(Contract contract) {
      this.contract = contract;
    }

    @Override
    void open(BufferAllocator allocator) {
      sql = RowSql.of(contract, allocator);
    }

    @Override
    void release() {
      sql.close();
    }

    @ProcessElement
    public void process(@Element SourcedBatch batch, MultiOutputReceiver out) {
      batch.rejected().forEach(out.get(REJECTED)::output);
      if (batch.records().rowCount() == 0) {
        return;
      }
      try (VectorSchemaRoot parsed = batch.records().open(allocator())) {
        RowSql.Result result = sql.apply(parsed);
        try (VectorSchemaRoot derived = result.derived()) {
          VectorSchemaRoot rows = beside(parsed, derived);
          if (result.rejections().isEmpty()) {
            emit(rows, out);
            return;
          }
          rejected.inc(result.rejections().size());
          out.get(REJECTED)
              .output(
                  RejectedRecords.batch(
                      contract, "ClassifyRecords", batch.raw(), result.rejections(), allocator()));
          try (VectorSchemaRoot kept =
              AcceptedRows.without(result.rejections(), rows, allocator())) {
            emit(kept, out);
          }
        }
      }
    }

    /** Both roots' columns in one, as a view: the vectors stay with the roots that own them. */
    private static VectorSchemaRoot beside(VectorSchemaRoot parsed, VectorSchemaRoot derived) {
      List<FieldVector> vectors = new ArrayList<>(parsed.getFieldVectors());
      vectors.addAll(derived.getFieldVectors());
      return new VectorSchemaRoot(vectors);
    }

    private void emit(VectorSchemaRoot rows, MultiOutputReceiver out) {
      if (rows.getRowCount() == 0) {
        return;
      }
      List<FieldVector> columns = new ArrayList<>(rows.getFieldVectors());
      columns.removeIf(column -> column.getName().equals(RecordSchemas.RAW_ROW));
      accepted.inc(rows.getRowCount());
      out.get(CLASSIFIED)
          .output(
              RecordBatch.copyOf(contract, new VectorSchemaRoot(columns), contract.eventTime()));
    }
  }
}
