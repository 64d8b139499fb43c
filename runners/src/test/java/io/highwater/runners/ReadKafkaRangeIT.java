package io.highwater.runners;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.record.RawBatch;
import io.highwater.runners.generate.QueryGenerator.Settings;
import io.highwater.transforms.KafkaOffsets;
import io.highwater.transforms.ReadKafkaRange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledFuture;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranges of topics of a real broker, on the Direct runner. */
class ReadKafkaRangeIT {
  private static final Settings SETTINGS =
      new Settings(3_000, 5, Instant.parse("2024-03-01T22:30:00Z"), Duration.ofHours(3), 5, 0);

  /** What the pipeline of the moment put out; the Direct runner is in this JVM. */
  private static final Queue<String> READ = new ConcurrentLinkedQueue<>();

  private static TestBroker broker;

  @TempDir Path folder;

  @BeforeAll
  static void startBroker() throws IOException {
    broker = TestBroker.start();
  }

  @AfterAll
  static void stopBroker() throws IOException {
    if (broker != null) {
      broker.close();
    }
  }

  private static final class Collect extends DoFn<RawBatch, Void> {
    @ProcessElement
    public void process(@Element RawBatch batch) {
      for (int row = 0; row < batch.size(); row++) {
        READ.add(
            line(
                batch.partition(row),
                batch.offset(row),
                batch.timestampMillis(row),
                batch.message(row)));
      }
    }
  }

  private static String line(int partition, long offset, long timestamp, byte[] message) {
    return partition + "/" + offset + "@" + timestamp + "=" + new String(message, UTF_8);
  }

  private static String line(TestTopic.Sent sent) {
    return line(
        sent.partition(),
        sent.offset(),
        sent.message().query().arrivalMicros() / 1_000,
        sent.message().value());
  }

  private static List<String> read(ReadKafkaRange range) {
    READ.clear();
    Pipeline pipeline =
        Pipeline.create(PipelineOptionsFactory.fromArgs("--runner=DirectRunner").create());
    pipeline.apply(range).apply("Collect", ParDo.of(new Collect()));
    pipeline.run().waitUntilFinish();
    return List.copyOf(READ);
  }

  private static ReadKafkaRange range(String topic) {
    return ReadKafkaRange.of(broker.bootstrapServers(), topic);
  }

  private static void assertThatRead(List<String> read, List<TestTopic.Sent> sent) {
    assertThat(
        read, containsInAnyOrder(sent.stream().map(ReadKafkaRangeIT::line).toArray(String[]::new)));
  }

  @Test
  void readsWhatWasThereWhenItBegan() throws Exception {
    Iterator<QueryMessage> messages =
        QueryMessage.generate(
            new Settings(1_000_000, 5, SETTINGS.start(), Duration.ofDays(10), 5, 0));
    List<QueryMessage> first = new ArrayList<>();
    while (first.size() < 3_000) {
      first.add(messages.next());
    }
    try (TestTopic topic = TestTopic.create(broker, "growing", 3)) {
      topic.send(first);
      List<String> expected = topic.sent().stream().map(ReadKafkaRangeIT::line).toList();
      ScheduledFuture<?> trickle = topic.trickle(messages, 20);
      List<String> read = read(range("growing"));
      topic.endTrickle(trickle);

      assertThat(read.containsAll(expected), is(true));
      assertThat(new HashSet<>(read).size(), is(read.size()));
      assertThat(
          topic.sent().stream().map(ReadKafkaRangeIT::line).toList().containsAll(read), is(true));
    }
  }

  @Test
  void readsRangesByOffsetAndByTimestamp() throws Exception {
    try (TestTopic topic = TestTopic.create(broker, "queries", 3)) {
      List<QueryMessage> messages = QueryMessage.generateAll(SETTINGS);
      // Every tenth is late, by up to the whole topic.
      List<QueryMessage> late = new ArrayList<>();
      for (int i = messages.size() - 1; i >= 0; i -= 10) {
        late.add(messages.remove(i));
      }
      topic.send(messages);
      topic.send(late);

      assertThatRead(read(range("queries")), topic.sent());
      assertThatRead(
          read(
              range("queries")
                  .withOffsets(Map.of(0, new KafkaOffsets(10, 500), 2, new KafkaOffsets(0, 1)))),
          topic.sent().stream()
              .filter(
                  sent ->
                      (sent.partition() == 0 && sent.offset() >= 10 && sent.offset() < 500)
                          || (sent.partition() == 2 && sent.offset() == 0))
              .toList());
      Instant from = Instant.parse("2024-03-01T23:00:00Z");
      Instant to = Instant.parse("2024-03-02T00:00:00Z");
      assertThatRead(
          read(range("queries").withFrom(from).withTo(to)),
          topic.sent().stream()
              .filter(
                  sent ->
                      sent.message().query().arrivalMicros() / 1_000 >= from.toEpochMilli()
                          && sent.message().query().arrivalMicros() / 1_000 < to.toEpochMilli())
              .toList());
      assertThat(read(range("queries").withFrom(to.plus(Duration.ofDays(9)))), is(List.of()));
    }
  }

  @Test
  void readsWhatWasCommittedWhereItIsAskedTo() throws Exception {
    try (TestTopic topic = TestTopic.create(broker, "transactions", 1);
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(
                Map.of(
                    ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                    broker.bootstrapServers(),
                    ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                    "transactions"),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
      producer.initTransactions();
      for (String value : List.of("a", "aborted", "b")) {
        producer.beginTransaction();
        producer
            .send(new ProducerRecord<>(topic.name(), 0, 5_000L, null, value.getBytes(UTF_8)))
            .get();
        if (value.equals("aborted")) {
          producer.abortTransaction();
        } else {
          producer.commitTransaction();
        }
      }
      Path committed =
          Files.writeString(folder.resolve("kafka.properties"), "isolation.level=read_committed\n");

      // Behind each message is the marker of its transaction.
      assertThat(
          read(range("transactions")),
          containsInAnyOrder("0/0@5000=a", "0/2@5000=aborted", "0/4@5000=b"));
      assertThat(
          read(range("transactions").withConsumerConfigFile(committed.toString())),
          containsInAnyOrder("0/0@5000=a", "0/4@5000=b"));
    }
  }

  @Test
  void namesWhatIsNotThere() throws Exception {
    try (TestTopic topic = TestTopic.create(broker, "deleted", 2);
        Admin admin =
            Admin.create(
                Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()))) {
      topic.send(0, QueryMessage.generateAll(SETTINGS).subList(0, 100));
      admin
          .deleteRecords(Map.of(new TopicPartition("deleted", 0), RecordsToDelete.beforeOffset(40)))
          .all()
          .get();

      assertThat(
          refused(range("deleted").withOffsets(KafkaOffsets.parse("0:30-50"))),
          is("partition 0 of topic deleted begins at offset 40: 30 to 39 were deleted from it"));
      assertThat(
          refused(range("deleted").withOffsets(KafkaOffsets.parse("0:50-200"))),
          is("partition 0 of topic deleted ends at offset 100; 100 to 199 are not there yet"));
      assertThat(
          refused(range("deleted").withOffsets(KafkaOffsets.parse("7:0-1"))),
          is("topic deleted has no partition 7; it has 0 to 1"));
      range("deleted").withOffsets(KafkaOffsets.parse("0:40-100")).check();
      assertThatRead(
          read(range("deleted")),
          topic.sent().stream().filter(sent -> sent.offset() >= 40).toList());
    }
    assertThat(
        refused(range("absent")),
        is("the broker " + broker.bootstrapServers() + " has no topic absent"));
  }

  private static String refused(ReadKafkaRange range) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, range::check).getMessage());
  }
}
