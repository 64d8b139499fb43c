package io.highwater.transforms;

import java.util.Map;
import org.apache.beam.sdk.io.kafka.KafkaIO;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** How messages are sent to a topic. */
final class KafkaMessages {
  private KafkaMessages() {}

  /**
   * At least once: a bundle is done when the broker has its messages.
   *
   * @param producerConfig security settings and the like
   */
  static KafkaIO.WriteRecords<byte[], byte[]> write(
      String bootstrapServers, String topic, Map<String, Object> producerConfig) {
    return KafkaIO.<byte[], byte[]>writeRecords()
        .withBootstrapServers(bootstrapServers)
        .withTopic(topic)
        .withKeySerializer(ByteArraySerializer.class)
        .withValueSerializer(ByteArraySerializer.class)
        .withProducerConfigUpdates(producerConfig);
  }
}
