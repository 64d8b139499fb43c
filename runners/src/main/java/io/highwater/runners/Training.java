package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.onnx.RowModels;
import io.highwater.pipelines.TrainingPipeline;
import io.highwater.registry.ModelRegistry;
import io.highwater.registry.ServedModel;
import io.highwater.trainer.ConfirmedOutliers;
import io.highwater.trainer.LakeHistory;
import io.highwater.trainer.ModelTrainer;
import io.highwater.trainer.TrainingRefusedException;
import io.highwater.trainer.TrainingReport;
import io.highwater.trainer.TrainingResult;
import io.highwater.trainer.TrainingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.apache.beam.runners.flink.FlinkRunner;
import org.apache.beam.sdk.PipelineResult;
import org.jspecify.annotations.Nullable;

/**
 * One training: events into a temporary lake, a model of them, and its publishing. The lake is gone
 * in the end, however that comes.
 */
final class Training {
  private final TrainOptions options;
  private final Contract contract;
  private final TrainingSettings settings;
  private final Path registry;

  /**
   * What came of it.
   *
   * @param version the model's
   */
  record Outcome(String version, TrainingResult result) {
    boolean isInService() {
      return result.model().manifest().gate().accepted();
    }

    String gate() {
      return result.model().manifest().gate().reason();
    }
  }

  Training(TrainOptions options) {
    this.options = options;
    this.contract = TrainingPipeline.contract(options);
    this.settings = TrainingPipeline.settings(options);
    this.registry = Path.of(options.getRegistry());
  }

  /**
   * Trains and publishes.
   *
   * @throws CommandFailedException where there is nothing to learn from, or it cannot be read
   */
  Outcome run() throws Exception {
    Instant started = Instant.now();
    TrainingStatus status = new TrainingStatus(registry, contract.id());
    status.running(started);
    try {
      Outcome outcome = publish(train(started));
      status.done(started, outcome.version(), outcome.isInService(), outcome.gate());
      return outcome;
    } catch (Exception e) { // Whatever it was, the status says that it failed and why.
      status.failed(started, FailureCause.of(e));
      throw e;
    }
  }

  private TrainingResult train(Instant now) throws Exception {
    try (TemporaryFolder temporary = TemporaryFolder.create("highwater-train")) {
      Path lake = Files.createDirectory(temporary.path().resolve("lake"));
      collect(options, lake, now);
      return learn(lake);
    }
  }

  /** Reads, checks and writes events into an empty lake, in the order of hours. */
  static void collect(TrainOptions options, Path lake, Instant now) throws Exception {
    TrainingPipeline training = TrainingPipeline.create(options, lake, now);
    boolean embedded =
        options.getRunner().equals(FlinkRunner.class) && options.getFlinkMaster().startsWith("[");
    String master = options.getFlinkMaster();
    try (BackfillProgress progress = BackfillProgress.start(training.inputBytes())) {
      PipelineResult result =
          embedded
              ? BackfillCommand.runEmbedded(training.pipeline(), options)
              : training.pipeline().run();
      if (result.waitUntilFinish() != PipelineResult.State.DONE) {
        throw new CommandFailedException("the pipeline ended as " + result.getState());
      }
    } finally {
      options.setFlinkMaster(master);
      options.setFlinkConfDir(null);
    }
    training.publish();
  }

  private TrainingResult learn(Path lake) throws IOException, CommandFailedException {
    ModelTrainer trainer = ModelTrainer.of(contract, settings).without(confirmed());
    try (ServedModel served = ServedModel.open(registry, contract, RowModels::open);
        ServedModel.@Nullable Lease champion = served.lease()) {
      return trainer.train(
          LakeHistory.of(lake, contract), champion == null ? null : champion.model());
    } catch (TrainingRefusedException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    }
  }

  private ConfirmedOutliers confirmed() throws IOException {
    String lake = options.getLake();
    return lake == null ? ConfirmedOutliers.none() : ConfirmedOutliers.of(Path.of(lake), contract);
  }

  private Outcome publish(TrainingResult result) throws IOException {
    String version =
        ModelRegistry.of(registry, contract.id())
            .publish(result.model(), Instant.now(), ModelRegistry.DEFAULT_KEEP_VERSIONS);
    String report = options.getReport();
    if (report != null) {
      Files.writeString(Path.of(report), TrainingReport.html(result, version));
    }
    return new Outcome(version, result);
  }
}
