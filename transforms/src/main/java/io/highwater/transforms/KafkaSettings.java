package io.highwater.transforms;

import java.io.IOException;
import java.io.Reader;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/**
 * What this run was asked for about a topic. A restored source comes out of the checkpoint, but
 * what counts is what the run was started with: so these settings are in no checkpoint. They are in
 * the job's graph, and whoever reads the graph in a JVM makes them known there.
 *
 * @param consumerConfig settings of the consumer that are no secrets
 * @param consumerConfigFile a properties file with further ones, read where the topic is read
 * @param startTime where to begin without a checkpoint; null for the beginning or the end
 * @param startAtEnd whether to begin at the end
 */
record KafkaSettings(
    String bootstrapServers,
    String topic,
    Map<String, Object> consumerConfig,
    @Nullable String consumerConfigFile,
    @Nullable Instant startTime,
    boolean startAtEnd,
    PartitionWatermark.Settings watermark)
    implements Serializable {
  private static final Map<String, KafkaSettings> OF_THIS_RUN = new ConcurrentHashMap<>();

  /** Of each topic, the settings of the read that was made known last in this JVM. */
  static KafkaSettings ofThisRun(String topic) {
    KafkaSettings settings = OF_THIS_RUN.get(topic);
    if (settings == null) {
      throw new IllegalStateException(
          "No settings of topic " + topic + " are known here; the job's graph was not read");
    }
    return settings;
  }

  /** Makes these the settings of this run, in this JVM. */
  void makeKnown() {
    OF_THIS_RUN.put(topic, this);
  }

  /** All settings of the consumer, those in the file too. */
  Map<String, Object> allConsumerConfig() {
    Map<String, Object> config = new HashMap<>(readFile(consumerConfigFile));
    config.putAll(consumerConfig);
    config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    // Offsets are committed when a checkpoint completes, never by the clock.
    config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    return config;
  }

  /** The settings of a client in a properties file; none for null. */
  static Map<String, Object> readFile(@Nullable String file) {
    if (file == null) {
      return Map.of();
    }
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(file), StandardCharsets.UTF_8)) {
      properties.load(reader);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read Kafka settings " + file, e);
    }
    Map<String, Object> config = new HashMap<>();
    properties.stringPropertyNames().forEach(key -> config.put(key, properties.getProperty(key)));
    return config;
  }

  /**
   * A consumer with these settings.
   *
   * @param own what the reader itself needs, which nobody can change
   */
  Consumer<byte[], byte[]> consumer(Map<String, Object> own) {
    Map<String, Object> config = allConsumerConfig();
    own.forEach(
        (key, value) -> {
          if (!key.equals(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG)) {
            config.put(key, value);
          }
        });
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }
}
