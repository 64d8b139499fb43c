package io.highwater.runners.replay;

import io.highwater.runners.CommandFailedException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.RetriableException;
import org.jspecify.annotations.Nullable;

/** What the broker knows of how far a consumer group is behind on one topic. */
final class ConsumerLag implements LagLimit.Lag {
  private static final Duration ANSWER = Duration.ofSeconds(8);

  private final Admin admin;
  private final String topic;
  private final String group;
  private final Map<TopicPartition, Long> endsAtStart;
  private LagLimit.Reading last;

  private ConsumerLag(
      Admin admin, String topic, String group, Map<TopicPartition, Long> endsAtStart) {
    this.admin = admin;
    this.topic = topic;
    this.group = group;
    this.endsAtStart = endsAtStart;
    this.last = new LagLimit.Reading(0, 0, false);
  }

  /**
   * A group that has not committed an offset of a partition is taken to begin at its present end.
   *
   * @throws CommandFailedException where the broker does not tell
   */
  static ConsumerLag open(String bootstrapServers, String topic, String group)
      throws CommandFailedException, InterruptedException {
    Admin admin =
        Admin.create(
            Map.of(
                AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers,
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis(),
                AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) ANSWER.toMillis()));
    try {
      return new ConsumerLag(admin, topic, group, ends(admin, topic));
    } catch (ExecutionException | KafkaException e) {
      admin.close(Duration.ZERO);
      throw failed(group, e);
    }
  }

  /** The sum of the topic's ends when this was opened. */
  long endAtStart() {
    return endsAtStart.values().stream().mapToLong(Long::longValue).sum();
  }

  @Override
  public LagLimit.Reading read() throws CommandFailedException, InterruptedException {
    try {
      Map<TopicPartition, OffsetAndMetadata> committed = committed();
      long lag = 0;
      long consumed = 0;
      boolean hasCommitted = false;
      for (Map.Entry<TopicPartition, Long> end : ends(admin, topic).entrySet()) {
        @Nullable OffsetAndMetadata offset = committed.get(end.getKey());
        hasCommitted |= offset != null;
        long position =
            offset == null ? endsAtStart.getOrDefault(end.getKey(), 0L) : offset.offset();
        consumed += position;
        lag += Math.max(0, end.getValue() - position);
      }
      last = new LagLimit.Reading(lag, consumed, hasCommitted);
    } catch (ExecutionException | KafkaException e) {
      // While a broker is started again, what was known last counts.
      if (!(root(e) instanceof RetriableException)) {
        throw failed(group, e);
      }
    }
    return last;
  }

  private Map<TopicPartition, OffsetAndMetadata> committed()
      throws ExecutionException, InterruptedException {
    try {
      return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof GroupIdNotFoundException) {
        return Map.of();
      }
      throw e;
    }
  }

  private static Map<TopicPartition, Long> ends(Admin admin, String topic)
      throws ExecutionException, InterruptedException {
    Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
    for (TopicDescription description :
        admin.describeTopics(List.of(topic)).allTopicNames().get().values()) {
      for (TopicPartitionInfo partition : description.partitions()) {
        wanted.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest());
      }
    }
    Map<TopicPartition, Long> ends = new HashMap<>();
    for (Map.Entry<TopicPartition, ListOffsetsResultInfo> end :
        admin.listOffsets(wanted).all().get().entrySet()) {
      ends.put(end.getKey(), end.getValue().offset());
    }
    return ends;
  }

  private static Throwable root(Throwable failure) {
    return failure.getCause() == null ? failure : root(failure.getCause());
  }

  private static CommandFailedException failed(String group, Exception cause) {
    return new CommandFailedException(
        "cannot read how far --consumerGroup=%s is: %s".formatted(group, root(cause).getMessage()),
        cause);
  }

  @Override
  public void close() {
    admin.close(ANSWER);
  }
}
