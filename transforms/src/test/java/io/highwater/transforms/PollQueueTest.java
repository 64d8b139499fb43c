package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class PollQueueTest {
  private static final long T = Instant.parse("2024-03-01T00:00:00Z").toEpochMilli();
  private static final long BOUND = 10_000;
  private static final long HOUR = 3_600_000;
  private static final String TOPIC = "queries";

  private final TickingClock clock = new TickingClock();
  private final KafkaSettings settings =
      new KafkaSettings(
          "localhost:1",
          TOPIC,
          Map.of(),
          null,
          null,
          false,
          new PartitionWatermark.Settings(
              UUID.randomUUID().toString(), TestContracts.jobs(), 2, 5_000, 60_000));
  private final PollQueue queue = new PollQueue(settings, clock);

  private void begin(int partition, long offset) {
    queue.add(partition, new KafkaMark.Position(offset, PartitionWatermark.START));
  }

  private static ConsumerRecord<byte[], byte[]> message(
      int partition, long offset, byte @Nullable [] value) {
    // Kafka's own way to say that a key keeps no value any more.
    @SuppressWarnings("NullAway")
    ConsumerRecord<byte[], byte[]> message =
        new ConsumerRecord<>(
            TOPIC,
            partition,
            offset,
            77,
            TimestampType.CREATE_TIME,
            0,
            0,
            new byte[0],
            value,
            new RecordHeaders(),
            Optional.empty());
    return message;
  }

  private static ConsumerRecord<byte[], byte[]> at(int partition, long offset, long eventMillis) {
    return message(partition, offset, event(eventMillis));
  }

  private static byte[] event(long eventMillis) {
    return ("{\"started_at\":\"" + Instant.ofEpochMilli(eventMillis) + "\"}").getBytes(UTF_8);
  }

  private void poll(int partition, long lag, List<ConsumerRecord<byte[], byte[]>> messages)
      throws InterruptedException {
    queue.append(partition, messages, messages.get(messages.size() - 1).offset() + 1, lag);
  }

  private void observeBacklog(long messages) {
    queue.observeBacklog(0, messages, clock.millis);
    queue.observeBacklog(1, messages, clock.millis);
  }

  private PollQueue.Batch take() {
    PollQueue.Batch batch = queue.take();
    assertNotNull(batch, "nothing queued");
    return batch;
  }

  private long offset(int partition) {
    return requireNonNull(queue.positions().get(partition)).offset();
  }

  private static List<Long> offsets(RawBatch batch) {
    List<Long> offsets = new ArrayList<>();
    for (int row = 0; row < batch.size(); row++) {
      offsets.add(batch.offset(row));
    }
    return offsets;
  }

  @Test
  void joinsWhatComesUntilItIsTaken() throws Exception {
    begin(0, 5);
    begin(1, 0);
    poll(0, 9, List.of(at(0, 5, T + 2), at(0, 6, T + 1)));
    poll(1, 0, List.of(at(1, 0, T + HOUR)));
    poll(0, 8, List.of(at(0, 7, T + 3)));

    PollQueue.Batch first = take();
    assertEquals(
        RawBatch.builder(RawBatch.SourceKind.KAFKA, TOPIC, RawMessages.Format.JSON)
            .add(0, 5, 77, event(T + 2))
            .add(0, 6, 77, event(T + 1))
            .add(1, 0, 77, event(T + HOUR))
            .add(0, 7, 77, event(T + 3))
            .backlog(0, 8)
            .backlog(1, 0)
            .build(),
        first.batch());
    assertEquals(T + 1, first.timestampMillis(), "the least event time");
    assertEquals(8, offset(0));
    assertEquals(1, offset(1));
    assertNull(queue.take());

    poll(0, 0, List.of(at(0, 8, T)));
    assertEquals(List.of(8L), offsets(take().batch()), "one message is not waited with");
  }

  @Test
  void cutsBatchesAtTheirGreatestSize() throws Exception {
    begin(0, 0);
    int count = PollQueue.MAX_ROWS + 3;
    poll(0, 4, LongStream.range(0, count).mapToObj(offset -> at(0, offset, T)).toList());

    RawBatch first = take().batch();
    assertEquals(PollQueue.MAX_ROWS, first.size());
    assertEquals(Map.of(0, 7L), first.backlogs(), "three in the queue and four behind the poll");
    RawBatch second = take().batch();
    assertEquals(LongStream.range(count - 3, count).boxed().toList(), offsets(second));
    assertEquals(Map.of(0, 4L), second.backlogs());
  }

  @Test
  void keepsTheWatermarkBehindWhatIsStillQueued() throws Exception {
    begin(0, 0);
    assertEquals(PartitionWatermark.START, queue.watermarkMillis());
    poll(0, 0, List.of(at(0, 0, T + HOUR)));
    clock.millis += 50_000;
    queue.observeBacklog(0, 0, clock.millis);

    assertEquals(PartitionWatermark.START, queue.watermarkMillis());
    take();
    assertEquals(T + HOUR - BOUND, queue.watermarkMillis());
  }

  @Test
  void hasTheWatermarkOfItsSlowestPartitionWithBacklog() throws Exception {
    begin(0, 0);
    begin(1, 0);
    poll(0, 3, List.of(at(0, 0, T + HOUR)));
    poll(1, 3, List.of(at(1, 0, T)));
    take();
    assertEquals(T - BOUND, queue.watermarkMillis());

    clock.millis += 600_000;
    queue.observeBacklog(0, 3, clock.millis);
    queue.observeBacklog(1, 3, clock.millis);
    assertEquals(T - BOUND, queue.watermarkMillis(), "however long it takes");
  }

  @Test
  void followsTheTopicWithPartitionsThatAreIdle() throws Exception {
    begin(0, 0);
    begin(1, 0);
    poll(0, 3, List.of(at(0, 0, T)));
    take();
    queue.observeBacklog(0, 3, clock.millis);
    queue.observeBacklog(1, 0, clock.millis);
    assertEquals(PartitionWatermark.START, queue.watermarkMillis(), "not idle for long enough");

    clock.millis += 5_000;
    assertEquals(T - BOUND, queue.watermarkMillis());
  }

  @Test
  void followsTheTopicWithoutAnyPartition() throws Exception {
    PollQueue empty = new PollQueue(settings, clock);
    assertEquals(PartitionWatermark.START, empty.watermarkMillis());
    begin(0, 0);
    begin(1, 0);
    poll(0, 3, List.of(at(0, 0, T)));
    take();
    assertEquals(T - BOUND, empty.watermarkMillis());

    queue.observeBacklog(0, 0, clock.millis);
    queue.observeBacklog(1, 0, clock.millis);
    clock.millis += 30_000;
    assertEquals(T - BOUND + 30_000, empty.watermarkMillis(), "all idle: with the wall clock");
    clock.millis += 30_000;
    assertEquals(PartitionWatermark.END, empty.watermarkMillis());
    assertEquals(PartitionWatermark.END, queue.watermarkMillis());
  }

  @Test
  void isNotIdleWhileTheBrokerDoesNotAnswer() throws Exception {
    begin(0, 0);
    begin(1, 0);
    poll(0, 0, List.of(at(0, 0, T)));
    take();
    observeBacklog(0);
    clock.millis += 59_000;
    observeBacklog(-1);
    assertEquals(PartitionWatermark.START, queue.watermarkMillis(), "there may be messages");

    clock.millis += 600_000;
    observeBacklog(-1);
    observeBacklog(0);
    assertEquals(PartitionWatermark.START, queue.watermarkMillis(), "idle only from now on");
    clock.millis += 60_000;
    assertEquals(PartitionWatermark.END, queue.watermarkMillis());
  }

  @Test
  void takesMessagesWithoutEventTimeAndFromTheFutureButNotTheirTime() throws Exception {
    begin(0, 0);
    poll(0, 3, List.of(at(0, 0, T)));
    take();
    poll(0, 3, List.of(message(0, 1, null), at(0, 2, clock.millis + 90_000_000)));
    poll(0, 3, List.of(message(0, 3, "{]".getBytes(UTF_8))));
    PollQueue.Batch future = take();
    assertEquals(3, future.batch().size());
    assertEquals(0, future.batch().message(0).length);
    assertEquals(clock.millis + 90_000_000, future.timestampMillis());
    assertEquals(T - BOUND, queue.watermarkMillis());

    poll(0, 3, List.of(message(0, 4, null)));
    assertEquals(T - BOUND, take().timestampMillis());
  }

  @Test
  void goesOnBehindWhatWasHandedOver() throws Exception {
    begin(0, 7);
    begin(1, 70);
    poll(0, 0, List.of(at(0, 7, T), at(0, 9, T + 1)));
    assertEquals(
        Map.of(
            0,
            new KafkaMark.Position(7, PartitionWatermark.START),
            1,
            new KafkaMark.Position(70, PartitionWatermark.START)),
        queue.positions());

    take();
    queue.watermarkMillis();
    assertEquals(new KafkaMark.Position(10, T + 1 - BOUND), queue.positions().get(0));
    queue.append(0, List.of(at(0, 10, T)), 13, 0);
    assertEquals(10, offset(0));
    take();
    assertEquals(13, offset(0), "past the marker of a transaction");
  }

  @Test
  void goesOnAtTheWatermarkOfARestoredPartition() {
    queue.add(0, new KafkaMark.Position(3, T));
    assertEquals(T, queue.watermarkMillis());
    assertEquals(new KafkaMark.Position(3, T), queue.positions().get(0));
  }

  @Test
  void letsPollingWaitWhileTooMuchIsQueued() throws Exception {
    begin(0, 0);
    byte[] large = new byte[8 << 20];
    Thread polling =
        new Thread(
            () -> {
              for (long offset = 0; offset < 20; offset++) {
                try {
                  poll(0, 0, List.of(message(0, offset, large)));
                } catch (InterruptedException e) {
                  return;
                }
              }
            });
    polling.start();
    while (polling.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    List<Long> offsets = new ArrayList<>(offsets(take().batch()));
    assertEquals(List.of(0L, 1L), offsets);
    while (offsets.size() < 20) {
      PollQueue.Batch batch = queue.take();
      if (batch != null) {
        offsets.addAll(offsets(batch.batch()));
      }
    }
    polling.join();
    assertEquals(LongStream.range(0, 20).boxed().toList(), offsets);
  }
}
