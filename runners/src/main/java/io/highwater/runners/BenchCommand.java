package io.highwater.runners;

import io.highwater.runners.generate.GenerateBenchmark;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Benchmarks by name. */
@Command(
    name = "highwater bench",
    separator = "=",
    sortOptions = false,
    sortSynopsis = false,
    description = {
      "Runs a benchmark; its last line is key=value pairs.",
      "Benchmarks: backfill (a Parquet file into a lake, step by step, beside DuckDB with the same"
          + " as SQL), backfill-growth (the whole of it for an eighth, a quarter, half and all of the"
          + " rows), dashboard (how fast it answers while files come in; rows are outliers in its store),"
          + " generate (synthetic records to JSON and CSV in memory), latency"
          + " (from a record's sending to its pane in the live topic, at steady rates), models (what"
          + " models find of queries that were slowed down on purpose), score (ONNX Runtime beside"
          + " LightGBM's own predict and a walk in Java), soak (a"
          + " stream under a steady load, and what its process holds as time goes by), steps (each"
          + " step of the"
          + " pipeline by itself on one thread), stream (a topic through the streaming pipeline into"
          + " a lake, step by step, beside a plain consumer of the same topic)."
    },
    footer = {
      "",
      "Example:",
      "  highwater bench stream --rows=3000000",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong usage."
    })
final class BenchCommand implements Callable<Integer> {
  /** A measurement. */
  interface Benchmark {
    /**
     * @return the last line: key=value pairs with a blank between them
     */
    String run(long rows, long rate) throws Exception;
  }

  private static final Map<String, Benchmark> BENCHMARKS =
      new TreeMap<>(
          Map.of(
              "backfill",
              (rows, rate) -> BackfillBenchmark.run(rows),
              "dashboard",
              (rows, rate) -> DashboardBenchmark.run(rows),
              "backfill-growth",
              (rows, rate) -> BackfillBenchmark.runGrowth(rows),
              "generate",
              (rows, rate) -> GenerateBenchmark.run(rows),
              "latency",
              (rows, rate) -> LatencyBenchmark.run(rows),
              "models",
              (rows, rate) -> ModelBenchmark.run(rows),
              "score",
              (rows, rate) -> ScoreBenchmark.run(rows),
              "soak",
              (rows, rate) -> SoakBenchmark.run(rows, rate).line(),
              "steps",
              (rows, rate) -> StepsBenchmark.run(rows),
              "stream",
              (rows, rate) -> StreamBenchmark.run(rows)));
  private static final long MAX_ROWS = 1_000_000_000;
  private static final long MAX_RATE = 10_000_000;

  @Parameters(index = "0", paramLabel = "NAME", description = "Which benchmark.")
  private String name = "";

  @Option(
      names = "--rows",
      paramLabel = "N",
      defaultValue = "1000000",
      description = "How many records. Default: ${DEFAULT-VALUE}.")
  private long rows;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "10000",
      description = "Of soak: messages a second. Default: ${DEFAULT-VALUE}.")
  private long rate;

  @Option(
      names = "--input",
      paramLabel = "FILES",
      description =
          "Of models: rows of a real query log until after 2024-04-16, to measure predictions on"
              + " instead.")
  private @Nullable String input;

  // What `stream` and `backfill` give to the JVM of each of its rungs.

  @Option(names = "--rung", hidden = true)
  private @Nullable String rung;

  @Option(names = "--bootstrapServers", hidden = true)
  private String bootstrapServers = "";

  @Option(names = "--dir", hidden = true)
  private Path dir = Path.of("");

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  @Override
  public Integer call() throws Exception {
    @Nullable Benchmark benchmark = BENCHMARKS.get(name);
    if (benchmark == null) {
      throw OptionsCommand.wrong(
          this, "NAME", name, "one of " + String.join(", ", BENCHMARKS.keySet()));
    }
    OptionsCommand.requireBetween(this, "--rows", rows, 1, MAX_ROWS);
    OptionsCommand.requireBetween(this, "--rate", rate, 1, MAX_RATE);
    if (input != null && !name.equals("models")) {
      throw OptionsCommand.wrong(this, "--input", input, "it with the benchmark models only");
    }
    System.out.println(
        rung != null
            ? runRung(rung)
            : input != null ? RealModelBenchmark.run(input) : benchmark.run(rows, rate));
    return io.highwater.runners.Command.DONE;
  }

  private String runRung(String rung) throws Exception {
    return name.equals("stream")
        ? StreamRung.run(StreamRung.Rung.valueOf(rung), bootstrapServers, rows, dir).format()
        : BackfillRung.run(BackfillRung.Rung.valueOf(rung), rows, dir).format();
  }
}
