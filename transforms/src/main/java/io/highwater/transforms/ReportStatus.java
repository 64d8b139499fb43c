package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.onnx.RowModels;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.registry.ServedModel;
import io.highwater.status.StatusCounts;
import io.highwater.status.StatusRows;
import java.nio.file.Path;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.state.StateSpec;
import org.apache.beam.sdk.state.StateSpecs;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.state.Timer;
import org.apache.beam.sdk.state.TimerSpec;
import org.apache.beam.sdk.state.TimerSpecs;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.transforms.WithKeys;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.joda.time.Duration;
import org.joda.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What the stream says of itself, as batches of one row of the status table: one some seconds after
 * something happened, so one every few seconds while anything does, and a last one at the end of
 * the input. The totals are state of the stream: exact, and going on over restarts.
 *
 * <p>Input: the outputs of an unbounded {@link ProcessRecords} and {@link #MESSAGES}, all in the
 * global window; so is the output.
 */
public final class ReportStatus extends PTransform<PCollectionTuple, PCollection<RecordBatch>> {
  /** What the source read. */
  public static final TupleTag<RawBatch> MESSAGES = new TupleTag<>("messages") {};

  private static final Duration INTERVAL = Duration.standardSeconds(5);

  private final Contract contract;
  private final long runId;
  private final @Nullable String registry;

  private ReportStatus(Contract contract, long runId, @Nullable String registry) {
    this.contract = contract;
    this.runId = runId;
    this.registry = registry;
  }

  /**
   * @param runId grows from run to run
   */
  public static ReportStatus of(Contract contract, long runId) {
    return new ReportStatus(requireNonNull(contract, "contract"), runId, null);
  }

  /** Says which model is in service; null for none. */
  public ReportStatus withRegistry(@Nullable String registry) {
    return new ReportStatus(contract, runId, registry);
  }

  @Override
  public PCollection<RecordBatch> expand(PCollectionTuple input) {
    PCollectionList<StatusCounts> all =
        PCollectionList.of(counts("Read", input.get(MESSAGES), ReportStatus::ofMessages))
            .and(
                counts(
                    "Accepted",
                    input.get(ProcessRecords.EVENTS),
                    batch -> StatusCounts.ofAccepted(batch.rowCount(), batch.maxEventMillis())))
            .and(
                counts(
                    "Rejected",
                    input.get(ProcessRecords.REJECTED),
                    batch -> StatusCounts.ofRejected(batch.rowCount())))
            .and(input.get(ProcessRecords.LATE_ROWS));
    if (input.has(ProcessRecords.DUPLICATES)) {
      all =
          all.and(
              counts(
                  "Duplicates",
                  input.get(ProcessRecords.DUPLICATES),
                  rows -> StatusCounts.ofDuplicate(rows)));
    }
    return all.apply("AllCounts", Flatten.pCollections())
        .apply("OfContract", WithKeys.of(contract.id()))
        .setCoder(KvCoder.of(StringUtf8Coder.of(), BatchCoders.statusCounts()))
        .apply("Report", ParDo.of(new ReportFn(contract, runId, registry)))
        .setCoder(BatchCoders.recordBatch());
  }

  private static <T> PCollection<StatusCounts> counts(
      String name, PCollection<T> batches, SerializableFunction<T, StatusCounts> count) {
    return batches
        .apply(name, MapElements.into(TypeDescriptor.of(StatusCounts.class)).via(count))
        .setCoder(BatchCoders.statusCounts());
  }

  private static StatusCounts ofMessages(RawBatch batch) {
    StatusCounts read = StatusCounts.ofRead(batch.size());
    for (Map.Entry<Integer, Long> backlog : batch.backlogs().entrySet()) {
      read = read.withBacklog(backlog.getKey(), backlog.getValue());
    }
    return read;
  }

  private static final class ReportFn extends ArrowFn<KV<String, StatusCounts>, RecordBatch> {
    @StateId("totals")
    private final StateSpec<ValueState<StatusCounts>> totalsSpec =
        StateSpecs.value(BatchCoders.statusCounts());

    /** When the last row was put out and what it said; before the first, when counting began. */
    @StateId("reported")
    private final StateSpec<ValueState<KV<Long, StatusCounts>>> reportedSpec =
        StateSpecs.value(KvCoder.of(VarLongCoder.of(), BatchCoders.statusCounts()));

    /**
     * When the next row is due; nothing while nothing happens, so that the timer does not go on.
     */
    @StateId("due")
    private final StateSpec<ValueState<Long>> dueSpec = StateSpecs.value(VarLongCoder.of());

    @TimerId("interval")
    private final TimerSpec intervalSpec = TimerSpecs.timer(TimeDomain.PROCESSING_TIME);

    @TimerId("end")
    private final TimerSpec endSpec = TimerSpecs.timer(TimeDomain.EVENT_TIME);

    private final Contract contract;
    private final long runId;
    private final @Nullable String registry;
    // Shared by the JVM; its ONNX sessions are native memory.
    private transient @Nullable ServedModel served;

    ReportFn(Contract contract, long runId, @Nullable String registry) {
      this.contract = contract;
      this.runId = runId;
      this.registry = registry;
    }

    @Override
    void open(BufferAllocator allocator) {
      served =
          registry == null ? null : ServedModel.open(Path.of(registry), contract, RowModels::open);
    }

    @Override
    void release() {
      if (served != null) {
        served.close();
      }
    }

    private @Nullable String modelVersion() {
      if (served == null) {
        return null;
      }
      try (ServedModel.Lease lease = served.lease()) {
        return lease == null ? null : lease.model().manifest().version();
      }
    }

    @ProcessElement
    public void process(
        @Element KV<String, StatusCounts> counts,
        @StateId("totals") ValueState<StatusCounts> totals,
        @StateId("reported") ValueState<KV<Long, StatusCounts>> reported,
        @StateId("due") ValueState<Long> due,
        @TimerId("interval") Timer interval,
        @TimerId("end") Timer end) {
      StatusCounts before = totals.read();
      totals.write((before == null ? StatusCounts.NOTHING : before).plus(counts.getValue()));
      if (due.read() == null) {
        long nowMillis = interval.getCurrentRelativeTime().getMillis();
        if (reported.read() == null) {
          reported.write(KV.of(nowMillis, StatusCounts.NOTHING));
        }
        due.write(nowMillis + INTERVAL.getMillis());
        interval.offset(INTERVAL).setRelative();
        end.set(GlobalWindow.INSTANCE.maxTimestamp());
      }
    }

    @OnTimer("interval")
    public void onInterval(
        @StateId("totals") ValueState<StatusCounts> totals,
        @StateId("reported") ValueState<KV<Long, StatusCounts>> reported,
        @StateId("due") ValueState<Long> due,
        @TimerId("interval") Timer interval,
        @TimerId("end") Timer end,
        OutputReceiver<RecordBatch> out) {
      due.clear();
      report(totals, reported, interval, end, out);
    }

    @OnTimer("end")
    public void onEnd(
        @StateId("totals") ValueState<StatusCounts> totals,
        @StateId("reported") ValueState<KV<Long, StatusCounts>> reported,
        @TimerId("interval") Timer interval,
        @TimerId("end") Timer end,
        OutputReceiver<RecordBatch> out) {
      report(totals, reported, interval, end, out);
      interval.clear();
    }

    private void report(
        ValueState<StatusCounts> totals,
        ValueState<KV<Long, StatusCounts>> reported,
        Timer interval,
        Timer end,
        OutputReceiver<RecordBatch> out) {
      StatusCounts now = requireNonNull(totals.read());
      KV<Long, StatusCounts> last = requireNonNull(reported.read());
      if (now.equals(last.getValue())) {
        return;
      }
      long nowMillis = interval.getCurrentRelativeTime().getMillis();
      double seconds = Math.max(1, nowMillis - last.getKey()) / 1000.0;
      StatusRows.Row row =
          new StatusRows.Row(
              nowMillis,
              runId,
              now,
              (now.read() - last.getValue().read()) / seconds,
              watermarkMillis(end.getCurrentRelativeTime()),
              modelVersion());
      out.output(StatusRows.batch(contract, row, allocator()));
      reported.write(KV.of(nowMillis, now));
    }

    private static @Nullable Long watermarkMillis(Instant watermark) {
      return watermark.isAfter(BoundedWindow.TIMESTAMP_MIN_VALUE)
              && watermark.isBefore(GlobalWindow.INSTANCE.maxTimestamp())
          ? watermark.getMillis()
          : null;
    }
  }
}
