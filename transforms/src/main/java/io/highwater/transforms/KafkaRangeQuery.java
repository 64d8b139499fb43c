package io.highwater.transforms;

import java.io.Serializable;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which messages of a topic are asked for. It is in the job's graph, and has no secret.
 *
 * @param consumerConfigFile a properties file with further settings of the consumer, read where the
 *     topic is read
 * @param from the first Kafka timestamp; null for any
 * @param to behind the last Kafka timestamp; null for any
 * @param offsets of the partitions that are read; empty for all
 */
record KafkaRangeQuery(
    String bootstrapServers,
    String topic,
    @Nullable String consumerConfigFile,
    @Nullable Instant from,
    @Nullable Instant to,
    Map<Integer, KafkaOffsets> offsets)
    implements Serializable {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaRangeQuery.class);
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  KafkaRangeQuery {
    offsets = Map.copyOf(offsets);
  }

  Consumer<byte[], byte[]> consumer() {
    Map<String, Object> config = new HashMap<>(KafkaSettings.readFile(consumerConfigFile));
    config.putAll(ReadKafka.tuned(Map.of()));
    config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    // An offset that is no longer there is for us to see, not for the consumer to get over.
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  TopicPartition partition(int number) {
    return new TopicPartition(topic, number);
  }

  /** Whether a message is asked for by its timestamp. */
  boolean takes(ConsumerRecord<byte[], byte[]> message) {
    return (from == null || message.timestamp() >= from.toEpochMilli())
        && (to == null || message.timestamp() < to.toEpochMilli());
  }

  /**
   * What is in the topic now, in parts.
   *
   * @throws IllegalArgumentException if the topic lacks something of what is asked for
   */
  List<KafkaRange> ranges(Consumer<byte[], byte[]> consumer) {
    Collection<Integer> partitions = partitions(consumer);
    List<TopicPartition> all = partitions.stream().map(this::partition).toList();
    Map<TopicPartition, Long> beginnings = consumer.beginningOffsets(all, TIMEOUT);
    Map<TopicPartition, Long> ends = consumer.endOffsets(all, TIMEOUT);
    Map<TopicPartition, Long> starts = starts(consumer, beginnings, ends);
    List<KafkaRange> ranges = new ArrayList<>();
    for (int number : partitions) {
      TopicPartition partition = partition(number);
      long first = starts.getOrDefault(partition, 0L);
      long end = ends.getOrDefault(partition, 0L);
      KafkaOffsets asked = offsets.get(number);
      if (asked != null) {
        requireThere(number, asked, beginnings.getOrDefault(partition, 0L), end);
        first = Math.max(first, asked.from());
        end = asked.to();
      }
      if (first < end) {
        ranges.addAll(KafkaRange.cut(number, new KafkaOffsets(first, end), KafkaRange.MAX_OFFSETS));
      }
    }
    return ranges;
  }

  /** Those that are read, in their order. */
  private Collection<Integer> partitions(Consumer<byte[], byte[]> consumer) {
    List<PartitionInfo> infos = consumer.partitionsFor(topic, TIMEOUT);
    if (infos == null || infos.isEmpty()) {
      throw new IllegalArgumentException(
          "the broker " + bootstrapServers + " has no topic " + topic);
    }
    TreeSet<Integer> known = new TreeSet<>();
    infos.forEach(info -> known.add(info.partition()));
    if (offsets.isEmpty()) {
      return known;
    }
    for (int asked : new TreeSet<>(offsets.keySet())) {
      if (!known.contains(asked)) {
        throw new IllegalArgumentException(
            "topic %s has no partition %d; it has %d to %d"
                .formatted(topic, asked, known.first(), known.last()));
      }
    }
    return new TreeMap<>(offsets).keySet();
  }

  /** Of each partition the first offset that may have a message as late as asked for. */
  private Map<TopicPartition, Long> starts(
      Consumer<byte[], byte[]> consumer,
      Map<TopicPartition, Long> beginnings,
      Map<TopicPartition, Long> ends) {
    if (from == null) {
      return beginnings;
    }
    Map<TopicPartition, Long> times = new HashMap<>();
    beginnings.keySet().forEach(partition -> times.put(partition, from.toEpochMilli()));
    Map<TopicPartition, Long> starts = new HashMap<>(ends);
    consumer
        .offsetsForTimes(times, TIMEOUT)
        .forEach(
            (TopicPartition partition, @Nullable OffsetAndTimestamp found) -> {
              if (found != null) {
                starts.put(partition, found.offset());
              }
            });
    beginnings.forEach(
        (partition, beginning) -> {
          if (beginning > 0 && beginning.equals(starts.get(partition))) {
            LOG.warn(
                "{} begins at offset {}; if messages from {} on were deleted before it, they are"
                    + " not read",
                partition,
                beginning,
                from);
          }
        });
    return starts;
  }

  private void requireThere(int partition, KafkaOffsets asked, long first, long end) {
    if (asked.from() < first) {
      throw new IllegalArgumentException(
          "partition %d of topic %s begins at offset %d: %d to %d were deleted from it"
              .formatted(partition, topic, first, asked.from(), Math.min(first, asked.to()) - 1));
    }
    if (asked.to() > end) {
      throw new IllegalArgumentException(
          "partition %d of topic %s ends at offset %d; %d to %d are not there yet"
              .formatted(partition, topic, end, Math.max(end, asked.from()), asked.to() - 1));
    }
  }
}
