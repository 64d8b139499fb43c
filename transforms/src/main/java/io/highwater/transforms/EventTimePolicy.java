package io.highwater.transforms;

import io.highwater.record.EventTimeScanner;
import java.time.Clock;
import java.util.Optional;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.io.kafka.TimestampPolicy;
import org.apache.beam.sdk.io.kafka.TimestampPolicyFactory;
import org.apache.kafka.common.TopicPartition;
import org.joda.time.Instant;

/** Event time by the contract's field for KafkaIO, with the watermark of its partition. */
final class EventTimePolicy extends TimestampPolicy<byte[], byte[]> {
  private final EventTimeScanner scanner;
  private final Clock wallClock;
  private final PartitionWatermark watermark;

  EventTimePolicy(
      PartitionWatermark.Settings settings,
      int partition,
      Optional<Instant> previousWatermark,
      Clock wallClock) {
    this.scanner = new EventTimeScanner(settings.contract());
    this.wallClock = wallClock;
    this.watermark =
        PartitionWatermark.of(
            settings,
            partition,
            previousWatermark.map(Instant::getMillis).orElse(PartitionWatermark.START),
            wallClock);
  }

  /** Makes the policies of a read, with the settings of this run, also after a restore. */
  static TimestampPolicyFactory<byte[], byte[]> factory() {
    return (TopicPartition topicPartition, Optional<Instant> previousWatermark) ->
        new EventTimePolicy(
            KafkaSettings.ofThisRun(topicPartition.topic()).watermark(),
            topicPartition.partition(),
            previousWatermark,
            Clock.systemUTC());
  }

  @Override
  public Instant getTimestampForRecord(
      PartitionContext context, KafkaRecord<byte[], byte[]> record) {
    byte[] message = record.getKV().getValue();
    long eventMillis = message == null ? EventTimeScanner.NONE : scanner.scanMillis(message);
    watermark.read(
        PartitionWatermark.isMovedBy(eventMillis, wallClock.millis())
            ? eventMillis
            : EventTimeScanner.NONE);
    return new Instant(eventMillis == EventTimeScanner.NONE ? watermark.lastMillis() : eventMillis);
  }

  @Override
  public Instant getWatermark(PartitionContext context) {
    watermark.observeBacklog(
        context.getMessageBacklog(), context.getBacklogCheckTime().getMillis());
    return new Instant(watermark.millis());
  }
}
