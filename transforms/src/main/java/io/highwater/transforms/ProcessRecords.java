package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.TimeRange;
import io.highwater.status.StatusCounts;
import java.time.Duration;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.jspecify.annotations.Nullable;

/**
 * What happens to records, whether they come from a stream or from history: the body that both
 * pipelines share. Input bounded or unbounded, in the global window; so are the outputs.
 */
public final class ProcessRecords extends PTransform<PCollection<RawBatch>, PCollectionTuple> {
  /** Accepted rows with their derived columns; with deduplication, those that are new. */
  public static final TupleTag<RecordBatch> EVENTS = new TupleTag<>("events") {};

  /** Accepted rows as they came, before any is dropped for its key. */
  public static final TupleTag<RecordBatch> ACCEPTED = new TupleTag<>("accepted") {};

  /** Events that are outliers, explained; only with a detector and a registry. */
  public static final TupleTag<RecordBatch> OUTLIERS = new TupleTag<>("outliers") {};

  public static final TupleTag<RecordBatch> ROLLUPS = RollUpRecords.ROLLUPS;

  /** Every row that failed a check, with its reason and its original bytes. */
  public static final TupleTag<RecordBatch> REJECTED = new TupleTag<>("rejected") {};

  /** Only of an unbounded input: how many rows were late and too late. */
  public static final TupleTag<StatusCounts> LATE_ROWS = RollUpRecords.LATE_ROWS;

  /**
   * How many accepted rows were dropped as duplicates, in numbers to be added up; of an unbounded
   * input only with deduplication.
   */
  public static final TupleTag<Long> DUPLICATES = new TupleTag<>("duplicates") {};

  private final Contract contract;
  private final TimeRange times;
  private final RollUpRecords rollUpRecords;
  private final boolean hasRollUps;
  private final @Nullable DeduplicateRecords deduplicateRecords;
  private final ScoringSettings scoring;

  private ProcessRecords(
      Contract contract,
      TimeRange times,
      RollUpRecords rollUpRecords,
      boolean hasRollUps,
      @Nullable DeduplicateRecords deduplicateRecords,
      ScoringSettings scoring) {
    this.contract = contract;
    this.times = times;
    this.rollUpRecords = rollUpRecords;
    this.hasRollUps = hasRollUps;
    this.deduplicateRecords = deduplicateRecords;
    this.scoring = scoring;
  }

  /**
   * @param runId grows from run to run: of two runs' rows for one window, the greater one's counts
   */
  public static ProcessRecords of(Contract contract, long runId) {
    return new ProcessRecords(
        requireNonNull(contract, "contract"),
        TimeRange.ALL,
        RollUpRecords.of(contract, runId),
        true,
        null,
        ScoringSettings.NONE);
  }

  /** See {@link ParseRecords#withTimes}. */
  public ProcessRecords withTimes(TimeRange times) {
    return new ProcessRecords(
        contract, times, rollUpRecords, hasRollUps, deduplicateRecords, scoring);
  }

  /** See {@link RollUpRecords#withAllowedLateness}. */
  public ProcessRecords withAllowedLateness(Duration lateness) {
    return new ProcessRecords(
        contract,
        times,
        rollUpRecords.withAllowedLateness(lateness),
        hasRollUps,
        deduplicateRecords,
        scoring);
  }

  /**
   * Drops redelivered rows of an unbounded input; default no. See {@link DeduplicateRecords}. Of a
   * bounded input they are dropped in any case, see {@link DeduplicateHours}.
   */
  public ProcessRecords withDeduplication(Duration horizon) {
    return new ProcessRecords(
        contract,
        times,
        rollUpRecords,
        hasRollUps,
        DeduplicateRecords.of(contract, horizon),
        scoring);
  }

  /** See {@link RollUpRecords#withPaneDelay}. */
  public ProcessRecords withPaneDelay(Duration delay) {
    return new ProcessRecords(
        contract,
        times,
        rollUpRecords.withPaneDelay(delay),
        hasRollUps,
        deduplicateRecords,
        scoring);
  }

  /** Without {@link #ROLLUPS} and {@link #LATE_ROWS}: for who wants the events alone. */
  public ProcessRecords withoutRollUps() {
    return new ProcessRecords(contract, times, rollUpRecords, false, deduplicateRecords, scoring);
  }

  /** Default {@link ScoringSettings#NONE}; of no meaning where the contract has no detector. */
  public ProcessRecords withScoring(ScoringSettings scoring) {
    return new ProcessRecords(
        contract, times, rollUpRecords, hasRollUps, deduplicateRecords, scoring);
  }

  @Override
  public PCollectionTuple expand(PCollection<RawBatch> messages) {
    PCollectionTuple classified =
        messages
            .apply("ParseRecords", ParseRecords.of(contract).withTimes(times))
            .apply("ValidateRecords", ValidateRecords.of(contract))
            .apply("ClassifyRecords", ClassifyRecords.of(contract));
    PCollection<RecordBatch> accepted = classified.get(ClassifyRecords.CLASSIFIED);
    PCollection<RecordBatch> events =
        contract.detector() == null
            ? accepted
            : accepted.apply("ScoreRecords", ScoreRecords.of(contract, scoring));

    PCollection<Long> duplicates = null;
    if (messages.isBounded() == IsBounded.BOUNDED) {
      PCollectionTuple deduplicated =
          events.apply("DeduplicateHours", DeduplicateHours.of(contract));
      events = deduplicated.get(DeduplicateHours.UNIQUE);
      duplicates = deduplicated.get(DeduplicateHours.DUPLICATES);
    } else if (deduplicateRecords != null) {
      PCollectionTuple deduplicated = events.apply("DeduplicateRecords", deduplicateRecords);
      events = deduplicated.get(DeduplicateRecords.UNIQUE);
      duplicates = deduplicated.get(DeduplicateRecords.DUPLICATES);
    }

    PCollectionTuple outputs =
        PCollectionTuple.of(EVENTS, events)
            .and(ACCEPTED, accepted)
            .and(REJECTED, classified.get(ClassifyRecords.REJECTED));
    if (contract.detector() != null && scoring.registry() != null) {
      outputs =
          outputs.and(
              OUTLIERS, events.apply("ExplainOutliers", ExplainOutliers.of(contract, scoring)));
    }
    if (hasRollUps) {
      PCollectionTuple rollUps = events.apply("RollUpRecords", rollUpRecords);
      outputs = outputs.and(ROLLUPS, rollUps.get(RollUpRecords.ROLLUPS));
      if (rollUps.has(LATE_ROWS)) {
        outputs = outputs.and(LATE_ROWS, rollUps.get(LATE_ROWS));
      }
    }
    return duplicates == null ? outputs : outputs.and(DUPLICATES, duplicates);
  }
}
