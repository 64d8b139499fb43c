package io.highwater.runners;

import static java.util.Objects.requireNonNull;

import io.highwater.pipelines.OptionValues;
import io.highwater.pipelines.StreamingPipelineOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * Sees what a Kafka consumer keeps to itself: that the broker does not answer, which it waits for
 * in silence, and that its topic was deleted or made anew, after which the positions that the
 * stream has read to mean nothing.
 */
final class TopicWatch implements AutoCloseable {
  private static final int TIMEOUT_MILLIS = 5_000;

  /** A broker that has just started may not know its topics yet. */
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Admin admin;
  private final String servers;
  private final String topic;
  private final Logger log;
  private @Nullable Uuid topicId;
  private @Nullable KafkaFuture<Map<String, TopicDescription>> asked;
  private boolean answers = true;
  private long unknownSinceNanos;

  private TopicWatch(Admin admin, String servers, String topic, Logger log) {
    this.admin = admin;
    this.servers = servers;
    this.topic = topic;
    this.log = log;
  }

  /** Begins with the topic that is there now; waits some seconds for a broker to say so. */
  static TopicWatch of(StreamingPipelineOptions options, Logger log)
      throws CommandFailedException, InterruptedException {
    Map<String, Object> config =
        new HashMap<>(OptionValues.properties("consumerConfig", options.getConsumerConfig()));
    config.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, options.getBootstrapServers());
    config.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS);
    config.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS);
    TopicWatch watch =
        new TopicWatch(
            Admin.create(config), options.getBootstrapServers(), options.getInputTopic(), log);
    watch.take(watch.ask());
    return watch;
  }

  /**
   * Looks at what the broker has answered and asks again; never waits.
   *
   * @throws CommandFailedException where the topic is no longer the one that it was at first
   */
  void look() throws CommandFailedException, InterruptedException {
    if (asked != null && !asked.isDone()) {
      return;
    }
    if (asked != null) {
      take(asked);
    }
    asked = ask();
  }

  private KafkaFuture<Map<String, TopicDescription>> ask() {
    return admin.describeTopics(List.of(topic)).allTopicNames();
  }

  private void take(KafkaFuture<Map<String, TopicDescription>> answer)
      throws CommandFailedException, InterruptedException {
    try {
      Uuid id = requireNonNull(answer.get().get(topic), topic).topicId();
      if (!answers) {
        log.info("{} answers again", servers);
        answers = true;
      }
      unknownSinceNanos = 0;
      if (topicId == null) {
        topicId = id;
      } else if (!topicId.equals(id)) {
        throw gone("was deleted and made anew");
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        unknownSinceNanos = unknownSinceNanos == 0 ? System.nanoTime() : unknownSinceNanos;
        if (System.nanoTime() - unknownSinceNanos > PATIENCE_NANOS) {
          throw gone("was deleted");
        }
        return;
      }
      if (answers) {
        log.warn("{} does not answer; waiting for it ({})", servers, FailureCause.of(e));
        answers = false;
      }
    }
  }

  private CommandFailedException gone(String what) {
    return new CommandFailedException(
        "topic %s of %s %s; the lake keeps what was read of it. To read a new topic of that name, give another --lake, or another --stateDir and --startFrom"
            .formatted(topic, servers, what));
  }

  @Override
  public void close() {
    admin.close(java.time.Duration.ZERO);
  }
}
