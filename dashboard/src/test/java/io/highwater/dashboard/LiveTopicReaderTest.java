package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.nullValue;

import io.highwater.dashboard.DashboardConfig.LiveTopic;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What a message becomes, over Kafka's own stand-in for a consumer. */
class LiveTopicReaderTest {
  private static final LiveTopic TOPIC = new LiveTopic("nowhere:1", "live", null);
  private static final TopicPartition PARTITION = new TopicPartition("live", 0);

  private final BlockingQueue<String> told = new LinkedBlockingQueue<>();

  @Test
  void rowsOfTheKnownKindsOfThisContractAreTold() throws Exception {
    MockConsumer<byte[], byte[]> consumer = consumer();
    try (LiveTopicReader reader = reader(consumer)) {
      reader.start();
      consumer.schedulePollTask(
          () -> {
            add(consumer, 7, "no JSON");
            add(consumer, 8, "{\"contract\":\"warehouse-queries\",\"kind\":\"new\",\"row\":{}}");
            add(consumer, 9, "{\"contract\":\"other\",\"kind\":\"pane\",\"row\":{\"n\":1}}");
            add(consumer, 10, "{\"contract\":\"warehouse-queries\",\"kind\":\"pane\",\"row\":[]}");
            consumer.addRecord(new ConsumerRecord<>("live", 0, 11, new byte[0], null));
            add(
                consumer,
                12,
                "{\"contract\":\"warehouse-queries\",\"kind\":\"pane\","
                    + "\"row\":{\"queries\":12, \"share\":null}}");
            add(
                consumer,
                13,
                "{\"contract\":\"warehouse-queries\",\"kind\":\"outlier\","
                    + "\"row\":{\"explanation\":\"a\\u001b[31m\\u202eb\"}}");
            add(
                consumer,
                14,
                "{\"contract\":\"warehouse-queries\",\"kind\":\"status\",\"row\":{\"lag\":3}}");
          });
      assertThat(next(), is("pane {\"queries\":12,\"share\":null}"));
      assertThat(next(), is("outlier {\"explanation\":\"a\\\\u001b[31m\\\\u202eb\"}"));
      assertThat(next(), is("status_row {\"lag\":3}"));
      assertThat(reader.state().name(), is("connected"));
      assertThat(reader.state().error(), is(nullValue()));
    }
  }

  @Test
  void aBrokerThatCannotBeReachedIsToldAndTriedAgain() throws Exception {
    BlockingQueue<Map<String, Object>> tries = new LinkedBlockingQueue<>();
    MockConsumer<byte[], byte[]> consumer = consumer();
    try (LiveTopicReader reader =
        new LiveTopicReader(
            TOPIC,
            SampleLake.CONTRACT,
            (event, data) -> told.add(event),
            settings -> {
              tries.add(settings);
              if (tries.size() == 1) {
                throw new KafkaException("no such host");
              }
              return consumer;
            })) {
      reader.start();
      while (reader.state().name().equals("connecting")) {
        Thread.onSpinWait();
      }
      assertThat(reader.state().name(), is("unreachable"));
      assertThat(reader.state().error(), is("live at nowhere:1 cannot be read: no such host"));
      while (!reader.state().name().equals("connected")) {
        Thread.onSpinWait();
      }
      assertThat(reader.state().error(), is(nullValue()));
      assertThat(tries.toString().contains("group.id"), is(false));
      assertThat(tries.toString(), containsString("enable.auto.commit=false"));
    }
  }

  private LiveTopicReader reader(MockConsumer<byte[], byte[]> consumer) {
    return new LiveTopicReader(
        TOPIC,
        SampleLake.CONTRACT,
        (event, data) -> told.add(event + " " + data),
        settings -> consumer);
  }

  private static MockConsumer<byte[], byte[]> consumer() {
    MockConsumer<byte[], byte[]> consumer = new MockConsumer<>(OffsetResetStrategy.LATEST);
    Node node = new Node(0, "nowhere", 1);
    Node[] nodes = {node};
    consumer.updatePartitions("live", List.of(new PartitionInfo("live", 0, node, nodes, nodes)));
    consumer.updateEndOffsets(Map.of(PARTITION, 7L));
    return consumer;
  }

  private static void add(MockConsumer<byte[], byte[]> consumer, long offset, String value) {
    consumer.addRecord(
        new ConsumerRecord<>(
            "live", 0, offset, new byte[0], value.getBytes(StandardCharsets.UTF_8)));
  }

  private String next() throws InterruptedException {
    return String.valueOf(told.poll(30, TimeUnit.SECONDS));
  }
}
