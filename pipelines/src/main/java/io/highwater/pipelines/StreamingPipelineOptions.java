package io.highwater.pipelines;

import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.Validation;
import org.jspecify.annotations.Nullable;

/** Options of {@link StreamingPipeline}. */
public interface StreamingPipelineOptions extends HighwaterOptions {
  @Description("Kafka's address, HOST:PORT and further ones after commas.")
  @Validation.Required
  String getBootstrapServers();

  void setBootstrapServers(String bootstrapServers);

  @Description("The topic that is read; it must exist.")
  @Validation.Required
  String getInputTopic();

  void setInputTopic(String inputTopic);

  @Description(
      "Where to begin when there is no state to go on from: earliest, latest, or a time such as"
          + " 2024-03-01T00:00:00Z (by Kafka timestamps).")
  @Default.String("earliest")
  String getStartFrom();

  void setStartFrom(String startFrom);

  @Description("Consumer group that offsets are committed to after each checkpoint.")
  @Nullable String getConsumerGroup();

  void setConsumerGroup(@Nullable String consumerGroup);

  @Description("Properties file with further settings of the Kafka client, such as passwords.")
  @Nullable String getConsumerConfig();

  void setConsumerConfig(@Nullable String consumerConfig);

  @Description(
      "What reads the topic: polls (our own source) or kafkaio (Beam's, slower). State of one"
          + " cannot be gone on from with the other.")
  @Default.String("polls")
  String getKafkaSource();

  void setKafkaSource(String kafkaSource);

  @Description("After how long without messages a partition no longer holds windows open.")
  @Default.String("5s")
  String getPartitionIdleTimeout();

  void setPartitionIdleTimeout(String partitionIdleTimeout);

  @Description("End, with all windows closed, once the topic has been idle for so long.")
  @Nullable String getStopAfterIdle();

  void setStopAfterIdle(@Nullable String stopAfterIdle);

  @Description("Topic that rejected records are sent to, in addition to the lake.")
  @Nullable String getDeadLetterTopic();

  void setDeadLetterTopic(@Nullable String deadLetterTopic);

  @Description(
      "Topic that roll-ups, as they grow, and the stream's status are sent to as JSON; made if"
          + " absent.")
  @Nullable String getLiveTopic();

  void setLiveTopic(@Nullable String liveTopic);

  @Description("Topic that alerts of outliers are sent to as JSON; made if absent.")
  @Nullable String getAlertTopic();

  void setAlertTopic(@Nullable String alertTopic);

  @Description("Address, http or https, that alerts of outliers are posted to as JSON.")
  @Nullable String getWebhook();

  void setWebhook(@Nullable String webhook);

  @Description("Where the dashboard is, for links in alerts.")
  @Default.String("http://127.0.0.1:8507")
  String getDashboardUrl();

  void setDashboardUrl(String dashboardUrl);

  @Description(
      "Drop a record whose key (the contract's primaryKey fields) has come before, with an event"
          + " time within this of it.")
  @Nullable String getDeduplicate();

  void setDeduplicate(@Nullable String deduplicate);
}
