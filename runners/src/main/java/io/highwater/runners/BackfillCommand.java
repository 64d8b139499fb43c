package io.highwater.runners;

import io.highwater.pipelines.BackfillPipeline;
import io.highwater.pipelines.HighwaterOptions;
import io.highwater.transforms.HighwaterMetrics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.beam.runners.flink.FlinkRunner;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.metrics.MetricResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code backfill}: the batch pipeline on the runner of choice, embedded Flink by default. */
final class BackfillCommand implements Command {
  private static final Logger LOG = LoggerFactory.getLogger(BackfillCommand.class);

  private static final Map<String, String> DEFAULTS =
      Map.of(
          "runner",
          "FlinkRunner",
          "objectReuse",
          "true",
          "fasterCopy",
          "true",
          "parallelism",
          Integer.toString(Runtime.getRuntime().availableProcessors()));

  private static final long PROGRESS_SECONDS = 5;

  @Override
  public int run(String[] arguments) throws Exception {
    if (PipelineArguments.asksForHelp(arguments)) {
      printHelp();
      return 0;
    }
    BackfillOptions options = PipelineArguments.parse(arguments, DEFAULTS, BackfillOptions.class);
    Pipeline pipeline = BackfillPipeline.create(options, Instant.now());
    boolean embedded =
        options.getRunner().equals(FlinkRunner.class) && options.getFlinkMaster().startsWith("[");
    PipelineResult result = embedded ? runEmbedded(pipeline, options) : pipeline.run();
    PipelineResult.State state = result.waitUntilFinish();
    LOG.info("{}: {}", state, StreamCommand.progress(counters(result, embedded)));
    return state == PipelineResult.State.DONE ? 0 : 1;
  }

  /** What ran elsewhere is known from the runner's metrics alone. */
  private static Map<String, Long> counters(PipelineResult result, boolean embedded) {
    if (embedded) {
      return HighwaterMetrics.processTotals();
    }
    Map<String, Long> sums = new HashMap<>();
    for (MetricResult<Long> counter : result.metrics().allMetrics().getCounters()) {
      sums.merge(counter.getName().getName(), counter.getAttempted(), Long::sum);
    }
    return sums;
  }

  private static PipelineResult runEmbedded(Pipeline pipeline, BackfillOptions options)
      throws Exception {
    Path temporary = Files.createTempDirectory("highwater-backfill");
    ScheduledExecutorService progress = Executors.newSingleThreadScheduledExecutor();
    try (EmbeddedFlink flink = EmbeddedFlink.start(options.getParallelism(), false, temporary)) {
      FlinkClient.configure(options, temporary);
      options.setFlinkMaster(flink.address());
      progress.scheduleAtFixedRate(
          () -> LOG.info("{}", StreamCommand.progress(HighwaterMetrics.processTotals())),
          PROGRESS_SECONDS,
          PROGRESS_SECONDS,
          TimeUnit.SECONDS);
      return pipeline.run();
    } finally {
      progress.shutdownNow();
      StateFolder.deleteTree(temporary);
    }
  }

  private static void printHelp() {
    System.out.println(
        """
        backfill: runs files through the same checks, rules and roll-ups as the stream, and
        replaces the hours of the lake that they have rows in.

        scripts/highwater backfill --input='history/*.parquet' --lake=lake

        Options:
        """);
    PipelineArguments.printOptions(BackfillOptions.class, HighwaterOptions.class, System.out);
    System.out.println(
        """

        Beam's own options work too, such as --runner=FlinkRunner|DirectRunner, --parallelism=N,
        --flinkMaster=HOST:PORT. Exit code: 0 done, 1 failed, 2 wrong usage.""");
  }
}
