package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.record.EventTimeScanner;
import java.io.Serializable;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.io.kafka.TimestampPolicy;
import org.apache.beam.sdk.io.kafka.TimestampPolicyFactory;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.kafka.common.TopicPartition;
import org.joda.time.Instant;

/**
 * Event time by the contract's field, and a watermark that neither waits for quiet partitions nor
 * runs to today when old data is replayed.
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
final class EventTimePolicy extends TimestampPolicy<byte[], byte[]> {
  /** How far ahead of the wall clock a record may be and still move the watermark. */
  private static final long FUTURE_TOLERANCE_MILLIS = Duration.ofDays(1).toMillis();

  /** What the policies of all partitions of one read have in common. */
  record Settings(
      String clockName,
      Contract contract,
      int partitionCount,
      long partitionIdleMillis,
      long stopAfterIdleMillis)
      implements Serializable {}

  /** Of each topic, the settings of the read that was made last in this JVM. */
  private static final Map<String, Settings> LATEST = new ConcurrentHashMap<>();

  private final Settings settings;
  private final EventTimeScanner scanner;
  private final Clock wallClock;
  private final TopicClock topic;
  private final TopicClock.Partition partition;
  private final long outOfOrderMillis;
  private long watermarkMillis;

  EventTimePolicy(
      Settings settings, int partition, Optional<Instant> previousWatermark, Clock wallClock) {
    this.settings = settings;
    this.scanner = new EventTimeScanner(settings.contract());
    this.wallClock = wallClock;
    this.topic = TopicClock.named(settings.clockName());
    this.partition = topic.register(partition, wallClock.millis());
    this.outOfOrderMillis = settings.contract().outOfOrderBound().toMillis();
    this.watermarkMillis = previousWatermark.orElse(BoundedWindow.TIMESTAMP_MIN_VALUE).getMillis();
    if (watermarkMillis > BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis()) {
      // Else event time would stand still until the next message.
      this.partition.resume(watermarkMillis + outOfOrderMillis);
    }
  }

  /**
   * Makes the policies of a read. A restored source comes out of the checkpoint with the settings
   * of the run that wrote it, but what counts is what this run was asked for. So they come from the
   * read that was made last in this JVM, where there is one.
   */
  static TimestampPolicyFactory<byte[], byte[]> factory(String topic, Settings settings) {
    LATEST.put(topic, settings);
    return (TopicPartition topicPartition, Optional<Instant> previousWatermark) ->
        new EventTimePolicy(
            LATEST.getOrDefault(topicPartition.topic(), settings),
            topicPartition.partition(),
            previousWatermark,
            Clock.systemUTC());
  }

  @Override
  public Instant getTimestampForRecord(
      PartitionContext context, KafkaRecord<byte[], byte[]> record) {
    byte[] message = record.getKV().getValue();
    long eventMillis = message == null ? EventTimeScanner.NONE : scanner.scanMillis(message);
    long nowMillis = wallClock.millis();
    boolean movesWatermark = eventMillis <= nowMillis + FUTURE_TOLERANCE_MILLIS;
    partition.read(movesWatermark ? eventMillis : Long.MIN_VALUE, nowMillis);
    if (eventMillis == EventTimeScanner.NONE) {
      return new Instant(watermarkMillis);
    }
    return new Instant(eventMillis);
  }

  @Override
  public Instant getWatermark(PartitionContext context) {
    partition.observeBacklog(
        context.getMessageBacklog(), context.getBacklogCheckTime().getMillis());
    watermarkMillis = Math.max(watermarkMillis, candidate(wallClock.millis()));
    return new Instant(watermarkMillis);
  }

  private long candidate(long nowMillis) {
    long allIdleSince = topic.allIdleSinceMillis(settings.partitionCount());
    boolean allIdle =
        allIdleSince != Long.MAX_VALUE
            && nowMillis - allIdleSince >= settings.partitionIdleMillis();
    if (allIdleSince != Long.MAX_VALUE
        && nowMillis - allIdleSince >= settings.stopAfterIdleMillis()) {
      return BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();
    }
    long idleSince = partition.idleSinceMillis();
    boolean idle =
        idleSince != Long.MAX_VALUE && nowMillis - idleSince >= settings.partitionIdleMillis();
    long greatest = idle ? topic.greatestEventMillis() : partition.greatestEventMillis();
    if (greatest == Long.MIN_VALUE) {
      return Long.MIN_VALUE;
    }
    long eventMillis = greatest - outOfOrderMillis;
    return allIdle ? eventMillis + (nowMillis - allIdleSince) : eventMillis;
  }
}
