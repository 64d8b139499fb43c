package io.highwater.pipelines;

import static java.util.Objects.requireNonNull;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the broker says of a topic, asked before anything starts. */
final class KafkaTopic {
  private static final int TIMEOUT_MILLIS = 10_000;

  private KafkaTopic() {}

  /** How many partitions the topic has; a missing broker or topic is a {@link UsageException}. */
  static int partitionCount(
      String bootstrapServers, String topic, Map<String, Object> clientConfig) {
    Map<String, Object> config = new HashMap<>(clientConfig);
    config.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    config.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS / 2);
    config.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS);
    try (Admin admin = Admin.create(config)) {
      TopicDescription description =
          admin
              .describeTopics(List.of(topic))
              .allTopicNames()
              .get(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)
              .get(topic);
      return requireNonNull(description, topic).partitions().size();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while asking Kafka for topic " + topic, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        throw UsageException.option(
            "inputTopic", topic, "a topic of " + bootstrapServers + "; create it first");
      }
      throw unreachable(bootstrapServers, e);
    } catch (TimeoutException | KafkaException e) {
      throw unreachable(bootstrapServers, e);
    }
  }

  private static UsageException unreachable(String bootstrapServers, Throwable cause) {
    Throwable reason = cause;
    while (reason.getCause() != null) {
      reason = reason.getCause();
    }
    return UsageException.option(
        "bootstrapServers", bootstrapServers, "a Kafka that answers (" + reason.getMessage() + ")");
  }
}
