package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeNames;
import io.highwater.record.ByteArrayChannel;
import io.highwater.record.Compression;
import io.highwater.record.RecordBatch;
import java.io.IOException;
import java.util.List;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.jspecify.annotations.Nullable;

/**
 * Writes a table's batches to the lake as Arrow IPC files, exactly once; see {@link LakeSink} for
 * how. Input in the global window; unbounded, or bounded with a generation. Puts out the names of
 * the written files by their hours (epoch hours), which only a bounded run may use.
 */
public final class WriteArrow
    extends PTransform<PCollection<RecordBatch>, PCollection<KV<Long, String>>> {
  private final Contract contract;
  private final Table table;
  private final LakeFolder lake;
  private final Compression compression;
  private final @Nullable String generation;

  private WriteArrow(
      Contract contract,
      Table table,
      LakeFolder lake,
      Compression compression,
      @Nullable String generation) {
    this.contract = contract;
    this.table = table;
    this.lake = lake;
    this.compression = compression;
    this.generation = generation;
  }

  /**
   * @param lake the lake's folder, on any file system that Beam knows
   */
  public static WriteArrow of(Contract contract, Table table, String lake) {
    return new WriteArrow(
        requireNonNull(contract, "contract"),
        requireNonNull(table, "table"),
        new LakeFolder(lake),
        Compression.ZSTD,
        null);
  }

  /** Default ZSTD. */
  public WriteArrow withCompression(Compression compression) {
    return new WriteArrow(
        contract, table, lake, requireNonNull(compression, "compression"), generation);
  }

  /** For a bounded run: the files carry this name and count once the generation is published. */
  public WriteArrow withGeneration(String generation) {
    return new WriteArrow(
        contract, table, lake, compression, LakeNames.requireGeneration(generation));
  }

  @Override
  public PCollection<KV<Long, String>> expand(PCollection<RecordBatch> input) {
    return input.apply(
        "ToLake",
        LakeSink.of(
            contract, table, lake, new ArrowFormat(contract, table, compression), generation));
  }

  private record ArrowFormat(Contract contract, Table table, Compression shuffleCompression)
      implements LakeSink.Format {
    @Override
    public String extension() {
      return "arrow";
    }

    @Override
    public byte[] file(List<byte[]> messages) throws IOException {
      int size = messages.stream().mapToInt(message -> message.length + 64).sum();
      try (ByteArrayChannel channel = new ByteArrayChannel(size + 16_384)) {
        ArrowFiles.assemble(table.schema(contract), messages, channel);
        return channel.toByteArray();
      }
    }
  }
}
