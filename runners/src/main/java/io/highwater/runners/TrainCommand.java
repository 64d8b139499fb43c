package io.highwater.runners;

import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.pipelines.TrainingPipeline;
import io.highwater.pipelines.TrainingPipelineOptions;
import io.highwater.pipelines.UsageException;
import io.highwater.registry.Manifest;
import io.highwater.training.DurationTrainer;
import io.highwater.transforms.Table;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code train}: a model of a lake's events, once or whenever a day of them is complete. */
final class TrainCommand implements Command {
  private static final Logger LOG = LoggerFactory.getLogger(TrainCommand.class);
  private static final Duration LOOK_EVERY = Duration.ofSeconds(5);

  /** After the end of a day, in event time: what is late by less is still learned from. */
  private static final Duration GRACE = Duration.ofHours(1);

  /** Events of later than this after now were made up by a wrong clock. */
  private static final Duration MAX_AHEAD = Duration.ofDays(1);

  @Override
  public int run(String[] arguments) throws Exception {
    if (PipelineArguments.asksForHelp(arguments)) {
      printHelp();
      return DONE;
    }
    TrainOptions options =
        PipelineArguments.parse(arguments, BackfillCommand.DEFAULTS, TrainOptions.class);
    Training training = new Training(options);
    try {
      DurationTrainer.requireLibrary();
    } catch (IllegalStateException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    }
    if (!options.getFollow()) {
      print(train(training));
      return DONE;
    }
    String lake = options.getLake();
    if (lake == null || options.getInput() != null || options.getUntil() != null) {
      throw new UsageException(
          "--follow watches a lake; expected --lake and no --input or --until");
    }
    try (EndSignal end = EndSignal.then(() -> LOG.info("Ending; the models stay as they are"))) {
      follow(arguments, options, lake);
    }
    return DONE;
  }

  private static Training.Outcome train(Training training) throws Exception {
    try {
      return training.run();
    } catch (CommandFailedException | UsageException e) {
      throw e;
    } catch (Exception e) { // Of the pipeline: a file that cannot be read, a disk that is full.
      throw new CommandFailedException(FailureCause.of(e), e);
    }
  }

  /** Ends only with the process. */
  private static void follow(String[] arguments, TrainOptions options, String lake)
      throws Exception {
    LakeTable events =
        LakeTable.of(Path.of(lake), TrainingPipeline.contract(options).id(), Table.EVENTS.folder());
    Instant trainedUntil = Instant.MIN;
    LOG.info("Watching {}: a model is trained when a day of events is complete", lake);
    while (true) {
      Instant until = completeUntil(events.files(), Instant.now());
      if (until != null && until.isAfter(trainedUntil)) {
        trainedUntil = until;
        // Options of its own for each: a pipeline leaves some behind in those that it was made
        // with.
        TrainOptions next =
            PipelineArguments.parse(arguments, BackfillCommand.DEFAULTS, TrainOptions.class);
        next.setUntil(until.toString());
        try {
          print(train(new Training(next)));
        } catch (CommandFailedException | UsageException e) {
          LOG.error("No new model of the events until {}: {}", until, e.getMessage());
        }
      }
      Thread.sleep(LOOK_EVERY.toMillis());
    }
  }

  /**
   * The end of the newest day that is complete: there are events of {@link #GRACE} after it.
   *
   * @return null where there are no events
   */
  static @Nullable Instant completeUntil(List<LakeFile> files, Instant now) {
    Instant newest = null;
    for (LakeFile file : files) {
      if (file.hour().start().isBefore(now.plus(MAX_AHEAD))) {
        newest = file.hour().start();
      }
    }
    return newest == null ? null : newest.minus(GRACE).truncatedTo(ChronoUnit.DAYS);
  }

  private static void print(Training.Outcome outcome) {
    Manifest manifest = outcome.result().model().manifest();
    System.out.printf(
        "version %s, %s: %s%n",
        outcome.version(), outcome.isInService() ? "in service" : "not in service", outcome.gate());
    System.out.printf(
        Locale.ROOT,
        "version=%s in_service=%b learned_rows=%d newest_day=%s newest_rows=%d rmsle=%.4f"
            + " pinball_loss=%.4f coverage=%.4f alert_share=%.6f threshold=%.4f%n",
        outcome.version(),
        outcome.isInService(),
        manifest.training().rows(),
        manifest.heldOut().day(),
        outcome.result().newestRows(),
        manifest.metrics().get("newest_rmsle"),
        manifest.heldOut().pinballLoss(),
        manifest.heldOut().coverage(),
        outcome.result().alertShare(),
        manifest.calibration().threshold());
  }

  private static void printHelp() {
    System.out.println(
        """
        train: learns from a lake's events what queries usually take, and puts the model into
        service if it is not worse than the one that serves. Needs events of three days at least.
        Running streams pick a new model up by themselves within seconds. A training that fails
        leaves everything as it was; REGISTRY/CONTRACT/training-status.json says how the last one
        went.

        Days (UTC) are used in the order of time: the first says what is usual, most are learned
        from, one is for early stopping, two are for calibration, and by the newest the model is
        judged. So nothing is judged by what saw it.

        scripts/highwater train --lake=lake --registry=models
        scripts/highwater train --lake=lake --registry=models --report=training.html
        scripts/highwater train --lake=lake --registry=models --follow=true
        scripts/highwater train --input='history/*.parquet' --registry=models

        Options:
        """);
    PipelineArguments.printOptions(TrainOptions.class, TrainingPipelineOptions.class, System.out);
    System.out.println(
        """

        Beam's own options work too, such as --runner=FlinkRunner|DirectRunner, --parallelism=N.
        LightGBM needs OpenMP: libgomp1 on Debian. Exit code: 0 done (also if the model was not
        put into service), 1 failed, 2 wrong usage.""");
  }
}
