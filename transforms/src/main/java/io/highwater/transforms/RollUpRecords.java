package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import io.highwater.rollup.Accumulator;
import io.highwater.rollup.Partial;
import io.highwater.rollup.PartialAggregator;
import io.highwater.rollup.RollUpBatches;
import io.highwater.rollup.RollUpKey;
import io.highwater.rollup.RollUpRow;
import io.highwater.status.StatusCounts;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.CannotProvideCoderException;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.CoderRegistry;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.transforms.Combine;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.windowing.AfterProcessingTime;
import org.apache.beam.sdk.transforms.windowing.AfterWatermark;
import org.apache.beam.sdk.transforms.windowing.FixedWindows;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.transforms.windowing.GlobalWindows;
import org.apache.beam.sdk.transforms.windowing.IntervalWindow;
import org.apache.beam.sdk.transforms.windowing.PaneInfo;
import org.apache.beam.sdk.transforms.windowing.Window;
import org.apache.beam.sdk.transforms.windowing.Window.ClosingBehavior;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.joda.time.Instant;

/**
 * The contract's aggregates by event-time window and key. Each batch gives one partial a bucket and
 * key, and partials are merged in the windows.
 *
 * <p>Unbounded: accumulating panes. The first comes when the watermark passes the window's end,
 * earlier ones while it is open, later ones for rows within the allowed lateness, and a last one,
 * final, when that is over, also if nothing changed. Bounded: one final pane.
 *
 * <p>Output in the global window: batches of the roll-ups table, at the starts of their windows,
 * and the numbers of late rows. A row is late when the watermark has passed the end of its shortest
 * window, and too late when the allowed lateness is over as well: then it is missing there, and
 * maybe in the longer windows, until a backfill of its hour. The rows of the final panes of the
 * shortest length and the too-late rows are together the rows that came in.
 */
public final class RollUpRecords extends PTransform<PCollection<RecordBatch>, PCollectionTuple> {
  /** Batches of the roll-ups table. */
  public static final TupleTag<RecordBatch> ROLLUPS = new TupleTag<>("rollups") {};

  /** Only of an unbounded input: how many rows were late and too late. */
  public static final TupleTag<StatusCounts> LATE_ROWS = new TupleTag<>("lateRows") {};

  private final Contract contract;
  private final long runId;
  private final Duration allowedLateness;
  private final Duration paneDelay;

  private RollUpRecords(
      Contract contract, long runId, Duration allowedLateness, Duration paneDelay) {
    this.contract = contract;
    this.runId = runId;
    this.allowedLateness = allowedLateness;
    this.paneDelay = paneDelay;
  }

  /**
   * @param runId grows from run to run: of two runs' rows for one window, the greater one's counts
   */
  public static RollUpRecords of(Contract contract, long runId) {
    return new RollUpRecords(
        requireNonNull(contract, "contract"), runId, Duration.ofMinutes(10), Duration.ofSeconds(5));
  }

  /** How long after its end a window still takes rows; default 10 minutes of event time. */
  public RollUpRecords withAllowedLateness(Duration lateness) {
    if (lateness.isNegative()) {
      throw new IllegalArgumentException("lateness is " + lateness + "; expected zero or more");
    }
    return new RollUpRecords(contract, runId, lateness, paneDelay);
  }

  /**
   * How soon a window that is open, or takes late rows, shows what changed; default 5 s. One pane a
   * partial would flood the table after a partition lagged.
   */
  public RollUpRecords withPaneDelay(Duration delay) {
    if (delay.isNegative() || delay.isZero()) {
      throw new IllegalArgumentException("delay is " + delay + "; expected more than zero");
    }
    return new RollUpRecords(contract, runId, allowedLateness, delay);
  }

  @Override
  public PCollectionTuple expand(PCollection<RecordBatch> events) {
    PCollectionTuple outputs = PCollectionTuple.empty(events.getPipeline());
    List<PCollection<RollUpRow>> rows = new ArrayList<>();
    for (Duration length : contract.rollUp().windows()) {
      // Each length has partials of its own: a batch of history gives few for an hour, where the
      // partials of its ten minutes would each have to be merged.
      PCollection<KV<RollUpKey, Accumulator>> partials =
          events
              .apply("Aggregate" + length, ParDo.of(new AggregateFn(contract, length)))
              .setCoder(KvCoder.of(new RollUpKeyCoder(), new AccumulatorCoder()));
      boolean isShortest = length.equals(contract.rollUp().windows().get(0));
      if (isShortest && events.isBounded() == IsBounded.UNBOUNDED) {
        PCollectionTuple counted =
            partials.apply(
                "CountLateRows", CountLateRows.of(windowsOf(length), joda(allowedLateness)));
        partials = counted.get(CountLateRows.IN_TIME);
        outputs = outputs.and(LATE_ROWS, counted.get(CountLateRows.COUNTS));
      }
      rows.add(
          partials
              .apply("Window" + length, windows(length, events.isBounded()))
              .apply("Merge" + length, Combine.perKey(new MergeFn(contract)))
              .apply("Panes" + length, ParDo.of(new PaneFn(contract, runId)))
              .setCoder(new RollUpRowCoder())
              .apply("Unwindow" + length, Window.into(new GlobalWindows())));
    }
    PCollection<RollUpRow> all =
        PCollectionList.of(rows).apply("AllWindows", Flatten.pCollections());
    if (!contract.rollUp().scores().isEmpty()) {
      all = all.apply("Score", ScoreRollUps.of(contract));
    }
    PCollection<RecordBatch> rollUps =
        all.apply("Gather", ParDo.of(new GatherFn(contract))).setCoder(BatchCoders.recordBatch());
    return outputs.and(ROLLUPS, rollUps);
  }

  private static FixedWindows windowsOf(Duration length) {
    return FixedWindows.of(joda(length));
  }

  private static org.joda.time.Duration joda(Duration duration) {
    return org.joda.time.Duration.millis(duration.toMillis());
  }

  private Window<KV<RollUpKey, Accumulator>> windows(Duration length, IsBounded bounded) {
    Window<KV<RollUpKey, Accumulator>> windows = Window.into(windowsOf(length));
    if (bounded == IsBounded.BOUNDED) {
      return windows;
    }
    return windows
        .triggering(
            AfterWatermark.pastEndOfWindow()
                .withEarlyFirings(
                    AfterProcessingTime.pastFirstElementInPane().plusDelayOf(joda(paneDelay)))
                .withLateFirings(
                    AfterProcessingTime.pastFirstElementInPane().plusDelayOf(joda(paneDelay))))
        .withAllowedLateness(joda(allowedLateness), ClosingBehavior.FIRE_ALWAYS)
        .accumulatingFiredPanes();
  }

  private static final class AggregateFn extends ArrowFn<RecordBatch, KV<RollUpKey, Accumulator>> {
    private final Contract contract;
    private final Duration length;
    private transient PartialAggregator aggregator;

    AggregateFn(Contract contract, Duration length) {
      this.contract = contract;
      this.length = length;
    }

    /** A message whose event time was not found by the scan came at the watermark. */
    @Override
    @Deprecated
    public org.joda.time.Duration getAllowedTimestampSkew() {
      return org.joda.time.Duration.millis(Long.MAX_VALUE);
    }

    @Override
    void open(BufferAllocator allocator) {
      aggregator = PartialAggregator.of(contract, length);
    }

    @ProcessElement
    public void process(
        @Element RecordBatch batch, OutputReceiver<KV<RollUpKey, Accumulator>> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        for (Partial partial : aggregator.aggregate(rows)) {
          out.outputWithTimestamp(
              KV.of(partial.key(), partial.accumulator()), new Instant(partial.minEventMillis()));
        }
      }
    }
  }

  /** Merges by making new accumulators: one in a checkpoint is never changed afterwards. */
  private static final class MergeFn
      extends Combine.CombineFn<Accumulator, Accumulator, Accumulator> {
    private final Contract contract;

    MergeFn(Contract contract) {
      this.contract = contract;
    }

    @Override
    public Accumulator createAccumulator() {
      return Accumulator.empty(contract.rollUp());
    }

    @Override
    public Accumulator addInput(Accumulator accumulator, Accumulator partial) {
      return accumulator.merge(partial);
    }

    @Override
    public Accumulator mergeAccumulators(Iterable<Accumulator> accumulators) {
      Accumulator merged = createAccumulator();
      for (Accumulator accumulator : accumulators) {
        merged = merged.merge(accumulator);
      }
      return merged;
    }

    @Override
    public Accumulator extractOutput(Accumulator accumulator) {
      return accumulator;
    }

    @Override
    public Coder<Accumulator> getAccumulatorCoder(
        CoderRegistry registry, Coder<Accumulator> inputCoder) throws CannotProvideCoderException {
      return inputCoder;
    }

    @Override
    public Coder<Accumulator> getDefaultOutputCoder(
        CoderRegistry registry, Coder<Accumulator> inputCoder) throws CannotProvideCoderException {
      return inputCoder;
    }
  }

  private static final class PaneFn extends DoFn<KV<RollUpKey, Accumulator>, RollUpRow> {
    private final Contract contract;
    private final long runId;

    PaneFn(Contract contract, long runId) {
      this.contract = contract;
      this.runId = runId;
    }

    @ProcessElement
    public void process(
        @Element KV<RollUpKey, Accumulator> merged,
        IntervalWindow window,
        PaneInfo pane,
        OutputReceiver<RollUpRow> out) {
      // When the watermark jumps over a window's end and its lateness at once, Flink fires the last
      // pane and then, its state gone, an empty one with the same index.
      if (merged.getValue().equals(Accumulator.empty(contract.rollUp()))) {
        return;
      }
      long startMillis = window.start().getMillis();
      out.output(
          new RollUpRow(
              startMillis,
              window.end().getMillis() - startMillis,
              requireNonNull(merged.getKey()),
              runId,
              pane.getIndex(),
              pane.isLast(),
              merged.getValue().results(contract.rollUp())));
    }
  }

  /** Gathers the rows of a bundle, in the global window. */
  private static final class GatherFn extends ArrowFn<RollUpRow, RecordBatch> {
    private static final int MAX_ROWS = 4_096;

    private final Contract contract;
    private transient List<RollUpRow> rows;
    // An in-memory DuckDB, PER_INSTANCE.
    private transient RollUpBatches batches;

    GatherFn(Contract contract) {
      this.contract = contract;
    }

    @Override
    void open(BufferAllocator allocator) {
      batches = RollUpBatches.of(contract, allocator);
    }

    @Override
    void release() {
      batches.close();
    }

    @StartBundle
    public void startBundle() {
      rows = new ArrayList<>();
    }

    @ProcessElement
    public void process(@Element RollUpRow row, OutputReceiver<RecordBatch> out) {
      rows.add(row);
      if (rows.size() >= MAX_ROWS) {
        out.output(batches.batch(rows));
        rows = new ArrayList<>();
      }
    }

    @FinishBundle
    public void finishBundle(FinishBundleContext context) {
      if (!rows.isEmpty()) {
        RecordBatch batch = batches.batch(rows);
        context.output(batch, new Instant(batch.minEventMillis()), GlobalWindow.INSTANCE);
      }
    }
  }

  private static final class AccumulatorCoder extends BatchCoders.DataCoder<Accumulator> {
    @Override
    void write(Accumulator value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    Accumulator read(DataInput in) throws IOException {
      return Accumulator.readFrom(in);
    }
  }
}
