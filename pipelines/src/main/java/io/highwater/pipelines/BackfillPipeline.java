package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.record.Compression;
import io.highwater.record.RawBatch;
import io.highwater.record.TimeRange;
import io.highwater.transforms.InputFile;
import io.highwater.transforms.LakeGeneration;
import io.highwater.transforms.PrepareGeneration;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.ReadFiles;
import io.highwater.transforms.Table;
import io.highwater.transforms.WriteArrow;
import io.highwater.transforms.WriteParquet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.jspecify.annotations.Nullable;

/**
 * History through the same body as the stream, into the lake. Nothing of it counts until it is
 * published, when all of it is there.
 */
public final class BackfillPipeline {
  /** What {@code --input} says to read the lake's own events. */
  private static final String LAKE = "lake";

  private final Pipeline pipeline;
  private final LakeGeneration generation;
  private final TimeRange times;
  private final long inputBytes;

  private BackfillPipeline(
      Pipeline pipeline, LakeGeneration generation, TimeRange times, long inputBytes) {
    this.pipeline = pipeline;
    this.generation = generation;
    this.times = times;
    this.inputBytes = inputBytes;
  }

  /**
   * @param now when the backfill starts: names its generation and, as milliseconds, its roll-ups'
   *     run
   * @throws UsageException if an option cannot be used
   */
  public static BackfillPipeline create(BackfillPipelineOptions options, Instant now)
      throws IOException {
    Contract contract = OptionValues.contract("contract", options.getContract());
    Compression compression = OptionValues.compression("compression", options.getCompression());
    Duration lateness = OptionValues.duration("allowedLateness", options.getAllowedLateness());
    String asOf = options.getAsOf();
    Instant receivedAt = asOf == null ? now : OptionValues.time("asOf", asOf);
    TimeRange times = times(options, contract);
    boolean skipsBadFiles = OptionValues.failOrSkip("onBadFile", options.getOnBadFile());
    OptionValues.mebibytes("maxMemory", options.getMaxMemory());
    String lake = OptionValues.lake("lake", options.getLake());
    String input = OptionValues.required("input", options.getInput());

    Pipeline pipeline = Pipeline.create(options);
    LakeGeneration generation =
        LakeGeneration.begin(contract, lake, now, String.join("\n", input, times.toString()));
    List<InputFile> files;
    if (input.equals(LAKE)) {
      List<LakeFile> events = eventsOf(lake, contract, times);
      files = InputFile.of(events);
      generation = generation.withEventsOf(events);
    } else {
      files = OptionValues.files("input", input);
    }
    ReadFiles readFiles = ReadFiles.of(contract, files, receivedAt);
    if (skipsBadFiles) {
      readFiles = readFiles.withUnreadableSkipped();
    }

    PCollection<RawBatch> records = pipeline.apply("ReadFiles", readFiles).get(ReadFiles.RECORDS);

    PCollectionTuple processed =
        records.apply(
            "ProcessRecords",
            ProcessRecords.of(contract, now.toEpochMilli())
                .withAllowedLateness(lateness)
                .withTimes(times));

    processed
        .get(ProcessRecords.EVENTS)
        .apply(
            "WriteEvents",
            WriteArrow.of(contract, Table.EVENTS, lake)
                .withCompression(compression)
                .withGeneration(generation.name()))
        .apply("PrepareEvents", PrepareGeneration.of(generation, Table.EVENTS));
    processed
        .get(ProcessRecords.ROLLUPS)
        .apply(
            "WriteRollUps",
            WriteParquet.of(contract, Table.ROLLUPS, lake).withGeneration(generation.name()))
        .apply("PrepareRollUps", PrepareGeneration.of(generation, Table.ROLLUPS));
    processed
        .get(ProcessRecords.REJECTED)
        .apply(
            "WriteRejected",
            WriteParquet.of(contract, Table.REJECTED, lake).withGeneration(generation.name()))
        .apply("PrepareRejected", PrepareGeneration.of(generation, Table.REJECTED));

    long bytes = files.stream().mapToLong(InputFile::bytes).sum();
    return new BackfillPipeline(pipeline, generation, times, bytes);
  }

  /** Hours are replaced as wholes, and so are the windows in them. */
  private static TimeRange times(BackfillPipelineOptions options, Contract contract) {
    Instant from = boundary("from", options.getFrom(), contract);
    Instant to = boundary("to", options.getTo(), contract);
    if (from != null && to != null && !from.isBefore(to)) {
      throw UsageException.option("to", to, "a time after --from, " + from);
    }
    return TimeRange.of(from, to);
  }

  private static @Nullable Instant boundary(
      String option, @Nullable String text, Contract contract) {
    if (text == null) {
      return null;
    }
    Instant time = OptionValues.time(option, text);
    Duration whole = Duration.ofHours(1);
    for (Duration window : contract.rollUp().windows()) {
      whole = window.compareTo(whole) > 0 ? window : whole;
    }
    if (time.toEpochMilli() % whole.toMillis() != 0) {
      throw UsageException.option(
          option,
          text,
          "a whole %s, as windows of that length are recomputed"
              .formatted(whole.equals(Duration.ofHours(1)) ? "hour" : whole.toString()));
    }
    return time;
  }

  private static List<LakeFile> eventsOf(String lake, Contract contract, TimeRange times) {
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

  public Pipeline pipeline() {
    return pipeline;
  }

  /** How much there is to read, as it is on the disk. */
  public long inputBytes() {
    return inputBytes;
  }

  /**
   * Makes what the pipeline wrote count, once it is done.
   *
   * @return how many hours of events were replaced
   */
  public int publish() throws IOException {
    return generation.publish(times);
  }
}
