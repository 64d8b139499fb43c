package io.highwater.runners;

import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** A model to measure scoring with, trained on the week before the queries that are scored. */
final class BenchmarkRegistry {
  private static final long ROWS = 300_000;

  /** The seed and the instances of what is scored, so that its fingerprints are known. */
  private static final QueryGenerator.Settings HISTORY =
      new QueryGenerator.Settings(
          ROWS, 1, Instant.parse("2024-02-23T00:00:00Z"), Duration.ofDays(7), 50, 0);

  private BenchmarkRegistry() {}

  /**
   * @return the registry
   */
  static Path train(Path home) throws Exception {
    Path history = home.resolve("history.parquet");
    Path registry = home.resolve("models");
    System.out.printf("training a model on %,d rows%n", ROWS);
    QueryFile.write(QueryGenerator.of(HISTORY), QueryFile.Format.PARQUET, history, null);
    Path log = home.resolve("train.log");
    Process process =
        CommandProcess.of("train", List.of("--input=" + history, "--registry=" + registry))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(log.toFile())
            .start();
    if (process.waitFor() != Command.DONE) {
      throw new CommandFailedException("train failed: " + Files.readString(log));
    }
    return registry;
  }
}
