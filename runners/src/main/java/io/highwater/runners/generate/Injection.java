package io.highwater.runners.generate;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What was done to a query on purpose, for a detector to find.
 *
 * @param factor of a slow-down: execution time over what it would have been; of a queue storm:
 *     queue time over the usual median of those that queue; of a spill storm: megabytes spilled
 *     over megabytes scanned
 * @param storm null for a slow-down
 */
public record Injection(Kind kind, double factor, @Nullable Storm storm) {
  /** What was done. */
  public enum Kind {
    SLOW_DOWN,
    QUEUE_STORM,
    SPILL_STORM;

    /** The name in the truth file. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A time in which all queries of one instance queue, or spill.
   *
   * @param id unique among the storms of a seed
   * @param startMicros since the epoch, UTC; included
   * @param endMicros excluded
   * @param strength median of the factors of its queries
   */
  public record Storm(String id, Kind kind, long startMicros, long endMicros, double strength) {
    boolean covers(long micros) {
      return micros >= startMicros && micros < endMicros;
    }
  }
}
