package io.highwater.runners;

import static io.highwater.runners.ExactlyOnce.assertThatEveryMessageIsThereOnce;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.lake.LakeTable;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The stream from a real broker into a lake, also over crashes and stops. */
class StreamIT {
  private static final Instant START = Instant.parse("2024-03-01T22:30:00Z");
  private static final Duration WAIT = Duration.ofSeconds(180);
  private static final int PARTITIONS = 3;

  private static TestBroker broker;
  private static Contract contract;

  @TempDir Path directory;

  @BeforeAll
  static void startBroker() throws Exception {
    broker = TestBroker.start();
    contract = ContractLoader.load("warehouse-queries");
  }

  @AfterAll
  static void stopBroker() throws IOException {
    broker.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"polls", "kafkaio"})
  void putsEveryMessageIntoEventsOrRejectedAndRollsUpTheEvents(String source) throws Exception {
    Path lake = directory.resolve("lake");
    String deadLetters = "all-rejected-" + source;
    try (TestTopic topic = TestTopic.create(broker, "all-" + source, PARTITIONS);
        LakeRows rows = LakeRows.of(contract)) {
      topic.send(
          QueryMessage.generateAll(new Settings(8_000, 3, START, Duration.ofHours(4), 6, 0.02)));
      CommandOutput output =
          CommandOutput.of(
              command(
                  topic,
                  lake,
                  "--stopAfterIdle=2s",
                  "--kafkaSource=" + source,
                  "--deadLetterTopic=" + deadLetters));
      assertThat(output.err(), output.exitCode(), is(0));

      assertThatEveryMessageIsThereOnce(rows, topic, lake);
      assertThatDeadLettersAreTheRejected(rows, deadLetters);
    }
  }

  @Test
  void goesOnAfterACrashAndAfterAStopAndRefusesToBeginAnew() throws Exception {
    Path lake = directory.resolve("lake");
    Iterator<QueryMessage> messages =
        QueryMessage.generate(new Settings(100_000, 4, START, Duration.ofHours(48), 6, 0.02));
    try (TestTopic topic = TestTopic.create(broker, "stopped", PARTITIONS);
        LakeRows rows = LakeRows.of(contract)) {
      ScheduledFuture<?> trickle = topic.trickle(messages, 20);
      try (StreamProcess stream = start("first", topic, lake)) {
        awaitNewFile(stream, lake, 0);
        // Files are written after a checkpoint has completed; the next has not.
        stream.kill();
      }
      int filesAfterCrash = files(lake);
      try (StreamProcess stream = start("second", topic, lake)) {
        awaitNewFile(stream, lake, filesAfterCrash);
        assertThat("exit code after SIGTERM:\n" + stream.log(), stream.stop(), is(0));
        assertThat(stream.log(), containsString("Going on from "));
        assertThat(stream.log(), containsString("Stopped; the next start goes on from "));
        assertThat(stream.log(), not(containsString("failed unexpectedly")));
      }
      topic.endTrickle(trickle);
      CommandOutput rest = CommandOutput.of(command(topic, lake, "--stopAfterIdle=2s"));
      assertThat(rest.err(), rest.exitCode(), is(0));
      assertThat(rest.err(), containsString("Going on from "));
      assertThat(rest.err(), not(containsString("Done: 0 records read")));
      assertThatEveryMessageIsThereOnce(rows, topic, lake);

      // It ended with nothing to go on from, so that another start would write all rows again.
      CommandOutput refused = CommandOutput.of(command(topic, lake, "--stopAfterIdle=2s"));
      assertThat(refused.err(), refused.exitCode(), is(2));
      assertThat(
          refused.err(),
          is(
              "highwater stream: The lake %1$s has rows of topic stopped, but there is no state in %1$s-state to go on from; give --stateDir, or --startFrom to begin there nevertheless (see highwater stream --help)\n"
                  .formatted(lake)));
      CommandOutput latest =
          CommandOutput.of(command(topic, lake, "--stopAfterIdle=1s", "--startFrom=latest"));
      assertThat(latest.err(), latest.exitCode(), is(0));
      try (LakeRows after = LakeRows.of(contract)) {
        assertThatEveryMessageIsThereOnce(after, topic, lake);
      }
    }
  }

  @Test
  void countsLateRowsInTheLakeAndInTheLiveTopic() throws Exception {
    Path lake = directory.resolve("lake");
    Instant windowEnd = START.plus(Duration.ofHours(4));
    // So that the watermark comes to two minutes after the end of a window.
    Instant newest = windowEnd.plus(contract.outOfOrderBound()).plus(Duration.ofMinutes(2));
    try (TestTopic topic = TestTopic.create(broker, "late", PARTITIONS);
        LakeRows rows = LakeRows.of(contract);
        StreamProcess stream =
            StreamProcess.start(
                directory.resolve("late.log"),
                arguments(topic, lake, "--liveTopic=late-live", "--stopAfterIdle=12s"))) {
      topic.send(queries(20, START.plus(Duration.ofMinutes(5)), 5));
      topic.send(queries(30, newest, 6));
      Await.until(
          "a status of the live topic that says that all were read",
          WAIT,
          () -> {
            assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
            return stream.log().contains("Streaming late")
                && live("late-live", "status").stream()
                    .anyMatch(row -> row.path("records_read").asLong() == 50);
          });
      topic.send(queries(7, windowEnd.minus(Duration.ofMinutes(5)), 7));
      topic.send(queries(11, START.plus(Duration.ofMinutes(15)), 8));
      topic.send(queries(5, newest, 9));
      stream.awaitSuccess();
      assertThat(stream.log(), containsString("0 rejected, 7 late, 11 too late"));

      rows.load("lake", lake);
      assertThat(rows.count("lake.events"), is(73L));
      String shortest = "window_millis = " + contract.rollUp().windows().get(0).toMillis();
      assertThat(
          rows.rows("SELECT sum(queries) FROM lake.rollups_latest WHERE is_final AND " + shortest),
          is(List.of("62")));
      String counts = "records_read, records_accepted, records_late, records_too_late";
      assertThat(
          rows.rows("SELECT " + counts + " FROM lake.status ORDER BY reported_at DESC LIMIT 1"),
          is(List.of("73, 73, 7, 11")));
      JsonNode lastLive = live("late-live", "status").get(live("late-live", "status").size() - 1);
      assertThat(lastLive.path("records_late").asLong(), is(7L));
      assertThat(lastLive.path("records_too_late").asLong(), is(11L));
      Map<String, Long> livePanes = new TreeMap<>();
      live("late-live", "pane")
          .forEach(
              row ->
                  livePanes.put(
                      row.path("window_start").asText()
                          + row.path("window_millis")
                          + row.path("instance_id"),
                      row.path("queries").asLong()));
      assertThat(
          rows.rows("SELECT sum(queries) FROM lake.rollups_latest"),
          is(List.of(Long.toString(livePanes.values().stream().mapToLong(n -> n).sum()))));
    }
  }

  /** Generated queries that were all asked at {@code time}. */
  private static List<QueryMessage> queries(int count, Instant time, long seed) {
    return QueryMessage.generateAll(new Settings(count, seed, START, Duration.ofHours(1), 6, 0))
        .stream()
        .map(message -> message.query().withArrivalMicros(time.toEpochMilli() * 1_000))
        .map(query -> new QueryMessage(QueryFormat.json().toBytes(query), query, null))
        .toList();
  }

  /** The rows of the live messages of a kind, in their order. */
  private static List<JsonNode> live(String topic, String kind) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> message : TestTopic.consume(broker, topic)) {
      JsonNode json = new ObjectMapper().readTree(message.value());
      assertThat(
          new String(message.key(), StandardCharsets.UTF_8),
          is("warehouse-queries/" + json.path("kind").asText()));
      if (json.path("kind").asText().equals(kind)) {
        rows.add(json.path("row"));
      }
    }
    return rows;
  }

  @Test
  void saysInOneLineThatTheTopicOrTheBrokerIsMissing() throws Exception {
    Path lake = directory.resolve("lake");
    CommandOutput noTopic =
        CommandOutput.of(
            "stream",
            "--bootstrapServers=" + broker.bootstrapServers(),
            "--inputTopic=nowhere",
            "--lake=" + lake);
    assertThat(noTopic.err(), noTopic.exitCode(), is(2));
    assertThat(
        noTopic.err(),
        is(
            "highwater stream: --inputTopic is 'nowhere'; expected a topic of %s; create it first (see highwater stream --help)\n"
                .formatted(broker.bootstrapServers())));

    String unused;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      unused = "127.0.0.1:" + socket.getLocalPort();
    }
    long started = System.nanoTime();
    CommandOutput noBroker =
        CommandOutput.of(
            "stream", "--bootstrapServers=" + unused, "--inputTopic=nowhere", "--lake=" + lake);
    assertThat(noBroker.err(), noBroker.exitCode(), is(2));
    assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - started), is(lessThan(20L)));
    assertThat(
        noBroker.err(),
        containsString("highwater stream: --bootstrapServers is '" + unused + "'; expected "));
    assertThat("lines in\n" + noBroker.err(), noBroker.err().lines().count(), is(1L));
  }

  private StreamProcess start(String name, TestTopic topic, Path lake) throws IOException {
    return StreamProcess.start(directory.resolve(name + ".log"), arguments(topic, lake));
  }

  private static List<String> arguments(TestTopic topic, Path lake, String... more) {
    String[] command = command(topic, lake, more);
    return Arrays.asList(command).subList(1, command.length);
  }

  private static String[] command(TestTopic topic, Path lake, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "stream",
                "--bootstrapServers=" + broker.bootstrapServers(),
                "--inputTopic=" + topic.name(),
                "--lake=" + lake,
                "--checkpointingInterval=1000"));
    command.addAll(List.of(more));
    return command.toArray(new String[0]);
  }

  private static void awaitNewFile(StreamProcess stream, Path lake, int before) throws Exception {
    Await.until(
        "a new file in the lake",
        WAIT,
        () -> {
          assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
          return files(lake) > before;
        });
  }

  private static int files(Path lake) {
    return LakeTable.of(lake, contract.id(), "events").files().size();
  }

  private static void assertThatDeadLettersAreTheRejected(LakeRows rows, String deadLetterTopic)
      throws SQLException {
    List<String> rejected =
        rows.rows(
            "SELECT stage, code, coalesce(field, '-'), coalesce(value, '-'), reason, _topic, _partition, _offset, lower(hex(raw)) FROM lake.rejected");
    List<String> letters = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> letter : TestTopic.consume(broker, deadLetterTopic)) {
      List<String> values = new ArrayList<>();
      for (String name :
          List.of("stage", "code", "field", "value", "reason", "_topic", "_partition", "_offset")) {
        Header header = letter.headers().lastHeader("highwater." + name);
        values.add(header == null ? "-" : new String(header.value(), StandardCharsets.UTF_8));
      }
      values.add(HexFormat.of().formatHex(letter.value()));
      letters.add(String.join(", ", values));
    }
    // Each at least once.
    assertThat(
        letters.stream().distinct().sorted().toList(), is(rejected.stream().sorted().toList()));
  }
}
