package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.io.ObjectStreamException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.beam.sdk.io.Read;
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
  /** What reads the topic. */
  public enum Source {
    /** Our own source, whose element is about one poll of one partition. */
    POLLS,
    /** Beam's KafkaIO, whose element is a message. */
    KAFKAIO
  }

  private final String bootstrapServers;
  private final String topic;
  private final Contract contract;
  private final int partitionCount;
  // Not final for the sake of copies; nothing changes once a method has returned.
  private Map<String, Object> consumerConfig = Map.of();
  private @Nullable String consumerConfigFile;
  private java.time.@Nullable Instant startTime;
  private boolean startAtEnd;
  private Duration partitionIdleTimeout = Duration.ofSeconds(5);
  private @Nullable Duration stopAfterIdle;
  private Source source = Source.POLLS;

  private ReadKafka(String bootstrapServers, String topic, Contract contract, int partitionCount) {
    this.bootstrapServers = requireNonNull(bootstrapServers, "bootstrapServers");
    this.topic = requireNonNull(topic, "topic");
    this.contract = requireNonNull(contract, "contract");
    this.partitionCount = partitionCount;
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
    return new ReadKafka(bootstrapServers, topic, contract, partitionCount);
  }

  private ReadKafka copy() {
    ReadKafka copy = new ReadKafka(bootstrapServers, topic, contract, partitionCount);
    copy.consumerConfig = consumerConfig;
    copy.consumerConfigFile = consumerConfigFile;
    copy.startTime = startTime;
    copy.startAtEnd = startAtEnd;
    copy.partitionIdleTimeout = partitionIdleTimeout;
    copy.stopAfterIdle = stopAfterIdle;
    copy.source = source;
    return copy;
  }

  /**
   * Further settings of the Kafka consumer, which become part of the job's graph, so no passwords;
   * a {@code group.id} gets offsets committed after checkpoints.
   */
  public ReadKafka withConsumerConfig(Map<String, Object> config) {
    ReadKafka copy = copy();
    copy.consumerConfig = Map.copyOf(config);
    return copy;
  }

  /**
   * A properties file with further settings of the Kafka consumer, such as passwords. It is read
   * where the topic is read, on a cluster by each TaskManager, whenever a reader starts.
   */
  public ReadKafka withConsumerConfigFile(String file) {
    ReadKafka copy = copy();
    copy.consumerConfigFile = requireNonNull(file, "file");
    return copy;
  }

  /** Begins at the first message whose Kafka timestamp is not before {@code time}. */
  public ReadKafka withStartFrom(java.time.Instant time) {
    ReadKafka copy = copy();
    copy.startTime = requireNonNull(time, "time");
    return copy;
  }

  /** Begins behind the last message; partitions that are added later are read from their start. */
  public ReadKafka withStartAtEnd() {
    ReadKafka copy = copy();
    copy.startAtEnd = true;
    return copy;
  }

  /** After how long without messages a partition no longer holds the watermark; default 5 s. */
  public ReadKafka withPartitionIdleTimeout(Duration timeout) {
    ReadKafka copy = copy();
    copy.partitionIdleTimeout = positive("timeout", timeout);
    return copy;
  }

  /** Ends the source once the whole topic has been idle for so long; never by default. */
  public ReadKafka withStopAfterIdle(Duration idle) {
    ReadKafka copy = copy();
    copy.stopAfterIdle = positive("idle", idle);
    return copy;
  }

  /** What reads the topic; default {@link Source#POLLS}. */
  public ReadKafka withSource(Source source) {
    ReadKafka copy = copy();
    copy.source = requireNonNull(source, "source");
    return copy;
  }

  private static Duration positive(String name, Duration duration) {
    if (duration.isNegative() || duration.isZero()) {
      throw new IllegalArgumentException(name + " is " + duration + "; expected more than zero");
    }
    return duration;
  }

  @Override
  public PCollection<RawBatch> expand(PBegin input) {
    if (startTime != null && startAtEnd) {
      throw new IllegalArgumentException("withStartFrom and withStartAtEnd exclude each other");
    }
    KafkaSettings settings =
        new KafkaSettings(
            bootstrapServers,
            topic,
            tuned(consumerConfig),
            consumerConfigFile,
            startTime,
            startAtEnd,
            new PartitionWatermark.Settings(
                input.getPipeline().getOptions().getOptionsId() + "/" + topic,
                contract,
                partitionCount,
                partitionIdleTimeout.toMillis(),
                stopAfterIdle == null ? Long.MAX_VALUE : stopAfterIdle.toMillis()));
    settings.makeKnown();
    return switch (source) {
      case POLLS -> input.apply("ReadPolls", Read.from(KafkaPolls.of(settings)));
      case KAFKAIO ->
          input
              .apply("ReadMessages", kafkaIo(settings))
              .apply("GatherBatches", ParDo.of(new GatherBatches(settings)))
              .setCoder(BatchCoders.rawBatch());
    };
  }

  static Map<String, Object> tuned(Map<String, Object> consumerConfig) {
    Map<String, Object> config = new HashMap<>(consumerConfig);
    // A poll hands over up to this many; the default of 500 makes the hand-over between threads
    // the largest cost of reading.
    config.putIfAbsent(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 20_000);
    config.putIfAbsent(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 64 << 20);
    // The broker gathers for a moment: a batch costs more than a millisecond however small it is,
    // and a thousand messages a second would else be nearly as many batches.
    config.putIfAbsent(ConsumerConfig.FETCH_MIN_BYTES_CONFIG, 1 << 20);
    config.putIfAbsent(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 40);
    config.putIfAbsent(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 16 << 20);
    // New partitions are seen, and a deleted topic missed, after this time.
    config.putIfAbsent(ConsumerConfig.METADATA_MAX_AGE_CONFIG, 30_000);
    // Reading must not make a topic.
    config.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    return config;
  }

  /** Its source is written into checkpoints whole, so that it gets no settings but these. */
  private static KafkaIO.Read<byte[], byte[]> kafkaIo(KafkaSettings settings) {
    String topic = settings.topic();
    Map<String, Object> config = new HashMap<>();
    config.put(
        ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, settings.startAtEnd() ? "latest" : "earliest");
    Object group = settings.allConsumerConfig().get(ConsumerConfig.GROUP_ID_CONFIG);
    if (group != null) {
      config.put(ConsumerConfig.GROUP_ID_CONFIG, group);
    }
    KafkaIO.Read<byte[], byte[]> read =
        KafkaIO.<byte[], byte[]>read()
            .withBootstrapServers(settings.bootstrapServers())
            .withTopic(topic)
            .withKeyDeserializer(ByteArrayDeserializer.class)
            .withValueDeserializer(ByteArrayDeserializer.class)
            .withConsumerConfigUpdates(config)
            .withConsumerFactoryFn(own -> KafkaSettings.ofThisRun(topic).consumer(own))
            .withTimestampPolicyFactory(EventTimePolicy.factory());
    java.time.Instant startTime = settings.startTime();
    if (startTime != null) {
      read = read.withStartReadTime(Instant.ofEpochMilli(startTime.toEpochMilli()));
    }
    return group == null ? read : read.commitOffsetsInFinalize();
  }

  /** Gathers the messages of a bundle; the runner holds the watermark until the bundle ends. */
  private static final class GatherBatches extends DoFn<KafkaRecord<byte[], byte[]>, RawBatch> {
    private static final byte[] NO_BYTES = new byte[0];

    private final KafkaSettings settings;
    private transient RawMessages.Builder builder;
    private transient long minTimestampMillis;

    GatherBatches(KafkaSettings settings) {
      this.settings = settings;
    }

    /** A TaskManager reads this step, from the job's graph, before KafkaIO makes a reader. */
    private Object readResolve() throws ObjectStreamException {
      settings.makeKnown();
      return this;
    }

    /** A batch is put out at the time of its first message, which may be before its last one's. */
    @Override
    @Deprecated
    public org.joda.time.Duration getAllowedTimestampSkew() {
      return org.joda.time.Duration.millis(Long.MAX_VALUE);
    }

    @StartBundle
    public void startBundle() {
      builder =
          RawBatch.builder(RawBatch.SourceKind.KAFKA, settings.topic(), RawMessages.Format.JSON);
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
      if (builder.size() >= PollQueue.MAX_ROWS || builder.byteSize() >= PollQueue.MAX_BYTES) {
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
