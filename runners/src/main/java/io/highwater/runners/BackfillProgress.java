package io.highwater.runners;

import io.highwater.transforms.HighwaterMetrics;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows how far a backfill is: one line that is written over in a terminal, a line every few
 * seconds in a log. What runs on a cluster counts there, and nothing is shown here.
 */
final class BackfillProgress implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(BackfillProgress.class);
  private static final long LOG_SECONDS = 5;

  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private final boolean isTerminal = System.console() != null;
  private final long totalBytes;
  private final Map<String, Long> before = HighwaterMetrics.processTotals();
  private final long startNanos = System.nanoTime();

  private BackfillProgress(long totalBytes) {
    this.totalBytes = totalBytes;
  }

  /**
   * @param totalBytes of all input
   */
  static BackfillProgress start(long totalBytes) {
    BackfillProgress progress = new BackfillProgress(totalBytes);
    long seconds = progress.isTerminal ? 1 : LOG_SECONDS;
    progress.timer.scheduleAtFixedRate(progress::show, seconds, seconds, TimeUnit.SECONDS);
    return progress;
  }

  private void show() {
    long records = count(HighwaterMetrics.RECORDS_READ);
    if (records == 0) {
      return;
    }
    String line =
        line(
            records,
            count(HighwaterMetrics.RECORDS_REJECTED),
            count(HighwaterMetrics.BYTES_READ),
            totalBytes,
            (System.nanoTime() - startNanos) / 1e9);
    if (isTerminal) {
      System.err.printf("\r%-100s", line);
    } else {
      LOG.info("{}", line);
    }
  }

  private long count(String name) {
    return HighwaterMetrics.processTotals().getOrDefault(name, 0L) - before.getOrDefault(name, 0L);
  }

  /** All is read some time before all is written: what is left is that of the reading. */
  static String line(long records, long rejected, long bytes, long totalBytes, double seconds) {
    if (totalBytes == 0) {
      return String.format(
          Locale.ROOT, "%,d records, %,.0f/s, %,d rejected", records, records / seconds, rejected);
    }
    double share = Math.min(1, (double) bytes / totalBytes);
    String left =
        share >= 1
            ? "grouping and writing"
            : share == 0
                ? "reading"
                : String.format(
                    Locale.ROOT, "reading, %,.0f s left", seconds * (1 - share) / share);
    return String.format(
        Locale.ROOT,
        "%3.0f %% of %,.1f MB: %,d records, %,.0f/s, %,d rejected; %s",
        share * 100,
        totalBytes / 1e6,
        records,
        records / seconds,
        rejected,
        left);
  }

  @Override
  public void close() {
    timer.shutdownNow();
    if (isTerminal) {
      System.err.println();
    }
  }
}
