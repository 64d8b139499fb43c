package io.highwater.record;

import java.io.Serializable;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Event times from {@code fromMillis} to before {@code toMillis}, milliseconds since the epoch; the
 * extremes of a long stand for no bound.
 */
public record TimeRange(long fromMillis, long toMillis) implements Serializable {
  public static final TimeRange ALL = new TimeRange(Long.MIN_VALUE, Long.MAX_VALUE);

  public TimeRange {
    if (fromMillis >= toMillis) {
      throw new IllegalArgumentException(
          "from is " + fromMillis + ", to is " + toMillis + "; expected from to be before to");
    }
  }

  /**
   * @param from null for no bound
   * @param to null for no bound
   */
  public static TimeRange of(@Nullable Instant from, @Nullable Instant to) {
    return new TimeRange(
        from == null ? Long.MIN_VALUE : from.toEpochMilli(),
        to == null ? Long.MAX_VALUE : to.toEpochMilli());
  }

  /** Null for no bound. */
  public @Nullable Instant from() {
    return fromMillis == Long.MIN_VALUE ? null : Instant.ofEpochMilli(fromMillis);
  }

  /** Null for no bound. */
  public @Nullable Instant to() {
    return toMillis == Long.MAX_VALUE ? null : Instant.ofEpochMilli(toMillis);
  }

  public boolean contains(long millis) {
    return millis >= fromMillis && millis < toMillis;
  }

  /** Whether all from {@code leastMillis} to {@code greatestMillis} is within. */
  public boolean containsAll(long leastMillis, long greatestMillis) {
    return leastMillis >= fromMillis && greatestMillis < toMillis;
  }
}
