package io.highwater.runners.replay;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.anyOf;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.runners.Await;
import io.highwater.runners.CommandOutput;
import io.highwater.runners.CommandProcess;
import io.highwater.runners.TestBroker;
import io.highwater.runners.generate.Query.Defect;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplayIT {
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final int PARTITIONS = 3;

  private static TestBroker broker;

  @TempDir Path directory;

  @BeforeAll
  static void startBroker() throws IOException {
    broker = TestBroker.start();
  }

  @AfterAll
  static void stopBroker() throws IOException {
    broker.close();
  }

  @Test
  void sendsAnUnsortedFileWithBrokenRecordsInEventTimeOrder() throws Exception {
    List<String> lines = lines(20_000, 0.01);
    Collections.shuffle(lines, new Random(5));
    Path file = Files.write(directory.resolve("shuffled.jsonl"), lines);

    CommandOutput output = replay("shuffled", file, "--speedup=0");
    assertThat(output.err(), output.exitCode(), is(0));
    assertThat(output.err(), containsString("highwater replay: sent 20,000 of 20,000 records"));

    List<ConsumerRecord<String, String>> records = consume("shuffled", 20_000);
    ObjectMapper mapper = new ObjectMapper();
    Map<Integer, String> lastTime = new HashMap<>();
    Map<Integer, Long> lastTimestamp = new HashMap<>();
    Map<String, Integer> partitionOfKey = new HashMap<>();
    for (ConsumerRecord<String, String> record : records) {
      assertThat(
          record.timestamp(),
          is(greaterThanOrEqualTo(lastTimestamp.getOrDefault(record.partition(), 0L))));
      lastTimestamp.put(record.partition(), record.timestamp());
      assertThat(
          partitionOfKey.computeIfAbsent(record.key(), key -> record.partition()),
          is(record.partition()));
      if (!record.value().endsWith("}")) {
        continue; // Malformed, but its key and its time can be read.
      }
      JsonNode message = mapper.readTree(record.value());
      String time = message.get("arrival_timestamp").asText();
      assertThat(record.key(), is(message.get("instance_id").asText()));
      assertThat(
          record.timestamp(),
          is(LocalDateTime.parse(time).toInstant(ZoneOffset.UTC).toEpochMilli()));
      assertThat(
          "in order of microseconds",
          time.compareTo(lastTime.getOrDefault(record.partition(), "")),
          is(greaterThanOrEqualTo(0)));
      lastTime.put(record.partition(), time);
    }
    assertThat("partitions", lastTimestamp.size(), is(PARTITIONS));
    assertThat(
        records.stream().map(ConsumerRecord::value).sorted().toList(),
        is(lines.stream().sorted().toList()));
  }

  @Test
  void keepsThePaceOfTheEvents() throws Exception {
    // 90 s of events at 30 times their speed take 3 s.
    List<String> lines = new ArrayList<>();
    for (int second = 0; second <= 90; second++) {
      lines.add(
          "{\"instance_id\": 1, \"arrival_timestamp\": \"%s\"}"
              .formatted(START.plusSeconds(second)));
    }
    Path file = Files.write(directory.resolve("paced.jsonl"), lines);
    long started = System.nanoTime();
    CommandOutput output = replay("paced", file, "--speedup=30");
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - started);
    assertThat(output.err(), output.exitCode(), is(0));
    assertThat(output.err(), containsString(" of 91 sent ("));
    assertThat(millis, is(greaterThan(2_990L)));
    assertThat(millis, is(lessThan(20_000L)));
    assertThat(consume("paced", 91).size(), is(91));
  }

  @Test
  void goesOnAfterWhatWasSentBefore() throws Exception {
    List<String> lines = lines(1_000, 0);
    Path file = Files.write(directory.resolve("resumed.jsonl"), lines);
    Path resume = directory.resolve("resume");
    CommandOutput first = replay("resumed", file, "--speedup=0", "--resume=" + resume);
    assertThat(first.err(), first.exitCode(), is(0));
    Properties properties = new Properties();
    try (BufferedReader reader = Files.newBufferedReader(resume)) {
      properties.load(reader);
    }
    assertThat(properties.getProperty("sent"), is("1000"));

    properties.setProperty("sent", "900");
    try (var writer = Files.newBufferedWriter(resume)) {
      properties.store(writer, null);
    }
    CommandOutput second = replay("resumed", file, "--speedup=0", "--resume=" + resume);
    assertThat(second.err(), second.exitCode(), is(0));
    List<String> expected = new ArrayList<>(lines);
    expected.addAll(lines.subList(900, 1_000));
    assertThat(
        consume("resumed", 1_100).stream().map(ConsumerRecord::value).sorted().toList(),
        is(expected.stream().sorted().toList()));

    CommandOutput other = replay("another", file, "--speedup=0", "--resume=" + resume);
    assertThat(other.exitCode(), is(1));
    assertThat(other.err(), containsString("is of another replay"));
  }

  @Test
  void flushesAndRemembersOnSigterm() throws Exception {
    List<String> lines = lines(50_000, 0);
    Path file = Files.write(directory.resolve("stopped.jsonl"), lines);
    Path resume = directory.resolve("resume");
    // A day of events in about 100 s.
    List<String> arguments =
        List.of(
            "--input=" + file,
            "--bootstrapServers=" + broker.bootstrapServers(),
            "--topic=stopped",
            "--speedup=864",
            "--resume=" + resume);
    Process process = CommandProcess.of("replay", arguments).start();
    try (BufferedReader progress = process.errorReader(StandardCharsets.UTF_8)) {
      assertThat(progress.readLine(), containsString(" of 50,000 sent ("));
      // Process.destroy would close the stream that is read here.
      process.toHandle().destroy();
      assertThat(process.waitFor(30, TimeUnit.SECONDS), is(true));
      assertThat(progress.readLine(), containsString("stopped after "));
    } finally {
      process.destroyForcibly();
    }
    Properties properties = new Properties();
    try (BufferedReader reader = Files.newBufferedReader(resume)) {
      properties.load(reader);
    }
    int sent = Integer.parseInt(properties.getProperty("sent"));
    assertThat(sent, is(greaterThan(100)));
    assertThat(sent, is(lessThan(50_000)));
    List<ConsumerRecord<String, String>> records = consume("stopped", sent);
    assertThat(
        records.stream().map(ConsumerRecord::value).sorted().toList(),
        is(lines.subList(0, sent).stream().sorted().toList()));
  }

  @Test
  void leavesNoGapAfterAKill() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    List<String> lines = lines(50_000, 0);
    Path file = Files.write(directory.resolve("killed.jsonl"), lines);
    Path resume = directory.resolve("resume");
    // A day of events in about 100 s: 500 a second.
    List<String> arguments =
        List.of(
            "--input=" + file,
            "--bootstrapServers=" + broker.bootstrapServers(),
            "--topic=killed",
            "--speedup=864",
            "--resume=" + resume);
    Process process = CommandProcess.of("replay", arguments).start();
    try (BufferedReader progress = process.errorReader(StandardCharsets.UTF_8)) {
      assertThat(progress.readLine(), containsString(" of 50,000 sent ("));
      // The second one is written after the first has been remembered.
      assertThat(progress.readLine(), containsString(" of 50,000 sent ("));
      process.toHandle().destroyForcibly();
      assertThat(process.waitFor(30, TimeUnit.SECONDS), is(true));
    } finally {
      process.destroyForcibly();
    }
    long sentBeforeKill = endOf("killed");
    Properties properties = new Properties();
    try (BufferedReader reader = Files.newBufferedReader(resume)) {
      properties.load(reader);
    }
    long remembered = Long.parseLong(properties.getProperty("sent"));
    assertThat(remembered, is(greaterThan(100L)));
    long twice = sentBeforeKill - remembered;
    assertThat("2 s of 500 a second, and as much again", twice, is(lessThan(2_000L)));

    CommandOutput output = replay("killed", file, "--speedup=0", "--resume=" + resume);
    assertThat(output.err(), output.exitCode(), is(0));
    List<String> values =
        consume("killed", (int) (50_000 + twice)).stream().map(ConsumerRecord::value).toList();
    assertThat(new HashSet<>(values), is(new HashSet<>(lines)));
  }

  @Test
  void goesNoFasterThanALaggingGroup() throws Exception {
    Path file = Files.write(directory.resolve("lagging.jsonl"), lines(60_000, 0));
    try (KafkaConsumer<String, String> consumer = consumer("slow", 500)) {
      CompletableFuture<CommandOutput> replay =
          CompletableFuture.supplyAsync(
              () -> replay("lagging", file, "--speedup=0", "--consumerGroup=slow"));
      Await.until("what goes out ahead of a commit", WAIT, () -> endOf("lagging") == 20_000);
      consumer.assign(partitions(consumer, "lagging"));
      consumer.seekToBeginning(consumer.assignment());
      long committed = 0;
      for (int commit = 0; commit < 3; commit++) {
        committed += pollAndCommit(consumer);
        long expected = 20_000 + committed;
        Await.until("as much as was committed", WAIT, () -> endOf("lagging") == expected);
      }
      // A quick group: the rest follows, as fast as it takes it.
      long deadline = System.nanoTime() + WAIT.toNanos();
      while (committed < 60_000 && System.nanoTime() < deadline) {
        committed += pollAndCommit(consumer);
      }
      assertThat(committed, is(60_000L));
      CommandOutput output = replay.get(WAIT.toSeconds(), TimeUnit.SECONDS);
      assertThat(output.err(), output.exitCode(), is(0));
      assertThat(
          output.err(),
          anyOf(containsString("slow has committed"), containsString("slow lags by")));
      assertThat(output.err(), containsString("highwater replay: sent 60,000 of 60,000 records"));
    }
  }

  private static long pollAndCommit(KafkaConsumer<String, String> consumer) {
    int count = 0;
    long deadline = System.nanoTime() + WAIT.toNanos();
    while (count == 0 && System.nanoTime() < deadline) {
      count = consumer.poll(Duration.ofMillis(100)).count();
    }
    consumer.commitSync();
    return count;
  }

  private static KafkaConsumer<String, String> consumer(String group, int maxPollRecords) {
    return new KafkaConsumer<>(
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
            broker.bootstrapServers(),
            ConsumerConfig.GROUP_ID_CONFIG,
            group,
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
            false,
            ConsumerConfig.MAX_POLL_RECORDS_CONFIG,
            maxPollRecords),
        new StringDeserializer(),
        new StringDeserializer());
  }

  private static List<TopicPartition> partitions(
      KafkaConsumer<String, String> consumer, String topic) {
    return consumer.partitionsFor(topic).stream()
        .map(partition -> new TopicPartition(topic, partition.partition()))
        .toList();
  }

  /** How many records the topic has; none where there is no such topic yet. */
  private static long endOf(String topic) {
    try (KafkaConsumer<String, String> consumer = consumer("reader-of-ends", 1)) {
      if (!consumer.listTopics().containsKey(topic)) {
        return 0;
      }
      return consumer.endOffsets(partitions(consumer, topic)).values().stream()
          .mapToLong(Long::longValue)
          .sum();
    }
  }

  private static CommandOutput replay(String topic, Path file, String... more) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(
        List.of(
            "replay",
            "--input=" + file,
            "--bootstrapServers=" + broker.bootstrapServers(),
            "--topic=" + topic,
            "--partitions=" + PARTITIONS));
    arguments.addAll(List.of(more));
    return CommandOutput.of(arguments.toArray(new String[0]));
  }

  private static List<String> lines(int count, double invalidShare) {
    QueryFormat format = QueryFormat.json();
    List<String> lines = new ArrayList<>();
    boolean broken = false;
    QueryGenerator queries =
        QueryGenerator.of(new Settings(count, 1, START, Duration.ofDays(1), 20, invalidShare));
    while (queries.hasNext()) {
      var query = queries.next();
      broken |= query.defect() != Defect.NONE;
      lines.add(new String(format.toBytes(query), StandardCharsets.UTF_8));
    }
    assertThat(broken, is(invalidShare > 0));
    return lines;
  }

  /** All records of the topic, of each partition in its order; more than {@code count} is wrong. */
  private static List<ConsumerRecord<String, String>> consume(String topic, int count) {
    Map<String, Object> settings =
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
            broker.bootstrapServers(),
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
            "earliest");
    List<ConsumerRecord<String, String>> records = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(partition -> new TopicPartition(topic, partition.partition()))
              .toList();
      consumer.assign(partitions);
      long expected =
          consumer.endOffsets(partitions).values().stream().mapToLong(Long::longValue).sum();
      assertThat("records in the topic", expected, is((long) count));
      consumer.seekToBeginning(partitions);
      long deadline = System.nanoTime() + WAIT.toNanos();
      while (records.size() < count && System.nanoTime() < deadline) {
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
    }
    return records;
  }
}
