package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.GatheredRows;
import io.highwater.record.KeyHasher;
import io.highwater.record.RecentKeys;
import io.highwater.record.RecordBatch;
import io.highwater.record.RowSelection;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Arrays;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.AtomicCoder;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.VarIntCoder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.state.StateSpec;
import org.apache.beam.sdk.state.StateSpecs;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.state.Timer;
import org.apache.beam.sdk.state.TimerSpec;
import org.apache.beam.sdk.state.TimerSpecs;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TupleTagList;
import org.joda.time.Instant;

/**
 * Drops rows that were delivered before: of the rows with one key whose event times are within a
 * horizon of each other, the first to arrive goes on. See {@link RecentKeys} for what exactly is
 * within the horizon, and what a key costs.
 *
 * <p>Input: unbounded, events in the global window. Rows are routed by their keys' hashes to a few
 * shards, each with a set of recent keys as its state, and gathered into batches again, which are
 * put out at the least timestamp of the batches that their rows came in. As exact as the runner's
 * state: on Flink each key counts once, also over crashes.
 */
public final class DeduplicateRecords
    extends PTransform<PCollection<RecordBatch>, PCollectionTuple> {
  /** Rows whose key is new. */
  public static final TupleTag<RecordBatch> UNIQUE = new TupleTag<>("unique") {};

  /** How many rows were dropped, a number for each piece of a batch that had some. */
  public static final TupleTag<Long> DUPLICATES = new TupleTag<>("duplicates") {};

  /**
   * Few, so that the pieces of a batch stay large, and a number that Flink spreads evenly over two
   * workers and nearly so over four. State is kept by shard: another number loses it.
   */
  private static final int SHARDS = 8;

  private final Contract contract;
  private final Duration horizon;

  private DeduplicateRecords(Contract contract, Duration horizon) {
    this.contract = contract;
    this.horizon = horizon;
  }

  /**
   * @param horizon in event time, more than zero
   */
  public static DeduplicateRecords of(Contract contract, Duration horizon) {
    requireNonNull(contract, "contract");
    if (horizon.isNegative() || horizon.isZero()) {
      throw new IllegalArgumentException("horizon is " + horizon + "; expected more than zero");
    }
    return new DeduplicateRecords(contract, horizon);
  }

  @Override
  public PCollectionTuple expand(PCollection<RecordBatch> events) {
    if (events.isBounded() == IsBounded.BOUNDED) {
      throw new IllegalStateException(
          "DeduplicateRecords is for streams; expected an unbounded input");
    }
    PCollectionTuple outputs =
        events
            .apply("RouteByKey", ParDo.of(new RouteFn(contract)))
            .setCoder(
                KvCoder.of(
                    VarIntCoder.of(), KvCoder.of(BatchCoders.recordBatch(), ByteArrayCoder.of())))
            .apply(
                "DropDuplicates",
                ParDo.of(new DropFn(contract, horizon))
                    .withOutputTags(UNIQUE, TupleTagList.of(DUPLICATES)));
    outputs.get(UNIQUE).setCoder(BatchCoders.recordBatch());
    outputs.get(DUPLICATES).setCoder(VarLongCoder.of());
    return outputs;
  }

  /** Cuts batches by shard; each piece has its rows' hashes beside it. */
  private static final class RouteFn
      extends ArrowFn<RecordBatch, KV<Integer, KV<RecordBatch, byte[]>>> {
    private final Contract contract;
    private transient KeyHasher hasher;

    RouteFn(Contract contract) {
      this.contract = contract;
    }

    @Override
    void open(BufferAllocator allocator) {
      hasher = KeyHasher.of(contract);
    }

    @ProcessElement
    public void process(
        @Element RecordBatch batch, OutputReceiver<KV<Integer, KV<RecordBatch, byte[]>>> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        byte[] hashes = hasher.hash(rows);
        int[][] rowsOfShard = new int[SHARDS][rows.getRowCount()];
        int[] counts = new int[SHARDS];
        for (int row = 0; row < rows.getRowCount(); row++) {
          int shard = shardOf(hashes, row);
          rowsOfShard[shard][counts[shard]++] = row;
        }
        for (int shard = 0; shard < SHARDS; shard++) {
          if (counts[shard] > 0) {
            out.output(KV.of(shard, piece(rows, hashes, rowsOfShard[shard], counts[shard])));
          }
        }
      }
    }

    /** By the last byte of the hash, of which {@link RecentKeys} has no need. */
    private static int shardOf(byte[] hashes, int row) {
      return (hashes[(row + 1) * KeyHasher.HASH_BYTES - 1] & 0xFF) % SHARDS;
    }

    private KV<RecordBatch, byte[]> piece(
        VectorSchemaRoot rows, byte[] hashes, int[] selected, int count) {
      byte[] pieceHashes = new byte[count * KeyHasher.HASH_BYTES];
      for (int i = 0; i < count; i++) {
        System.arraycopy(
            hashes,
            selected[i] * KeyHasher.HASH_BYTES,
            pieceHashes,
            i * KeyHasher.HASH_BYTES,
            KeyHasher.HASH_BYTES);
      }
      try (VectorSchemaRoot piece = RowSelection.take(rows, selected, count, allocator())) {
        return KV.of(RecordBatch.copyOf(contract, piece, contract.eventTime()), pieceHashes);
      }
    }
  }

  /** Drops the duplicates of its shards and gathers the rows of a bundle that are left. */
  static final class DropFn extends ArrowFn<KV<Integer, KV<RecordBatch, byte[]>>, RecordBatch> {
    private static final int MAX_ROWS = 16_384;

    @StateId("keys")
    private final StateSpec<ValueState<RecentKeys>> keysSpec = StateSpecs.value(new KeysCoder());

    /** Forgets the keys of a stream that has gone quiet; its clock is the watermark. */
    @TimerId("forget")
    private final TimerSpec forgetSpec = TimerSpecs.timer(TimeDomain.EVENT_TIME);

    private final Contract contract;
    private final Duration horizon;
    private final HighwaterMetrics.BatchCounter duplicateRows =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_DUPLICATE);
    private transient GatheredRows gathered;
    private transient long minTimestampMillis;

    DropFn(Contract contract, Duration horizon) {
      this.contract = contract;
      this.horizon = horizon;
    }

    /** A batch is put out at the time of its first piece, which may be before its last one's. */
    @Override
    @Deprecated
    public org.joda.time.Duration getAllowedTimestampSkew() {
      return org.joda.time.Duration.millis(Long.MAX_VALUE);
    }

    @Override
    void open(BufferAllocator allocator) {
      gathered = new GatheredRows();
    }

    @Override
    void release() {
      gathered.close();
    }

    @StartBundle
    public void startBundle() {
      // What a bundle that failed left behind.
      gathered.close();
      minTimestampMillis = BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();
    }

    @ProcessElement
    public void process(
        @Element KV<Integer, KV<RecordBatch, byte[]>> element,
        @Timestamp Instant timestamp,
        @StateId("keys") ValueState<RecentKeys> state,
        @TimerId("forget") Timer forget,
        MultiOutputReceiver out) {
      RecordBatch batch = requireNonNull(element.getValue().getKey());
      byte[] hashes = element.getValue().getValue();
      long watermarkMillis = forget.getCurrentRelativeTime().getMillis();
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        RecentKeys.Added added =
            keys(state, watermarkMillis).add(hashes, eventMillis(rows), watermarkMillis);
        int[] newRows = added.newRows();
        if (!added.keys().isEmpty()) {
          state.write(added.keys());
          forgetLater(forget);
        }
        long duplicates = rows.getRowCount() - newRows.length;
        if (duplicates > 0) {
          duplicateRows.inc(duplicates);
          out.get(DUPLICATES).output(duplicates);
        }
        if (newRows.length > 0) {
          gathered.add(RowSelection.take(rows, newRows, newRows.length, allocator()));
          minTimestampMillis = Math.min(minTimestampMillis, timestamp.getMillis());
        }
      }
      if (gathered.rowCount() >= MAX_ROWS) {
        out.get(UNIQUE)
            .outputWithTimestamp(gathered.build(contract), new Instant(minTimestampMillis));
        minTimestampMillis = BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();
      }
    }

    @FinishBundle
    public void finishBundle(FinishBundleContext context) {
      if (gathered.rowCount() > 0) {
        context.output(
            UNIQUE,
            gathered.build(contract),
            new Instant(minTimestampMillis),
            GlobalWindow.INSTANCE);
      }
    }

    @OnTimer("forget")
    public void forget(
        @StateId("keys") ValueState<RecentKeys> state, @TimerId("forget") Timer forget) {
      long watermarkMillis = forget.getCurrentRelativeTime().getMillis();
      RecentKeys left = keys(state, watermarkMillis).expire(watermarkMillis);
      if (left.isEmpty()) {
        state.clear();
      } else {
        state.write(left);
        forgetLater(forget);
      }
    }

    private RecentKeys keys(ValueState<RecentKeys> state, long watermarkMillis) {
      RecentKeys keys = state.read();
      // The horizon may be another one than before a restart.
      return keys == null ? RecentKeys.of(horizon) : keys.withHorizon(horizon, watermarkMillis);
    }

    private void forgetLater(Timer forget) {
      // A quarter more than the horizon: then what the watermark has seen is forgotten at once.
      org.joda.time.Duration later = org.joda.time.Duration.millis(horizon.toMillis() * 5 / 4);
      forget.offset(later).withNoOutputTimestamp().setRelative();
    }

    private long[] eventMillis(VectorSchemaRoot rows) {
      TimeStampMicroVector times = (TimeStampMicroVector) rows.getVector(contract.eventTime());
      long[] millis = new long[rows.getRowCount()];
      Arrays.setAll(millis, row -> Math.floorDiv(times.get(row), 1_000L));
      return millis;
    }
  }

  private static final class KeysCoder extends AtomicCoder<RecentKeys> {
    @Override
    public void encode(RecentKeys keys, OutputStream out) throws IOException {
      keys.writeTo(new DataOutputStream(out));
    }

    @Override
    public RecentKeys decode(InputStream in) throws IOException {
      return RecentKeys.readFrom(new DataInputStream(in));
    }
  }
}
