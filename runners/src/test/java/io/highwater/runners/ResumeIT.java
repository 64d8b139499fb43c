package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What counts after a stop is what the next run is started with, and what the topic has then. */
class ResumeIT {
  private static final Duration WAIT = Duration.ofSeconds(180);
  private static final String GROUP = "resumed-group";

  @TempDir Path directory;

  @Test
  void goesOnWithAnotherAddressOtherSettingsAndMorePartitions() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    Contract contract = ContractLoader.load("warehouse-queries");
    List<QueryMessage> messages =
        QueryMessage.generateAll(
            new Settings(
                6_000, 5, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofHours(1), 6, 0.01));
    Path lake = directory.resolve("lake");
    Path brokerDirectory = Files.createDirectory(directory.resolve("broker"));
    Path settings = settings("first", "the-first-password");
    TestTopic before;
    String firstAddress;
    try (TestBroker broker = TestBroker.start(brokerDirectory)) {
      firstAddress = broker.bootstrapServers();
      before = TestTopic.create(broker, "resumed", 2);
      before.send(messages.subList(0, 3_000));
      List<String> options = options(broker, lake, settings, "--parallelism=1");
      try (StreamProcess stream = StreamProcess.start(directory.resolve("first.log"), options)) {
        Await.until(
            "all offsets committed",
            WAIT,
            () -> {
              assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
              return committed(broker).equals(before.ends());
            });
        before.send(messages.subList(3_000, 4_000));
        assertThat("exit code after SIGTERM:\n" + stream.log(), stream.stop(), is(0));
      }
    }
    Path state = directory.resolve("lake-state");
    assertThat("checkpoints name the topic", filesWith(state, "resumed"), is(not(empty())));
    assertThat(filesWith(state, "the-first-password"), is(empty()));
    assertThat(filesWith(state, firstAddress), is(empty()));

    Files.delete(settings);
    try (TestBroker broker = TestBroker.start(brokerDirectory);
        TestTopic topic = before.moved(broker, 5);
        LakeRows rows = LakeRows.of(contract)) {
      assertThat(broker.bootstrapServers(), is(not(firstAddress)));
      topic.send(messages.subList(4_000, 6_000));
      List<String> command = new ArrayList<>(List.of("stream"));
      command.addAll(
          options(
              broker,
              lake,
              settings("second", "the-second-password"),
              "--parallelism=2",
              "--stopAfterIdle=2s"));
      CommandOutput rest = CommandOutput.of(command.toArray(String[]::new));
      assertThat(rest.err(), rest.exitCode(), is(0));
      assertThat(rest.err(), containsString("Going on from "));

      assertThat(committed(broker), is(topic.ends()));
      rows.load("lake", lake);
      rows.loadSent(topic);
      assertThat(
          rows.differences(
              "SELECT _partition, _offset, query_id FROM sent WHERE code IS NULL",
              "SELECT _partition, _offset, query_id FROM lake.events"),
          is(empty()));
      assertThat(
          rows.differences(
              "SELECT _partition, _offset, raw FROM sent WHERE code IS NOT NULL",
              "SELECT _partition, _offset, raw FROM lake.rejected"),
          is(empty()));
    }
  }

  private Path settings(String name, String password) throws IOException {
    return Files.writeString(
        directory.resolve(name + ".properties"), "ssl.truststore.password=" + password + "\n");
  }

  private static List<String> options(TestBroker broker, Path lake, Path settings, String... more) {
    List<String> options =
        new ArrayList<>(
            List.of(
                "--bootstrapServers=" + broker.bootstrapServers(),
                "--inputTopic=resumed",
                "--lake=" + lake,
                "--consumerGroup=" + GROUP,
                "--consumerConfig=" + settings,
                "--checkpointingInterval=1000"));
    options.addAll(List.of(more));
    return options;
  }

  private static Map<Integer, Long> committed(TestBroker broker) throws Exception {
    Map<Integer, Long> committed = new TreeMap<>();
    try (Admin admin =
        Admin.create(
            Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()))) {
      admin
          .listConsumerGroupOffsets(GROUP)
          .partitionsToOffsetAndMetadata()
          .get()
          .forEach((partition, offset) -> committed.put(partition.partition(), offset.offset()));
    }
    return committed;
  }

  private static List<Path> filesWith(Path folder, String text) throws IOException {
    List<Path> found = new ArrayList<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text)) {
          found.add(file);
        }
      }
    }
    return found;
  }
}
