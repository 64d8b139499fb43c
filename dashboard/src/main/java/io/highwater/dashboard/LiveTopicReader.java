package io.highwater.dashboard;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.highwater.dashboard.DashboardConfig.LiveTopic;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a stream's live topic from its end on, in a thread of its own: without a consumer group,
 * and committing nothing, so that neither the broker nor a stream notices. Whatever goes wrong is
 * told in {@link #state} and tried again.
 */
final class LiveTopicReader implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LiveTopicReader.class);

  /** What the events of the kinds of messages are called; other kinds are skipped. */
  private static final Map<String, String> EVENTS =
      Map.of("pane", "pane", "outlier", "outlier", "status", "status_row");

  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(5);
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration RETRY_AFTER = Duration.ofSeconds(2);

  private final LiveTopic source;
  private final String contract;
  private final BiConsumer<String, String> listener;
  private final Connect connect;
  private final ObjectMapper json = new ObjectMapper();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "live-topic");
  private volatile State state = new State("connecting", null);

  /**
   * How the topic is doing.
   *
   * @param name connecting, connected, waiting (the topic is not there yet) or unreachable
   * @param error what keeps it from being connected; null if nothing is known to
   */
  record State(String name, @Nullable String error) {}

  /** Makes a consumer with these settings. */
  @FunctionalInterface
  interface Connect {
    Consumer<byte[], byte[]> with(Map<String, Object> settings);
  }

  /**
   * @param listener takes an event's name and its data, JSON in one line, from the reader's thread
   */
  LiveTopicReader(
      LiveTopic source, String contract, BiConsumer<String, String> listener, Connect connect) {
    this.source = source;
    this.contract = contract;
    this.listener = listener;
    this.connect = connect;
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  State state() {
    return state;
  }

  private void run() {
    while (!isClosed()) {
      try (Consumer<byte[], byte[]> consumer = connect.with(settings())) {
        try {
          follow(consumer);
        } finally {
          // It has said what it had to; closing would take it for a failure.
          Thread.interrupted();
        }
      } catch (WakeupException | InterruptException e) {
        log.debug("{} is no longer read", source.topic(), e);
      } catch (KafkaException | IOException e) {
        failed(e);
      }
      pause();
    }
  }

  private void follow(Consumer<byte[], byte[]> consumer) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (PartitionInfo partition : consumer.partitionsFor(source.topic(), ANSWER_WITHIN)) {
      partitions.add(new TopicPartition(partition.topic(), partition.partition()));
    }
    if (partitions.isEmpty()) {
      state = new State("waiting", "the topic " + source.topic() + " is not there yet");
      return;
    }
    consumer.assign(partitions);
    consumer.seekToEnd(partitions);
    // The end is looked up now and not with the first message, which would be missed.
    partitions.forEach(partition -> consumer.position(partition, ANSWER_WITHIN));
    connected();
    long askedNanos = System.nanoTime();
    while (!isClosed()) {
      ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
      for (ConsumerRecord<byte[], byte[]> message : records) {
        tell(message);
      }
      if (!records.isEmpty()) {
        connected();
        askedNanos = System.nanoTime();
      } else if (System.nanoTime() - askedNanos > ANSWER_WITHIN.toNanos()) {
        // A consumer waits in silence for a broker that does not answer.
        ask(consumer, partitions);
        askedNanos = System.nanoTime();
      }
    }
  }

  private void ask(Consumer<byte[], byte[]> consumer, Collection<TopicPartition> partitions) {
    try {
      consumer.endOffsets(partitions, ANSWER_WITHIN);
      connected();
    } catch (TimeoutException e) {
      failed(e); // Its place in the topic is kept, so that nothing is missed.
    }
  }

  private void tell(ConsumerRecord<byte[], byte[]> message) {
    byte[] value = message.value();
    try {
      JsonNode told = value == null ? null : json.readTree(value);
      String event = told == null ? null : EVENTS.get(told.path("kind").asText());
      if (told != null
          && event != null
          && told.path("contract").asText().equals(contract)
          && told.path("row") instanceof ObjectNode row) {
        escape(row);
        listener.accept(event, json.writeValueAsString(row));
      }
    } catch (IOException e) {
      log.debug("a message of {} is no JSON and is skipped", source.topic(), e);
    }
  }

  /** As all text that the API tells. */
  private static void escape(ObjectNode row) {
    Map<String, TextNode> escaped = new HashMap<>();
    row.fields()
        .forEachRemaining(
            field -> {
              if (field.getValue().isTextual()) {
                escaped.put(
                    field.getKey(), new TextNode(SafeText.escape(field.getValue().asText())));
              }
            });
    row.setAll(escaped);
  }

  private Map<String, Object> settings() throws IOException {
    Map<String, Object> settings = new HashMap<>();
    if (source.clientConfig() != null) {
      Properties properties = new Properties();
      try (Reader reader = Files.newBufferedReader(source.clientConfig(), StandardCharsets.UTF_8)) {
        properties.load(reader);
      }
      properties.forEach((key, value) -> settings.put(String.valueOf(key), value));
    }
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, source.bootstrapServers());
    settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "latest");
    settings.put(ConsumerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, 2_000);
    settings.remove(ConsumerConfig.GROUP_ID_CONFIG);
    return settings;
  }

  private void connected() {
    if (!state.name().equals("connected")) {
      log.info("listening to {} at {}", source.topic(), source.bootstrapServers());
      state = new State("connected", null);
    }
  }

  private void failed(Exception e) {
    String error =
        "%s at %s cannot be read: %s"
            .formatted(source.topic(), source.bootstrapServers(), reason(e));
    if (!state.name().equals("unreachable")) {
      log.warn("{}; it is tried again", error);
    }
    state = new State("unreachable", error);
  }

  /** A client that cannot be made says only that; its cause says why. */
  private static String reason(Exception e) {
    return e.getCause() instanceof Exception cause
        ? StoreFile.firstLine(cause)
        : StoreFile.firstLine(e);
  }

  private boolean isClosed() {
    return closed.getCount() == 0;
  }

  private void pause() {
    try {
      if (closed.await(RETRY_AFTER.toMillis(), TimeUnit.MILLISECONDS)) {
        log.debug("{} is no longer read", source.topic());
      }
    } catch (InterruptedException e) {
      closed.countDown();
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    closed.countDown();
    // What waits for a broker is not waited for: it holds nothing that outlives the process.
    thread.interrupt();
  }
}
