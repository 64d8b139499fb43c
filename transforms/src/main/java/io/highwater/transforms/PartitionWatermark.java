package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.record.EventTimeScanner;
import java.io.Serializable;
import java.time.Clock;
import java.time.Duration;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;

/**
 * The watermark of one partition, which neither waits for quiet partitions nor runs to today when
 * old data is replayed.
 *
 * <ul>
 *   <li>A partition with backlog: its own greatest event time less the out-of-order bound.
 *   <li>One without backlog for the idle timeout: the topic's greatest event time less the bound.
 *   <li>All idle: that, going on at the pace of the wall clock.
 *   <li>All idle for {@code stopAfterIdleMillis}: the end of time, which ends the source.
 * </ul>
 *
 * A record without a readable event time keeps the watermark where it is; it is rejected later. So
 * does one from the future, so that a single wrong clock cannot make everything after it late.
 */
final class PartitionWatermark {
  static final long START = BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis();
  static final long END = BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();

  /** How far ahead of the wall clock a record may be and still move the watermark. */
  private static final long FUTURE_TOLERANCE_MILLIS = Duration.ofDays(1).toMillis();

  /** A watermark passes through every step, so that an idle topic's does not move all the time. */
  private static final long IDLE_STEP_MILLIS = 100;

  /**
   * What the partitions of one read have in common.
   *
   * @param clockName of the {@link TopicClock}
   */
  record Settings(
      String clockName,
      Contract contract,
      int partitionCount,
      long partitionIdleMillis,
      long stopAfterIdleMillis)
      implements Serializable {}

  private final Settings settings;
  private final Clock wallClock;
  private final TopicClock topic;
  private final TopicClock.Partition partition;
  private final long outOfOrderMillis;
  private long millis;

  private PartitionWatermark(
      Settings settings,
      TopicClock topic,
      TopicClock.Partition partition,
      long previousMillis,
      Clock wallClock) {
    this.settings = settings;
    this.wallClock = wallClock;
    this.topic = topic;
    this.partition = partition;
    this.outOfOrderMillis = settings.contract().outOfOrderBound().toMillis();
    this.millis = previousMillis;
    if (previousMillis > START) {
      // Else event time would stand still until the next message.
      partition.resume(previousMillis + outOfOrderMillis);
    }
  }

  /**
   * @param previousMillis where the watermark was before a restart, or {@link #START}
   */
  static PartitionWatermark of(
      Settings settings, int partition, long previousMillis, Clock wallClock) {
    TopicClock topic = TopicClock.named(settings.clockName());
    return new PartitionWatermark(
        settings, topic, topic.register(partition, wallClock.millis()), previousMillis, wallClock);
  }

  /** The watermark of a reader that has no partition: that of one which is always idle. */
  static PartitionWatermark ofNone(Settings settings, Clock wallClock) {
    return new PartitionWatermark(
        settings,
        TopicClock.named(settings.clockName()),
        TopicClock.Partition.alwaysIdle(),
        START,
        wallClock);
  }

  /**
   * Takes that records were read.
   *
   * @param eventMillis the greatest of those that {@link #isMovedBy} says move it, or {@link
   *     EventTimeScanner#NONE}
   */
  void read(long eventMillis) {
    partition.read(eventMillis, wallClock.millis());
  }

  /** Whether a record of this event time moves the watermark, at this time of the wall clock. */
  static boolean isMovedBy(long eventMillis, long nowMillis) {
    return eventMillis != EventTimeScanner.NONE
        && eventMillis <= nowMillis + FUTURE_TOLERANCE_MILLIS;
  }

  /** Takes what the broker said of the backlog; see {@link TopicClock.Partition#observeBacklog}. */
  void observeBacklog(long messages, long checkedMillis) {
    partition.observeBacklog(messages, checkedMillis);
  }

  /** Where it was when it was last asked for; never {@link #END}. */
  long lastMillis() {
    return millis;
  }

  /** Where it is now; never less than before, except behind {@link #END}. */
  long millis() {
    long nowMillis = wallClock.millis();
    long allIdleSince = topic.allIdleSinceMillis(settings.partitionCount());
    long allIdleMillis = allIdleSince == Long.MAX_VALUE ? -1 : nowMillis - allIdleSince;
    if (allIdleMillis >= settings.stopAfterIdleMillis()) {
      return END;
    }
    millis = Math.max(millis, candidate(nowMillis, allIdleMillis));
    return millis;
  }

  private long candidate(long nowMillis, long allIdleMillis) {
    long idleSince = partition.idleSinceMillis();
    boolean idle =
        idleSince != Long.MAX_VALUE && nowMillis - idleSince >= settings.partitionIdleMillis();
    long greatest = idle ? topic.greatestEventMillis() : partition.greatestEventMillis();
    if (greatest == Long.MIN_VALUE) {
      return START;
    }
    long eventMillis = greatest - outOfOrderMillis;
    return allIdleMillis >= settings.partitionIdleMillis()
        ? eventMillis + allIdleMillis - allIdleMillis % IDLE_STEP_MILLIS
        : eventMillis;
  }
}
