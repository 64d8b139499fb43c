package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import io.highwater.lake.Compaction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code compact}: closed hours to Parquet, and retention. */
@Command(
    name = "highwater compact",
    separator = "=",
    sortOptions = false,
    description = {
      "Makes large Parquet files, sorted and compressed, of the small files of a lake's closed"
          + " hours. Streams may go on writing and readers reading: an hour changes at one moment."
          + " It may be stopped or killed at any time, and run again at any time."
    },
    footer = {
      "",
      "Example:",
      "  highwater compact --lake=lake --retainDays=90",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong usage."
    })
public final class CompactCommand implements Callable<Integer> {
  private static final int MAX_DAYS = 100_000;
  private static final long PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(2);

  @Option(names = "--lake", required = true, paramLabel = "DIR", description = "The lake's folder.")
  private Path lake = Path.of("");

  @Option(
      names = "--contract",
      paramLabel = "NAME or FILE",
      defaultValue = "warehouse-queries",
      description = "The contract whose tables are compacted. Default: ${DEFAULT-VALUE}.")
  private String contractName = "";

  @Option(
      names = "--retainDays",
      paramLabel = "N",
      description =
          "Removes the days that are more than N days before the newest day of events, of all"
              + " tables. Default: all are kept.")
  private @Nullable Integer retainDays;

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  private long started;
  private long nextProgress;

  @Override
  public Integer call() throws CommandFailedException {
    if (retainDays != null) {
      OptionsCommand.requireBetween(this, "--retainDays", retainDays, 0, MAX_DAYS);
    }
    Contract contract = contract();
    if (!Files.isDirectory(lake.resolve(contract.id()))) {
      throw OptionsCommand.wrong(
          this, "--lake", lake, "a lake with tables of the contract " + contract.id());
    }
    Compaction compaction = Compaction.of(lake, contract);
    if (retainDays != null) {
      compaction = compaction.withRetainDays(retainDays);
    }
    started = System.nanoTime();
    nextProgress = started + PROGRESS_NANOS;
    try {
      Compaction.Result result = compaction.run(this::say);
      System.out.println(line(result, (System.nanoTime() - started) / 1e9));
      return result.hoursFailed() > 0
          ? io.highwater.runners.Command.FAILED
          : io.highwater.runners.Command.DONE;
    } catch (IOException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    }
  }

  private Contract contract() {
    try {
      return ContractLoader.load(contractName);
    } catch (InvalidContractException e) {
      throw OptionsCommand.wrong(
          this, "--contract", contractName, "a valid contract:\n" + e.getMessage());
    }
  }

  private void say(int hours, int ofHours, long bytes, long ofBytes) {
    long now = System.nanoTime();
    if (now < nextProgress) {
      return;
    }
    nextProgress = now + PROGRESS_NANOS;
    double seconds = (now - started) / 1e9;
    System.err.printf(
        Locale.ROOT,
        "highwater compact: %,d of %,d hours, %,d of %,d MiB (%.0f %%), %.1f MiB/s, %.0f s left%n",
        hours,
        ofHours,
        bytes >> 20,
        ofBytes >> 20,
        100.0 * bytes / ofBytes,
        bytes / seconds / (1 << 20),
        seconds / bytes * (ofBytes - bytes));
  }

  /** What a run has done, as key=value pairs. */
  public static String line(Compaction.Result result, double seconds) {
    return String.format(
        Locale.ROOT,
        "hours=%d hours_open=%d hours_failed=%d hours_removed=%d files_in=%d files_out=%d"
            + " bytes_in=%d bytes_out=%d rows=%d files_deleted=%d bytes_deleted=%d seconds=%.1f",
        result.hours(),
        result.hoursOpen(),
        result.hoursFailed(),
        result.hoursRemoved(),
        result.filesIn(),
        result.filesOut(),
        result.bytesIn(),
        result.bytesOut(),
        result.rows(),
        result.filesDeleted(),
        result.bytesDeleted(),
        seconds);
  }
}
