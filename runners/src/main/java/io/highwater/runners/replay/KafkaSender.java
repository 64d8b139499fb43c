package io.highwater.runners.replay;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.highwater.runners.CommandFailedException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/** Sends messages to one topic, idempotently, in their order within each partition. */
final class KafkaSender implements AutoCloseable {
  private static final Duration ANSWER = Duration.ofSeconds(8);
  // Long enough for a broker that is started again.
  private static final Duration DELIVERY = Duration.ofSeconds(60);
  private static final Duration CLOSE = Duration.ofSeconds(15);

  private final String bootstrapServers;
  private final String topic;
  private final String keyField;
  private final KafkaProducer<byte @Nullable [], byte[]> producer;
  private final JsonFactory jsonFactory = new JsonFactory();
  private volatile @Nullable Exception failure;

  private KafkaSender(
      String bootstrapServers,
      String topic,
      String keyField,
      KafkaProducer<byte @Nullable [], byte[]> producer) {
    this.bootstrapServers = bootstrapServers;
    this.topic = topic;
    this.keyField = keyField;
    this.producer = producer;
  }

  /**
   * Makes the topic if there is none.
   *
   * @param keyField the top-level field whose value is the Kafka key; messages without it have no
   *     key
   * @throws CommandFailedException where the broker does not answer
   */
  static KafkaSender open(String bootstrapServers, String topic, int partitions, String keyField)
      throws CommandFailedException, InterruptedException {
    createTopic(bootstrapServers, topic, partitions);
    Map<String, Object> settings =
        Map.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
            bootstrapServers,
            ProducerConfig.ACKS_CONFIG,
            "all",
            ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
            true,
            ProducerConfig.LINGER_MS_CONFIG,
            10,
            ProducerConfig.BATCH_SIZE_CONFIG,
            256 << 10,
            ProducerConfig.BUFFER_MEMORY_CONFIG,
            64L << 20,
            ProducerConfig.MAX_BLOCK_MS_CONFIG,
            DELIVERY.toMillis(),
            ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG,
            (int) DELIVERY.toMillis());
    return new KafkaSender(
        bootstrapServers,
        topic,
        keyField,
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer()));
  }

  /**
   * A partition that is not led yet may refuse a producer's first batch and take the next; the
   * first is then out of order for ever.
   */
  private static void awaitLeaders(Admin admin, String topic, int partitions)
      throws ExecutionException, InterruptedException, TimeoutException {
    Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
    for (int partition = 0; partition < partitions; partition++) {
      ends.put(new TopicPartition(topic, partition), OffsetSpec.latest());
    }
    admin.listOffsets(ends).all().get(ANSWER.toMillis() + 1_000, TimeUnit.MILLISECONDS);
  }

  private static void createTopic(String bootstrapServers, String topic, int partitions)
      throws CommandFailedException, InterruptedException {
    Map<String, Object> settings =
        Map.of(
            AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers,
            AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis(),
            AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis());
    // Records of years ago are not to be deleted for their age.
    NewTopic wanted =
        new NewTopic(topic, Optional.of(partitions), Optional.empty())
            .configs(Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1"));
    try (Admin admin = Admin.create(settings)) {
      admin
          .createTopics(List.of(wanted))
          .all()
          .get(ANSWER.toMillis() + 1_000, TimeUnit.MILLISECONDS);
      awaitLeaders(admin, topic, partitions);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TopicExistsException) {
        return;
      }
      if (e.getCause() instanceof org.apache.kafka.common.errors.TimeoutException) {
        throw noAnswer(bootstrapServers, e);
      }
      throw new CommandFailedException(
          "cannot make topic %s: %s".formatted(topic, messageOf(e)), e);
    } catch (TimeoutException e) {
      throw noAnswer(bootstrapServers, e);
    } catch (KafkaException e) {
      throw new CommandFailedException(
          "--bootstrapServers=%s: %s".formatted(bootstrapServers, messageOf(e)), e);
    }
  }

  private static CommandFailedException noAnswer(String bootstrapServers, Exception cause) {
    return new CommandFailedException(
        "no Kafka broker answers at %s; start one with highwater broker"
            .formatted(bootstrapServers),
        cause);
  }

  private static String messageOf(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return String.valueOf(root.getMessage());
  }

  /** Hands a message over; it blocks while the broker is behind. */
  void send(TimedMessage message) throws CommandFailedException {
    checkFailed();
    ProducerRecord<byte @Nullable [], byte[]> record =
        new ProducerRecord<>(
            topic,
            null,
            Math.max(0, Math.floorDiv(message.eventMicros(), 1_000L)),
            key(message.value()),
            message.value());
    try {
      producer.send(
          record,
          (metadata, exception) -> {
            if (exception != null) {
              failure = exception;
            }
          });
    } catch (KafkaException e) {
      throw lost(e);
    }
  }

  /** Waits until the broker has all that was sent. */
  void flush() throws CommandFailedException {
    try {
      producer.flush();
    } catch (InterruptException e) {
      throw lost(e);
    }
    checkFailed();
  }

  /**
   * @throws CommandFailedException where the broker did not take a message
   */
  void checkFailed() throws CommandFailedException {
    @Nullable Exception lost = failure;
    if (lost != null) {
      throw lost(lost);
    }
  }

  private CommandFailedException lost(Exception cause) {
    return new CommandFailedException(
        "the broker at %s did not take a record: %s".formatted(bootstrapServers, messageOf(cause)),
        cause);
  }

  /** The value of the key field as text; null for what is not JSON up to there. */
  private byte @Nullable [] key(byte[] value) {
    try (JsonParser parser = jsonFactory.createParser(value)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        return null;
      }
      @Nullable String name;
      while ((name = parser.nextFieldName()) != null) {
        JsonToken token = parser.nextToken();
        if (name.equals(keyField)) {
          return token.isScalarValue() && token != JsonToken.VALUE_NULL
              ? parser.getText().getBytes(StandardCharsets.UTF_8)
              : null;
        }
        parser.skipChildren();
      }
    } catch (IOException e) {
      return null;
    }
    return null;
  }

  @Override
  public void close() {
    producer.close(CLOSE);
  }
}
