package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.SourcedBatch;
import java.time.Duration;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;

/**
 * What happens to records, whether they come from a stream or from history: the body that both
 * pipelines share. Input bounded or unbounded, in the global window; so are the outputs.
 */
public final class ProcessRecords extends PTransform<PCollection<RawBatch>, PCollectionTuple> {
  /** Accepted rows with their derived columns. */
  public static final TupleTag<RecordBatch> EVENTS = new TupleTag<>("events") {};

  public static final TupleTag<RecordBatch> ROLLUPS = new TupleTag<>("rollups") {};

  /** Every row that failed a check, with its reason and its original bytes. */
  public static final TupleTag<RecordBatch> REJECTED = new TupleTag<>("rejected") {};

  private final Contract contract;
  private final long runId;
  private final Duration allowedLateness;

  private ProcessRecords(Contract contract, long runId, Duration allowedLateness) {
    this.contract = contract;
    this.runId = runId;
    this.allowedLateness = allowedLateness;
  }

  /**
   * @param runId grows from run to run: of two runs' rows for one window, the greater one's counts
   */
  public static ProcessRecords of(Contract contract, long runId) {
    return new ProcessRecords(requireNonNull(contract, "contract"), runId, Duration.ofMinutes(10));
  }

  /** How long after its end a window still takes rows; default 10 minutes of event time. */
  public ProcessRecords withAllowedLateness(Duration lateness) {
    if (lateness.isNegative()) {
      throw new IllegalArgumentException("lateness is " + lateness + "; expected zero or more");
    }
    return new ProcessRecords(contract, runId, lateness);
  }

  @Override
  public PCollectionTuple expand(PCollection<RawBatch> messages) {
    PCollectionTuple parsed = messages.apply("ParseRecords", ParseRecords.of(contract));
    PCollection<SourcedBatch> records = parsed.get(ParseRecords.PARSED);

    PCollectionTuple validated = records.apply("ValidateRecords", ValidateRecords.of(contract));
    PCollection<SourcedBatch> valid = validated.get(ValidateRecords.VALID);

    PCollectionTuple classified = valid.apply("ClassifyRecords", ClassifyRecords.of(contract));
    PCollection<RecordBatch> events = classified.get(ClassifyRecords.CLASSIFIED);

    PCollection<RecordBatch> rollUps =
        events.apply(
            "RollUpRecords",
            RollUpRecords.of(contract, runId).withAllowedLateness(allowedLateness));

    PCollection<RecordBatch> rejected =
        PCollectionList.of(parsed.get(ParseRecords.REJECTED))
            .and(validated.get(ValidateRecords.REJECTED))
            .and(classified.get(ClassifyRecords.REJECTED))
            .apply("Rejected", Flatten.pCollections());

    return PCollectionTuple.of(EVENTS, events).and(ROLLUPS, rollUps).and(REJECTED, rejected);
  }
}
