package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.lake.Compression;
import io.highwater.record.RawBatch;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.ReadKafka;
import io.highwater.transforms.Table;
import io.highwater.transforms.WriteArrow;
import io.highwater.transforms.WriteDeadLetters;
import io.highwater.transforms.WriteParquet;
import java.time.Duration;
import java.util.Map;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.kafka.clients.consumer.ConsumerConfig;

/** From Kafka to the lake, without end. */
public final class StreamingPipeline {
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
    ReadKafka readKafka = readKafka(options, contract, kafka);

    Pipeline pipeline = Pipeline.create(options);
    PCollection<RawBatch> messages = pipeline.apply("ReadKafka", readKafka);

    PCollectionTuple processed =
        messages.apply(
            "ProcessRecords", ProcessRecords.of(contract, runId).withAllowedLateness(lateness));

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
    if (options.getDeadLetterTopic() != null) {
      processed
          .get(ProcessRecords.REJECTED)
          .apply(
              "WriteDeadLetters",
              WriteDeadLetters.of(
                  options.getBootstrapServers(), options.getDeadLetterTopic(), kafka));
    }
    return pipeline;
  }

  private static ReadKafka readKafka(
      StreamingPipelineOptions options, Contract contract, Map<String, Object> kafka) {
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
    if (options.getConsumerGroup() != null) {
      kafka.put(ConsumerConfig.GROUP_ID_CONFIG, options.getConsumerGroup());
    }
    boolean atEnd = options.getStartFrom().equals("latest");
    boolean atTime = !atEnd && !options.getStartFrom().equals("earliest");
    kafka.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, atEnd ? "latest" : "earliest");
    java.time.Instant startFrom =
        atTime ? OptionValues.time("startFrom", options.getStartFrom()) : null;
    int partitions = KafkaTopic.partitionCount(bootstrapServers, topic, kafka);

    ReadKafka read =
        ReadKafka.of(bootstrapServers, topic, contract, partitions)
            .withConsumerConfig(kafka)
            .withPartitionIdleTimeout(idle);
    if (startFrom != null) {
      read = read.withStartFrom(startFrom);
    }
    return stop == null ? read : read.withStopAfterIdle(stop);
  }
}
