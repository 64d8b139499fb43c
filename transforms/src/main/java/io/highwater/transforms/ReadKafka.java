package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.beam.sdk.io.kafka.KafkaIO;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.joda.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A topic as raw batches: unbounded, in the global window, each batch at the least event time of
 * its messages. Every message is in exactly one batch; after a restore, batches may be cut
 * otherwise.
 */
public final class ReadKafka extends PTransform<PBegin, PCollection<RawBatch>> {
  private final String bootstrapServers;
  private final String topic;
  private final Contract contract;
  private final int partitionCount;
  private final Map<String, Object> consumerConfig;
  private final java.time.@Nullable Instant startFrom;
  private final Duration partitionIdleTimeout;
  private final @Nullable Duration stopAfterIdle;

  private ReadKafka(
      String bootstrapServers,
      String topic,
      Contract contract,
      int partitionCount,
      Map<String, Object> consumerConfig,
      java.time.@Nullable Instant startFrom,
      Duration partitionIdleTimeout,
      @Nullable Duration stopAfterIdle) {
    this.bootstrapServers = bootstrapServers;
    this.topic = topic;
    this.contract = contract;
    this.partitionCount = partitionCount;
    this.consumerConfig = consumerConfig;
    this.startFrom = startFrom;
    this.partitionIdleTimeout = partitionIdleTimeout;
    this.stopAfterIdle = stopAfterIdle;
  }

  /**
   * @param partitionCount how many partitions the topic has; more than there are would keep quiet
   *     partitions from ever being taken as idle
   */
  public static ReadKafka of(
      String bootstrapServers, String topic, Contract contract, int partitionCount) {
    if (partitionCount < 1) {
      throw new IllegalArgumentException(
          "partitionCount is " + partitionCount + "; expected 1 or more");
    }
    return new ReadKafka(
        requireNonNull(bootstrapServers, "bootstrapServers"),
        requireNonNull(topic, "topic"),
        requireNonNull(contract, "contract"),
        partitionCount,
        Map.of(),
        null,
        Duration.ofSeconds(5),
        null);
  }

  /** Further settings of the Kafka consumer; a {@code group.id} gets offsets committed. */
  public ReadKafka withConsumerConfig(Map<String, Object> config) {
    return new ReadKafka(
        bootstrapServers,
        topic,
        contract,
        partitionCount,
        Map.copyOf(config),
        startFrom,
        partitionIdleTimeout,
        stopAfterIdle);
  }

  /** Begins at the first message whose Kafka timestamp is not before {@code time}. */
  public ReadKafka withStartFrom(java.time.Instant time) {
    return new ReadKafka(
        bootstrapServers,
        topic,
        contract,
        partitionCount,
        consumerConfig,
        requireNonNull(time, "time"),
        partitionIdleTimeout,
        stopAfterIdle);
  }

  /** After how long without messages a partition no longer holds the watermark; default 5 s. */
  public ReadKafka withPartitionIdleTimeout(Duration timeout) {
    return new ReadKafka(
        bootstrapServers,
        topic,
        contract,
        partitionCount,
        consumerConfig,
        startFrom,
        positive("timeout", timeout),
        stopAfterIdle);
  }

  /** Ends the source once the whole topic has been idle for so long; never by default. */
  public ReadKafka withStopAfterIdle(Duration idle) {
    return new ReadKafka(
        bootstrapServers,
        topic,
        contract,
        partitionCount,
        consumerConfig,
        startFrom,
        partitionIdleTimeout,
        positive("idle", idle));
  }

  private static Duration positive(String name, Duration duration) {
    if (duration.isNegative() || duration.isZero()) {
      throw new IllegalArgumentException(name + " is " + duration + "; expected more than zero");
    }
    return duration;
  }

  @Override
  public PCollection<RawBatch> expand(PBegin input) {
    EventTimePolicy.Settings policy =
        new EventTimePolicy.Settings(
            input.getPipeline().getOptions().getOptionsId() + "/" + topic,
            contract,
            partitionCount,
            partitionIdleTimeout.toMillis(),
            stopAfterIdle == null ? Long.MAX_VALUE : stopAfterIdle.toMillis());
    Map<String, Object> config = new HashMap<>(consumerConfig);
    config.putIfAbsent(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    // Offsets are committed when a checkpoint completes, never by the clock.
    config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    // A poll hands over up to this many; the default of 500 makes the hand-over between KafkaIO's
    // threads its largest cost.
    config.putIfAbsent(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 20_000);
    config.putIfAbsent(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 64 << 20);
    config.putIfAbsent(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 16 << 20);
    KafkaIO.Read<byte[], byte[]> read =
        KafkaIO.<byte[], byte[]>read()
            .withBootstrapServers(bootstrapServers)
            .withTopic(topic)
            .withKeyDeserializer(ByteArrayDeserializer.class)
            .withValueDeserializer(ByteArrayDeserializer.class)
            .withConsumerConfigUpdates(config)
            .withTimestampPolicyFactory(EventTimePolicy.factory(topic, policy));
    if (startFrom != null) {
      read = read.withStartReadTime(Instant.ofEpochMilli(startFrom.toEpochMilli()));
    }
    if (consumerConfig.containsKey(ConsumerConfig.GROUP_ID_CONFIG)) {
      read = read.commitOffsetsInFinalize();
    }
    return input
        .apply("ReadMessages", read)
        .apply("GatherBatches", ParDo.of(new GatherBatches(topic)))
        .setCoder(BatchCoders.rawBatch());
  }

  /** Gathers the messages of a bundle; the runner holds the watermark until the bundle ends. */
  private static final class GatherBatches extends DoFn<KafkaRecord<byte[], byte[]>, RawBatch> {
    /**
     * Past 4,096 rows the fixed cost of a batch is under a fifth of it; past 16,384 nothing is won.
     */
    private static final int MAX_ROWS = 16_384;

    private static final int MAX_BYTES = 16 << 20;
    private static final byte[] NO_BYTES = new byte[0];

    private final String topic;
    private transient RawBatch.Builder builder;
    private transient long minTimestampMillis;

    GatherBatches(String topic) {
      this.topic = topic;
    }

    /** A batch is put out at the time of its first message, which may be before its last one's. */
    @Override
    @Deprecated
    public org.joda.time.Duration getAllowedTimestampSkew() {
      return org.joda.time.Duration.millis(Long.MAX_VALUE);
    }

    @StartBundle
    public void startBundle() {
      builder = RawBatch.builder(RawBatch.SourceKind.KAFKA, topic, RawBatch.Format.JSON);
      minTimestampMillis = BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();
    }

    @ProcessElement
    public void process(
        @Element KafkaRecord<byte[], byte[]> message,
        @Timestamp Instant timestamp,
        OutputReceiver<RawBatch> out) {
      byte[] value = message.getKV().getValue();
      builder.add(
          message.getPartition(),
          message.getOffset(),
          message.getTimestamp(),
          value == null ? NO_BYTES : value);
      minTimestampMillis = Math.min(minTimestampMillis, timestamp.getMillis());
      if (builder.size() >= MAX_ROWS || builder.byteSize() >= MAX_BYTES) {
        out.outputWithTimestamp(builder.build(), new Instant(minTimestampMillis));
        minTimestampMillis = BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();
      }
    }

    @FinishBundle
    public void finishBundle(FinishBundleContext context) {
      if (builder.size() > 0) {
        context.output(builder.build(), new Instant(minTimestampMillis), GlobalWindow.INSTANCE);
      }
    }
  }
}
