package io.highwater.runners;

import io.highwater.lake.FileTree;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Messages per second of {@code stream}, from a broker on this machine into a lake, and of what it
 * is made of: rungs, each of which does one step more than the one before, over the same topic and
 * in a JVM of its own.
 */
final class StreamBenchmark {
  private static final int PARTITIONS = 4;

  private StreamBenchmark() {}

  /**
   * @return of each rung the rate, its ratio to the plain consumer, processor seconds per million
   *     messages and peak memory; those of the whole stream without a prefix
   */
  static String run(long rows) throws Exception {
    Path home = Files.createTempDirectory("highwater-bench");
    try (BenchmarkBroker broker = BenchmarkBroker.start(home.resolve("broker"))) {
      String bootstrapServers = broker.address();
      System.out.printf("producing %,d messages%n", rows);
      produce(bootstrapServers, rows);
      StringBuilder line =
          new StringBuilder("rows=" + rows + " parallelism=" + StreamRung.PARALLELISM);
      double consumerRate = 0;
      BenchmarkRegistry.train(home);
      for (StreamRung.Rung rung : StreamRung.Rung.values()) {
        StreamRung.Result result = measure(rung, bootstrapServers, rows, home);
        if (rung == StreamRung.Rung.CONSUMER) {
          consumerRate = result.messagesPerSecond();
        }
        double ratio = result.messagesPerSecond() / consumerRate;
        System.out.printf(
            "%-14s %,11.0f messages/s  %.2f of the consumer  %5.2f CPU s per million  %,6d MiB%n",
            rung.key(),
            result.messagesPerSecond(),
            ratio,
            result.cpuSecondsPerMillion(),
            result.peakMemoryMebibytes());
        String prefix = rung == StreamRung.Rung.STREAM ? "" : rung.key() + "_";
        line.append(
            String.format(
                Locale.ROOT,
                " %s_messages_per_second=%.0f %sratio=%.2f %scpu_seconds_per_million=%.2f"
                    + " %speak_memory_mib=%d",
                rung.key(),
                result.messagesPerSecond(),
                prefix,
                ratio,
                prefix,
                result.cpuSecondsPerMillion(),
                prefix,
                result.peakMemoryMebibytes()));
      }
      return line.toString();
    } finally {
      FileTree.delete(home);
    }
  }

  private static StreamRung.Result measure(
      StreamRung.Rung rung, String bootstrapServers, long rows, Path home)
      throws IOException, InterruptedException, CommandFailedException {
    Path dir = Files.createDirectories(home.resolve(rung.key()));
    return StreamRung.Result.parse(
        RungProcess.run(
            dir.resolve("log"),
            "stream",
            "--rows=" + rows,
            "--rung=" + rung,
            "--bootstrapServers=" + bootstrapServers,
            "--dir=" + dir));
  }

  private static void produce(String bootstrapServers, long rows) throws Exception {
    Map<String, Object> config =
        Map.of("bootstrap.servers", bootstrapServers, "linger.ms", 20, "batch.size", 256 << 10);
    try (Admin admin = Admin.create(config)) {
      admin
          .createTopics(List.of(new NewTopic(StreamRung.TOPIC, PARTITIONS, (short) 1)))
          .all()
          .get();
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
                StreamRung.TOPIC,
                partition,
                query.arrivalMicros() / 1000,
                key,
                json.toBytes(query)));
      }
    }
  }
}
