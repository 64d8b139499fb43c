package io.highwater.runners.demo;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import io.highwater.lake.Compaction;
import io.highwater.runners.CommandFailedException;
import io.highwater.runners.CompactCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/**
 * Does every minute what {@code compact} does, in a thread of the demo: a JVM each time would take
 * more than the work. It may be cut off at any moment, when the demo ends.
 */
final class DemoCompaction implements Runnable {
  private static final long INTERVAL_SECONDS = 60;

  private final Compaction compaction;
  private final Path log;

  private DemoCompaction(Compaction compaction, Path log) {
    this.compaction = compaction;
    this.log = log;
  }

  /**
   * @param log gets a line for each run
   */
  static void start(Path lake, Path log) throws CommandFailedException {
    Contract contract;
    try {
      contract = ContractLoader.load("warehouse-queries");
    } catch (InvalidContractException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    }
    Thread thread = new Thread(new DemoCompaction(Compaction.of(lake, contract), log), "compact");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void run() {
    try {
      while (true) {
        TimeUnit.SECONDS.sleep(INTERVAL_SECONDS);
        Files.writeString(
            log,
            Instant.now() + " " + compact() + "\n",
            StandardOpenOption.CREATE,
            StandardOpenOption.APPEND);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      System.err.printf("highwater demo: the lake is no longer compacted (%s)%n", e);
    }
  }

  private String compact() {
    long started = System.nanoTime();
    try {
      Compaction.Result result = compaction.run((hours, ofHours, bytes, ofBytes) -> {});
      return CompactCommand.line(result, (System.nanoTime() - started) / 1e9);
    } catch (IOException e) {
      return "failed, tried again in a minute: " + e.getMessage();
    }
  }
}
