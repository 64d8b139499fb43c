package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.record.RawBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.util.construction.PipelineTranslation;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against the consumer that kafka-clients has for tests; ReadKafkaRangeIT reads a real broker. */
@Timeout(60)
class KafkaRangeTest {
  private static final String TOPIC = "queries";

  private final MockConsumer<byte[], byte[]> consumer =
      new MockConsumer<>(OffsetResetStrategy.NONE);

  private static KafkaRangeQuery query(
      @Nullable Long from, @Nullable Long to, Map<Integer, KafkaOffsets> offsets) {
    return new KafkaRangeQuery(
        "localhost:1",
        TOPIC,
        null,
        from == null ? null : Instant.ofEpochMilli(from),
        to == null ? null : Instant.ofEpochMilli(to),
        offsets);
  }

  private void topicHas(int partitionCount, long first, long end) {
    List<PartitionInfo> infos =
        IntStream.range(0, partitionCount)
            .mapToObj(
                partition ->
                    new PartitionInfo(TOPIC, partition, Node.noNode(), new Node[0], new Node[0]))
            .toList();
    Map<TopicPartition, Long> beginnings = new HashMap<>();
    Map<TopicPartition, Long> ends = new HashMap<>();
    for (PartitionInfo info : infos) {
      beginnings.put(new TopicPartition(TOPIC, info.partition()), first);
      ends.put(new TopicPartition(TOPIC, info.partition()), end);
    }
    consumer.updateBeginningOffsets(beginnings);
    consumer.updateEndOffsets(ends);
    consumer.updatePartitions(TOPIC, infos);
  }

  /** Messages of partition 0 that a poll gives, each with its offset as timestamp and value. */
  private void send(long... offsets) {
    consumer.schedulePollTask(
        () -> {
          for (long offset : offsets) {
            consumer.addRecord(
                new ConsumerRecord<>(
                    TOPIC,
                    0,
                    offset,
                    offset,
                    TimestampType.CREATE_TIME,
                    0,
                    1,
                    new byte[0],
                    offset == 13 ? null : Long.toString(offset).getBytes(UTF_8),
                    new RecordHeaders(),
                    Optional.empty()));
          }
        });
  }

  private List<RawBatch> read(KafkaRangeQuery query, long from, long to) throws IOException {
    return read(query, from, to, Clock.systemUTC());
  }

  private List<RawBatch> read(KafkaRangeQuery query, long from, long to, Clock clock)
      throws IOException {
    List<RawBatch> batches = new ArrayList<>();
    new KafkaRangeReader(query, clock)
        .read(consumer, new KafkaRange(0, new KafkaOffsets(from, to)), batches::add);
    return batches;
  }

  /** Ten seconds later whenever it is asked. */
  private static Clock hurrying() {
    AtomicLong asked = new AtomicLong();
    return new Clock() {
      @Override
      public Instant instant() {
        return Instant.ofEpochSecond(10 * asked.getAndIncrement());
      }

      @Override
      public ZoneId getZone() {
        return ZoneOffset.UTC;
      }

      @Override
      public Clock withZone(ZoneId zone) {
        return this;
      }
    };
  }

  private static List<String> messages(List<RawBatch> batches) {
    List<String> messages = new ArrayList<>();
    for (RawBatch batch : batches) {
      assertThat(batch.sourceKind(), is(RawBatch.SourceKind.KAFKA));
      assertThat(batch.source(), is(TOPIC));
      for (int row = 0; row < batch.size(); row++) {
        messages.add(
            batch.partition(row)
                + "/"
                + batch.offset(row)
                + "@"
                + batch.timestampMillis(row)
                + "="
                + new String(batch.message(row), UTF_8));
      }
    }
    return messages;
  }

  private static String refused(Runnable call) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, call::run).getMessage());
  }

  @Test
  void readsOffsetsOfATextByPartition() {
    assertThat(
        KafkaOffsets.parse("1:0-500, 0:100-2000"),
        is(Map.of(0, new KafkaOffsets(100, 2_000), 1, new KafkaOffsets(0, 500))));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "x | 'x' is no range of offsets; expected PARTITION:FROM-TO such as 0:100-2000",
        "0:1-2, | '' is no range of offsets; expected PARTITION:FROM-TO such as 0:100-2000",
        "0:1-2;1:1-2"
            + " | '0:1-2;1:1-2' is no range of offsets; expected PARTITION:FROM-TO such as"
            + " 0:100-2000",
        "-1:1-2 | '-1:1-2' is no range of offsets; expected PARTITION:FROM-TO such as 0:100-2000",
        "0:5-5 | '0:5-5' has no messages; expected the second offset, behind the last message,"
            + " above the first",
        "0:1-2,0:5-6 | partition 0 is there twice; expected one range a partition",
      })
  void saysWhichOffsetsOfATextAreNone(String text, String message) {
    assertThat(refused(() -> KafkaOffsets.parse(text)), is(message));
  }

  @Test
  void cutsWhatIsThereIntoParts() {
    long length = KafkaRange.MAX_OFFSETS;
    topicHas(2, 100, 100 + length + 1);

    assertThat(
        query(null, null, Map.of()).ranges(consumer),
        contains(
            new KafkaRange(0, new KafkaOffsets(100, 100 + length)),
            new KafkaRange(0, new KafkaOffsets(100 + length, 100 + length + 1)),
            new KafkaRange(1, new KafkaOffsets(100, 100 + length)),
            new KafkaRange(1, new KafkaOffsets(100 + length, 100 + length + 1))));
    assertThat(
        query(null, null, Map.of(1, new KafkaOffsets(150, 160))).ranges(consumer),
        contains(new KafkaRange(1, new KafkaOffsets(150, 160))));
  }

  @Test
  void namesWhatTheTopicDoesNotHave() {
    topicHas(2, 100, 200);

    assertThat(
        refused(() -> query(null, null, Map.of(2, new KafkaOffsets(100, 101))).ranges(consumer)),
        is("topic queries has no partition 2; it has 0 to 1"));
    assertThat(
        refused(() -> query(null, null, Map.of(1, new KafkaOffsets(90, 150))).ranges(consumer)),
        is("partition 1 of topic queries begins at offset 100: 90 to 99 were deleted from it"));
    assertThat(
        refused(() -> query(null, null, Map.of(1, new KafkaOffsets(10, 20))).ranges(consumer)),
        is("partition 1 of topic queries begins at offset 100: 10 to 19 were deleted from it"));
    assertThat(
        refused(() -> query(null, null, Map.of(0, new KafkaOffsets(150, 201))).ranges(consumer)),
        is("partition 0 of topic queries ends at offset 200; 200 to 200 are not there yet"));
  }

  @Test
  void readsARangeAndNothingBehindItOverOffsetsWithoutAMessage() throws Exception {
    topicHas(1, 0, 100);
    send(10, 11);
    // 12 was compacted away, 13 has no value, 14 is the marker of a transaction.
    send(13, 15, 20, 21);

    assertThat(
        messages(read(query(null, null, Map.of()), 10, 20)),
        contains("0/10@10=10", "0/11@11=11", "0/13@13=", "0/15@15=15"));
  }

  @Test
  void takesWhatHasATimestampInTheRange() throws Exception {
    topicHas(1, 0, 100);
    send(10, 11, 12, 13, 14);

    assertThat(
        messages(read(query(11L, 13L, Map.of()), 10, 15)), contains("0/11@11=11", "0/12@12=12"));
  }

  @Test
  void endsABatchAtItsGreatestSize() throws Exception {
    topicHas(1, 0, 20_000);
    send(LongStream.range(0, 20_000).toArray());

    assertThat(
        read(query(null, null, Map.of()), 0, 20_000).stream().map(RawBatch::size).toList(),
        contains(16_384, 3_616));
  }

  @Test
  void failsWhereMessagesAreDeletedWhileTheyAreRead() {
    topicHas(1, 0, 100);
    send(10, 11);
    consumer.schedulePollTask(
        () ->
            consumer.setPollException(
                new OffsetOutOfRangeException(Map.of(new TopicPartition(TOPIC, 0), 12L))));

    IOException thrown =
        assertThrows(IOException.class, () -> read(query(null, null, Map.of()), 10, 20));
    assertThat(
        thrown.getMessage(),
        is(
            "partition 0 of topic queries no longer has offset 12: messages were deleted while it was read"));
  }

  @Test
  void failsWhereNothingComes() {
    topicHas(1, 0, 100);

    IOException thrown =
        assertThrows(
            IOException.class, () -> read(query(null, null, Map.of()), 10, 20, hurrying()));
    assertThat(
        thrown.getMessage(),
        is("nothing came of partition 0 of topic queries from offset 10 on for 60 s"));
  }

  @Test
  void keepsWhatIsInTheFileOutOfTheGraph(@TempDir Path folder) throws Exception {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    Path file = Files.writeString(folder.resolve("kafka.properties"), "ssl.key.password=s3cret\n");
    pipeline.apply(ReadKafkaRange.of("localhost:1", TOPIC).withConsumerConfigFile(file.toString()));

    String graph = PipelineTranslation.toProto(pipeline).toString();
    assertThat(graph.contains("s3cret"), is(false));
  }

  @Test
  void refusesARangeThatIsNone() {
    Instant time = Instant.parse("2024-03-01T00:00:00Z");
    ReadKafkaRange read = ReadKafkaRange.of("localhost:1", TOPIC).withFrom(time).withTo(time);
    assertThat(
        refused(() -> TestPipeline.create().apply(read)),
        is("to is 2024-03-01T00:00:00Z; expected a time after from, 2024-03-01T00:00:00Z"));
    assertThat(
        refused(() -> ReadKafkaRange.of("localhost:1", TOPIC).withOffsets(Map.of())),
        is("offsets is empty; expected at least one partition"));
  }
}
