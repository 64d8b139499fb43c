package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.Compression;
import io.highwater.record.FirstOfKeys;
import io.highwater.record.GatheredRows;
import io.highwater.record.KeyHasher;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.record.RowSelection;
import io.highwater.record.SpooledBatches;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TupleTagList;

/**
 * Drops rows whose key came before in their hour of event time: of the rows of an hour with one
 * key, the first is kept, in the order of the files and then of the rows in them (or of partitions
 * and offsets). By the hour, so that what becomes of an hour depends on the rows of that hour
 * alone, and to recompute one hour gives what to recompute all gives.
 *
 * <p>Bounded input: batches of {@link RecordSchemas#events} with positions for all rows. Output:
 * batches of one hour each, compressed, with positions only of rows that were in a topic. Rows
 * cross the shuffle compressed (some 48 bytes a row, and 20 bytes for the key and the position).
 */
final class DeduplicateHours extends PTransform<PCollection<RecordBatch>, PCollectionTuple> {
  /** Rows whose key is new. */
  static final TupleTag<RecordBatch> UNIQUE = new TupleTag<>("unique") {};

  /** How many rows were dropped, a number for each hour that had some. */
  static final TupleTag<Long> DUPLICATES = new TupleTag<>("duplicates") {};

  private static final Compression COMPRESSION = Compression.ZSTD;

  private final Contract contract;

  private DeduplicateHours(Contract contract) {
    this.contract = contract;
  }

  static DeduplicateHours of(Contract contract) {
    return new DeduplicateHours(requireNonNull(contract, "contract"));
  }

  @Override
  public PCollectionTuple expand(PCollection<RecordBatch> events) {
    PCollectionTuple outputs =
        events
            .apply("CutByHour", ParDo.of(new CutFn(contract)))
            .setCoder(KvCoder.of(VarLongCoder.of(), new PieceCoder()))
            .apply("GroupByHour", GroupByKey.create())
            .apply(
                "DropDuplicates",
                ParDo.of(new DropFn(contract)).withOutputTags(UNIQUE, TupleTagList.of(DUPLICATES)));
    outputs.get(UNIQUE).setCoder(BatchCoders.recordBatch());
    outputs.get(DUPLICATES).setCoder(VarLongCoder.of());
    return outputs;
  }

  /**
   * Rows of one hour.
   *
   * @param hashes of their keys, see {@link KeyHasher}
   * @param positions the order of the rows among all
   * @param rows compressed
   */
  private record Piece(byte[] hashes, long[] positions, RecordBatch rows) {
    /** By the content of the arrays, as the coder has it. */
    @Override
    public boolean equals(Object other) {
      return other instanceof Piece that
          && rows.equals(that.rows)
          && Arrays.equals(hashes, that.hashes)
          && Arrays.equals(positions, that.positions);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(positions);
    }
  }

  /** Cuts batches by hour; small pieces of an hour are gathered over the batches of a bundle. */
  private static final class CutFn extends ArrowFn<RecordBatch, KV<Long, Piece>> {
    /** A piece of so many rows goes on as it is. */
    private static final int LARGE_ROWS = 4_096;

    /** Rows of many hours, as when the input is not in the order of time: some 60 MB. */
    private static final int MAX_GATHERED_ROWS = 250_000;

    /** A file's number or a partition stands before the row's number or offset. */
    private static final int OFFSET_BITS = 40;

    private final Contract contract;
    private transient KeyHasher hasher;
    private transient Map<Long, GatheredRows> gathered;
    private transient int gatheredRows;

    CutFn(Contract contract) {
      this.contract = contract;
    }

    @Override
    void open(BufferAllocator allocator) {
      hasher = KeyHasher.of(contract);
      gathered = new HashMap<>();
    }

    @Override
    void release() {
      discard();
    }

    private void discard() {
      gathered.values().forEach(GatheredRows::close);
      gathered.clear();
      gatheredRows = 0;
    }

    @StartBundle
    public void startBundle() {
      // What a bundle that failed left behind.
      discard();
    }

    @ProcessElement
    public void process(@Element RecordBatch batch, OutputReceiver<KV<Long, Piece>> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        for (Map.Entry<Long, int[]> hour :
            RowSelection.splitByHour(rows, contract.eventTime()).entrySet()) {
          int[] selected = hour.getValue();
          if (selected.length == rows.getRowCount() && selected.length >= LARGE_ROWS) {
            out.output(KV.of(hour.getKey(), piece(rows)));
          } else {
            VectorSchemaRoot taken =
                RowSelection.take(rows, selected, selected.length, allocator());
            GatheredRows ofHour =
                gathered.computeIfAbsent(hour.getKey(), unused -> new GatheredRows());
            ofHour.add(taken);
            gatheredRows += selected.length;
            if (ofHour.rowCount() >= 2 * LARGE_ROWS) {
              gatheredRows -= ofHour.rowCount();
              out.output(KV.of(hour.getKey(), piece(ofHour)));
            }
          }
        }
      }
      if (gatheredRows >= MAX_GATHERED_ROWS) {
        gathered.forEach(
            (hour, rows) -> {
              if (rows.rowCount() > 0) {
                out.output(KV.of(hour, piece(rows)));
              }
            });
        gathered.clear();
        gatheredRows = 0;
      }
    }

    @FinishBundle
    public void finishBundle(FinishBundleContext context) {
      gathered.forEach(
          (hour, rows) -> {
            if (rows.rowCount() > 0) {
              context.output(
                  KV.of(hour, piece(rows)),
                  BoundedWindow.TIMESTAMP_MIN_VALUE,
                  GlobalWindow.INSTANCE);
            }
          });
      gathered.clear();
      gatheredRows = 0;
    }

    private Piece piece(GatheredRows rows) {
      try (VectorSchemaRoot all = rows.take()) {
        return piece(all);
      }
    }

    private Piece piece(VectorSchemaRoot rows) {
      byte[] hashes = hasher.hash(rows);
      FieldVector topics = rows.getVector(RecordSchemas.TOPIC);
      IntVector partitions = (IntVector) rows.getVector(RecordSchemas.PARTITION);
      BigIntVector offsets = (BigIntVector) rows.getVector(RecordSchemas.OFFSET);
      long[] positions = new long[rows.getRowCount()];
      for (int row = 0; row < positions.length; row++) {
        positions[row] = ((long) partitions.get(row) << OFFSET_BITS) + offsets.get(row);
        if (topics.isNull(row)) {
          // Equal rows make equal bytes, so that what a null covers is zero.
          partitions.set(row, 0);
          partitions.setNull(row);
          offsets.set(row, 0);
          offsets.setNull(row);
        }
      }
      return new Piece(
          hashes,
          positions,
          RecordBatch.compressed(contract, rows, contract.eventTime(), COMPRESSION));
    }
  }

  /** Looks at all keys of an hour, then lets its rows pass; they wait on the disk if many. */
  private static final class DropFn extends ArrowFn<KV<Long, Iterable<Piece>>, RecordBatch> {
    private final Contract contract;
    private final HighwaterMetrics.BatchCounter duplicateRows =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_DUPLICATE);

    DropFn(Contract contract) {
      this.contract = contract;
    }

    @ProcessElement
    public void process(@Element KV<Long, Iterable<Piece>> hour, MultiOutputReceiver out)
        throws IOException {
      FirstOfKeys keys = new FirstOfKeys();
      try (SpooledBatches spooled = new SpooledBatches()) {
        for (Piece piece : requireNonNull(hour.getValue())) {
          keys.add(piece.hashes(), piece.positions());
          spooled.add(piece.rows());
        }
        if (keys.duplicates() > 0) {
          duplicateRows.inc(keys.duplicates());
          out.get(DUPLICATES).output(keys.duplicates());
        }
        int first = 0;
        for (RecordBatch batch : spooled) {
          int[] kept = keys.kept(first, batch.rowCount());
          if (kept.length == batch.rowCount()) {
            out.get(UNIQUE).output(batch);
          } else if (kept.length > 0) {
            try (VectorSchemaRoot rows = batch.open(allocator());
                VectorSchemaRoot left = RowSelection.take(rows, kept, kept.length, allocator())) {
              out.get(UNIQUE)
                  .output(
                      RecordBatch.compressed(contract, left, contract.eventTime(), COMPRESSION));
            }
          }
          first += batch.rowCount();
        }
      }
    }
  }

  private static final class PieceCoder extends BatchCoders.DataCoder<Piece> {
    @Override
    void write(Piece piece, DataOutput out) throws IOException {
      out.writeInt(piece.positions().length);
      for (long position : piece.positions()) {
        out.writeLong(position);
      }
      out.write(piece.hashes());
      piece.rows().writeTo(out);
    }

    @Override
    Piece read(DataInput in) throws IOException {
      long[] positions = new long[in.readInt()];
      for (int row = 0; row < positions.length; row++) {
        positions[row] = in.readLong();
      }
      byte[] hashes = new byte[positions.length * KeyHasher.HASH_BYTES];
      in.readFully(hashes);
      return new Piece(hashes, positions, RecordBatch.readFrom(in));
    }
  }
}
