package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.record.RawBatch;
import io.highwater.record.TimeRange;
import io.highwater.transforms.InputFile;
import io.highwater.transforms.KafkaOffsets;
import io.highwater.transforms.MeasureQuality;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.ReadFiles;
import io.highwater.transforms.ReadJdbc;
import io.highwater.transforms.ReadKafkaRange;
import io.highwater.transforms.Table;
import io.highwater.transforms.UnreadableFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TypeDescriptors;
import org.jspecify.annotations.Nullable;

/** What {@code --input} says: files, the lake's own events, a database's table or a topic. */
final class BackfillInput {
  private static final String LAKE = "lake";
  private static final String JDBC = "jdbc:";
  private static final String KAFKA = "kafka:";

  private final @Nullable ReadFiles files;
  private final @Nullable PTransform<PBegin, PCollection<RawBatch>> other;
  private final long bytes;
  private final List<LakeFile> lakeFiles;
  private @Nullable PCollection<UnreadableFile> unreadable;

  private BackfillInput(
      @Nullable ReadFiles files,
      @Nullable PTransform<PBegin, PCollection<RawBatch>> other,
      long bytes,
      List<LakeFile> lakeFiles) {
    this.files = files;
    this.other = other;
    this.bytes = bytes;
    this.lakeFiles = lakeFiles;
  }

  /**
   * @throws UsageException if there is no such input, or it cannot be read
   */
  static BackfillInput of(
      BackfillPipelineOptions options, Contract contract, TimeRange times, Instant receivedAt)
      throws IOException {
    boolean skipsBadFiles = OptionValues.failOrSkip("onBadFile", options.getOnBadFile());
    String input = OptionValues.required("input", options.getInput());
    if (input.startsWith(JDBC)) {
      return ofTable(input.substring(JDBC.length()), options, receivedAt);
    }
    if (input.startsWith(KAFKA)) {
      return ofTopic(input.substring(KAFKA.length()), options);
    }
    List<LakeFile> lakeFiles =
        input.equals(LAKE) ? lakeFiles(options.getLake(), contract, times) : List.of();
    List<InputFile> files =
        input.equals(LAKE) ? InputFile.of(lakeFiles) : OptionValues.files("input", input);
    ReadFiles read = ReadFiles.of(contract, files, receivedAt);
    long bytes = files.stream().mapToLong(InputFile::bytes).sum();
    return new BackfillInput(
        skipsBadFiles ? read.withUnreadableSkipped() : read, null, bytes, lakeFiles);
  }

  private static List<LakeFile> lakeFiles(String lake, Contract contract, TimeRange times) {
    Path root = Path.of(lake);
    if (!Files.isDirectory(root)) {
      throw UsageException.option(
          "input", LAKE, "--lake to be a folder that is there, in the local file system");
    }
    List<LakeFile> files =
        LakeTable.of(root, contract.id(), Table.EVENTS.folder()).files().stream()
            .filter(file -> times.contains(file.hour().start().toEpochMilli()))
            .toList();
    if (files.isEmpty()) {
      throw UsageException.option(
          "input", LAKE, "a lake with events of " + contract.id() + " in that time");
    }
    return files;
  }

  private static BackfillInput ofTable(
      String table, BackfillPipelineOptions options, Instant receivedAt) {
    String config = OptionValues.required("jdbcConfig", options.getJdbcConfig());
    String path = Path.of(config).toAbsolutePath().toString();
    try {
      ReadJdbc.check(table, path);
    } catch (IOException | IllegalArgumentException e) {
      throw UsageException.option("input", JDBC + table, "a table to read; " + e.getMessage());
    }
    return new BackfillInput(null, ReadJdbc.of(table, path, receivedAt), 0, List.of());
  }

  private static BackfillInput ofTopic(String topic, BackfillPipelineOptions options) {
    String servers = OptionValues.required("bootstrapServers", options.getBootstrapServers());
    try {
      ReadKafkaRange read = ReadKafkaRange.of(servers, topic);
      if (options.getConsumerConfig() != null) {
        OptionValues.properties("consumerConfig", options.getConsumerConfig());
        read =
            read.withConsumerConfigFile(
                Path.of(options.getConsumerConfig()).toAbsolutePath().toString());
      }
      if (options.getOffsets() != null) {
        read = read.withOffsets(KafkaOffsets.parse(options.getOffsets()));
      }
      read.check();
      return new BackfillInput(null, read, 0, List.of());
    } catch (IOException | IllegalArgumentException e) {
      throw UsageException.option("input", KAFKA + topic, "a topic to read; " + e.getMessage());
    }
  }

  PCollection<RawBatch> read(Pipeline pipeline) {
    if (other != null) {
      return pipeline.apply("ReadRecords", other);
    }
    if (files == null) {
      throw new IllegalStateException("there is neither a file nor another source");
    }
    PCollectionTuple read = pipeline.apply("ReadRecords", files);
    unreadable = read.get(ReadFiles.UNREADABLE);
    return read.get(ReadFiles.RECORDS);
  }

  /** What is to be measured of an input that was read. */
  PCollectionTuple measurable(PCollectionTuple processed) {
    PCollectionTuple measurable =
        PCollectionTuple.of(MeasureQuality.ACCEPTED, processed.get(ProcessRecords.ACCEPTED))
            .and(MeasureQuality.REJECTED, processed.get(ProcessRecords.REJECTED))
            .and(MeasureQuality.DUPLICATES, processed.get(ProcessRecords.DUPLICATES));
    return unreadable == null
        ? measurable
        : measurable.and(
            MeasureQuality.UNREADABLE_FILES,
            unreadable.apply(
                "NamesOfUnreadable",
                MapElements.into(
                        TypeDescriptors.kvs(TypeDescriptors.strings(), TypeDescriptors.strings()))
                    .via(file -> KV.of(file.name(), file.reason()))));
  }

  /** As it is on the disk; 0 where that is not known. */
  long bytes() {
    return bytes;
  }

  /** The files of the lake that are read; none of another input. */
  List<LakeFile> lakeFiles() {
    return lakeFiles;
  }
}
