package io.highwater.transforms;

import java.io.Serializable;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.apache.beam.sdk.metrics.Counter;
import org.apache.beam.sdk.metrics.Metrics;

/**
 * The catalogue of what the transforms count. Each counter is Beam's, for a runner to report, and
 * has a total of this process beside it: with metrics on, Beam's Flink source updates all of them
 * for every single message it reads, which takes more than half of the time, so that an embedded
 * stream runs with them off.
 */
public final class HighwaterMetrics {
  public static final String NAMESPACE = "highwater";

  /** Records that a source delivered. */
  public static final String RECORDS_READ = "records_read";

  /** Records that passed every check. */
  public static final String RECORDS_ACCEPTED = "records_accepted";

  /** Records that went to the rejected table. */
  public static final String RECORDS_REJECTED = "records_rejected";

  /** Records that came after the end of their window, but within the allowed lateness. */
  public static final String RECORDS_LATE = "records_late";

  /** Records that came after that: they are in events and in no roll-up of their window. */
  public static final String RECORDS_TOO_LATE = "records_too_late";

  /** Records that passed every check and were dropped, since one with the same key came before. */
  public static final String RECORDS_DUPLICATE = "records_duplicate";

  /** Accepted records that a model scored. */
  public static final String RECORDS_SCORED = "records_scored";

  /** Scored records that are outliers. */
  public static final String RECORDS_OUTLIER = "records_outlier";

  /** Alerts that a webhook did not take. */
  public static final String ALERTS_FAILED = "alerts_failed";

  /** Fields in records that the contract does not know; ignored. */
  public static final String UNKNOWN_FIELDS = "unknown_fields";

  /** Of files, as they are on the disk. */
  public static final String BYTES_READ = "bytes_read";

  /** Files that could not be read and were skipped. */
  public static final String FILES_UNREADABLE = "files_unreadable";

  private static final Map<String, LongAdder> PROCESS_TOTALS = new ConcurrentHashMap<>();

  private HighwaterMetrics() {}

  /**
   * What was counted in this JVM since it started, by name; rows that a restart reads again count
   * again.
   */
  public static Map<String, Long> processTotals() {
    Map<String, Long> totals = new TreeMap<>();
    PROCESS_TOTALS.forEach((name, total) -> totals.put(name, total.sum()));
    return totals;
  }

  static BatchCounter counter(String name) {
    return new BatchCounter(name, Metrics.counter(NAMESPACE, name));
  }

  /** Counts the rows of whole batches. */
  record BatchCounter(String name, Counter counter) implements Serializable {
    void inc(long rows) {
      counter.inc(rows);
      PROCESS_TOTALS.computeIfAbsent(name, unused -> new LongAdder()).add(rows);
    }
  }
}
