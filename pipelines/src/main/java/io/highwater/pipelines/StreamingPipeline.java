package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.record.Compression;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.ReadKafka;
import io.highwater.transforms.ReportStatus;
import io.highwater.transforms.ScoringSettings;
import io.highwater.transforms.SendAlerts;
import io.highwater.transforms.Table;
import io.highwater.transforms.WriteArrow;
import io.highwater.transforms.WriteDeadLetters;
import io.highwater.transforms.WriteLiveTopic;
import io.highwater.transforms.WriteLiveTopic.Kind;
import io.highwater.transforms.WriteParquet;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.jspecify.annotations.Nullable;

/** From Kafka to the lake, without end. */
public final class StreamingPipeline {
  /** How soon a live topic shows what changed in a window; a shorter one makes more panes. */
  private static final Duration LIVE_PANE_DELAY = Duration.ofMillis(50);

  private StreamingPipeline() {}

  /**
   * @param runId grows from start to start, such as the wall clock's milliseconds
   * @throws UsageException if an option cannot be used, or Kafka or the topic is not there
   */
  public static Pipeline create(StreamingPipelineOptions options, long runId) {
    Contract contract = OptionValues.contract("contract", options.getContract());
    Compression compression = OptionValues.compression("compression", options.getCompression());
    Duration lateness = OptionValues.duration("allowedLateness", options.getAllowedLateness());
    String lake = OptionValues.lake("lake", options.getLake());
    Map<String, Object> kafka =
        OptionValues.properties("consumerConfig", options.getConsumerConfig());
    ScoringSettings scoring = OptionValues.scoring(options, contract);
    ProcessRecords processRecords =
        ProcessRecords.of(contract, runId).withAllowedLateness(lateness).withScoring(scoring);
    if (options.getDeduplicate() != null) {
      processRecords =
          processRecords.withDeduplication(
              OptionValues.positiveDuration("deduplicate", options.getDeduplicate()));
    }
    String kafkaFile = consumerConfigFile(options);
    ReadKafka readKafka = readKafka(options, contract);
    String liveTopic = liveTopic(options, kafka);
    if (liveTopic != null) {
      processRecords = processRecords.withPaneDelay(LIVE_PANE_DELAY);
    }

    SendAlerts alerts = alerts(options, contract, kafka);

    Pipeline pipeline = Pipeline.create(options);
    PCollection<RawBatch> messages = pipeline.apply("ReadKafka", readKafka);

    PCollectionTuple processed = messages.apply("ProcessRecords", processRecords);

    processed
        .get(ProcessRecords.EVENTS)
        .apply(
            "WriteEvents",
            WriteArrow.of(contract, Table.EVENTS, lake).withCompression(compression));
    processed
        .get(ProcessRecords.ROLLUPS)
        .apply("WriteRollUps", WriteParquet.of(contract, Table.ROLLUPS, lake));
    processed
        .get(ProcessRecords.REJECTED)
        .apply("WriteRejected", WriteParquet.of(contract, Table.REJECTED, lake));
    if (processed.has(ProcessRecords.OUTLIERS)) {
      processed
          .get(ProcessRecords.OUTLIERS)
          .apply("WriteOutliers", WriteParquet.of(contract, Table.OUTLIERS, lake));
      if (alerts != null) {
        processed.get(ProcessRecords.OUTLIERS).apply("SendAlerts", alerts);
      }
    }
    PCollection<RecordBatch> status =
        processed
            .and(ReportStatus.MESSAGES, messages)
            .apply(
                "ReportStatus", ReportStatus.of(contract, runId).withRegistry(scoring.registry()));
    status.apply("WriteStatus", WriteParquet.of(contract, Table.STATUS, lake));
    if (liveTopic != null) {
      String servers = options.getBootstrapServers();
      processed
          .get(ProcessRecords.ROLLUPS)
          .apply(
              "LivePanes", WriteLiveTopic.of(contract, Kind.PANE, servers, liveTopic, kafkaFile));
      if (processed.has(ProcessRecords.OUTLIERS)) {
        processed
            .get(ProcessRecords.OUTLIERS)
            .apply(
                "LiveOutliers",
                WriteLiveTopic.of(contract, Kind.OUTLIER, servers, liveTopic, kafkaFile));
      }
      status.apply(
          "LiveStatus", WriteLiveTopic.of(contract, Kind.STATUS, servers, liveTopic, kafkaFile));
    }
    if (options.getDeadLetterTopic() != null) {
      processed
          .get(ProcessRecords.REJECTED)
          .apply(
              "WriteDeadLetters",
              WriteDeadLetters.of(
                  options.getBootstrapServers(), options.getDeadLetterTopic(), kafkaFile));
    }
    return pipeline;
  }

  private static @Nullable SendAlerts alerts(
      StreamingPipelineOptions options, Contract contract, Map<String, Object> kafka) {
    String topic = options.getAlertTopic();
    String webhook = options.getWebhook();
    if (topic == null && webhook == null) {
      return null;
    }
    if (options.getRegistry() == null) {
      throw new UsageException(
          "--%s needs --registry: without a model there is no outlier to tell of"
              .formatted(topic == null ? "webhook" : "alertTopic"));
    }
    String dashboard = OptionValues.address("dashboardUrl", options.getDashboardUrl()).toString();
    SendAlerts alerts = SendAlerts.of(contract, dashboard.replaceAll("/+$", ""));
    if (topic != null) {
      if (topic.equals(options.getInputTopic())) {
        throw UsageException.option("alertTopic", topic, "another topic than --inputTopic");
      }
      KafkaTopic.createIfAbsent("alertTopic", options.getBootstrapServers(), topic, kafka);
      alerts = alerts.withTopic(options.getBootstrapServers(), topic, consumerConfigFile(options));
    }
    return webhook == null ? alerts : alerts.withWebhook(OptionValues.address("webhook", webhook));
  }

  private static @Nullable String liveTopic(
      StreamingPipelineOptions options, Map<String, Object> kafka) {
    String topic = options.getLiveTopic();
    if (topic != null) {
      if (topic.equals(options.getInputTopic())) {
        throw UsageException.option("liveTopic", topic, "another topic than --inputTopic");
      }
      KafkaTopic.createIfAbsent("liveTopic", options.getBootstrapServers(), topic, kafka);
    }
    return topic;
  }

  private static @Nullable String consumerConfigFile(StreamingPipelineOptions options) {
    String file = options.getConsumerConfig();
    return file == null ? null : Path.of(file).toAbsolutePath().toString();
  }

  /**
   * The first step, as the options say.
   *
   * @throws UsageException as {@link #create}
   */
  public static ReadKafka readKafka(StreamingPipelineOptions options, Contract contract) {
    Map<String, Object> kafka =
        OptionValues.properties("consumerConfig", options.getConsumerConfig());
    String bootstrapServers =
        OptionValues.required("bootstrapServers", options.getBootstrapServers());
    String topic = OptionValues.required("inputTopic", options.getInputTopic());
    Duration idle =
        OptionValues.positiveDuration("partitionIdleTimeout", options.getPartitionIdleTimeout());
    String stopAfterIdle = options.getStopAfterIdle();
    Duration stop =
        stopAfterIdle == null
            ? null
            : OptionValues.positiveDuration("stopAfterIdle", stopAfterIdle);
    ReadKafka.Source source = OptionValues.kafkaSource("kafkaSource", options.getKafkaSource());
    String startFrom = options.getStartFrom();
    boolean atEnd = startFrom.equals("latest");
    boolean atTime = !atEnd && !startFrom.equals("earliest");
    java.time.Instant startTime = atTime ? OptionValues.time("startFrom", startFrom) : null;
    int partitions = KafkaTopic.partitionCount(bootstrapServers, topic, kafka);

    ReadKafka read =
        ReadKafka.of(bootstrapServers, topic, contract, partitions)
            .withSource(source)
            .withPartitionIdleTimeout(idle);
    if (options.getConsumerGroup() != null) {
      read =
          read.withConsumerConfig(
              Map.of(ConsumerConfig.GROUP_ID_CONFIG, options.getConsumerGroup()));
    }
    String file = consumerConfigFile(options);
    if (file != null) {
      read = read.withConsumerConfigFile(file);
    }
    if (atEnd) {
      read = read.withStartAtEnd();
    }
    if (startTime != null) {
      read = read.withStartFrom(startTime);
    }
    return stop == null ? read : read.withStopAfterIdle(stop);
  }
}
