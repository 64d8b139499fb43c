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
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.avro.Schema;
import org.apache.beam.sdk.io.parquet.ParquetIO;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.jspecify.annotations.Nullable;

/**
 * Writes a table's batches to the lake as Parquet files through ParquetIO, exactly once; see {@link
 * LakeSink} for how. Input in the global window; unbounded, or bounded with a generation. Row by
 * row, at some 200,000 rows/s: for the small tables. Roll-ups that another one in the same file
 * outdates are left out. Puts out the names of the written files by their hours (epoch hours),
 * which only a bounded run may use.
 */
public final class WriteParquet
    extends PTransform<PCollection<RecordBatch>, PCollection<KV<Long, String>>> {
  private final Contract contract;
  private final Table table;
  private final LakeFolder lake;
  private final @Nullable String generation;

  private WriteParquet(
      Contract contract, Table table, LakeFolder lake, @Nullable String generation) {
    this.contract = contract;
    this.table = table;
    this.lake = lake;
    this.generation = generation;
  }

  /**
   * @param lake the lake's folder, on any file system that Beam knows
   */
  public static WriteParquet of(Contract contract, Table table, String lake) {
    return new WriteParquet(
        requireNonNull(contract, "contract"),
        requireNonNull(table, "table"),
        new LakeFolder(lake),
        null);
  }

  /** For a bounded run: the files carry this name and count once the generation is published. */
  public WriteParquet withGeneration(String generation) {
    return new WriteParquet(contract, table, lake, LakeNames.requireGeneration(generation));
  }

  @Override
  public PCollection<KV<Long, String>> expand(PCollection<RecordBatch> input) {
    return input.apply(
        "ToLake",
        LakeSink.of(contract, table, lake, new ParquetFormat(contract, table), generation));
  }

  private record ParquetFormat(Contract contract, Table table) implements LakeSink.Format {
    /** Hadoop's defaults are read from XML each time: 10 ms a file, and nothing here needs them. */
    private static final Configuration NO_HADOOP_DEFAULTS = new Configuration(false);

    @Override
    public String extension() {
      return "parquet";
    }

    @Override
    public Compression shuffleCompression() {
      return Compression.ZSTD;
    }

    @Override
    public byte[] file(List<byte[]> messages) throws IOException {
      Schema avro = AvroRows.schema(table.schema(contract));
      ParquetIO.Sink sink =
          ParquetIO.sink(avro)
              .withCompressionCodec(CompressionCodecName.ZSTD)
              .withConfiguration(NO_HADOOP_DEFAULTS);
      try (ByteArrayChannel channel = new ByteArrayChannel(1 << 16);
          BufferAllocator allocator = new RootAllocator()) {
        LatestPanes latest = table == Table.ROLLUPS ? latest(messages, allocator) : null;
        sink.open(channel);
        for (byte[] message : messages) {
          try (VectorSchemaRoot rows = decode(message, allocator)) {
            for (int row = 0; row < rows.getRowCount(); row++) {
              if (latest == null || latest.contains(rows, row)) {
                sink.write(AvroRows.row(avro, rows, row));
              }
            }
          }
        }
        sink.flush();
        return channel.toByteArray();
      }
    }

    private LatestPanes latest(List<byte[]> messages, BufferAllocator allocator) {
      LatestPanes latest = new LatestPanes(contract);
      for (byte[] message : messages) {
        try (VectorSchemaRoot rows = decode(message, allocator)) {
          latest.add(rows);
        }
      }
      return latest;
    }

    private VectorSchemaRoot decode(byte[] message, BufferAllocator allocator) {
      return ArrowFiles.decode(table.schema(contract), message, allocator);
    }
  }
}
