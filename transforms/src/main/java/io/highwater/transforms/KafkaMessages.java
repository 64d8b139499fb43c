package io.highwater.transforms;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;
import org.apache.beam.sdk.io.kafka.KafkaIO;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * How messages are sent to a topic.
 *
 * @param clientConfigFile a properties file with security settings and the like, read where
 *     messages are sent, so that no secret is in the job's graph
 */
record KafkaMessages(String bootstrapServers, String topic, @Nullable String clientConfigFile)
    implements Serializable {
  /** At least once: a bundle is done when the broker has its messages. */
  KafkaIO.WriteRecords<byte[], byte[]> write() {
    return KafkaIO.<byte[], byte[]>writeRecords()
        .withBootstrapServers(bootstrapServers)
        .withTopic(topic)
        .withKeySerializer(ByteArraySerializer.class)
        .withValueSerializer(ByteArraySerializer.class)
        .withProducerFactoryFn(new ProducerOf(clientConfigFile));
  }

  private record ProducerOf(@Nullable String clientConfigFile)
      implements SerializableFunction<Map<String, Object>, Producer<byte[], byte[]>> {
    @Override
    public Producer<byte[], byte[]> apply(Map<String, Object> given) {
      Map<String, Object> config = new HashMap<>(KafkaSettings.readFile(clientConfigFile));
      config.putAll(given);
      return new KafkaProducer<>(config);
    }
  }
}
