package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ScheduledFuture;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model is changed under a running stream, and then a damaged one is put in its place. */
class ModelChangeIT {
  private static final Instant HISTORY = Instant.parse("2024-02-26T00:00:00Z");
  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final int INSTANCES = 5;
  private static final Duration PICK_UP = Duration.ofSeconds(30);
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final int CHUNK = 100;

  @TempDir Path directory;

  @Test
  void takesANewModelBetweenTwoBatchesAndRefusesADamagedOne() throws Exception {
    Contract contract = ContractLoader.load("warehouse-queries");
    String first = train(1);
    String second = train(2);
    run("models", "promote", first, "--registry=" + registry());
    Iterator<QueryMessage> messages =
        QueryMessage.generateAll(
                new Settings(100_000, 1, START, Duration.ofHours(6), INSTANCES, 0.01))
            .iterator();

    try (TestBroker broker = TestBroker.start();
        TestTopic topic = TestTopic.create(broker, "scored", 2);
        LakeRows rows = LakeRows.of(contract);
        StreamProcess stream =
            StreamProcess.start(
                directory.resolve("stream.log"),
                List.of(
                    "--bootstrapServers=" + broker.bootstrapServers(),
                    "--inputTopic=scored",
                    "--lake=" + directory.resolve("lake"),
                    "--registry=" + registry(),
                    "--score=all",
                    "--alertTopic=alerts",
                    "--checkpointingInterval=1000",
                    "--stopAfterIdle=4s"))) {
      Await.until(
          "the first model in service", WAIT, () -> stream.log().contains(inService(first)));
      // The changes are to be under load, and each version is to score some.
      ScheduledFuture<?> load = topic.trickle(messages, CHUNK);
      Await.until("rows scored by the first", WAIT, () -> topic.sentCount() > 2_000);
      run("models", "promote", second, "--registry=" + registry());
      awaitLog("the second in service", stream, inService(second));
      int before = topic.sentCount();
      Await.until("rows scored by the second", WAIT, () -> topic.sentCount() > before + 2_000);
      String damaged = putDamagedIntoService(second);
      awaitLog("the damaged one refused", stream, damaged + " is refused: its file mean.onnx");
      assertThat(stream.log(), containsString("version " + second + " stays in service"));
      int refused = topic.sentCount();
      Await.until("rows scored after it", WAIT, () -> topic.sentCount() > refused + 2_000);
      topic.endTrickle(load);
      stream.awaitSuccess();

      rows.load("lake", directory.resolve("lake"));
      rows.loadSent(topic);
      assertThat(
          rows.differences(
              "SELECT _partition, _offset, query_id FROM sent WHERE code IS NULL",
              "SELECT _partition, _offset, query_id FROM lake.events"),
          is(empty()));
      assertThat(
          rows.rows("SELECT DISTINCT model_version FROM lake.events WHERE was_cached"),
          is(List.of("null")));
      assertThat(
          rows.rows(
              "SELECT DISTINCT model_version FROM lake.events WHERE NOT was_cached ORDER BY ALL"),
          is(List.of(first, second)));
      assertThat(
          rows.rows(
              """
              FROM (SELECT _partition, _offset, model_version,
                lag(model_version) OVER (PARTITION BY _partition ORDER BY _offset) AS before
                FROM lake.events WHERE model_version IS NOT NULL)
              WHERE before > model_version"""),
          is(empty()));
      assertThat(
          rows.differences(
              "SELECT instance_id, query_id, model_version FROM lake.events WHERE is_outlier",
              "SELECT instance_id, query_id, model_version FROM lake.outliers"),
          is(empty()));
      assertThatAlertsAreOfOutliers(broker, rows);
    }
  }

  private static void assertThatAlertsAreOfOutliers(TestBroker broker, LakeRows rows)
      throws Exception {
    Set<String> ids = new TreeSet<>(rows.rows("SELECT DISTINCT outlier_id FROM lake.outliers"));
    assertThat(ids.size(), is(greaterThan(0)));
    long told = 0;
    for (ConsumerRecord<byte[], byte[]> message : TestTopic.consume(broker, "alerts")) {
      JsonNode alert = new ObjectMapper().readTree(message.value());
      told += alert.get("count").asLong();
      assertThat(ids.contains(alert.get("outlier_id").asText()), is(true));
    }
    assertThat("each outlier is in one alert", told, is(rows.count("lake.outliers")));
  }

  private Path registry() {
    return directory.resolve("models");
  }

  private String train(int seed) throws IOException, InterruptedException {
    Path history = directory.resolve("history.parquet");
    if (!Files.exists(history)) {
      QueryFile.write(
          QueryGenerator.of(new Settings(20_000, 1, HISTORY, Duration.ofDays(4), INSTANCES, 0)),
          QueryFile.Format.PARQUET,
          history,
          null);
    }
    String out = run("train", "--input=" + history, "--registry=" + registry(), "--seed=" + seed);
    return out.replaceAll("(?s).*version=(\\S+).*", "$1");
  }

  private static String run(String... command) {
    CommandOutput output = CommandOutput.of(command);
    assertThat(output.err(), output.exitCode(), is(0));
    return output.out();
  }

  private static String inService(String version) {
    return version + " is in service";
  }

  private static void awaitLog(String what, StreamProcess stream, String words) throws Exception {
    Await.until(
        what,
        PICK_UP,
        () -> {
          assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
          return stream.log().contains(words);
        });
  }

  /** A copy of a version, one of whose graphs has lost its end; gives its name. */
  private String putDamagedIntoService(String version) throws IOException {
    Path models = registry().resolve("warehouse-queries");
    String damaged = "2" + version.substring(1, 4).replaceAll("\\d", "9") + version.substring(4);
    Path folder = Files.createDirectory(models.resolve(damaged));
    try (Stream<Path> files = Files.list(models.resolve(version))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    Path graph = folder.resolve("mean.onnx");
    byte[] whole = Files.readAllBytes(graph);
    Files.write(graph, Arrays.copyOf(whole, whole.length - 100));
    Path latest = models.resolve("latest.json");
    Path next = models.resolve("latest.json.next");
    Files.writeString(
        next,
        Files.readString(latest)
            .replace("\"version\" : \"" + version, "\"version\" : \"" + damaged));
    Files.move(next, latest, StandardCopyOption.ATOMIC_MOVE);
    return damaged;
  }
}
