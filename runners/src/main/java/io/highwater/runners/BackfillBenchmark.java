package io.highwater.runners;

import io.highwater.lake.FileTree;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/**
 * Rows per second of {@code backfill}, from a Parquet file on this machine into a lake, and of what
 * it is made of: rungs, each of which does one step more than the one before, over the same file
 * and in a JVM of its own; beside them, DuckDB with SQL for the same. A rung's time is that from
 * the start of its pipeline to its end, cold.
 */
final class BackfillBenchmark {
  static final String INPUT = "queries.parquet";

  private BackfillBenchmark() {}

  /** All rungs over {@code rows} rows. */
  static String run(long rows) throws Exception {
    Path home = Files.createTempDirectory("highwater-bench");
    try {
      Path input = generate(home, rows);
      BenchmarkRegistry.train(home);
      double megabytes = Files.size(input) / 1e6;
      StringBuilder line =
          new StringBuilder(
              String.format(
                  Locale.ROOT,
                  "rows=%d input_mb=%.0f parallelism=%d",
                  rows,
                  megabytes,
                  BackfillRung.PARALLELISM));
      double backfill = 0;
      double duckDb = 0;
      for (BackfillRung.Rung rung : BackfillRung.Rung.values()) {
        BackfillRung.Result result = measure(rung, rows, home);
        double rate = rows / result.seconds();
        System.out.printf(
            "%-16s %,11.0f rows/s  %,7.0f MB/s of the file  %5.2f CPU s per million  %,6d MiB%n",
            rung.key(),
            rate,
            megabytes / result.seconds(),
            result.cpuSeconds() * 1e6 / rows,
            result.peakMemoryMebibytes());
        line.append(format(rung.key() + "_", rows, result));
        backfill = rung == BackfillRung.Rung.BACKFILL ? rate : backfill;
        duckDb = rung == BackfillRung.Rung.DUCKDB ? rate : duckDb;
        FileTree.delete(home.resolve(rung.key()));
      }
      return line + String.format(Locale.ROOT, " ratio_to_duckdb=%.2f", backfill / duckDb);
    } finally {
      FileTree.delete(home);
    }
  }

  /** The whole backfill over an eighth, a quarter, half and all of {@code rows}. */
  static String runGrowth(long rows) throws Exception {
    StringBuilder line = new StringBuilder("rows=" + rows);
    for (long part = 8; part >= 1; part /= 2) {
      Path home = Files.createTempDirectory("highwater-bench");
      try {
        long size = rows / part;
        generate(home, size);
        BackfillRung.Result result = measure(BackfillRung.Rung.BACKFILL, size, home);
        System.out.printf(
            "%,11d rows  %7.1f s  %,11.0f rows/s  %,6d MiB%n",
            size, result.seconds(), size / result.seconds(), result.peakMemoryMebibytes());
        line.append(format("backfill_" + size + "_", size, result));
      } finally {
        FileTree.delete(home);
      }
    }
    return line.toString();
  }

  private static String format(String prefix, long rows, BackfillRung.Result result) {
    return String.format(
        Locale.ROOT,
        " %1$srows_per_second=%2$.0f %1$scpu_seconds_per_million=%3$.2f %1$speak_memory_mib=%4$d",
        prefix,
        rows / result.seconds(),
        result.cpuSeconds() * 1e6 / rows,
        result.peakMemoryMebibytes());
  }

  /** A week of 50 instances, in the order of time. */
  private static Path generate(Path home, long rows) throws Exception {
    System.out.printf("generating %,d rows%n", rows);
    Path input = home.resolve(INPUT);
    QueryFile.write(
        QueryGenerator.of(
            new QueryGenerator.Settings(
                rows, 1, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofDays(7), 50, 0)),
        QueryFile.Format.PARQUET,
        input,
        null);
    return input;
  }

  private static BackfillRung.Result measure(BackfillRung.Rung rung, long rows, Path home)
      throws Exception {
    return BackfillRung.Result.parse(
        RungProcess.run(
            home.resolve(rung.key() + ".log"),
            "backfill",
            "--rows=" + rows,
            "--rung=" + rung,
            "--dir=" + home));
  }
}
