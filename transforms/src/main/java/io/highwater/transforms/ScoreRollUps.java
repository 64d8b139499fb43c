package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.rollup.Baseline;
import io.highwater.rollup.RollUpKey;
import io.highwater.rollup.RollUpRow;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.state.StateSpec;
import org.apache.beam.sdk.state.StateSpecs;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.jspecify.annotations.Nullable;

/**
 * Scores the rows of each key and window length against the windows before, by {@link Baseline}.
 *
 * <p>Input in the global window. Unbounded: every pane is scored when it comes, the baselines are
 * state. Bounded: the rows of a key, all of them final, are sorted by their windows; the same final
 * scores.
 */
final class ScoreRollUps extends PTransform<PCollection<RollUpRow>, PCollection<RollUpRow>> {
  private final Contract contract;

  private ScoreRollUps(Contract contract) {
    this.contract = contract;
  }

  static ScoreRollUps of(Contract contract) {
    return new ScoreRollUps(contract);
  }

  @Override
  public PCollection<RollUpRow> expand(PCollection<RollUpRow> rows) {
    PCollection<KV<KV<RollUpKey, Long>, RollUpRow>> byKey =
        rows.apply("ByKeyAndLength", ParDo.of(new KeyFn()))
            .setCoder(
                KvCoder.of(
                    KvCoder.of(new RollUpKeyCoder(), VarLongCoder.of()), new RollUpRowCoder()));
    PCollection<RollUpRow> scored =
        rows.isBounded() == IsBounded.BOUNDED
            ? byKey
                .apply("GroupWindows", GroupByKey.create())
                .apply("ScoreHistory", ParDo.of(new HistoryFn(contract)))
            : byKey.apply("ScorePanes", ParDo.of(new PanesFn(contract)));
    return scored.setCoder(new RollUpRowCoder());
  }

  private static Baseline.Scored score(
      @Nullable Baseline before, RollUpRow row, Contract contract) {
    Baseline baseline = before == null ? Baseline.none(contract.rollUp().scores().size()) : before;
    return baseline.score(row.windowStartMillis(), row.isFinal(), row.signals(contract.rollUp()));
  }

  private static final class KeyFn extends DoFn<RollUpRow, KV<KV<RollUpKey, Long>, RollUpRow>> {
    @ProcessElement
    public void process(
        @Element RollUpRow row, OutputReceiver<KV<KV<RollUpKey, Long>, RollUpRow>> out) {
      out.output(KV.of(KV.of(row.key(), row.windowMillis()), row));
    }
  }

  private static final class PanesFn extends DoFn<KV<KV<RollUpKey, Long>, RollUpRow>, RollUpRow> {
    private final Contract contract;

    @StateId("baseline")
    private final StateSpec<ValueState<Baseline>> baselineSpec =
        StateSpecs.value(new BaselineCoder());

    PanesFn(Contract contract) {
      this.contract = contract;
    }

    @ProcessElement
    public void process(
        @Element KV<KV<RollUpKey, Long>, RollUpRow> pane,
        @StateId("baseline") ValueState<Baseline> state,
        OutputReceiver<RollUpRow> out) {
      Baseline.Scored scored = score(state.read(), pane.getValue(), contract);
      state.write(scored.next());
      out.output(pane.getValue().withScores(scored.scores()));
    }
  }

  /** The windows of a key in memory: a year of ten minutes has 52,560. */
  private static final class HistoryFn
      extends DoFn<KV<KV<RollUpKey, Long>, Iterable<RollUpRow>>, RollUpRow> {
    private final Contract contract;

    HistoryFn(Contract contract) {
      this.contract = contract;
    }

    @ProcessElement
    public void process(
        @Element KV<KV<RollUpKey, Long>, Iterable<RollUpRow>> history,
        OutputReceiver<RollUpRow> out) {
      List<RollUpRow> rows = new ArrayList<>();
      history.getValue().forEach(rows::add);
      rows.sort(Comparator.comparingLong(RollUpRow::windowStartMillis));
      Baseline baseline = null;
      for (RollUpRow row : rows) {
        Baseline.Scored scored = score(baseline, row, contract);
        baseline = scored.next();
        out.output(row.withScores(scored.scores()));
      }
    }
  }

  private static final class BaselineCoder extends BatchCoders.DataCoder<Baseline> {
    @Override
    void write(Baseline value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    Baseline read(DataInput in) throws IOException {
      return Baseline.readFrom(in);
    }
  }
}
