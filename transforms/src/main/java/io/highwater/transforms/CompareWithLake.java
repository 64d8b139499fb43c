package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeFileReader;
import io.highwater.lake.LakeTable;
import io.highwater.quality.ChangeReport;
import io.highwater.quality.LakeComparison;
import io.highwater.record.Compression;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.record.RowSelection;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.jspecify.annotations.Nullable;

/**
 * What would change in the lake's events if {@link #EVENTS} took the place of the rows of their
 * hours, as one report; see {@link LakeComparison}. Writes nothing. Bounded, in the global window.
 * Always gives one element.
 *
 * <p>Without a range, the hours are those that have a new row, as it is with a backfill. With one,
 * they are all hours of it that the lake has rows in, too.
 *
 * <p>One hour is compared at a time by a worker; its new rows are in memory, compressed.
 */
public final class CompareWithLake extends PTransform<PCollectionTuple, PCollection<ChangeReport>> {
  /** Rows that a backfill would write. */
  public static final TupleTag<RecordBatch> EVENTS = ProcessRecords.EVENTS;

  public static final TupleTag<RecordBatch> REJECTED = ProcessRecords.REJECTED;

  private final Contract contract;
  private final String lake;
  private final Range range;

  private CompareWithLake(Contract contract, String lake, Range range) {
    this.contract = contract;
    this.lake = lake;
    this.range = range;
  }

  /**
   * @param contract of the new rows
   * @param lake the lake's folder on this machine
   */
  public static CompareWithLake of(Contract contract, String lake) {
    if (lake.contains("://")) {
      throw new IllegalArgumentException("lake is '" + lake + "'; expected a local folder");
    }
    return new CompareWithLake(requireNonNull(contract, "contract"), lake, Range.ALL);
  }

  /**
   * Rows outside of the range do not count, neither of the lake nor new ones.
   *
   * @param from inclusive; null for no limit
   * @param to exclusive; null for no limit
   */
  public CompareWithLake withRange(@Nullable Instant from, @Nullable Instant to) {
    if (from != null && to != null && !from.isBefore(to)) {
      throw new IllegalArgumentException(
          "from is " + from + " and to is " + to + "; expected from before to");
    }
    return new CompareWithLake(
        contract,
        lake,
        new Range(
            from == null ? Range.ALL.fromMicros : ChronoUnit.MICROS.between(Instant.EPOCH, from),
            to == null ? Range.ALL.toMicros : ChronoUnit.MICROS.between(Instant.EPOCH, to)));
  }

  @Override
  public PCollection<ChangeReport> expand(PCollectionTuple input) {
    PCollection<RecordBatch> events = input.get(EVENTS);
    if (events.isBounded() != IsBounded.BOUNDED) {
      throw new IllegalStateException(
          "An unbounded input is never compared to its end; expected a bounded one");
    }
    Coder<KV<Long, byte[]>> pieceCoder = KvCoder.of(VarLongCoder.of(), ByteArrayCoder.of());
    PCollection<KV<Long, byte[]>> pieces =
        events.apply("CutByHour", ParDo.of(new CutFn(contract, range))).setCoder(pieceCoder);
    if (!range.equals(Range.ALL)) {
      PCollection<KV<Long, byte[]>> hours =
          events
              .getPipeline()
              .apply("Lake", Create.of(lake))
              .apply("HoursOfLake", ParDo.of(new HoursFn(contract.id(), range)))
              .setCoder(pieceCoder);
      pieces = PCollectionList.of(pieces).and(hours).apply("AllHours", Flatten.pCollections());
    }
    Coder<ChangeReport> coder = new ReportCoder(contract);
    PCollection<ChangeReport> changes =
        pieces
            .apply("GroupByHour", GroupByKey.create())
            .apply("Compare", ParDo.of(new CompareFn(contract, lake, range)))
            .setCoder(coder);
    PCollection<ChangeReport> rejected =
        input
            .get(REJECTED)
            .apply("CountRejected", ParDo.of(new CountRejectedFn(contract)))
            .setCoder(coder);
    return PCollectionList.of(changes)
        .and(rejected)
        .apply(
            "MergeReports",
            new MergeReports<>(
                contract,
                TypeDescriptor.of(ChangeReport.class),
                coder,
                ChangeReport::empty,
                ChangeReport::merge));
  }

  /** Event times from the first to the second, which is not of it. */
  private record Range(long fromMicros, long toMicros) implements Serializable {
    private static final long MICROS_PER_HOUR = 3_600_000_000L;

    static final Range ALL = new Range(Long.MIN_VALUE, Long.MAX_VALUE);

    long firstHour() {
      return Math.floorDiv(fromMicros, MICROS_PER_HOUR);
    }

    long lastHour() {
      return Math.floorDiv(toMicros - 1, MICROS_PER_HOUR);
    }
  }

  /** Cuts batches by hour and compresses each piece; leaves out hours that are not of the range. */
  private static final class CutFn extends ArrowFn<RecordBatch, KV<Long, byte[]>> {
    private final Contract contract;
    private final Range range;

    CutFn(Contract contract, Range range) {
      this.contract = contract;
      this.range = range;
    }

    @ProcessElement
    public void process(@Element RecordBatch batch, OutputReceiver<KV<Long, byte[]>> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        for (Map.Entry<Long, int[]> hour :
            RowSelection.splitByHour(rows, contract.eventTime())
                .subMap(range.firstHour(), range.lastHour() + 1)
                .entrySet()) {
          int[] selected = hour.getValue();
          try (VectorSchemaRoot piece =
              RowSelection.take(rows, selected, selected.length, allocator())) {
            out.output(KV.of(hour.getKey(), ArrowFiles.encode(piece, Compression.ZSTD)));
          }
        }
      }
    }
  }

  /** The hours of a range that a lake has rows in, each with no new rows. */
  private static final class HoursFn extends DoFn<String, KV<Long, byte[]>> {
    private final String contractId;
    private final Range range;

    HoursFn(String contractId, Range range) {
      this.contractId = contractId;
      this.range = range;
    }

    @ProcessElement
    public void process(@Element String lake, OutputReceiver<KV<Long, byte[]>> out) {
      TreeSet<Long> hours = new TreeSet<>();
      for (LakeFile file :
          LakeTable.of(Path.of(lake), contractId, Table.EVENTS.folder())
              .filesBetween(range.firstHour(), range.lastHour())) {
        hours.add(file.hour().epochHour());
      }
      hours.forEach(hour -> out.output(KV.of(hour, new byte[0])));
    }
  }

  private static final class CompareFn extends ArrowFn<KV<Long, Iterable<byte[]>>, ChangeReport> {
    private final Contract contract;
    private final String lake;
    private final Range range;
    // An in-memory DuckDB, PER_INSTANCE.
    private transient LakeComparison comparison;

    CompareFn(Contract contract, String lake, Range range) {
      this.contract = contract;
      this.lake = lake;
      this.range = range;
    }

    @Override
    void open(BufferAllocator allocator) {
      comparison = LakeComparison.of(contract, range.fromMicros, range.toMicros, allocator);
    }

    @Override
    void release() {
      comparison.close();
    }

    @ProcessElement
    public void process(@Element KV<Long, Iterable<byte[]>> hour, OutputReceiver<ChangeReport> out)
        throws IOException {
      long epochHour = requireNonNull(hour.getKey());
      for (LakeFile file :
          LakeTable.of(Path.of(lake), contract.id(), Table.EVENTS.folder()).files(epochHour)) {
        try (LakeFileReader reader = LakeFileReader.open(file, allocator())) {
          comparison.addBefore(reader.schema(), reader);
        }
      }
      Schema schema = RecordSchemas.events(contract);
      try (Pieces pieces = new Pieces(schema, hour.getValue().iterator(), allocator())) {
        comparison.addAfter(schema, pieces);
      }
      out.output(comparison.compare());
    }
  }

  /** Decompresses one piece after another. */
  private static final class Pieces implements Iterator<VectorSchemaRoot>, AutoCloseable {
    private final Schema schema;
    private final Iterator<byte[]> messages;
    private final BufferAllocator allocator;
    private byte[] next = new byte[0];
    private @Nullable VectorSchemaRoot current;

    Pieces(Schema schema, Iterator<byte[]> messages, BufferAllocator allocator) {
      this.schema = schema;
      this.messages = messages;
      this.allocator = allocator;
    }

    @Override
    public boolean hasNext() {
      // An empty message says no more than that the lake has the hour.
      while (next.length == 0 && messages.hasNext()) {
        next = messages.next();
      }
      return next.length > 0;
    }

    @Override
    public VectorSchemaRoot next() {
      if (!hasNext()) {
        throw new NoSuchElementException("the hour has no more rows");
      }
      close();
      current = ArrowFiles.decode(schema, next, allocator);
      next = new byte[0];
      return current;
    }

    @Override
    public void close() {
      if (current != null) {
        current.close();
        current = null;
      }
    }
  }

  private static final class CountRejectedFn extends ArrowFn<RecordBatch, ChangeReport> {
    private final Contract contract;

    CountRejectedFn(Contract contract) {
      this.contract = contract;
    }

    @ProcessElement
    public void process(@Element RecordBatch batch, OutputReceiver<ChangeReport> out) {
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        out.output(ChangeReport.ofRejected(contract, rows));
      }
    }
  }

  private static final class ReportCoder extends BatchCoders.DataCoder<ChangeReport> {
    private final Contract contract;

    ReportCoder(Contract contract) {
      this.contract = contract;
    }

    @Override
    void write(ChangeReport value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    ChangeReport read(DataInput in) throws IOException {
      return ChangeReport.readFrom(contract, in);
    }
  }
}
