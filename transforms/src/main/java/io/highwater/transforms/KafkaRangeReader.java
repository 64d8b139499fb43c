package io.highwater.transforms;

import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;

/** Reads one range. Offsets without a message, such as markers of transactions, are passed over. */
final class KafkaRangeReader {
  private static final Duration POLL_TIMEOUT = Duration.ofMillis(500);

  /** As long as the consumer itself waits for an answer that it must have. */
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private static final byte[] NO_BYTES = new byte[0];

  /** Takes the batches as they are read. */
  interface Output {
    void accept(RawBatch batch);
  }

  private final KafkaRangeQuery query;
  private final Clock wallClock;

  KafkaRangeReader(KafkaRangeQuery query, Clock wallClock) {
    this.query = query;
    this.wallClock = wallClock;
  }

  /**
   * Reads the range from its beginning.
   *
   * @throws IOException if messages were deleted meanwhile, or the broker no longer answers
   */
  void read(Consumer<byte[], byte[]> consumer, KafkaRange range, Output output) throws IOException {
    TopicPartition partition = query.partition(range.partition());
    consumer.assign(List.of(partition));
    consumer.seek(partition, range.offsets().from());
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, query.topic(), RawMessages.Format.JSON);
    long position = range.offsets().from();
    long movedMillis = wallClock.millis();
    while (position < range.offsets().to()) {
      for (ConsumerRecord<byte[], byte[]> message :
          poll(consumer, partition, position).records(partition)) {
        if (message.offset() < range.offsets().to() && query.takes(message)) {
          byte[] value = message.value() == null ? NO_BYTES : message.value();
          builder.add(message.partition(), message.offset(), message.timestamp(), value);
          if (builder.size() >= PollQueue.MAX_ROWS || builder.byteSize() >= PollQueue.MAX_BYTES) {
            output.accept(builder.build());
          }
        }
      }
      long next = consumer.position(partition);
      if (next > position) {
        position = next;
        movedMillis = wallClock.millis();
      } else if (wallClock.millis() - movedMillis > PATIENCE.toMillis()) {
        throw new IOException(
            "nothing came of partition %d of topic %s from offset %d on for %d s"
                .formatted(range.partition(), query.topic(), position, PATIENCE.toSeconds()));
      }
    }
    if (builder.size() > 0) {
      output.accept(builder.build());
    }
  }

  private static ConsumerRecords<byte[], byte[]> poll(
      Consumer<byte[], byte[]> consumer, TopicPartition partition, long position)
      throws IOException {
    try {
      return consumer.poll(POLL_TIMEOUT);
    } catch (OffsetOutOfRangeException e) {
      throw new IOException(
          "partition %d of topic %s no longer has offset %d: messages were deleted while it was read"
              .formatted(partition.partition(), partition.topic(), position),
          e);
    }
  }
}
