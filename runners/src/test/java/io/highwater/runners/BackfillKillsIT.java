package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.ContractLoader;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Backfills that replace a lake's hours, each with rows of its own, are killed again and again
 * while a reader looks at the lake all the time: each hour has all the rows of one of them, and no
 * other.
 */
class BackfillKillsIT {
  private static final int KILLS = Integer.getInteger("highwater.kills", 20);
  private static final long SEED = Long.getLong("highwater.seed", 1);
  private static final QueryGenerator.Settings SETTINGS =
      new QueryGenerator.Settings(
          30_000, 5, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofHours(12), 5, 0);

  /** What the rows of a version have more as their user than those of the one before. */
  private static final long VERSION = 1_000_000_000;

  @TempDir Path directory;

  @Test
  void replacesHoursAsWholesThoughItIsKilled() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    QueryFile.write(QueryGenerator.of(SETTINGS), QueryFile.Format.PARQUET, input(0), null);
    Map<Long, Long> rowsByHour = rowsByHour();
    Path lake = directory.resolve("lake");
    run(input(0), lake);
    long startNanos = System.nanoTime();
    assertThat(start(input(0), lake).waitFor(), is(0));
    long runMillis = (System.nanoTime() - startNanos) / 1_000_000;

    Random random = new Random(SEED);
    List<String> wrong = new CopyOnWriteArrayList<>();
    AtomicBoolean stopped = new AtomicBoolean();
    AtomicLong looks = new AtomicLong();
    Thread reader =
        new Thread(
            () -> {
              while (!stopped.get() && wrong.isEmpty()) {
                wrong.addAll(wrongHours(lake, rowsByHour));
                looks.incrementAndGet();
              }
            },
            "reader");
    reader.start();
    int killed = 0;
    int killedWhilePublishing = 0;
    for (int kill = 1; kill <= KILLS; kill++) {
      writeVersion(kill);
      int markers = markers(lake).size();
      Process backfill = start(input(kill), lake);
      boolean ended =
          switch (kill % 3) {
            // Between two hours' publishing.
            case 1 -> awaitMarkers(backfill, lake, markers + 1 + random.nextInt(10));
            // About the time of it.
            case 2 -> await(backfill, runMillis - random.nextInt(1_000));
            default -> await(backfill, random.nextInt(Math.toIntExact(runMillis)));
          };
      backfill.destroyForcibly().waitFor();
      long version = kill;
      long published =
          versions(lake).values().stream().filter(rows -> rows.containsKey(version)).count();
      killed += ended ? 0 : 1;
      killedWhilePublishing += published > 0 && published < rowsByHour.size() ? 1 : 0;
      System.out.printf(
          "backfill %d of %d %s; of %d hours %d were published%n",
          kill, KILLS, ended ? "ended" : "was killed", rowsByHour.size(), published);
      assertThat(wrongHours(lake, rowsByHour), is(empty()));
    }
    writeVersion(KILLS + 1);
    run(input(KILLS + 1), lake);
    stopped.set(true);
    reader.join();

    System.out.printf(
        "%d killed, %d of them between two hours' publishing; %d looks at the lake%n",
        killed, killedWhilePublishing, looks.get());
    assertThat(wrong, is(empty()));
    assertThat(looks.get(), is(greaterThan(10L)));
    assertThat(killed, is(greaterThan(0)));
    assertThat(wrongHours(lake, rowsByHour), is(empty()));
    assertThat(differences(input(KILLS + 1), lake), is(empty()));
  }

  private Path input(long version) {
    return directory.resolve("version-" + version + ".parquet");
  }

  private void writeVersion(long version) throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (SELECT * REPLACE (user_id::BIGINT + %d AS user_id) FROM '%s') TO '%s' (FORMAT parquet)"
              .formatted(version * VERSION, input(0), input(version)));
    }
  }

  private Map<Long, Long> rowsByHour() throws SQLException {
    Map<Long, Long> rowsByHour = new TreeMap<>();
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT epoch_ms(arrival_timestamp) // 3600000, count(*) FROM '%s' GROUP BY 1"
                    .formatted(input(0)))) {
      while (rows.next()) {
        rowsByHour.put(rows.getLong(1), rows.getLong(2));
      }
    }
    return rowsByHour;
  }

  /** Whether the process ended by itself. */
  private static boolean await(Process process, long millis) throws InterruptedException {
    return process.waitFor(Math.max(1, millis), TimeUnit.MILLISECONDS);
  }

  private static boolean awaitMarkers(Process process, Path lake, int count) throws IOException {
    while (process.isAlive() && markers(lake).size() < count) {
      Thread.onSpinWait();
    }
    return !process.isAlive();
  }

  private static List<Path> markers(Path lake) throws IOException {
    try (Stream<Path> files = Files.walk(lake)) {
      return files.filter(file -> file.getFileName().toString().startsWith("_replaced-")).toList();
    } catch (UncheckedIOException e) {
      // A temporary file that went while it was looked at.
      return List.of();
    }
  }

  /** The hours that do not have all the rows of one version, and no other. */
  private static List<String> wrongHours(Path lake, Map<Long, Long> rowsByHour) {
    List<String> wrong = new ArrayList<>();
    Map<Long, Map<Long, Long>> versions = versions(lake);
    rowsByHour.forEach(
        (hour, rows) -> {
          Map<Long, Long> found = versions.getOrDefault(hour, Map.of());
          if (found.size() != 1 || !found.containsValue(rows)) {
            wrong.add("hour %d: rows by version are %s of %d".formatted(hour, found, rows));
          }
        });
    return wrong;
  }

  /** How many rows each hour has, by version. */
  private static Map<Long, Map<Long, Long>> versions(Path lake) {
    Map<Long, Map<Long, Long>> versions = new TreeMap<>();
    for (LakeFile file : LakeTable.of(lake, "warehouse-queries", "events").files()) {
      Map<Long, Long> ofHour =
          versions.computeIfAbsent(file.hour().epochHour(), unused -> new TreeMap<>());
      for (long userId : userIds(file)) {
        ofHour.merge(userId / VERSION, 1L, Long::sum);
      }
    }
    return versions;
  }

  private static List<Long> userIds(LakeFile file) {
    List<Long> userIds = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        ArrowFileReader reader = ArrowFiles.open(file.path(), allocator)) {
      while (reader.loadNextBatch()) {
        VectorSchemaRoot rows = reader.getVectorSchemaRoot();
        BigIntVector column = (BigIntVector) rows.getVector("user_id");
        for (int row = 0; row < rows.getRowCount(); row++) {
          userIds.add(column.get(row));
        }
      }
      return userIds;
    } catch (IOException e) {
      throw new AssertionError(file.toString(), e);
    }
  }

  private static List<String> differences(Path input, Path lake) throws Exception {
    try (LakeRows rows = LakeRows.of(ContractLoader.load("warehouse-queries"))) {
      rows.load("lake", lake);
      List<String> differences =
          new ArrayList<>(
              rows.differences(
                  "SELECT instance_id::BIGINT, query_id, arrival_timestamp, user_id FROM '"
                      + input
                      + "'",
                  "SELECT instance_id, query_id, arrival_timestamp, user_id FROM lake.events"));
      differences.addAll(
          rows.differences(rows.rollUpsOfEvents("lake"), rows.aggregatesOfRollUps("lake")));
      return differences;
    }
  }

  private Process start(Path input, Path lake) throws IOException {
    return CommandProcess.of("backfill", List.of("--input=" + input, "--lake=" + lake))
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("backfill.log").toFile())
        .start();
  }

  private static void run(Path input, Path lake) {
    CommandOutput output = CommandOutput.of("backfill", "--input=" + input, "--lake=" + lake);
    assertThat(output.err(), output.exitCode(), is(0));
  }
}
