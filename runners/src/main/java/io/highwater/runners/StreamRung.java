package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.pipelines.StreamingPipeline;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.SourcedBatch;
import io.highwater.transforms.ClassifyRecords;
import io.highwater.transforms.HighwaterMetrics;
import io.highwater.transforms.ParseRecords;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.Table;
import io.highwater.transforms.ValidateRecords;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** One rung of {@link StreamBenchmark}, in this JVM. */
final class StreamRung {
  static final String TOPIC = "bench";
  static final int PARALLELISM = 2;

  /** The first part of the rows warms the JVM up and is not measured. */
  private static final double WARM_UP_SHARE = 0.25;

  private static final Duration INTERVAL = Duration.ofMillis(100);

  /**
   * Each does what the one before does, and a step more; reading is measured both ways, and the
   * whole stream also with a live topic, and with a model.
   */
  enum Rung {
    CONSUMER,
    READ_KAFKAIO,
    READ,
    PARSE,
    CLASSIFY,
    ROLLUP,
    LIVE,
    SCORE_ALL,
    SCORE,
    STREAM;

    /** Whether it is the whole stream. */
    boolean isWhole() {
      return compareTo(LIVE) >= 0;
    }

    boolean needsModel() {
      return this == SCORE_ALL || this == SCORE;
    }

    String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  record Result(double messagesPerSecond, double cpuSecondsPerMillion, long peakMemoryMebibytes) {
    String format() {
      return String.format(
          Locale.ROOT, "%f %f %d", messagesPerSecond, cpuSecondsPerMillion, peakMemoryMebibytes);
    }

    static Result parse(String line) {
      String[] values = line.split(" ", -1);
      return new Result(
          Double.parseDouble(values[0]), Double.parseDouble(values[1]), Long.parseLong(values[2]));
    }
  }

  private StreamRung() {}

  /**
   * @param dir for the lake and the state
   */
  static Result run(Rung rung, String bootstrapServers, long rows, Path dir) throws Exception {
    if (rung == Rung.CONSUMER) {
      Meter meter = new Meter(rows, RowCount::sum);
      consume(bootstrapServers, rows, meter);
      return meter.result();
    }
    Path lake = dir.resolve("lake");
    List<String> arguments = new ArrayList<>();
    Collections.addAll(
        arguments,
        "--bootstrapServers=" + bootstrapServers,
        "--inputTopic=" + TOPIC,
        "--lake=" + lake,
        "--kafkaSource=" + (rung == Rung.READ_KAFKAIO ? "kafkaio" : "polls"),
        "--parallelism=" + PARALLELISM,
        "--checkpointingInterval=10000",
        "--stopAfterIdle=5s");
    if (rung == Rung.LIVE) {
      arguments.add("--liveTopic=" + TOPIC + "-live");
    }
    if (rung.needsModel()) {
      arguments.add("--registry=" + dir.resolveSibling("models"));
      arguments.add("--score=" + (rung == Rung.SCORE_ALL ? "all" : "candidates"));
    }
    if (!rung.isWhole()) {
      Meter meter = new Meter(rows, RowCount::sum);
      run(
          new StreamCommand(INTERVAL, unused -> meter.look(), options -> cut(options, rung)),
          arguments);
      return meter.result();
    }
    Meter meter =
        new Meter(
            rows,
            () ->
                HighwaterMetrics.processTotals()
                    .getOrDefault(HighwaterMetrics.RECORDS_ACCEPTED, 0L));
    try (TimeProfile profile = TimeProfile.start(dir.resolve("profile.jfr"))) {
      run(
          new StreamCommand(
              INTERVAL, unused -> meter.look(), options -> StreamingPipeline.create(options, 1)),
          arguments);
      if (rung != Rung.LIVE) {
        profile.print(System.out);
      }
    }
    long written = rowsIn(lake);
    if (written != rows) {
      throw new CommandFailedException(
          "the lake has %,d rows; expected %,d".formatted(written, rows));
    }
    return meter.result();
  }

  private static void run(StreamCommand stream, List<String> arguments) throws Exception {
    int exit = stream.run(arguments.toArray(String[]::new));
    if (exit != Command.DONE) {
      throw new CommandFailedException("the stream ended with " + exit);
    }
  }

  /** The stream's pipeline up to a step, and a count of the rows that come out of it. */
  private static Pipeline cut(StreamOptions options, Rung rung) {
    Contract contract;
    try {
      contract = ContractLoader.load(options.getContract());
    } catch (InvalidContractException e) {
      throw new IllegalStateException(e);
    }
    Pipeline pipeline = Pipeline.create(options);
    PCollection<RawBatch> messages =
        pipeline.apply("ReadKafka", StreamingPipeline.readKafka(options, contract));
    switch (rung) {
      case READ, READ_KAFKAIO -> messages.apply("Count", RowCount.of(RawBatch::size));
      case PARSE ->
          messages
              .apply("ParseRecords", ParseRecords.of(contract))
              .apply("Count", RowCount.of((SourcedBatch batch) -> batch.records().rowCount()));
      case CLASSIFY ->
          messages
              .apply("ParseRecords", ParseRecords.of(contract))
              .apply("ValidateRecords", ValidateRecords.of(contract))
              .apply("ClassifyRecords", ClassifyRecords.of(contract))
              .get(ClassifyRecords.CLASSIFIED)
              .apply("Count", RowCount.of(RecordBatch::rowCount));
      case ROLLUP -> {
        PCollectionTuple processed =
            messages.apply("ProcessRecords", ProcessRecords.of(contract, 1));
        processed.get(ProcessRecords.EVENTS).apply("Count", RowCount.of(RecordBatch::rowCount));
        processed.get(ProcessRecords.ROLLUPS).apply("CountRollUps", RowCount.of(unused -> 0));
      }
      case CONSUMER, LIVE, SCORE_ALL, SCORE, STREAM ->
          throw new IllegalArgumentException(rung + " is not cut");
    }
    return pipeline;
  }

  private static void consume(String bootstrapServers, long rows, Meter meter) {
    Map<String, Object> config =
        Map.of(
            "bootstrap.servers",
            bootstrapServers,
            "max.poll.records",
            20_000,
            "fetch.max.bytes",
            64 << 20,
            "max.partition.fetch.bytes",
            16 << 20);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (PartitionInfo info : consumer.partitionsFor(TOPIC)) {
        partitions.add(new TopicPartition(TOPIC, info.partition()));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (RowCount.sum() < rows) {
        RowCount.add(consumer.poll(Duration.ofSeconds(10)).count());
        meter.look();
      }
    }
  }

  static long rowsIn(Path lake) throws IOException {
    long rows = 0;
    try (BufferAllocator allocator = new RootAllocator()) {
      for (LakeFile file : LakeTable.of(lake, "warehouse-queries", Table.EVENTS.folder()).files()) {
        try (ArrowFileReader reader = ArrowFiles.open(file.path(), allocator)) {
          while (reader.loadNextBatch()) {
            rows += reader.getVectorSchemaRoot().getRowCount();
          }
        }
      }
    }
    return rows;
  }

  /** Takes the time between the end of the warm-up and the last row. */
  private static final class Meter {
    private final long rows;
    private final LongSupplier count;
    private long firstRows;
    private long firstNanos;
    private double firstCpuSeconds;
    private long lastRows;
    private long lastNanos;
    private double lastCpuSeconds;

    Meter(long rows, LongSupplier count) {
      this.rows = rows;
      this.count = count;
    }

    void look() {
      long now = count.getAsLong();
      if (firstRows == 0 && now >= rows * WARM_UP_SHARE) {
        firstRows = now;
        firstNanos = System.nanoTime();
        firstCpuSeconds = ProcessUsage.cpuSeconds();
      }
      if (now > lastRows) {
        lastRows = now;
        lastNanos = System.nanoTime();
        lastCpuSeconds = ProcessUsage.cpuSeconds();
      }
    }

    Result result() {
      return new Result(
          (lastRows - firstRows) * 1e9 / (lastNanos - firstNanos),
          (lastCpuSeconds - firstCpuSeconds) * 1e6 / (lastRows - firstRows),
          ProcessUsage.peakMemoryMebibytes());
    }
  }
}
