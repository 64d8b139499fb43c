package io.highwater.runners.replay;

import io.highwater.runners.CommandFailedException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * How many messages may be sent ahead of a consumer group: as many as the group takes in {@value
 * #LAG_SECONDS} s, at its own rate, and never fewer than {@value #LEAST_MESSAGES}. A sender that
 * waits for room goes no faster than the group for long, and faster again as soon as the group
 * does.
 */
final class LagLimit implements AutoCloseable {
  // More than the time between two commits of a stream (5 s), or a group could not be seen to be
  // faster than it was.
  static final int LAG_SECONDS = 15;
  static final long LEAST_MESSAGES = 20_000;
  private static final long READ_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long RATE_NANOS = TimeUnit.SECONDS.toNanos(LAG_SECONDS);

  /**
   * How far a consumer group is.
   *
   * @param lag messages of the topic that it has not committed
   * @param consumed the sum of its offsets
   * @param hasCommitted whether it has committed any offset of the topic
   */
  record Reading(long lag, long consumed, boolean hasCommitted) {}

  /** Says how far the group is. */
  interface Lag extends AutoCloseable {
    Reading read() throws CommandFailedException, InterruptedException;

    @Override
    void close();
  }

  private record Sample(long nanos, long consumed) {}

  private final Lag lag;
  private final String group;
  private final long endAtStart;
  private final Deque<Sample> samples = new ArrayDeque<>();
  private Reading reading = new Reading(0, 0, false);
  private long maxLag = LEAST_MESSAGES;
  private long readNanos;
  private boolean hasRead;

  /**
   * @param endAtStart the end of the topic before anything is sent, as the sum over its partitions
   */
  LagLimit(Lag lag, String group, long endAtStart) {
    this.lag = lag;
    this.group = group;
    this.endAtStart = endAtStart;
  }

  /** Asks how far the group is, once a second. */
  void readIfDue(long nowNanos) throws CommandFailedException, InterruptedException {
    if (hasRead && nowNanos - readNanos < READ_NANOS) {
      return;
    }
    reading = lag.read();
    hasRead = true;
    readNanos = nowNanos;
    samples.addLast(new Sample(nowNanos, reading.consumed()));
    while (samples.size() > 2 && nowNanos - samples.getFirst().nanos() > RATE_NANOS) {
      samples.removeFirst();
    }
    Sample first = samples.getFirst();
    double seconds = Math.max(1, (nowNanos - first.nanos()) / 1e9);
    double rate = (reading.consumed() - first.consumed()) / seconds;
    maxLag = Math.max(LEAST_MESSAGES, (long) (rate * LAG_SECONDS));
  }

  /**
   * @param sent messages handed to the producer so far, which the topic's end may not show yet
   */
  boolean hasRoom(long sent) {
    return Math.max(reading.lag(), endAtStart + sent - reading.consumed()) < maxLag;
  }

  /** The lag, for a person. */
  @Override
  public String toString() {
    return reading.hasCommitted()
        ? String.format(Locale.ROOT, "%s lags by %,d of at most %,d", group, reading.lag(), maxLag)
        : String.format(
            Locale.ROOT, "%s has committed nothing yet, at most %,d are sent", group, maxLag);
  }

  @Override
  public void close() {
    lag.close();
  }
}
