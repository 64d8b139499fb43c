package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.lake.LakeNames;
import io.highwater.runners.generate.QueryGenerator.Settings;
import io.highwater.transforms.Table;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compaction beside a stream that is killed and brings back what was compacted. */
class CompactIT {
  private static final String CONTRACT = "warehouse-queries";
  private static final Duration WAIT = Duration.ofSeconds(180);

  @TempDir Path directory;

  @Test
  void holdsEveryRowOnceWhenARestoredStreamWritesCompactedFilesAgain() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    Contract contract = ContractLoader.load(CONTRACT);
    List<QueryMessage> messages =
        QueryMessage.generateAll(
            new Settings(
                8_000, 3, Instant.parse("2024-03-01T22:00:00Z"), Duration.ofHours(4), 6, 0.01));
    try (TestBroker broker = TestBroker.start(directory.resolve("broker"));
        TestTopic topic = TestTopic.create(broker, "compacted", 2)) {
      topic.send(messages.subList(0, 5_000));
      List<String> killedWith;
      // The newest checkpoint at the kill is the one that released the files: there is no other for
      // a long time. So the restored stream has the same groups to write.
      try (StreamProcess stream =
          StreamProcess.start(
              directory.resolve("killed.log"), options(broker, "--checkpointingInterval=10000"))) {
        Await.until(
            "files of events",
            WAIT,
            () -> {
              assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
              return !files("events", ".arrow").isEmpty();
            });
        stream.kill();
        killedWith = files("events", ".arrow");
      }

      String first = compact();
      assertThat(first, matchesPattern("(?s)hours=[1-9].* hours_failed=0 .*"));
      String sweep = compact();
      assertThat(sweep, matchesPattern("(?s)hours=0 .* files_deleted=[1-9].*"));
      assertThat(files("events", ".arrow"), is(empty()));

      topic.send(messages.subList(5_000, 8_000));
      try (StreamProcess stream =
          StreamProcess.start(
              directory.resolve("restored.log"),
              options(broker, "--checkpointingInterval=1000", "--stopAfterIdle=2s"))) {
        stream.awaitSuccess();
        assertThat(stream.log(), containsString("Going on from "));
        assertThat(
            "a replay",
            stream.log(),
            matchesPattern("(?s).*/events-[0-9a-f]{16}\\.arrow is not written again.*"));
      }
      for (String name : killedWith) {
        assertThat(files("events", ".arrow"), not(hasItem(name)));
      }
      try (LakeRows rows = LakeRows.of(contract)) {
        ExactlyOnce.assertThatEveryMessageIsThereOnce(rows, topic, lake());
        compact();
        compact();
        assertThat(files("events", ".arrow"), is(empty()));
        rows.load("compacted", lake());
        for (Table table : Table.values()) {
          String relation = table == Table.ROLLUPS ? "rollups_latest" : table.folder();
          assertThat(
              rows.differences("FROM lake." + relation, "FROM compacted." + relation), is(empty()));
        }
      }
    }
  }

  private Path lake() {
    return directory.resolve("lake");
  }

  private List<String> options(TestBroker broker, String... more) {
    return Stream.concat(
            Stream.of(
                "--bootstrapServers=" + broker.bootstrapServers(),
                "--inputTopic=compacted",
                "--lake=" + lake()),
            Stream.of(more))
        .toList();
  }

  /** Compacts as if everything in the lake had been there for a quarter of an hour. */
  private String compact() throws Exception {
    FileTime before = FileTime.from(Instant.now().minus(Duration.ofMinutes(15)));
    try (Stream<Path> files = Files.walk(lake())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.setLastModifiedTime(file, before);
      }
    }
    CommandOutput output = CommandOutput.of("compact", "--lake=" + lake());
    assertThat(output.err(), output.exitCode(), is(0));
    return output.out();
  }

  private List<String> files(String table, String ending) throws IOException {
    Path folder = lake().resolve(CONTRACT).resolve(table);
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> LakeNames.isData(name) && name.endsWith(ending))
          .toList();
    }
  }
}
