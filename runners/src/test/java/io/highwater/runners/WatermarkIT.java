package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.lake.LakeTable;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event time over partitions that are empty, go quiet or lag: windows close, nothing is late. */
class WatermarkIT {
  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final Duration WAIT = Duration.ofSeconds(180);

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

  @Test
  void takesNothingForLateThatIsInOrderInItsPartition() throws Exception {
    Path lake = directory.resolve("lake");
    List<QueryMessage> early = queries(1, START, Duration.ofHours(3));
    List<QueryMessage> late = queries(2, START.plus(Duration.ofHours(6)), Duration.ofHours(3));
    try (TestTopic topic = TestTopic.create(broker, "uneven", 6);
        StreamProcess stream = start(topic, lake, "5s", "8s")) {
      // 0 and 1 go on in the evening, 2 goes quiet, 3 lags by hours; 4 and 5 are empty.
      topic.send(2, late.subList(0, 50));
      for (int part = 0; part < 40; part++) {
        topic.send(0, late.subList(50 + part * 20, 60 + part * 20));
        topic.send(1, late.subList(60 + part * 20, 70 + part * 20));
        topic.send(3, early.subList(part * 25, part * 25 + 25));
        pause(Duration.ofMillis(200));
      }
      stream.awaitSuccess();
      assertThatRollUpsAreOfAllEvents(topic, lake);
    }
  }

  @Test
  void closesWindowsOfAReplayAndLosesNothingWhenItPauses() throws Exception {
    Path lake = directory.resolve("lake");
    List<QueryMessage> messages = queries(3, START, Duration.ofHours(1));
    try (TestTopic topic = TestTopic.create(broker, "paused", 6);
        StreamProcess stream = start(topic, lake, "1s", "6s")) {
      // At 600 times its speed, with two pauses in which all partitions are idle.
      for (int part = 0; part < 50; part++) {
        topic.send(part % 2, messages.subList(part * 20, part * 20 + 20));
        pause(Duration.ofMillis(part % 20 == 19 ? 3_000 : 120));
      }
      Await.until(
          "a closed window",
          WAIT,
          () -> {
            assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
            return hasClosedWindow(lake);
          });
      stream.awaitSuccess();
      assertThatRollUpsAreOfAllEvents(topic, lake);
    }
  }

  private static List<QueryMessage> queries(long seed, Instant start, Duration duration) {
    return QueryMessage.generateAll(new Settings(1_000, seed, start, duration, 3, 0));
  }

  /** What a producer takes between two messages. */
  private static void pause(Duration duration) {
    LockSupport.parkNanos(duration.toNanos());
  }

  private StreamProcess start(TestTopic topic, Path lake, String idle, String stop)
      throws IOException {
    return StreamProcess.start(
        directory.resolve("log"),
        List.of(
            "--bootstrapServers=" + broker.bootstrapServers(),
            "--inputTopic=" + topic.name(),
            "--lake=" + lake,
            "--checkpointingInterval=1000",
            "--partitionIdleTimeout=" + idle,
            "--stopAfterIdle=" + stop));
  }

  private static boolean hasClosedWindow(Path lake) throws Exception {
    if (LakeTable.of(lake, contract.id(), "rollups").files().isEmpty()) {
      return false;
    }
    try (LakeRows rows = LakeRows.of(contract)) {
      rows.load("lake", lake);
      return rows.count("(FROM lake.rollups WHERE is_final)") > 0;
    }
  }

  private static void assertThatRollUpsAreOfAllEvents(TestTopic topic, Path lake) throws Exception {
    try (LakeRows rows = LakeRows.of(contract)) {
      rows.load("lake", lake);
      rows.loadSent(topic);
      assertThat(
          rows.differences(
              "SELECT _partition, _offset, query_id FROM sent",
              "SELECT _partition, _offset, query_id FROM lake.events"),
          is(empty()));
      assertThat(rows.rollUpDifferences("lake"), is(empty()));
    }
  }
}
