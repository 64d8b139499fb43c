package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeHour;
import io.highwater.record.Compression;
import io.highwater.record.RecordBatch;
import io.highwater.record.RowSelection;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.coders.VarIntCoder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.GroupByKey;
import org.apache.beam.sdk.transforms.GroupIntoBatches;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.jspecify.annotations.Nullable;

/**
 * Writes a table's batches, in the global window, as files of its hours. Rows are compressed first
 * and then grouped by hour, so that little crosses the shuffle.
 *
 * <p>Unbounded: a group is written when it reaches a size or an age, in a step with stable input,
 * so that after a crash the same group comes again and writes the same file: every row is in the
 * table exactly once. Nothing may stand behind it, since what such a step puts out is lost when a
 * job drains.
 *
 * <p>Bounded: each group becomes files of a generation, whose names come out by hour, for {@link
 * PrepareGeneration} to note.
 */
final class LakeSink extends PTransform<PCollection<RecordBatch>, PCollection<KV<Long, String>>> {
  /** A file's format: how the compressed record batches of one group become a file. */
  interface Format extends Serializable {
    String extension();

    /** How the rows are compressed on their way to the file. */
    Compression shuffleCompression();

    byte[] file(List<byte[]> messages) throws IOException;
  }

  /**
   * A file of this many compressed bytes is put out before its age. Larger ones would be kinder to
   * readers, but they are state in the checkpoint; compaction makes them later.
   */
  private static final long MAX_FILE_BYTES = 16L << 20;

  /**
   * As many writers an hour when all rows are of one hour; one compresses and writes 0.9 M rows/s.
   * History has hours enough to write side by side.
   */
  private static final int UNBOUNDED_SHARDS = 2;

  private static final int BOUNDED_SHARDS = 1;

  private final Contract contract;
  private final Table table;
  private final LakeFolder lake;
  private final Format format;
  private final @Nullable String generation;

  private LakeSink(
      Contract contract, Table table, LakeFolder lake, Format format, @Nullable String generation) {
    this.contract = contract;
    this.table = table;
    this.lake = lake;
    this.format = format;
    this.generation = generation;
  }

  /**
   * @param generation of a bounded run; null for an unbounded one
   */
  static LakeSink of(
      Contract contract, Table table, LakeFolder lake, Format format, @Nullable String generation) {
    return new LakeSink(contract, table, lake, format, generation);
  }

  /** Puts out the names of the files that it wrote, by the hour they are in. */
  @Override
  public PCollection<KV<Long, String>> expand(PCollection<RecordBatch> input) {
    Coder<KV<Long, Integer>> shardCoder = KvCoder.of(VarLongCoder.of(), VarIntCoder.of());
    boolean bounded = input.isBounded() == IsBounded.BOUNDED;
    int shards = bounded ? BOUNDED_SHARDS : UNBOUNDED_SHARDS;
    PCollection<KV<KV<Long, Integer>, byte[]>> compressed =
        input
            .apply("Compress", ParDo.of(new CompressFn(contract, table, format, shards)))
            .setCoder(KvCoder.of(shardCoder, ByteArrayCoder.of()));
    if (bounded != (generation != null)) {
      throw new IllegalStateException(
          bounded
              ? "A bounded input needs a generation; expected withGeneration(...)"
              : "An unbounded input has no generation; expected none, found " + generation);
    }
    LakeFileWriter writer = new LakeFileWriter(contract, table, lake, format, generation);
    PCollection<KV<KV<Long, Integer>, Iterable<byte[]>>> groups =
        bounded
            ? compressed.apply("GroupByHour", GroupByKey.create())
            : compressed.apply(
                "GroupByHour",
                GroupIntoBatches.<KV<Long, Integer>, byte[]>ofByteSize(
                        MAX_FILE_BYTES, message -> (long) message.length)
                    .withMaxBufferingDuration(table.maxFileAge()));
    DoFn<KV<KV<Long, Integer>, Iterable<byte[]>>, KV<Long, String>> write =
        bounded ? new WriteFn(writer) : new StableWriteFn(writer);
    return groups
        .apply("WriteFiles", ParDo.of(write))
        .setCoder(KvCoder.of(VarLongCoder.of(), StringUtf8Coder.of()));
  }

  /** Cuts batches by hour and compresses each piece, where that has not been done before. */
  private static final class CompressFn
      extends ArrowFn<RecordBatch, KV<KV<Long, Integer>, byte[]>> {
    private final Contract contract;
    private final Table table;
    private final Format format;
    private final int shards;

    CompressFn(Contract contract, Table table, Format format, int shards) {
      this.contract = contract;
      this.table = table;
      this.format = format;
      this.shards = shards;
    }

    @ProcessElement
    public void process(
        @Element RecordBatch batch, OutputReceiver<KV<KV<Long, Integer>, byte[]>> out) {
      // Which shard is of no consequence: groups are fixed before anything is written.
      int shard = ThreadLocalRandom.current().nextInt(shards);
      long firstHour = LakeHour.epochHour(batch.minEventMillis());
      if (batch.compression() == format.shuffleCompression()
          && firstHour == LakeHour.epochHour(batch.maxEventMillis())) {
        out.output(KV.of(KV.of(firstHour, shard), batch.message()));
        return;
      }
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        Map<Long, int[]> hours = RowSelection.splitByHour(rows, table.timeColumn(contract));
        for (Map.Entry<Long, int[]> hour : hours.entrySet()) {
          out.output(KV.of(KV.of(hour.getKey(), shard), encode(rows, hour.getValue())));
        }
      }
    }

    private byte[] encode(VectorSchemaRoot rows, int[] selected) {
      if (selected.length == rows.getRowCount()) {
        return ArrowFiles.encode(rows, format.shuffleCompression());
      }
      try (VectorSchemaRoot piece =
          RowSelection.take(rows, selected, selected.length, allocator())) {
        return ArrowFiles.encode(piece, format.shuffleCompression());
      }
    }
  }

  /** Writes the groups of a bounded run. */
  private static final class WriteFn
      extends DoFn<KV<KV<Long, Integer>, Iterable<byte[]>>, KV<Long, String>> {
    private final LakeFileWriter writer;

    WriteFn(LakeFileWriter writer) {
      this.writer = writer;
    }

    @ProcessElement
    public void process(
        @Element KV<KV<Long, Integer>, Iterable<byte[]>> group,
        OutputReceiver<KV<Long, String>> out)
        throws IOException {
      writer.write(requireNonNull(group.getKey().getKey()), group.getValue(), out);
    }
  }

  /** Writes groups that come again unchanged after a crash. */
  private static final class StableWriteFn
      extends DoFn<KV<KV<Long, Integer>, Iterable<byte[]>>, KV<Long, String>> {
    private final LakeFileWriter writer;

    StableWriteFn(LakeFileWriter writer) {
      this.writer = writer;
    }

    @RequiresStableInput
    @ProcessElement
    public void process(
        @Element KV<KV<Long, Integer>, Iterable<byte[]>> group,
        OutputReceiver<KV<Long, String>> out)
        throws IOException {
      writer.write(requireNonNull(group.getKey().getKey()), group.getValue(), out);
    }
  }

  /** Turns a group into one or more files. */
  private record LakeFileWriter(
      Contract contract, Table table, LakeFolder lake, Format format, @Nullable String generation)
      implements Serializable {
    void write(long epochHour, Iterable<byte[]> messages, DoFn.OutputReceiver<KV<Long, String>> out)
        throws IOException {
      List<byte[]> file = new ArrayList<>();
      long bytes = 0;
      for (byte[] message : messages) {
        file.add(message);
        bytes += message.length;
        if (bytes >= MAX_FILE_BYTES) {
          put(epochHour, file, out);
          file.clear();
          bytes = 0;
        }
      }
      if (!file.isEmpty()) {
        put(epochHour, file, out);
      }
    }

    private void put(
        long epochHour, List<byte[]> messages, DoFn.OutputReceiver<KV<Long, String>> out)
        throws IOException {
      String name = lake.nameOf(table, generation, messages, format.extension());
      lake.write(contract, table, epochHour, name, format.file(messages));
      out.output(KV.of(epochHour, name));
    }
  }
}
