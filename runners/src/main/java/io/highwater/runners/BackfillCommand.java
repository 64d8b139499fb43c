package io.highwater.runners;

import io.highwater.lake.LakeLock;
import io.highwater.pipelines.BackfillPipeline;
import io.highwater.pipelines.HighwaterOptions;
import io.highwater.transforms.HighwaterMetrics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.beam.runners.flink.FlinkPipelineOptions;
import org.apache.beam.runners.flink.FlinkRunner;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.metrics.MetricResult;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code backfill}: the batch pipeline on the runner of choice, embedded Flink by default. */
final class BackfillCommand implements Command {
  private static final Logger LOG = LoggerFactory.getLogger(BackfillCommand.class);

  static final Map<String, String> DEFAULTS =
      Map.of(
          "runner",
          "FlinkRunner",
          "objectReuse",
          "true",
          "fasterCopy",
          "true",
          "parallelism",
          Integer.toString(Runtime.getRuntime().availableProcessors()));

  @Override
  public int run(String[] arguments) throws Exception {
    if (PipelineArguments.asksForHelp(arguments)) {
      printHelp();
      return 0;
    }
    BackfillOptions options = PipelineArguments.parse(arguments, DEFAULTS, BackfillOptions.class);
    boolean isLocal = !options.getLake().contains("://");
    if (options.getDryRun() || !isLocal) {
      return run(options);
    }
    // Before it looks at what it is going to replace.
    try (LakeLock lock =
        LakeLock.acquire(
            Path.of(options.getLake()), BackfillPipeline.contractId(options), "backfill")) {
      return run(options);
    } catch (LakeLock.HeldException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()));
    }
  }

  private static int run(BackfillOptions options) throws Exception {
    BackfillPipeline backfill = BackfillPipeline.create(options, Instant.now());
    long startNanos = System.nanoTime();
    boolean embedded =
        options.getRunner().equals(FlinkRunner.class) && options.getFlinkMaster().startsWith("[");
    PipelineResult result;
    try (BackfillProgress progress = BackfillProgress.start(backfill.inputBytes())) {
      result = embedded ? runEmbedded(backfill.pipeline(), options) : backfill.pipeline().run();
      if (result.waitUntilFinish() != PipelineResult.State.DONE) {
        throw new CommandFailedException("the pipeline ended as " + result.getState());
      }
    }
    if (!options.getDryRun()) {
      LOG.info("All is written; replacing the hours in the lake");
    }
    int hours = backfill.publish();
    for (Path report : backfill.reports()) {
      System.out.println(Files.readString(report));
      Files.delete(report);
    }
    Map<String, Long> counters = counters(result, embedded);
    System.out.printf(
        Locale.ROOT,
        "records_read=%d accepted=%d rejected=%d duplicates=%d unreadable_files=%d hours=%d seconds=%.1f%n",
        counters.getOrDefault(HighwaterMetrics.RECORDS_READ, 0L),
        counters.getOrDefault(HighwaterMetrics.RECORDS_ACCEPTED, 0L)
            - counters.getOrDefault(HighwaterMetrics.RECORDS_DUPLICATE, 0L),
        counters.getOrDefault(HighwaterMetrics.RECORDS_REJECTED, 0L),
        counters.getOrDefault(HighwaterMetrics.RECORDS_DUPLICATE, 0L),
        counters.getOrDefault(HighwaterMetrics.FILES_UNREADABLE, 0L),
        hours,
        (System.nanoTime() - startNanos) / 1e9);
    return DONE;
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

  static PipelineResult runEmbedded(Pipeline pipeline, FlinkPipelineOptions options)
      throws Exception {
    try (TemporaryFolder temporary = TemporaryFolder.create("highwater-backfill");
        EmbeddedFlink flink =
            EmbeddedFlink.start(options.getParallelism(), false, temporary.path())) {
      FlinkClient.configure(options, temporary.path());
      options.setFlinkMaster(flink.address());
      return pipeline.run();
    }
  }

  private static void printHelp() {
    System.out.println(
        """
        backfill: runs files, or the lake's own events, through the same checks, rules and roll-ups
        as the stream, and replaces the hours of the lake that they have rows in. Each hour changes
        in one step, when all is written; who stops the run before leaves the lake as it was. A
        record whose key came before in its hour is dropped.

        scripts/highwater backfill --input='history/*.parquet' --lake=lake
        scripts/highwater backfill --input=lake --lake=lake --from=2024-03-01T00:00:00Z
        scripts/highwater backfill --input=lake --lake=lake --contract=stricter.yaml --dryRun=true

        Options:
        """);
    PipelineArguments.printOptions(BackfillOptions.class, HighwaterOptions.class, System.out);
    System.out.println(
        """

        Beam's own options work too, such as --runner=FlinkRunner|DirectRunner, --parallelism=N,
        --flinkMaster=HOST:PORT. Exit code: 0 done, 1 failed, 2 wrong usage.""");
  }
}
