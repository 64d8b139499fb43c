package io.highwater.transforms;

import io.highwater.rollup.Accumulator;
import io.highwater.rollup.RollUpKey;
import io.highwater.status.StatusCounts;
import io.highwater.transforms.HighwaterMetrics.BatchCounter;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.state.Timer;
import org.apache.beam.sdk.state.TimerSpec;
import org.apache.beam.sdk.state.TimerSpecs;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.windowing.FixedWindows;
import org.apache.beam.sdk.transforms.windowing.IntervalWindow;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TupleTagList;
import org.joda.time.Duration;
import org.joda.time.Instant;

/**
 * Counts the rows of partials that are late for their window, and keeps those back for which it is
 * over. A window's merge would drop them as well, but says only how many partials it dropped.
 *
 * <p>The counts are exact: the watermark of a step is never ahead of that of the step before it, so
 * what is in time here is in time at the merge.
 *
 * <p>Unbounded input in the global window, each partial at a time in its window; so is the output.
 */
final class CountLateRows
    extends PTransform<PCollection<KV<RollUpKey, Accumulator>>, PCollectionTuple> {
  /** The partials that the merge takes. */
  static final TupleTag<KV<RollUpKey, Accumulator>> IN_TIME = new TupleTag<>("inTime") {};

  static final TupleTag<StatusCounts> COUNTS = new TupleTag<>("counts") {};

  private final FixedWindows windows;
  private final Duration allowedLateness;

  private CountLateRows(FixedWindows windows, Duration allowedLateness) {
    this.windows = windows;
    this.allowedLateness = allowedLateness;
  }

  /** The windows and the lateness of the merge that follows. */
  static CountLateRows of(FixedWindows windows, Duration allowedLateness) {
    return new CountLateRows(windows, allowedLateness);
  }

  @Override
  public PCollectionTuple expand(PCollection<KV<RollUpKey, Accumulator>> partials) {
    PCollectionTuple split =
        partials.apply(
            "Split",
            ParDo.of(new SplitFn(windows, allowedLateness))
                .withOutputTags(IN_TIME, TupleTagList.of(COUNTS)));
    split.get(IN_TIME).setCoder(partials.getCoder());
    split.get(COUNTS).setCoder(BatchCoders.statusCounts());
    return split;
  }

  private static final class SplitFn
      extends DoFn<KV<RollUpKey, Accumulator>, KV<RollUpKey, Accumulator>> {
    /** Never set: a timer is what tells a step its watermark, and needs a key to belong to. */
    @TimerId("watermark")
    private final TimerSpec watermarkSpec = TimerSpecs.timer(TimeDomain.EVENT_TIME);

    private final FixedWindows windows;
    private final Duration allowedLateness;
    private final BatchCounter late = HighwaterMetrics.counter(HighwaterMetrics.RECORDS_LATE);
    private final BatchCounter tooLate =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_TOO_LATE);

    SplitFn(FixedWindows windows, Duration allowedLateness) {
      this.windows = windows;
      this.allowedLateness = allowedLateness;
    }

    @ProcessElement
    public void process(
        @Element KV<RollUpKey, Accumulator> partial,
        @Timestamp Instant eventTime,
        @TimerId("watermark") Timer timer,
        MultiOutputReceiver out) {
      Instant watermark = timer.getCurrentRelativeTime();
      IntervalWindow window = windows.assignWindow(eventTime);
      long rows = partial.getValue().rowCount();
      if (window.maxTimestamp().plus(allowedLateness).isBefore(watermark)) {
        tooLate.inc(rows);
        out.get(COUNTS).output(StatusCounts.ofTooLate(rows));
        return;
      }
      if (!watermark.isBefore(window.end())) {
        late.inc(rows);
        out.get(COUNTS).output(StatusCounts.ofLate(rows));
      }
      out.get(IN_TIME).output(partial);
    }

    @OnTimer("watermark")
    public void onTimer() {}
  }
}
