package io.highwater.runners;

import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.transforms.HighwaterMetrics;
import io.highwater.transforms.Table;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Messages per second of {@code stream}, from a broker on this machine into a lake, beside a plain
 * consumer of the same topic in the same run, and where the processor's time goes.
 */
final class StreamBenchmark {
  private static final String TOPIC = "bench";
  private static final int PARTITIONS = 4;
  private static final int PARALLELISM = 2;

  /** The first part of the rows warms the JVM up and is not measured. */
  private static final double WARM_UP_SHARE = 0.25;

  private StreamBenchmark() {}

  /**
   * @return rows, the two rates and their ratio, processor seconds per million messages, peak
   *     memory
   */
  static String run(long rows) throws Exception {
    Path home = Files.createTempDirectory("highwater-bench");
    try (BenchmarkBroker broker = BenchmarkBroker.start(home.resolve("broker"))) {
      String bootstrapServers = broker.address();
      System.out.printf("producing %,d messages%n", rows);
      produce(bootstrapServers, rows);
      double consumerRate = consume(bootstrapServers, rows);
      System.out.printf("plain consumer, one thread: %,.0f messages/s%n", consumerRate);

      Path lake = home.resolve("lake");
      Meter meter = new Meter(rows);
      try (TimeProfile profile = TimeProfile.start(home.resolve("profile.jfr"))) {
        int exit =
            new StreamCommand(Duration.ofMillis(100), meter).run(arguments(bootstrapServers, lake));
        if (exit != Command.DONE) {
          throw new CommandFailedException("the stream ended with " + exit);
        }
        profile.print(System.out);
      }
      long written = rowsIn(lake);
      if (written != rows) {
        throw new CommandFailedException(
            "the lake has %,d rows; expected %,d".formatted(written, rows));
      }
      return String.format(
          Locale.ROOT,
          "rows=%d parallelism=%d consumer_messages_per_second=%.0f"
              + " stream_messages_per_second=%.0f ratio=%.2f cpu_seconds_per_million=%.2f"
              + " peak_memory_mib=%d",
          rows,
          PARALLELISM,
          consumerRate,
          meter.rate(),
          meter.rate() / consumerRate,
          meter.cpuSecondsPerMillion(),
          peakMemoryMebibytes());
    } finally {
      StateFolder.deleteTree(home);
    }
  }

  private static String[] arguments(String bootstrapServers, Path lake) {
    return new String[] {
      "--bootstrapServers=" + bootstrapServers,
      "--inputTopic=" + TOPIC,
      "--lake=" + lake,
      "--parallelism=" + PARALLELISM,
      "--checkpointingInterval=10000",
      "--stopAfterIdle=5s"
    };
  }

  private static void produce(String bootstrapServers, long rows) throws Exception {
    Map<String, Object> config =
        Map.of("bootstrap.servers", bootstrapServers, "linger.ms", 20, "batch.size", 256 << 10);
    try (Admin admin = Admin.create(config)) {
      admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1))).all().get();
    }
    QueryFormat json = QueryFormat.json();
    QueryGenerator queries =
        QueryGenerator.of(
            new QueryGenerator.Settings(
                rows, 1, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofDays(1), 50, 0));
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      while (queries.hasNext()) {
        Query query = queries.next();
        byte[] key = Integer.toString(query.instanceId()).getBytes(StandardCharsets.UTF_8);
        // Spread evenly, not by key: what is measured is the stream, not the skew.
        int partition = (int) (query.queryId() % PARTITIONS);
        producer.send(
            new ProducerRecord<>(
                TOPIC, partition, query.arrivalMicros() / 1000, key, json.toBytes(query)));
      }
    }
  }

  private static double consume(String bootstrapServers, long rows) {
    Map<String, Object> config =
        Map.of(
            "bootstrap.servers",
            bootstrapServers,
            "auto.offset.reset",
            "earliest",
            "max.poll.records",
            20_000,
            "fetch.max.bytes",
            64 << 20,
            "max.partition.fetch.bytes",
            16 << 20);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (int partition = 0; partition < PARTITIONS; partition++) {
        partitions.add(new TopicPartition(TOPIC, partition));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long warmUp = (long) (rows * WARM_UP_SHARE);
      long read = 0;
      long measuredFrom = 0;
      long started = System.nanoTime();
      while (read < rows) {
        read += consumer.poll(Duration.ofSeconds(10)).count();
        if (measuredFrom == 0 && read >= warmUp) {
          measuredFrom = read;
          started = System.nanoTime();
        }
      }
      return (read - measuredFrom) * 1e9 / (System.nanoTime() - started);
    }
  }

  private static long rowsIn(Path lake) throws IOException {
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

  private static long peakMemoryMebibytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return -1;
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
      }
    }
    return -1;
  }

  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  /** Takes the time between the end of the warm-up and the last row. */
  private static final class Meter implements Consumer<Map<String, Long>> {
    private final long rows;
    private long firstRows;
    private long firstNanos;
    private long firstCpuNanos;
    private long lastRows;
    private long lastNanos;
    private long lastCpuNanos;

    Meter(long rows) {
      this.rows = rows;
    }

    @Override
    public void accept(Map<String, Long> counters) {
      long read = counters.getOrDefault(HighwaterMetrics.RECORDS_ACCEPTED, 0L);
      if (firstRows == 0 && read >= rows * WARM_UP_SHARE) {
        firstRows = read;
        firstNanos = System.nanoTime();
        firstCpuNanos = cpuNanos();
      }
      if (read > lastRows) {
        lastRows = read;
        lastNanos = System.nanoTime();
        lastCpuNanos = cpuNanos();
      }
    }

    double rate() {
      return (lastRows - firstRows) * 1e9 / (lastNanos - firstNanos);
    }

    double cpuSecondsPerMillion() {
      return (lastCpuNanos - firstCpuNanos) / 1e3 / (lastRows - firstRows);
    }
  }
}
