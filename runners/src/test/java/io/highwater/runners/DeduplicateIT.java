package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.lake.LakeTable;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Redelivered messages from a real broker, over a crash. */
class DeduplicateIT {
  private static final int QUERIES = 1_000;
  private static final int DELIVERIES = 80;
  private static final Instant START = Instant.parse("2024-03-01T22:51:00Z");
  private static final Duration WAIT = Duration.ofSeconds(60);

  @TempDir Path directory;

  @Test
  void keepsEachRowOnceThatIsDeliveredEightyTimesAlsoOverACrash() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    Contract contract = ContractLoader.load("warehouse-queries");
    Path lake = directory.resolve("lake");
    List<QueryMessage> deliveries = new ArrayList<>();
    for (QueryMessage message :
        QueryMessage.generateAll(new Settings(QUERIES, 5, START, Duration.ofHours(1), 6, 0.02))) {
      deliveries.addAll(Collections.nCopies(DELIVERIES, message));
    }
    Collections.shuffle(deliveries, new Random(1));
    int half = deliveries.size() / 2;

    try (TestBroker broker = TestBroker.start();
        TestTopic topic = TestTopic.create(broker, "redelivered", 3);
        LakeRows rows = LakeRows.of(contract)) {
      List<String> options =
          List.of(
              "--bootstrapServers=" + broker.bootstrapServers(),
              "--inputTopic=" + topic.name(),
              "--lake=" + lake,
              "--checkpointingInterval=1000",
              "--deduplicate=2h",
              // They come in any order; the roll-ups are to count them all.
              "--allowedLateness=2h");
      topic.send(deliveries.subList(0, half));
      try (StreamProcess stream = StreamProcess.start(directory.resolve("first.log"), options)) {
        Await.until(
            "a file in the lake",
            WAIT,
            () -> {
              assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
              return !LakeTable.of(lake, contract.id(), "events").files().isEmpty();
            });
        topic.send(deliveries.subList(half, deliveries.size()));
        // By now it has read some of these, and what it knows of them dies with it.
        stream.kill();
      }
      List<String> command = new ArrayList<>(List.of("stream"));
      command.addAll(options);
      command.add("--stopAfterIdle=2s");
      CommandOutput rest = CommandOutput.of(command.toArray(String[]::new));
      assertThat(rest.err(), rest.exitCode(), is(0));
      assertThat(rest.err(), containsString("Going on from "));
      assertThat(rest.err(), not(containsString("Done: 0 records read")));

      rows.load("lake", lake);
      assertThat(
          rows.rows(
              "SELECT instance_id, query_id, epoch_us(arrival_timestamp) FROM lake.events ORDER BY ALL"),
          is(
              topic.sent().stream()
                  .filter(sent -> sent.message().code() == null)
                  .map(sent -> sent.message().query())
                  .distinct()
                  .sorted(
                      Comparator.comparing((Query query) -> query.instanceId())
                          .thenComparing(query -> query.queryId()))
                  .map(
                      query ->
                          query.instanceId()
                              + ", "
                              + query.queryId()
                              + ", "
                              + query.arrivalMicros())
                  .toList()));
      assertThat(
          rows.rows("SELECT _partition, _offset, code FROM lake.rejected").stream()
              .sorted()
              .toList(),
          is(
              topic.sent().stream()
                  .filter(sent -> sent.message().code() != null)
                  .map(
                      sent ->
                          sent.partition() + ", " + sent.offset() + ", " + sent.message().code())
                  .sorted()
                  .toList()));
      assertThat(rows.rollUpDifferences("lake"), is(empty()));
    }
  }
}
