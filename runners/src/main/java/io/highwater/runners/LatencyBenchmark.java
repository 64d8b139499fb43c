package io.highwater.runners;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.lake.FileTree;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * How long a record takes from being sent to Kafka to being counted in a pane of the live topic, at
 * steady rates: broker, stream and this benchmark are three processes on this machine. The k-th
 * record sent for an instance and window has arrived with the first pane of them that counts k
 * queries. The stream scores with a model and tells of outliers: an alert's latency is from the
 * query's arrival, which is when it was sent, to the alert's.
 */
final class LatencyBenchmark {
  private static final String INPUT = "latency";
  private static final String LIVE = "latency-live";
  private static final String ALERTS = "latency-alerts";
  private static final int PARTITIONS = 4;
  private static final int INSTANCES = 50;
  private static final int[] RATES = {1_000, 10_000};
  private static final Duration WARM_UP = Duration.ofSeconds(60);
  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final long WINDOW_MILLIS = 600_000;

  private LatencyBenchmark() {}

  /**
   * @param rows how many are measured at the highest rate; a lower one is measured for as long
   * @return of each rate the median, the 99th percentile and the greatest latency
   */
  static String run(long rows) throws Exception {
    Path home = Files.createTempDirectory("highwater-bench");
    try (BenchmarkBroker broker = BenchmarkBroker.start(home.resolve("broker"))) {
      String bootstrapServers = broker.address();
      createTopics(bootstrapServers);
      Path registry = BenchmarkRegistry.train(home);
      Process stream =
          CommandProcess.of(
                  "stream",
                  List.of(
                      "--bootstrapServers=" + bootstrapServers,
                      "--inputTopic=" + INPUT,
                      "--liveTopic=" + LIVE,
                      "--registry=" + registry,
                      "--alertTopic=" + ALERTS,
                      "--lake=" + home.resolve("lake")))
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(home.resolve("stream.log").toFile())
              .start();
      try {
        return measure(bootstrapServers, stream, rows);
      } finally {
        stream.destroyForcibly().waitFor();
      }
    } finally {
      FileTree.delete(home);
    }
  }

  private static String measure(String bootstrapServers, Process stream, long rows)
      throws InterruptedException, CommandFailedException {
    Ledger ledger = new Ledger();
    Thread listener = new Thread(() -> listen(bootstrapServers, ledger), "listener");
    listener.setDaemon(true);
    listener.start();
    double seconds = (double) rows / RATES[RATES.length - 1];
    StringBuilder line = new StringBuilder("rows=" + rows);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", bootstrapServers, "linger.ms", 0),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      Sender sender = new Sender(producer, ledger);
      // The first panes come when the stream has started.
      sender.send(RATES[0], RATES[0]);
      ledger.awaitAll(stream);
      for (int rate : RATES) {
        sender.send(rate, (long) (rate * WARM_UP.toSeconds()));
        ledger.measureFromNow();
        sender.send(rate, (long) (rate * seconds));
        ledger.awaitAll(stream);
        line.append(report("latency", rate, ledger.measured()));
        line.append(report("alert", rate, ledger.measuredAlerts()));
      }
    }
    return line.toString();
  }

  private static String report(String what, int rate, long[] sortedMicros) {
    if (sortedMicros.length == 0) {
      System.out.printf("%,7d messages/s: no %s%n", rate, what);
      return "";
    }
    double p50 = millis(sortedMicros, 0.5);
    double p99 = millis(sortedMicros, 0.99);
    double max = millis(sortedMicros, 1);
    System.out.printf(
        "%,7d messages/s: %s p50 %.0f ms, p99 %.0f ms, max %.0f ms of %,d%n",
        rate, what, p50, p99, max, sortedMicros.length);
    return String.format(
        Locale.ROOT,
        " %1$s_%2$d_p50_ms=%3$.0f %1$s_%2$d_p99_ms=%4$.0f %1$s_%2$d_max_ms=%5$.0f",
        what,
        rate,
        p50,
        p99,
        max);
  }

  private static double millis(long[] sortedMicros, double share) {
    int index = (int) Math.ceil(share * sortedMicros.length) - 1;
    return sortedMicros[Math.max(0, index)] / 1e3;
  }

  private static void createTopics(String bootstrapServers) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
      admin
          .createTopics(
              List.of(
                  new NewTopic(INPUT, PARTITIONS, (short) 1),
                  new NewTopic(LIVE, 1, (short) 1),
                  new NewTopic(ALERTS, 1, (short) 1)))
          .all()
          .get();
    }
  }

  private static void listen(String bootstrapServers, Ledger ledger) {
    ObjectMapper json = new ObjectMapper();
    List<TopicPartition> topics =
        List.of(new TopicPartition(LIVE, 0), new TopicPartition(ALERTS, 0));
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrapServers),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      consumer.assign(topics);
      consumer.seekToBeginning(topics);
      while (!Thread.currentThread().isInterrupted()) {
        for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofSeconds(1))) {
          long nanos = System.nanoTime();
          JsonNode content = json.readTree(message.value());
          if (message.topic().equals(ALERTS)) {
            readAlert(content, ledger);
          } else {
            readPane(content, ledger, nanos);
          }
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("a live message is no JSON", e);
    }
  }

  private static void readPane(JsonNode message, Ledger ledger, long nanos) {
    JsonNode row = message.path("row");
    if (message.path("kind").asText().equals("pane")
        && row.path("window_millis").asLong() == WINDOW_MILLIS) {
      ledger.counted(
          new Window(
              row.path("instance_id").asInt(),
              Instant.parse(row.path("window_start").asText()).toEpochMilli()),
          row.path("queries").asInt(),
          nanos);
    }
  }

  private static void readAlert(JsonNode alert, Ledger ledger) {
    if (alert.path("alert").asText().equals("first")) {
      long sentMillis = Instant.parse(alert.path("event_time").asText()).toEpochMilli();
      ledger.told(TimeUnit.MILLISECONDS.toMicros(System.currentTimeMillis() - sentMillis));
    }
  }

  private record Window(int instance, long startMillis) {}

  /** Sends generated queries as if each were asked now. */
  private static final class Sender {
    private static final QueryFormat JSON = QueryFormat.json();

    private final KafkaProducer<byte[], byte[]> producer;
    private final Ledger ledger;
    private final QueryGenerator queries =
        QueryGenerator.of(
            new QueryGenerator.Settings(
                1_000_000_000,
                1,
                Instant.parse("2024-03-01T00:00:00Z"),
                Duration.ofDays(365),
                INSTANCES,
                0));

    Sender(KafkaProducer<byte[], byte[]> producer, Ledger ledger) {
      this.producer = producer;
      this.ledger = ledger;
    }

    /** Sends {@code count} records at a steady rate. */
    void send(int perSecond, long count) {
      long begun = System.nanoTime();
      for (long i = 0; i < count; i++) {
        long due = begun + i * TimeUnit.SECONDS.toNanos(1) / perSecond;
        for (long early = due - System.nanoTime(); early > 0; early = due - System.nanoTime()) {
          LockSupport.parkNanos(early);
        }
        long nowMillis = System.currentTimeMillis();
        Query query = queries.next().withArrivalMicros(nowMillis * 1_000);
        byte[] message = JSON.toBytes(query);
        ledger.sent(
            new Window(query.instanceId(), nowMillis - Math.floorMod(nowMillis, WINDOW_MILLIS)));
        producer.send(
            new ProducerRecord<>(INPUT, (int) (i % PARTITIONS), nowMillis, null, message));
      }
    }
  }

  /** When the records of each window were sent, and how many of them were counted when. */
  private static final class Ledger {
    private final Map<Window, SendTimes> windows = new HashMap<>();
    private long outstanding;
    private long measuredFromNanos = System.nanoTime();
    private long[] micros = new long[1024];
    private int size;
    private final List<Long> alertMicros = new ArrayList<>();

    synchronized void sent(Window window) {
      windows.computeIfAbsent(window, unused -> new SendTimes()).add(System.nanoTime());
      outstanding++;
    }

    synchronized void counted(Window window, int queries, long nanos) {
      SendTimes times = windows.get(window);
      while (times != null && times.counted < queries) {
        long sent = times.nanos[times.counted++];
        outstanding--;
        if (sent - measuredFromNanos >= 0) {
          if (size == micros.length) {
            micros = Arrays.copyOf(micros, 2 * size);
          }
          micros[size++] = TimeUnit.NANOSECONDS.toMicros(nanos - sent);
        }
      }
    }

    synchronized void measureFromNow() {
      measuredFromNanos = System.nanoTime();
      size = 0;
      alertMicros.clear();
    }

    synchronized void told(long latencyMicros) {
      alertMicros.add(latencyMicros);
    }

    /** The alerts' since {@link #measureFromNow}, in microseconds, ascending. */
    synchronized long[] measuredAlerts() {
      return alertMicros.stream().mapToLong(Long::longValue).sorted().toArray();
    }

    /** The latencies since {@link #measureFromNow}, in microseconds, ascending. */
    synchronized long[] measured() {
      long[] sorted = Arrays.copyOf(micros, size);
      Arrays.sort(sorted);
      return sorted;
    }

    private synchronized long outstanding() {
      return outstanding;
    }

    void awaitAll(Process stream) throws InterruptedException, CommandFailedException {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (outstanding() > 0) {
        if (!stream.isAlive()) {
          throw new CommandFailedException("the stream ended with " + stream.exitValue());
        }
        if (System.nanoTime() > deadline) {
          throw new CommandFailedException(
              "%,d records are not in the live topic after %d s"
                  .formatted(outstanding(), PATIENCE.toSeconds()));
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
    }
  }

  private static final class SendTimes {
    private long[] nanos = new long[64];
    private int size;
    private int counted;

    void add(long nanosNow) {
      if (size == nanos.length) {
        nanos = Arrays.copyOf(nanos, 2 * size);
      }
      nanos[size++] = nanosNow;
    }
  }
}
