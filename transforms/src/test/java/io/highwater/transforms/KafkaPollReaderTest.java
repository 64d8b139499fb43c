package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.record.RawBatch;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Against the consumer that kafka-clients has for tests; StreamIT reads a real broker. */
@Timeout(60)
class KafkaPollReaderTest {
  private final String topic = UUID.randomUUID().toString();
  private final MockConsumer<byte[], byte[]> consumer =
      new MockConsumer<>(OffsetResetStrategy.NONE);
  private @Nullable KafkaPollReader reader;

  @AfterEach
  void close() {
    if (reader != null) {
      reader.close();
    }
  }

  /** Partitions that hold the offsets from {@code first} up to {@code end}. */
  private void topicHas(int partitionCount, long first, long end) {
    List<PartitionInfo> infos =
        IntStream.range(0, partitionCount)
            .mapToObj(
                partition ->
                    new PartitionInfo(topic, partition, Node.noNode(), new Node[0], new Node[0]))
            .toList();
    Map<TopicPartition, Long> beginnings = new HashMap<>();
    Map<TopicPartition, Long> ends = new HashMap<>();
    for (int partition = 0; partition < partitionCount; partition++) {
      beginnings.put(new TopicPartition(topic, partition), first);
      ends.put(new TopicPartition(topic, partition), end);
    }
    consumer.updateBeginningOffsets(beginnings);
    consumer.updateEndOffsets(ends);
    consumer.updatePartitions(topic, infos);
  }

  private void send(int partition, long... offsets) {
    consumer.schedulePollTask(
        () -> {
          for (long offset : offsets) {
            consumer.addRecord(
                new ConsumerRecord<>(topic, partition, offset, new byte[0], "{}".getBytes(UTF_8)));
          }
        });
  }

  private KafkaPollReader start(boolean atEnd, @Nullable KafkaMark restored) throws IOException {
    KafkaSettings settings =
        new KafkaSettings(
            "localhost:1",
            topic,
            Map.of("group.id", "group"),
            null,
            null,
            atEnd,
            new PartitionWatermark.Settings(
                UUID.randomUUID().toString(), TestContracts.jobs(), 1, 5_000, Long.MAX_VALUE));
    KafkaPolls split = KafkaPolls.of(settings).split(2, PipelineOptionsFactory.create()).get(1);
    KafkaPollReader started =
        new KafkaPollReader(split, settings, () -> consumer, Clock.systemUTC(), restored);
    reader = started;
    started.start();
    return started;
  }

  private static KafkaMark mark(int partition, long offset) {
    return new KafkaMark(true, Map.of(partition, new KafkaMark.Position(offset, 0)), unused -> {});
  }

  private static Map<Integer, Long> offsets(KafkaPollReader reader) {
    Map<Integer, Long> offsets = new TreeMap<>();
    ((KafkaMark) reader.getCheckpointMark())
        .positions()
        .forEach((partition, position) -> offsets.put(partition, position.offset()));
    return offsets;
  }

  /** The next messages, as partition/offset. */
  private static List<String> read(KafkaPollReader reader, int count) throws IOException {
    List<String> read = new ArrayList<>();
    while (read.size() < count) {
      if (reader.advance()) {
        RawBatch batch = reader.getCurrent();
        for (int row = 0; row < batch.size(); row++) {
          read.add(batch.partition(row) + "/" + batch.offset(row));
        }
      } else {
        Thread.onSpinWait();
      }
    }
    return read;
  }

  private static String failure(KafkaPollReader reader) {
    IOException thrown =
        assertThrows(
            IOException.class,
            () -> {
              while (!reader.advance()) {
                Thread.onSpinWait();
              }
            });
    return String.valueOf(thrown.getMessage());
  }

  @Test
  void beginsWithItsPartitionsAtTheirBeginning() throws Exception {
    topicHas(4, 10, 20);
    KafkaPollReader reader = start(false, null);
    assertEquals(Map.of(1, 10L, 3, 10L), offsets(reader));

    send(3, 10, 11);
    assertEquals(List.of("3/10", "3/11"), read(reader, 2));
    assertEquals(Map.of(1, 10L, 3, 12L), offsets(reader));
  }

  @Test
  void beginsAtTheEnd() throws Exception {
    topicHas(2, 10, 20);
    assertEquals(Map.of(1, 20L), offsets(start(true, null)));
  }

  @Test
  void goesOnAtAMarkAndReadsWhatItDoesNotNameFromTheBeginning() throws Exception {
    topicHas(4, 10, 20);
    assertEquals(Map.of(1, 15L, 3, 10L), offsets(start(true, mark(1, 15))));
  }

  @Test
  void beginsAnewAfterAMarkFromBeforeTheStart() throws Exception {
    topicHas(2, 10, 20);
    KafkaMark early = new KafkaMark(false, Map.of(), unused -> {});
    assertEquals(Map.of(1, 20L), offsets(start(true, early)));
  }

  @Test
  void readsPartitionsThatAreAddedWhileItRuns() throws Exception {
    topicHas(2, 10, 20);
    KafkaPollReader reader = start(true, null);
    topicHas(4, 0, 20);
    while (!offsets(reader).containsKey(3)) {
      reader.advance();
    }
    assertEquals(Map.of(1, 20L, 3, 0L), offsets(reader));
    send(3, 0, 1);
    assertEquals(List.of("3/0", "3/1"), read(reader, 2));
  }

  @Test
  void goesOnBehindMessagesThatWereDeletedBeforeTheyWereRead() throws Exception {
    topicHas(2, 10, 20);
    KafkaPollReader reader = start(false, mark(1, 5));
    send(1, 10, 11);
    assertEquals(List.of("1/10", "1/11"), read(reader, 2));
  }

  @Test
  void failsWhenTheTopicEndsBeforeWhatWasRead() throws Exception {
    topicHas(2, 0, 20);
    KafkaPollReader reader = start(false, mark(1, 30));
    consumer.setPollException(
        new OffsetOutOfRangeException(Map.of(new TopicPartition(topic, 1), 30L)));
    assertThat(failure(reader), containsString("-1 ends at offset 20, but 30 was read before"));
  }

  @Test
  void failsWhenTheTopicIsGone() throws Exception {
    topicHas(2, 0, 20);
    KafkaPollReader reader = start(false, null);
    consumer.updatePartitions(topic, List.of());
    assertThat(failure(reader), containsString("the broker has no topic " + topic));
  }

  @Test
  void failsWhenPollingFails() throws Exception {
    topicHas(2, 0, 20);
    KafkaPollReader reader = start(false, null);
    consumer.setPollException(new KafkaException("not today"));
    assertThat(failure(reader), containsString("not today"));
  }

  @Test
  void commitsOffsetsOnceACheckpointHasCompleted() throws Exception {
    topicHas(2, 10, 20);
    KafkaPollReader reader = start(false, null);
    TopicPartition partition = new TopicPartition(topic, 1);
    send(1, 10, 11);
    read(reader, 2);
    KafkaMark mark = (KafkaMark) reader.getCheckpointMark();
    assertEquals(Map.of(), consumer.committed(Set.of(partition)));

    mark.finalizeCheckpoint();
    while (consumer.committed(Set.of(partition)).isEmpty()) {
      Thread.onSpinWait();
    }
    assertEquals(
        Map.of(partition, new OffsetAndMetadata(12)), consumer.committed(Set.of(partition)));
  }
}
