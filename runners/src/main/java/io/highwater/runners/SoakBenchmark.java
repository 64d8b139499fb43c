package io.highwater.runners;

import com.sun.management.UnixOperatingSystemMXBean;
import io.highwater.lake.FileTree;
import io.highwater.pipelines.StreamingPipeline;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.transforms.HighwaterMetrics;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Whether {@code stream} can run for ever: messages come at a steady rate, with the time of their
 * sending as event time, and once a minute the process tells what it holds. What grows from the
 * second quarter of the run to the last one would in the end use up the machine.
 *
 * <p>Broker in a process of its own; the producer shares the stream's, so its buffers, which do not
 * grow, are in the figures. The topic keeps the last few GiB only.
 */
final class SoakBenchmark {
  private static final String TOPIC = "soak";
  private static final int PARTITIONS = 4;
  private static final Duration SAMPLE_INTERVAL = Duration.ofSeconds(10);

  private SoakBenchmark() {}

  /**
   * What the process held at one moment.
   *
   * @param heapMebibytes in use, garbage included
   * @param residentMebibytes physical memory of the whole process: heap, Arrow, DuckDB, threads
   * @param lag messages sent and not yet accepted or rejected
   */
  private record Sample(
      long second,
      long processed,
      long lag,
      long heapMebibytes,
      long residentMebibytes,
      long files,
      long threads) {}

  /** A figure in the second quarter of a run and in the last. */
  record Change(double second, double last) {
    private static Change of(
        List<Sample> second, List<Sample> last, ToLongFunction<Sample> figure) {
      return new Change(mean(second, figure), mean(last, figure));
    }

    private static double mean(List<Sample> samples, ToLongFunction<Sample> figure) {
      return samples.stream().mapToLong(figure).average().orElse(0);
    }

    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%.0f,%.0f", second, last);
    }
  }

  /**
   * @param maxLag the greatest number of messages waiting after the warm-up
   * @param heapMebibytes least use in the quarter
   * @param residentMebibytes mean in the quarter; so are files and threads
   */
  record Result(
      long rows,
      long rate,
      long seconds,
      long maxLag,
      Change heapMebibytes,
      Change residentMebibytes,
      Change files,
      Change threads) {
    String line() {
      return String.format(
          Locale.ROOT,
          "rows=%d rate=%d seconds=%d max_lag=%d heap_mib=%s resident_mib=%s files=%s threads=%s",
          rows,
          rate,
          seconds,
          maxLag,
          heapMebibytes,
          residentMebibytes,
          files,
          threads);
    }
  }

  /**
   * @param rows how many messages in all
   * @param rate messages a second
   */
  static Result run(long rows, long rate) throws Exception {
    Path home = Files.createTempDirectory("highwater-soak");
    List<Sample> samples = new ArrayList<>();
    AtomicLong sent = new AtomicLong();
    try (BenchmarkBroker broker = BenchmarkBroker.start(home.resolve("broker"))) {
      createTopic(broker.address());
      Thread producer = new Thread(() -> produce(broker.address(), rows, rate, sent), "producer");
      producer.setDaemon(true);
      long startedNanos = System.nanoTime();
      StreamCommand stream =
          new StreamCommand(
              SAMPLE_INTERVAL,
              counters -> {
                Sample sample = sample(startedNanos, counters, sent.get());
                samples.add(sample);
                if (samples.size() % 6 == 1) {
                  print(sample);
                }
              },
              options -> StreamingPipeline.create(options, System.currentTimeMillis()));
      producer.start();
      int exit =
          stream.run(
              new String[] {
                "--bootstrapServers=" + broker.address(),
                "--inputTopic=" + TOPIC,
                "--lake=" + home.resolve("lake"),
                "--checkpointingInterval=10000",
                "--stopAfterIdle=20s"
              });
      if (exit != Command.DONE) {
        throw new CommandFailedException("the stream ended with " + exit);
      }
      long processed = processed(HighwaterMetrics.processTotals());
      if (processed != rows) {
        throw new CommandFailedException(
            "the stream processed %,d rows; expected %,d".formatted(processed, rows));
      }
      return summary(rows, rate, samples);
    } finally {
      FileTree.delete(home);
    }
  }

  private static void createTopic(String bootstrapServers) throws Exception {
    NewTopic topic =
        new NewTopic(TOPIC, PARTITIONS, (short) 1)
            .configs(Map.of("retention.bytes", "2147483648", "segment.bytes", "268435456"));
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
      admin.createTopics(List.of(topic)).all().get();
    }
  }

  /** Sends the same queries again and again, each time stamped anew. */
  private static void produce(String bootstrapServers, long rows, long rate, AtomicLong sent) {
    List<Message> messages = messages();
    Map<String, Object> config =
        Map.of(
            "bootstrap.servers",
            bootstrapServers,
            "linger.ms",
            20,
            "batch.size",
            256 << 10,
            "compression.type",
            "lz4");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      long startedNanos = System.nanoTime();
      for (long row = 0; row < rows; row++) {
        long dueNanos = startedNanos + (long) (row * 1e9 / rate);
        if (row % 100 == 0) {
          for (long now = System.nanoTime(); now < dueNanos; now = System.nanoTime()) {
            LockSupport.parkNanos(dueNanos - now);
          }
        }
        Message message = messages.get((int) (row % messages.size()));
        long nowMillis = System.currentTimeMillis();
        producer.send(
            new ProducerRecord<>(
                TOPIC, (int) (row % PARTITIONS), nowMillis, message.key(), message.at(nowMillis)));
        sent.lazySet(row + 1);
      }
    }
  }

  private static List<Message> messages() {
    QueryFormat json = QueryFormat.json();
    QueryGenerator queries =
        QueryGenerator.of(
            new QueryGenerator.Settings(
                100_000, 1, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofDays(1), 50, 0));
    List<Message> messages = new ArrayList<>();
    while (queries.hasNext()) {
      Query query = queries.next();
      messages.add(
          new Message(
              Integer.toString(query.instanceId()).getBytes(StandardCharsets.UTF_8),
              json.toBytes(query)));
    }
    return messages;
  }

  /** A query whose time of arrival can be set. */
  private record Message(byte[] key, byte[] value, int timeStart) {
    private static final DateTimeFormatter SECONDS =
        DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static long cachedSecond = Long.MIN_VALUE;
    private static byte[] cachedText = new byte[0];

    Message(byte[] key, byte[] value) {
      this(key, value, timeStart(value));
    }

    private static int timeStart(byte[] value) {
      String field = "\"arrival_timestamp\": \"";
      int index = new String(value, StandardCharsets.ISO_8859_1).indexOf(field);
      if (index < 0) {
        throw new IllegalStateException("a generated query has no arrival_timestamp");
      }
      return index + field.length();
    }

    /** Called by one thread. */
    byte[] at(long millis) {
      long second = Math.floorDiv(millis, 1000L);
      if (second != cachedSecond) {
        cachedSecond = second;
        cachedText =
            SECONDS.format(Instant.ofEpochSecond(second)).getBytes(StandardCharsets.US_ASCII);
      }
      byte[] stamped = value.clone();
      System.arraycopy(cachedText, 0, stamped, timeStart, cachedText.length);
      return stamped;
    }
  }

  private static Sample sample(long startedNanos, Map<String, Long> counters, long sent) {
    long processed = processed(counters);
    return new Sample(
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startedNanos),
        processed,
        sent - processed,
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 20,
        residentMebibytes(),
        ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getOpenFileDescriptorCount(),
        ManagementFactory.getThreadMXBean().getThreadCount());
  }

  private static long processed(Map<String, Long> counters) {
    return counters.getOrDefault(HighwaterMetrics.RECORDS_ACCEPTED, 0L)
        + counters.getOrDefault(HighwaterMetrics.RECORDS_REJECTED, 0L);
  }

  private static long residentMebibytes() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmRSS:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
        }
      }
      return -1;
    } catch (IOException e) {
      return -1;
    }
  }

  private static void print(Sample sample) {
    System.out.printf(
        Locale.ROOT,
        "%5d s  %,14d messages  lag %,9d  heap %,5d MiB  resident %,5d MiB  files %,4d  threads %,4d%n",
        sample.second(),
        sample.processed(),
        sample.lag(),
        sample.heapMebibytes(),
        sample.residentMebibytes(),
        sample.files(),
        sample.threads());
  }

  private static Result summary(long rows, long rate, List<Sample> samples) {
    // The first quarter is warm-up.
    int quarter = samples.size() / 4;
    List<Sample> second = samples.subList(quarter, 2 * quarter);
    List<Sample> last = samples.subList(samples.size() - quarter, samples.size());
    return new Result(
        rows,
        rate,
        samples.get(samples.size() - 1).second(),
        samples.stream().skip(quarter).mapToLong(Sample::lag).max().orElse(0),
        // Of the heap the least: between collections it holds garbage.
        new Change(
            second.stream().mapToLong(Sample::heapMebibytes).min().orElse(0),
            last.stream().mapToLong(Sample::heapMebibytes).min().orElse(0)),
        Change.of(second, last, Sample::residentMebibytes),
        Change.of(second, last, Sample::files),
        Change.of(second, last, Sample::threads));
  }
}
