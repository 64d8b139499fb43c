package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import io.highwater.rollup.OpenWindows;
import io.highwater.rollup.Partial;
import io.highwater.rollup.PartialAggregator;
import io.highwater.rollup.RollUpBatches;
import io.highwater.rollup.RollUpRow;
import io.highwater.rollup.WindowMerger;
import io.highwater.status.StatusCounts;
import io.highwater.transforms.HighwaterMetrics.BatchCounter;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.VarIntCoder;
import org.apache.beam.sdk.state.StateSpec;
import org.apache.beam.sdk.state.StateSpecs;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.state.Timer;
import org.apache.beam.sdk.state.TimerSpec;
import org.apache.beam.sdk.state.TimerSpecs;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TupleTagList;
import org.joda.time.Instant;

/**
 * The contract's aggregates by event-time window and key, scored against what was usual. Each batch
 * gives one partial a window and key; they travel in pieces, one a shard of the keys, to where the
 * shard's windows are merged by {@link WindowMerger}.
 *
 * <p>Unbounded: accumulating panes. While a window is open it is shown some time after each change;
 * then when the watermark reaches its end, after rows within the allowed lateness, and a last time,
 * final, when that is over, also if nothing changed. Bounded: one final pane.
 *
 * <p>Input and outputs in the global window: batches of the roll-ups table, at the starts of their
 * windows, and the numbers of late rows. A row is late when the watermark has reached the end of
 * its shortest window, and too late when the allowed lateness is over as well: then it is missing
 * there, and maybe in the longer windows, until a backfill of its hour. The rows of the final panes
 * of the shortest length and the too-late rows are together the rows that came in.
 */
public final class RollUpRecords extends PTransform<PCollection<RecordBatch>, PCollectionTuple> {
  /** Batches of the roll-ups table. */
  public static final TupleTag<RecordBatch> ROLLUPS = new TupleTag<>("rollups") {};

  /** Only of an unbounded input: how many rows were late and too late. */
  public static final TupleTag<StatusCounts> LATE_ROWS = new TupleTag<>("lateRows") {};

  /**
   * Few, so that the partials of a batch and the rows of a moment stay together, and a number that
   * Flink spreads evenly over two workers and nearly so over four. A stream keeps its state by
   * shard: another number loses it.
   */
  private static final int STREAM_SHARDS = 8;

  /** Many, as all windows of a shard's keys are in memory at once. */
  private static final int HISTORY_SHARDS = 4_096;

  private static final Duration DEFAULT_PANE_DELAY = Duration.ofSeconds(5);

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
        requireNonNull(contract, "contract"), runId, Duration.ofMinutes(10), DEFAULT_PANE_DELAY);
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
   * partial would flood the table after a partition lagged. A stream that is minutes behind the
   * present takes its 5 s in any case: nobody waits for what it shows, and it has to catch up.
   */
  public RollUpRecords withPaneDelay(Duration delay) {
    if (delay.isNegative() || delay.isZero()) {
      throw new IllegalArgumentException("delay is " + delay + "; expected more than zero");
    }
    return new RollUpRecords(contract, runId, allowedLateness, delay);
  }

  @Override
  public PCollectionTuple expand(PCollection<RecordBatch> events) {
    boolean isStream = events.isBounded() == IsBounded.UNBOUNDED;
    PCollection<KV<Integer, List<Partial>>> partials =
        events
            .apply(
                "Aggregate",
                ParDo.of(new AggregateFn(contract, isStream ? STREAM_SHARDS : HISTORY_SHARDS)))
            .setCoder(KvCoder.of(VarIntCoder.of(), new PartialsCoder()));
    if (!isStream) {
      PCollection<RecordBatch> history =
          partials
              .apply("ByShard", GroupByKey.create())
              .apply("MergeHistory", ParDo.of(new MergeHistoryFn(contract, runId)))
              .setCoder(BatchCoders.recordBatch());
      return PCollectionTuple.of(ROLLUPS, history);
    }
    PCollectionTuple merged =
        partials.apply(
            "Merge",
            ParDo.of(new MergeFn(contract, runId, allowedLateness, paneDelay))
                .withOutputTags(ROLLUPS, TupleTagList.of(LATE_ROWS)));
    merged.get(ROLLUPS).setCoder(BatchCoders.recordBatch());
    merged.get(LATE_ROWS).setCoder(BatchCoders.statusCounts());
    return PCollectionTuple.of(ROLLUPS, merged.get(ROLLUPS)).and(LATE_ROWS, merged.get(LATE_ROWS));
  }

  /** The partials of a batch, by the shard of their keys. */
  private static final class AggregateFn extends ArrowFn<RecordBatch, KV<Integer, List<Partial>>> {
    private final Contract contract;
    private final int shards;
    private transient PartialAggregator aggregator;

    AggregateFn(Contract contract, int shards) {
      this.contract = contract;
      this.shards = shards;
    }

    @Override
    void open(BufferAllocator allocator) {
      aggregator = PartialAggregator.of(contract);
    }

    @ProcessElement
    public void process(
        @Element RecordBatch batch, OutputReceiver<KV<Integer, List<Partial>>> out) {
      Map<Integer, List<Partial>> byShard = new HashMap<>();
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        for (Partial partial : aggregator.aggregate(rows)) {
          byShard
              .computeIfAbsent(
                  Math.floorMod(partial.key().hashCode(), shards), unused -> new ArrayList<>())
              .add(partial);
        }
      }
      byShard.forEach((shard, partials) -> out.output(KV.of(shard, partials)));
    }
  }

  /** Puts rows out in batches, each at the start of its first window. */
  private abstract static class RowsFn<InputT> extends ArrowFn<InputT, RecordBatch> {
    static final int MAX_ROWS = 4_096;

    final Contract contract;
    // An in-memory DuckDB, PER_INSTANCE.
    private transient RollUpBatches batches;

    RowsFn(Contract contract) {
      this.contract = contract;
    }

    /** Windows start before the watermark. */
    @Override
    @Deprecated
    public org.joda.time.Duration getAllowedTimestampSkew() {
      return org.joda.time.Duration.millis(Long.MAX_VALUE);
    }

    @Override
    void open(BufferAllocator allocator) {
      batches = RollUpBatches.of(contract, allocator);
    }

    @Override
    void release() {
      batches.close();
    }

    private List<RecordBatch> batchesOf(List<RollUpRow> rows) {
      List<RecordBatch> all = new ArrayList<>();
      for (int from = 0; from < rows.size(); from += MAX_ROWS) {
        all.add(batches.batch(rows.subList(from, Math.min(from + MAX_ROWS, rows.size()))));
      }
      return all;
    }

    final void put(List<RollUpRow> rows, OutputReceiver<RecordBatch> out) {
      for (RecordBatch batch : batchesOf(rows)) {
        out.outputWithTimestamp(batch, new Instant(batch.minEventMillis()));
      }
    }

    final void putAtEnd(List<RollUpRow> rows, FinishBundleContext context) {
      for (RecordBatch batch : batchesOf(rows)) {
        context.output(batch, new Instant(batch.minEventMillis()), GlobalWindow.INSTANCE);
      }
    }
  }

  /** The windows of a shard, in a stream. */
  private static final class MergeFn extends RowsFn<KV<Integer, List<Partial>>> {
    @StateId("windows")
    private final StateSpec<ValueState<OpenWindows>> windowsSpec =
        StateSpecs.value(new OpenWindowsCoder());

    /** When a window is over or to be closed. */
    @TimerId("due")
    private final TimerSpec dueSpec = TimerSpecs.timer(TimeDomain.EVENT_TIME);

    /** When changes are to be shown. */
    @TimerId("show")
    private final TimerSpec showSpec = TimerSpecs.timer(TimeDomain.PROCESSING_TIME);

    private static final Duration FAR_BEHIND = Duration.ofMinutes(5);

    private final WindowMerger merger;
    private final Duration paneDelay;
    private final BatchCounter late = HighwaterMetrics.counter(HighwaterMetrics.RECORDS_LATE);
    private final BatchCounter tooLate =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_TOO_LATE);

    /**
     * Of windows that are over, which come together: each shard alone would make a small batch of
     * them. Changes of open windows are put out at once, as a live topic waits for them.
     */
    private transient List<RollUpRow> gathered;

    MergeFn(Contract contract, long runId, Duration allowedLateness, Duration paneDelay) {
      super(contract);
      this.merger = new WindowMerger(contract.rollUp(), runId, allowedLateness);
      this.paneDelay = paneDelay;
    }

    @StartBundle
    public void startBundle() {
      gathered = new ArrayList<>();
    }

    @ProcessElement
    public void process(
        @Element KV<Integer, List<Partial>> partials,
        @StateId("windows") ValueState<OpenWindows> state,
        @TimerId("due") Timer due,
        @TimerId("show") Timer show,
        MultiOutputReceiver out) {
      OpenWindows before = read(state);
      long watermarkMillis = due.getCurrentRelativeTime().getMillis();
      WindowMerger.Merged merged = merger.merge(before, partials.getValue(), watermarkMillis);
      count(merged, out.get(LATE_ROWS));
      OpenWindows after = merged.windows();
      state.write(after);
      if (after.hasChanges() && !before.hasChanges()) {
        setShow(show, watermarkMillis);
      }
      if (merger.nextDueMillis(after, watermarkMillis)
          != merger.nextDueMillis(before, watermarkMillis)) {
        setDue(due, after, watermarkMillis);
      }
    }

    private void count(WindowMerger.Merged merged, OutputReceiver<StatusCounts> out) {
      if (merged.lateRows() > 0) {
        late.inc(merged.lateRows());
        out.output(StatusCounts.ofLate(merged.lateRows()));
      }
      if (merged.tooLateRows() > 0) {
        tooLate.inc(merged.tooLateRows());
        out.output(StatusCounts.ofTooLate(merged.tooLateRows()));
      }
    }

    @OnTimer("show")
    public void onShow(
        @StateId("windows") ValueState<OpenWindows> state, OutputReceiver<RecordBatch> out) {
      WindowMerger.Shown shown = merger.showChanges(read(state));
      state.write(shown.windows());
      put(shown.rows(), out);
    }

    @OnTimer("due")
    public void onDue(
        @StateId("windows") ValueState<OpenWindows> state,
        @TimerId("due") Timer due,
        @TimerId("show") Timer show) {
      long watermarkMillis = due.getCurrentRelativeTime().getMillis();
      WindowMerger.Shown shown = merger.close(read(state), watermarkMillis);
      state.write(shown.windows());
      gathered.addAll(shown.rows());
      if (shown.windows().isEmpty()) {
        show.clear();
      } else {
        setDue(due, shown.windows(), watermarkMillis);
      }
    }

    @FinishBundle
    public void finishBundle(FinishBundleContext context) {
      putAtEnd(gathered, context);
      gathered.clear();
    }

    private void setShow(Timer show, long watermarkMillis) {
      long behindMillis = show.getCurrentRelativeTime().getMillis() - watermarkMillis;
      boolean isFarBehind =
          behindMillis > contract.outOfOrderBound().plus(FAR_BEHIND).toMillis()
              && paneDelay.compareTo(DEFAULT_PANE_DELAY) < 0;
      Duration delay = isFarBehind ? DEFAULT_PANE_DELAY : paneDelay;
      show.offset(org.joda.time.Duration.millis(delay.toMillis()))
          .withNoOutputTimestamp()
          .setRelative();
    }

    private void setDue(Timer due, OpenWindows windows, long watermarkMillis) {
      // A timer fires when the watermark is beyond it.
      long last = merger.nextDueMillis(windows, watermarkMillis) - 1;
      long end = GlobalWindow.INSTANCE.maxTimestamp().getMillis();
      due.withNoOutputTimestamp().set(new Instant(Math.min(end, last)));
    }

    private static OpenWindows read(ValueState<OpenWindows> state) {
      OpenWindows windows = state.read();
      return windows == null ? OpenWindows.NONE : windows;
    }
  }

  /** All windows of a shard: as in a stream whose watermark comes when everything has come. */
  private static final class MergeHistoryFn extends RowsFn<KV<Integer, Iterable<List<Partial>>>> {
    private final WindowMerger merger;

    /** A shard has few rows. */
    private transient List<RollUpRow> gathered;

    MergeHistoryFn(Contract contract, long runId) {
      super(contract);
      this.merger = new WindowMerger(contract.rollUp(), runId, Duration.ZERO);
    }

    @StartBundle
    public void startBundle() {
      gathered = new ArrayList<>();
    }

    @ProcessElement
    public void process(
        @Element KV<Integer, Iterable<List<Partial>>> shard, OutputReceiver<RecordBatch> out) {
      Iterable<Partial> partials =
          () ->
              StreamSupport.stream(requireNonNull(shard.getValue()).spliterator(), false)
                  .flatMap(List::stream)
                  .iterator();
      OpenWindows all = merger.merge(OpenWindows.NONE, partials, Long.MIN_VALUE).windows();
      gathered.addAll(merger.close(all, Long.MAX_VALUE).rows());
      if (gathered.size() >= MAX_ROWS) {
        put(gathered, out);
        gathered.clear();
      }
    }

    @FinishBundle
    public void finishBundle(FinishBundleContext context) {
      putAtEnd(gathered, context);
      gathered.clear();
    }
  }

  private static final class PartialsCoder extends BatchCoders.DataCoder<List<Partial>> {
    @Override
    void write(List<Partial> value, DataOutput out) throws IOException {
      out.writeInt(value.size());
      for (Partial partial : value) {
        partial.writeTo(out);
      }
    }

    @Override
    List<Partial> read(DataInput in) throws IOException {
      int size = in.readInt();
      List<Partial> partials = new ArrayList<>(size);
      for (int i = 0; i < size; i++) {
        partials.add(Partial.readFrom(in));
      }
      return partials;
    }
  }

  private static final class OpenWindowsCoder extends BatchCoders.DataCoder<OpenWindows> {
    @Override
    void write(OpenWindows value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    OpenWindows read(DataInput in) throws IOException {
      return OpenWindows.readFrom(in);
    }
  }
}
