package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.ConstraintChecker;
import io.highwater.record.RecordBatch;
import io.highwater.record.RejectedRecords;
import io.highwater.record.Rejection;
import io.highwater.record.SourcedBatch;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;

/**
 * Checks what the contract declares of its fields: required, ranges, lengths, allowed values.
 * Bounded or unbounded; keeps windows and timestamps. A batch without a bad row passes as it is;
 * bad rows go along as rejected.
 */
public final class ValidateRecords
    extends PTransform<PCollection<SourcedBatch>, PCollection<SourcedBatch>> {
  private final Contract contract;

  private ValidateRecords(Contract contract) {
    this.contract = contract;
  }

  public static ValidateRecords of(Contract contract) {
    return new ValidateRecords(requireNonNull(contract, "contract"));
  }

  @Override
  public PCollection<SourcedBatch> expand(PCollection<SourcedBatch> input) {
    return input
        .apply("Validate", ParDo.of(new ValidateFn(contract)))
        .setCoder(BatchCoders.sourcedBatch());
  }

  private static final class ValidateFn extends ArrowFn<SourcedBatch, SourcedBatch> {
    private final Contract contract;
    private final HighwaterMetrics.BatchCounter rejected =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_REJECTED);
    private transient ConstraintChecker checker;

    ValidateFn(Contract contract) {
      this.contract = contract;
    }

    @Override
    void open(BufferAllocator allocator) {
      checker = ConstraintChecker.of(contract);
    }

    @ProcessElement
    public void process(@Element SourcedBatch batch, OutputReceiver<SourcedBatch> out) {
      try (VectorSchemaRoot rows = batch.records().open(allocator())) {
        List<Rejection> rejections = checker.check(rows);
        if (rejections.isEmpty()) {
          out.output(batch);
          return;
        }
        rejected.inc(rejections.size());
        RecordBatch invalid =
            RejectedRecords.batch(
                contract, "ValidateRecords", batch.raw(), rejections, allocator());
        try (VectorSchemaRoot kept = AcceptedRows.without(rejections, rows, allocator())) {
          out.output(
              batch.without(invalid, RecordBatch.copyOf(contract, kept, contract.eventTime())));
        }
      }
    }
  }
}
