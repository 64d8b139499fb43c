package io.highwater.runners.generate;

import io.highwater.runners.CommandFailedException;
import io.highwater.runners.OptionsCommand;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Synthetic records into a file. */
@Command(
    name = "highwater generate",
    separator = "=",
    sortOptions = false,
    sortSynopsis = false,
    description = {
      "Writes synthetic warehouse queries in event-time order: the columns, nulls and skew of a"
          + " real query log, none of its rows. The same options give the same file."
    },
    footer = {
      "",
      "Example:",
      "  highwater generate --rows=1000000 --output=queries.jsonl --truth=truth.csv",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong usage."
    })
public final class GenerateCommand implements Callable<Integer> {
  private static final long MAX_ROWS = 1_000_000_000_000L;
  private static final int MAX_DAYS = 3_650;
  private static final String PUBLISHED = "";

  @Option(names = "--rows", required = true, paramLabel = "N", description = "How many records.")
  private long rows;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "FILE",
      description = "Where to; the ending names the format: .jsonl, .csv or .parquet.")
  private Path output = Path.of("");

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Another seed gives other records. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--start",
      paramLabel = "TIME",
      defaultValue = "2024-03-01T00:00:00Z",
      description = "The first event time. Default: ${DEFAULT-VALUE}.")
  private Instant start = Instant.EPOCH;

  @Option(
      names = "--days",
      paramLabel = "N",
      defaultValue = "7",
      description = "How many days the records cover, such as 0.5. Default: ${DEFAULT-VALUE}.")
  private double days;

  @Option(
      names = "--instances",
      paramLabel = "N",
      defaultValue = "50",
      description = "How many warehouses they come from. Default: ${DEFAULT-VALUE}.")
  private int instances;

  @Option(
      names = "--invalidShare",
      paramLabel = "SHARE",
      defaultValue = "0",
      description =
          "Share of broken messages, such as 0.001, in .jsonl files. Default: ${DEFAULT-VALUE}.")
  private double invalidShare;

  @Option(
      names = "--truth",
      paramLabel = "FILE",
      description =
          "A .csv of the queries that something was done to on purpose: 0.5 %% slowed down, and"
              + " those in queue storms and spill storms.")
  private @Nullable Path truth;

  @Option(
      names = "--compare",
      arity = "0..1",
      fallbackValue = PUBLISHED,
      paramLabel = "FILES",
      description =
          "Prints how near the records are to a real query log, as a Markdown table; ends with 1"
              + " if they are not. FILES are real rows (.csv, .parquet, .jsonl; wildcards in"
              + " quotes); without them only the published figures count.")
  private @Nullable String compare;

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  @Override
  public Integer call() throws CommandFailedException {
    OptionsCommand.requireBetween(this, "--rows", rows, 1, MAX_ROWS);
    OptionsCommand.requireBetween(this, "--days", days, 1.0 / 24, MAX_DAYS);
    OptionsCommand.requireBetween(this, "--instances", instances, 1, Settings.MAX_INSTANCES);
    OptionsCommand.requireBetween(this, "--invalidShare", invalidShare, 0, 1);
    QueryFile.@Nullable Format format = QueryFile.Format.of(output);
    if (format == null) {
      throw OptionsCommand.wrong(
          this, "--output", output, "a file that ends in .jsonl, .csv or .parquet");
    }
    if (invalidShare > 0 && format != QueryFile.Format.JSON_LINES) {
      throw OptionsCommand.wrong(
          this, "--invalidShare", invalidShare, "0, or an --output that ends in .jsonl");
    }
    if (compare != null && invalidShare > 0) {
      throw OptionsCommand.wrong(
          this, "--invalidShare", invalidShare, "0 with --compare, which reads every record");
    }
    QueryGenerator queries =
        QueryGenerator.of(
            new Settings(
                rows,
                seed,
                start,
                Duration.ofMinutes(Math.round(days * 24 * 60)),
                instances,
                invalidShare));
    long started = System.nanoTime();
    try {
      QueryFile.write(queries, format, output, truth);
    } catch (IOException e) {
      throw new CommandFailedException("cannot write " + output + ": " + reason(e), e);
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    System.err.printf(
        "highwater generate: %,d records in %s, %.1f s, %,.0f records/s%n",
        rows, output, seconds, rows / seconds);
    if (compare != null) {
      compare(compare);
    }
    return io.highwater.runners.Command.DONE;
  }

  private void compare(String realRows) throws CommandFailedException {
    List<ShapeComparison.Line> lines;
    try (ShapeComparison comparison =
        ShapeComparison.of(output, realRows.equals(PUBLISHED) ? null : realRows)) {
      lines = comparison.lines();
    } catch (SQLException e) {
      throw new CommandFailedException("cannot compare: " + e.getMessage(), e);
    }
    System.out.print(ShapeComparison.table(lines));
    List<String> outside =
        lines.stream().filter(line -> !line.isWithin()).map(ShapeComparison.Line::metric).toList();
    if (!outside.isEmpty()) {
      throw new CommandFailedException(
          "not near enough to the real query log: " + String.join("; ", outside));
    }
  }

  /** Files' exceptions say only which file, and in their class what is wrong with it. */
  private static String reason(IOException failure) {
    return failure.getMessage() == null || failure instanceof java.nio.file.FileSystemException
        ? failure.toString().replaceFirst("^java\\.nio\\.file\\.", "")
        : failure.getMessage();
  }
}
