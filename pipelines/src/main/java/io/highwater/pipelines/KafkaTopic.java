package io.highwater.pipelines;

import static java.util.Objects.requireNonNull;

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
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the broker says of a topic, asked before anything starts. */
final class KafkaTopic {
  private static final int TIMEOUT_MILLIS = 10_000;

  private KafkaTopic() {}

  /** How many partitions the topic has; a missing broker or topic is a {@link UsageException}. */
  static int partitionCount(
      String bootstrapServers, String topic, Map<String, Object> clientConfig) {
    try (Admin admin = Admin.create(adminConfig(bootstrapServers, clientConfig))) {
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

  /**
   * Makes a topic of one partition, so that its messages stay in order, unless it is there; a topic
   * that cannot be made is a {@link UsageException} of {@code option}.
   */
  static void createIfAbsent(
      String option, String bootstrapServers, String topic, Map<String, Object> clientConfig) {
    try (Admin admin = Admin.create(adminConfig(bootstrapServers, clientConfig))) {
      if (!admin.listTopics().names().get(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS).contains(topic)) {
        admin
            .createTopics(List.of(new NewTopic(topic, Optional.of(1), Optional.empty())))
            .all()
            .get(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while making topic " + topic, e);
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw UsageException.option(
            option, topic, "a topic that is there or can be made (" + e.getMessage() + ")");
      }
    } catch (TimeoutException | KafkaException e) {
      throw unreachable(bootstrapServers, e);
    }
  }

  private static Map<String, Object> adminConfig(
      String bootstrapServers, Map<String, Object> clientConfig) {
    Map<String, Object> config = new HashMap<>(clientConfig);
    config.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
    config.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS / 2);
    config.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS);
    return config;
  }

  private static UsageException unreachable(String bootstrapServers, Throwable cause) {
    Throwable reason = cause;
    while (reason.getCause() != null) {
      reason = reason.getCause();
    }
    String message = reason.getMessage();
    return UsageException.option(
        "bootstrapServers",
        bootstrapServers,
        "a Kafka that answers ("
            + (message == null ? "nothing came in " + TIMEOUT_MILLIS / 1_000 + " s" : message)
            + ")");
  }
}
