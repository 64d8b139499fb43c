package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.record.TimeRange;
import io.highwater.trainer.TrainingSettings;
import io.highwater.trainer.TrainingSplit;
import io.highwater.transforms.LakeGeneration;
import io.highwater.transforms.PrepareGeneration;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.Table;
import io.highwater.transforms.WriteArrow;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.apache.beam.sdk.Pipeline;
import org.jspecify.annotations.Nullable;

/**
 * The events that a model is to learn from, checked, classified and each once, from a lake or from
 * files into a temporary lake in the order of hours, which a {@link
 * io.highwater.trainer.ModelTrainer} then reads.
 */
public final class TrainingPipeline {
  private static final int MAX_WINDOW_DAYS = 3_650;
  private static final int MAX_ROWS = 50_000_000;

  /** An event of more than a day after now is one that a wrong clock made up. */
  private static final Duration MAX_AHEAD = Duration.ofDays(1);

  private final Pipeline pipeline;
  private final LakeGeneration generation;
  private final long inputBytes;

  private TrainingPipeline(Pipeline pipeline, LakeGeneration generation, long inputBytes) {
    this.pipeline = pipeline;
    this.generation = generation;
    this.inputBytes = inputBytes;
  }

  /**
   * @param temporaryLake an empty folder; the caller deletes it
   * @throws UsageException if an option cannot be used
   */
  public static TrainingPipeline create(
      TrainingPipelineOptions options, Path temporaryLake, Instant now) throws IOException {
    Contract contract = contract(options);
    settings(options);
    TimeRange times = times(options, contract, now);
    BackfillPipelineOptions reading = options.as(BackfillPipelineOptions.class);
    if (options.getInput() == null) {
      reading.setInput("lake");
    }

    Pipeline pipeline = Pipeline.create(options);
    BackfillInput input = BackfillInput.of(reading, contract, times, now);
    LakeGeneration generation =
        LakeGeneration.begin(contract, temporaryLake.toString(), now, reading.getInput());

    input
        .read(pipeline)
        .apply(
            "ProcessRecords",
            ProcessRecords.of(contract, now.toEpochMilli()).withTimes(times).withoutRollUps())
        .get(ProcessRecords.EVENTS)
        .apply(
            "WriteEvents",
            WriteArrow.of(contract, Table.EVENTS, temporaryLake.toString())
                .withGeneration(generation.name()))
        .apply("PrepareEvents", PrepareGeneration.of(generation, Table.EVENTS));
    return new TrainingPipeline(pipeline, generation, input.bytes());
  }

  /**
   * The contract that is trained for.
   *
   * @throws UsageException if it cannot be used, or has no detector
   */
  public static Contract contract(TrainingPipelineOptions options) {
    Contract contract = OptionValues.contract("contract", options.getContract());
    if (contract.detector() == null) {
      throw UsageException.option(
          "contract", options.getContract(), "a contract that declares a detector");
    }
    return contract;
  }

  /**
   * How to train.
   *
   * @throws UsageException if an option cannot be used
   */
  public static TrainingSettings settings(TrainingPipelineOptions options) {
    Detector detector = contract(options).detector();
    String budget = options.getAlertBudget();
    return new TrainingSettings(
        windowDays(options),
        OptionValues.wholeNumber("maxRows", options.getMaxRows(), 1_000, MAX_ROWS),
        budget != null
            ? OptionValues.share("alertBudget", budget)
            : detector == null ? Detector.DEFAULT_ALERT_BUDGET : detector.alertBudget(),
        OptionValues.wholeNumber("seed", options.getSeed(), 0, Integer.MAX_VALUE));
  }

  private static int windowDays(TrainingPipelineOptions options) {
    return OptionValues.wholeNumber(
        "windowDays", options.getWindowDays(), TrainingSplit.MIN_DAYS, MAX_WINDOW_DAYS);
  }

  /** The window and a day more, as a last day that has just begun does not count. */
  private static TimeRange times(TrainingPipelineOptions options, Contract contract, Instant now) {
    Instant until = until(options);
    String lake = options.getLake();
    if ((lake == null) == (options.getInput() == null)) {
      throw new UsageException("expected one of --lake and --input; see --help");
    }
    Instant newest = until;
    if (lake != null) {
      Instant end = until == null ? now.plus(MAX_AHEAD) : until;
      List<LakeFile> files =
          LakeTable.of(Path.of(lake), contract.id(), Table.EVENTS.folder()).files().stream()
              .filter(file -> file.hour().start().isBefore(end))
              .toList();
      newest =
          files.isEmpty()
              ? end
              : files.get(files.size() - 1).hour().start().plus(1, ChronoUnit.HOURS);
    }
    Instant from =
        newest == null
            ? null
            : newest
                .minusMillis(1)
                .truncatedTo(ChronoUnit.DAYS)
                .minus(windowDays(options), ChronoUnit.DAYS);
    return TimeRange.of(from, newest);
  }

  private static @Nullable Instant until(TrainingPipelineOptions options) {
    String text = options.getUntil();
    if (text == null) {
      return null;
    }
    Instant until = OptionValues.time("until", text);
    if (!until.truncatedTo(ChronoUnit.HOURS).equals(until)) {
      throw UsageException.option("until", text, "a whole hour");
    }
    return until;
  }

  public Pipeline pipeline() {
    return pipeline;
  }

  /** How much there is to read, as it is on the disk. */
  public long inputBytes() {
    return inputBytes;
  }

  /** Makes what the pipeline wrote count in the temporary lake, once it is done. */
  public void publish() throws IOException {
    generation.publish(TimeRange.ALL);
  }
}
