package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.record.Compression;
import io.highwater.record.RawBatch;
import io.highwater.record.TimeRange;
import io.highwater.transforms.CompareWithLake;
import io.highwater.transforms.LakeGeneration;
import io.highwater.transforms.PrepareGeneration;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.ScoringSettings;
import io.highwater.transforms.Table;
import io.highwater.transforms.WriteArrow;
import io.highwater.transforms.WriteParquet;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
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
  private final Pipeline pipeline;
  private final @Nullable LakeGeneration generation;
  private final TimeRange times;
  private final long inputBytes;
  private final List<Path> tables;

  private BackfillPipeline(
      Pipeline pipeline,
      @Nullable LakeGeneration generation,
      TimeRange times,
      long inputBytes,
      List<Path> tables) {
    this.pipeline = pipeline;
    this.generation = generation;
    this.times = times;
    this.inputBytes = inputBytes;
    this.tables = List.copyOf(tables);
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
    ScoringSettings scoring = OptionValues.scoring(options, contract);
    OptionValues.mebibytes("maxMemory", options.getMaxMemory());
    String lake = OptionValues.lake("lake", options.getLake());

    Pipeline pipeline = Pipeline.create(options);
    BackfillInput input = BackfillInput.of(options, contract, times, receivedAt);

    PCollection<RawBatch> records = input.read(pipeline);

    PCollectionTuple processed =
        records.apply(
            "ProcessRecords",
            ProcessRecords.of(contract, now.toEpochMilli())
                .withAllowedLateness(lateness)
                .withScoring(scoring)
                .withTimes(times));

    List<Path> tables = new ArrayList<>();
    if (options.getQualityReport() != null) {
      tables.add(
          BackfillReports.quality(
              input.measurable(processed), contract, options.getQualityReport()));
    }
    if (options.getDryRun()) {
      tables.add(
          BackfillReports.changes(
              processed,
              CompareWithLake.of(contract, lake).withRange(times.from(), times.to()),
              options.getReport()));
      return new BackfillPipeline(pipeline, null, times, input.bytes(), tables);
    }

    LakeGeneration generation =
        LakeGeneration.begin(
            contract, lake, now, String.join("\n", options.getInput(), times.toString()));
    if (!input.lakeFiles().isEmpty()) {
      generation = generation.withEventsOf(input.lakeFiles());
    }
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
    if (processed.has(ProcessRecords.OUTLIERS)) {
      processed
          .get(ProcessRecords.OUTLIERS)
          .apply(
              "WriteOutliers",
              WriteParquet.of(contract, Table.OUTLIERS, lake).withGeneration(generation.name()))
          .apply("PrepareOutliers", PrepareGeneration.of(generation, Table.OUTLIERS));
    }
    return new BackfillPipeline(pipeline, generation, times, input.bytes(), tables);
  }

  /**
   * The id of the contract whose tables a backfill with these options writes.
   *
   * @throws UsageException if the contract cannot be used
   */
  public static String contractId(BackfillPipelineOptions options) {
    return OptionValues.contract("contract", options.getContract()).id();
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

  public Pipeline pipeline() {
    return pipeline;
  }

  /** How much there is to read, as it is on the disk; 0 where that is not known. */
  public long inputBytes() {
    return inputBytes;
  }

  /** Files that have the reports that were asked for, as text for a terminal, once it is done. */
  public List<Path> reports() {
    return tables;
  }

  /**
   * Makes what the pipeline wrote count, once it is done.
   *
   * @return how many hours of events were replaced; of a dry run none
   */
  public int publish() throws IOException {
    return generation == null ? 0 : generation.publish(times);
  }
}
