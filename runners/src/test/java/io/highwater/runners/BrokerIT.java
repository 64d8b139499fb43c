package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BrokerIT {
  private static final String TOPIC = "made-on-first-use";
  private static final Instant LONG_AGO = Instant.parse("2024-03-01T00:00:00Z");
  private static final Duration WAIT = Duration.ofSeconds(30);

  @TempDir Path directory;

  @Test
  void keepsOldRecordsAndCommittedOffsetsOverARestart() throws Exception {
    try (TestBroker broker = TestBroker.start(directory)) {
      send(broker, "first");
      assertThat(valuesAfterCommit(broker, 1), contains("first"));
      send(broker, "second");
      assertThat("exit code after SIGTERM", broker.stop(), is(0));
    }
    try (TestBroker broker = TestBroker.start(directory)) {
      assertThat(valuesAfterCommit(broker, 1), contains("second"));
    }
  }

  @Test
  void startsAgainAfterBeingKilled() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    try (TestBroker broker = TestBroker.start(directory)) {
      send(broker, "first");
      broker.kill();
    }
    try (TestBroker broker = TestBroker.start(directory)) {
      assertThat(valuesAfterCommit(broker, 1), contains("first"));
    }
  }

  @Test
  void refusesAPortThatIsTaken() throws Exception {
    try (TestBroker broker = TestBroker.start()) {
      String port = broker.bootstrapServers().substring("127.0.0.1:".length());
      assertThat(
          failure("--port=" + port, "--dir=" + directory),
          is(
              "1 highwater broker: cannot listen on 127.0.0.1:"
                  + port
                  + " (Address already in use); choose another --port\n"));
    }
  }

  @Test
  void refusesADirectoryThatIsInUse() throws Exception {
    try (TestBroker broker = TestBroker.start(directory)) {
      assertThat(
          failure("--port=0", "--dir=" + directory),
          containsString("is in use by another broker; choose another --dir\n"));
    }
  }

  @Test
  void refusesADirectoryThatCannotBeMade() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    assertThat(
        failure("--port=0", "--dir=" + file.resolve("below")),
        containsString("1 highwater broker: cannot write to " + file.resolve("below")));
  }

  @Test
  void namesAWrongOption() throws Exception {
    assertThat(
        failure("--port=many"),
        is(
            "2 highwater broker: --port=many: expected a whole number (see highwater broker --help)\n"));
    assertThat(
        failure("--prot=1"),
        is("2 highwater broker: Unknown option: '--prot=1' (see highwater broker --help)\n"));
  }

  private static void send(TestBroker broker, String value)
      throws InterruptedException, ExecutionException {
    Map<String, Object> settings =
        Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers());
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>(TOPIC, 0, LONG_AGO.toEpochMilli(), "key", value)).get();
    }
  }

  /** Reads on from the group's committed offset and commits what it read. */
  private static List<String> valuesAfterCommit(TestBroker broker, int count) {
    Map<String, Object> settings =
        Map.of(
            ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers(),
            ConsumerConfig.GROUP_ID_CONFIG, "group",
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    List<String> values = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(TOPIC));
      long deadline = System.nanoTime() + WAIT.toNanos();
      while (values.size() < count && System.nanoTime() < deadline) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
          assertThat(record.timestamp(), is(LONG_AGO.toEpochMilli()));
          values.add(record.value());
        }
      }
      consumer.commitSync();
    }
    return values;
  }

  /** The exit code, a blank, and what the broker said on standard error. */
  private static String failure(String... arguments) throws IOException, InterruptedException {
    Process process = CommandProcess.of("broker", List.of(arguments)).start();
    try (InputStream errors = process.getErrorStream()) {
      String said = new String(errors.readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() + " " + said;
    }
  }
}
