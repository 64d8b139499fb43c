package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.lake.FileTree;
import io.highwater.pipelines.HighwaterOptions;
import io.highwater.pipelines.OptionValues;
import io.highwater.pipelines.StreamingPipeline;
import io.highwater.pipelines.UsageException;
import io.highwater.transforms.HighwaterMetrics;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.beam.runners.flink.FlinkRunner;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code stream}: the streaming pipeline on the runner of choice, embedded Flink by default. */
final class StreamCommand implements Command {
  private static final Logger LOG = LoggerFactory.getLogger(StreamCommand.class);

  /**
   * What keeps a stream exact, and the settings with which it is fast: without object reuse and
   * fasterCopy Flink copies every element between steps (190,000 instead of 324,000 messages/s were
   * read), with metrics it updates all of them for every message, and larger bundles make larger
   * batches.
   */
  private static final Map<String, String> DEFAULTS =
      Map.ofEntries(
          Map.entry("runner", "FlinkRunner"),
          Map.entry("streaming", "true"),
          Map.entry("experiments", "use_deprecated_read"),
          Map.entry("checkpointingInterval", "5000"),
          // Else a bundle that a checkpoint ends is put out after the watermark has passed its
          // rows, and the roll-ups drop them as late.
          Map.entry("finishBundleBeforeCheckpointing", "true"),
          Map.entry("objectReuse", "true"),
          Map.entry("fasterCopy", "true"),
          Map.entry("maxBundleSize", "20000"),
          Map.entry("maxBundleTimeMills", "1000"),
          Map.entry("disableMetrics", "true"),
          Map.entry("enableStableInputDrain", "true"),
          Map.entry("shutdownSourcesAfterIdleMs", "0"),
          Map.entry("externalizedCheckpointsEnabled", "true"),
          Map.entry("retainExternalizedCheckpointsOnCancellation", "true"),
          Map.entry("attachedMode", "false"),
          Map.entry("parallelism", Integer.toString(Runtime.getRuntime().availableProcessors())));

  /**
   * A source that had nothing looks again at the next watermark. Under load every watermark ends
   * the bundles of all steps, so that without a live topic Flink's 200 ms stay.
   */
  private static final String LIVE_WATERMARK_MILLIS = "50";

  private static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(10);
  private static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);

  private final Duration interval;
  private final Consumer<Map<String, Long>> observer;
  private final Function<StreamOptions, Pipeline> pipelines;
  private volatile boolean stopping;

  StreamCommand() {
    this(
        PROGRESS_INTERVAL,
        new ProgressLog(),
        options -> StreamingPipeline.create(options, System.currentTimeMillis()));
  }

  /**
   * @param observer is shown the transforms' counters every {@code interval} while a job runs on
   *     embedded Flink
   * @param pipelines makes the pipeline
   */
  StreamCommand(
      Duration interval,
      Consumer<Map<String, Long>> observer,
      Function<StreamOptions, Pipeline> pipelines) {
    this.interval = interval;
    this.observer = observer;
    this.pipelines = pipelines;
  }

  @Override
  public int run(String[] arguments) throws Exception {
    if (PipelineArguments.asksForHelp(arguments)) {
      printHelp();
      return DONE;
    }
    StreamOptions options =
        PipelineArguments.parse(arguments, defaultsFor(arguments), StreamOptions.class);
    boolean startGiven =
        Arrays.stream(arguments).anyMatch(argument -> argument.startsWith("--startFrom="));
    if (!options.getRunner().equals(FlinkRunner.class)) {
      LOG.warn(
          "{} keeps no checkpoints: a restart begins anew and may write rows twice. Use it for"
              + " tests; FlinkRunner is exact.",
          options.getRunner().getSimpleName());
      Pipeline pipeline = pipelines.apply(options);
      PipelineResult.State state = pipeline.run().waitUntilFinish();
      return state == PipelineResult.State.DONE ? DONE : FAILED;
    }
    // Each stream has a name of its own, by which it is found again on a cluster.
    options.setJobName(
        "highwater stream %s into %s".formatted(options.getInputTopic(), options.getLake()));
    try (StateFolder state = new StateFolder(stateDir(options))) {
      options.setStateBackend("filesystem");
      options.setStateBackendStoragePath(state.checkpoints().toUri().toString());
      Path temporary = state.newTemporary();
      try {
        FlinkClient.configure(options, temporary);
        return options.getFlinkMaster().startsWith("[")
            ? runEmbedded(options, startGiven, state, temporary)
            : runOnCluster(options, startGiven, state);
      } finally {
        FileTree.delete(temporary);
      }
    }
  }

  private int runEmbedded(
      StreamOptions options, boolean startGiven, StateFolder state, Path temporary)
      throws Exception {
    Pipeline pipeline = create(options, startGiven, state);
    try (EmbeddedFlink flink = EmbeddedFlink.start(options.getParallelism(), true, temporary)) {
      options.setFlinkMaster(flink.address());
      try (FlinkClient client = FlinkClient.of(flink.address())) {
        pipeline.run();
        return follow(options, client, client.job(options.getJobName()).orElseThrow(), state);
      }
    }
  }

  /**
   * On a cluster the job outlives this process: what was started before is followed, not started
   * twice, which would write every row twice.
   */
  private int runOnCluster(StreamOptions options, boolean startGiven, StateFolder state)
      throws Exception {
    String cluster = options.getFlinkMaster();
    FlinkClient.requireListening(cluster);
    try (FlinkClient client = FlinkClient.of(cluster)) {
      Optional<JobID> running = client.running(options.getJobName());
      if (running.isPresent()) {
        LOG.info(
            "Following job {} on {}, which runs already, with the options that it was started with",
            running.get(),
            cluster);
      } else {
        create(options, startGiven, state).run();
      }
      JobID job = client.job(options.getJobName()).orElseThrow();
      try {
        return follow(options, client, job, state);
      } catch (ExecutionException e) {
        throw new CommandFailedException(
            "job %s is no longer found on %s (%s); start the stream again to go on from its last checkpoint"
                .formatted(job, cluster, FailureCause.of(e)));
      }
    }
  }

  private static Map<String, String> defaultsFor(String[] arguments) {
    Map<String, String> defaults = new HashMap<>(DEFAULTS);
    if (Arrays.stream(arguments).anyMatch(argument -> argument.startsWith("--liveTopic="))) {
      defaults.put("autoWatermarkInterval", LIVE_WATERMARK_MILLIS);
    }
    return defaults;
  }

  /** The pipeline, which goes on from the newest checkpoint where there is one. */
  private Pipeline create(StreamOptions options, boolean startGiven, StateFolder state)
      throws IOException, CommandFailedException {
    Optional<Path> restored = state.newest();
    if (restored.isPresent()) {
      options.setSavepointPath(restored.get().toUri().toString());
      state.deleteBefore(restored.get());
      LOG.info("Going on from {}", restored.get());
    } else if (!startGiven) {
      refuseKnownRows(options);
    }
    return pipelines.apply(options);
  }

  /** Shows what becomes of the job until it ends, or this process is told to end it. */
  private int follow(StreamOptions options, FlinkClient flink, JobID job, StateFolder state)
      throws Exception {
    Thread stop = new Thread(() -> stopWithSavepoint(flink, job, state), "stop");
    Runtime.getRuntime().addShutdownHook(stop);
    try (TopicWatch topic = TopicWatch.of(options, LOG)) {
      LOG.info(
          "Streaming {} from {} into {}",
          options.getInputTopic(),
          options.getBootstrapServers(),
          options.getLake());
      awaitEnd(flink, job, state, topic);
    } catch (CommandFailedException e) {
      // Its state stays, for whoever wants to look into it.
      Runtime.getRuntime().removeShutdownHook(stop);
      flink.cancel(job);
      throw e;
    }
    if (stopping) {
      // The JVM is shutting down; the hook ends it when the savepoint is there.
      new CountDownLatch(1).await();
    }
    Runtime.getRuntime().removeShutdownHook(stop);
    JobStatus status = flink.status(job);
    if (status != JobStatus.FINISHED) {
      LOG.error(
          "The stream ended as {}: {}",
          status,
          flink.lastFailure(job).map(FlinkClient.Failure::cause).orElse("no reason is known"));
      return FAILED;
    }
    Optional<Path> newest = state.newest();
    if (options.getStopAfterIdle() == null
        || (newest.isPresent() && state.isNewSavepoint(newest.get(), options.getSavepointPath()))) {
      LOG.info("The stream was stopped from elsewhere; the next start goes on from its state");
      return DONE;
    }
    // Every window is closed and every file committed: nothing is left to go on from.
    state.deleteAll();
    LOG.info("Done: {}", progress(HighwaterMetrics.processTotals()));
    return DONE;
  }

  private static Path stateDir(StreamOptions options) {
    String given = options.getStateDir();
    if (given != null) {
      return Path.of(given).toAbsolutePath();
    }
    if (options.getLake().contains("://")) {
      throw new UsageException(
          "--stateDir is missing; expected a folder on this machine, since the lake is not on it");
    }
    Path lake = Path.of(options.getLake()).toAbsolutePath();
    return lake.resolveSibling(lake.getFileName() + "-state");
  }

  /**
   * Without state, rows that are in the lake already would be read and written once more. A lake
   * elsewhere is not looked into.
   */
  private static void refuseKnownRows(StreamOptions options) {
    if (options.getLake().contains("://")) {
      return;
    }
    Contract contract = OptionValues.contract("contract", options.getContract());
    Path lake = Path.of(options.getLake());
    if (KnownRows.hasRowsOf(lake, contract, options.getInputTopic())) {
      throw new UsageException(
          "The lake "
              + lake
              + " has rows of topic "
              + options.getInputTopic()
              + ", but there is no state in "
              + stateDir(options)
              + " to go on from; give --stateDir, or --startFrom to begin there nevertheless");
    }
  }

  /** Shows progress and what goes wrong until the job ends. */
  private void awaitEnd(FlinkClient flink, JobID job, StateFolder state, TopicWatch topic)
      throws CommandFailedException, ExecutionException, InterruptedException {
    FailureLog failures = new FailureLog(LOG::warn, state.checkpoints());
    long shown = System.nanoTime();
    long looked = System.nanoTime();
    JobStatus status = flink.status(job);
    while (!status.isGloballyTerminalState()) {
      if (System.nanoTime() - looked >= LOOK_INTERVAL.toNanos()) {
        looked = System.nanoTime();
        failures.observe(status, flink.lastFailure(job));
        topic.look();
      }
      if (System.nanoTime() - shown >= interval.toNanos()) {
        shown = System.nanoTime();
        observer.accept(HighwaterMetrics.processTotals());
      }
      TimeUnit.MILLISECONDS.sleep(100);
      status = flink.status(job);
    }
  }

  /** Logs the counters and how fast records were read since the last time. */
  private static final class ProgressLog implements Consumer<Map<String, Long>> {
    private long readBefore;
    private long nanosBefore = System.nanoTime();

    @Override
    public void accept(Map<String, Long> counters) {
      if (counters.isEmpty()) {
        // On a cluster they count elsewhere.
        return;
      }
      long read = counters.getOrDefault(HighwaterMetrics.RECORDS_READ, 0L);
      long nanos = System.nanoTime();
      LOG.info(
          "{}, {} records/s",
          progress(counters),
          String.format("%,.0f", (read - readBefore) * 1e9 / (nanos - nanosBefore)));
      readBefore = read;
      nanosBefore = nanos;
    }
  }

  static String progress(Map<String, Long> counters) {
    return String.format(
        "%,d records read, %,d accepted, %,d rejected, %,d late, %,d too late",
        counters.getOrDefault(HighwaterMetrics.RECORDS_READ, 0L),
        counters.getOrDefault(HighwaterMetrics.RECORDS_ACCEPTED, 0L),
        counters.getOrDefault(HighwaterMetrics.RECORDS_REJECTED, 0L),
        counters.getOrDefault(HighwaterMetrics.RECORDS_LATE, 0L),
        counters.getOrDefault(HighwaterMetrics.RECORDS_TOO_LATE, 0L));
  }

  /** On SIGTERM or Ctrl-C. The JVM would end with 143 after a stop that went well. */
  private void stopWithSavepoint(FlinkClient flink, JobID job, StateFolder state) {
    stopping = true;
    try {
      LOG.info("Stopping with a savepoint");
      String savepoint = flink.stopWithSavepoint(job, state.savepoints());
      LOG.info("Stopped; the next start goes on from {}", savepoint);
      Runtime.getRuntime().halt(0);
    } catch (ExecutionException e) {
      LOG.error(
          "No savepoint was made, and the next start goes on from the last checkpoint: {}",
          FailureCause.of(e));
      Runtime.getRuntime().halt(1);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void printHelp() {
    System.out.println(
        """
        stream: reads a Kafka topic, checks and classifies its records, and writes them, their
        roll-ups and the rejected ones to the lake, each exactly once.

        scripts/highwater stream --bootstrapServers=127.0.0.1:9092 --inputTopic=queries --lake=lake

        It goes on from the newest checkpoint in --stateDir. Ctrl-C or SIGTERM stops it with a
        savepoint. Options:
        """);
    PipelineArguments.printOptions(StreamOptions.class, HighwaterOptions.class, System.out);
    System.out.println(
        """

        Beam's own options work too, such as --runner=FlinkRunner|DirectRunner, --parallelism=N,
        --checkpointingInterval=MILLIS, --maxBundleSize=N, --maxBundleTimeMills=N (the latency of a
        step), --flinkMaster=HOST:PORT. Exit code: 0 done, 1 failed, 2 wrong usage.""");
  }
}
