package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.ContractLoader;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import java.io.IOException;
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
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A backfill that replaces a lake's hours is killed at random moments, again and again, while a
 * reader looks at the lake all the time: each hour has all of its old rows or all of its new ones.
 */
class BackfillKillsIT {
  private static final int KILLS =
      Boolean.getBoolean("highwater.soak") ? Integer.getInteger("highwater.kills", 20) : 1;
  private static final long SEED = Long.getLong("highwater.seed", 1);
  private static final QueryGenerator.Settings SETTINGS =
      new QueryGenerator.Settings(
          30_000, 5, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofHours(12), 5, 0);

  /** What tells the rows of the second input from those of the first. */
  private static final long NEW = 1_000_000_000;

  @TempDir Path directory;

  @Test
  void replacesHoursAsWholesThoughItIsKilled() throws Exception {
    Path before = directory.resolve("before.parquet");
    Path after = directory.resolve("after.parquet");
    QueryFile.write(QueryGenerator.of(SETTINGS), QueryFile.Format.PARQUET, before, null);
    Map<Long, Long> rowsByHour = writeNewAndCount(before, after);
    Path lake = directory.resolve("lake");
    run(before, lake);
    long startNanos = System.nanoTime();
    assertThat(start(before, lake).waitFor(), is(0));
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
    int unpublished = 0;
    for (int kill = 1; kill <= KILLS; kill++) {
      // The end, when hours are published, is what matters most.
      long delay =
          kill % 2 == 1
              ? runMillis - random.nextInt(1_000)
              : random.nextInt(Math.toIntExact(runMillis));
      Process backfill = start(after, lake);
      boolean ended = backfill.waitFor(Math.max(1, delay), TimeUnit.MILLISECONDS);
      backfill.destroyForcibly().waitFor();
      unpublished += ended ? 0 : 1;
      System.out.printf(
          "backfill %d of %d %s after %d ms of %d; hours with new rows: %d%n",
          kill, KILLS, ended ? "ended" : "was killed", delay, runMillis, newHours(lake));
      assertThat(wrongHours(lake, rowsByHour), is(empty()));
    }
    run(after, lake);
    stopped.set(true);
    reader.join();

    assertThat(wrong, is(empty()));
    assertThat(looks.get(), is(greaterThan(10L)));
    assertThat(unpublished, is(greaterThan(0)));
    assertThat(newHours(lake), is(rowsByHour.size()));
    assertThat(differences(after, lake), is(empty()));
  }

  private static Map<Long, Long> writeNewAndCount(Path before, Path after) throws SQLException {
    Map<Long, Long> rowsByHour = new TreeMap<>();
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (SELECT * REPLACE (user_id::BIGINT + %d AS user_id) FROM '%s') TO '%s' (FORMAT parquet)"
              .formatted(NEW, before, after));
      try (ResultSet rows =
          statement.executeQuery(
              "SELECT epoch_ms(arrival_timestamp) // 3600000, count(*) FROM '%s' GROUP BY 1"
                  .formatted(after))) {
        while (rows.next()) {
          rowsByHour.put(rows.getLong(1), rows.getLong(2));
        }
      }
    }
    return rowsByHour;
  }

  /** The hours that have other than all of their old or all of their new rows. */
  private static List<String> wrongHours(Path lake, Map<Long, Long> rowsByHour) {
    List<String> wrong = new ArrayList<>();
    Map<Long, long[]> found = new TreeMap<>();
    for (LakeFile file : LakeTable.of(lake, "warehouse-queries", "events").files()) {
      long[] oldAndNew = found.computeIfAbsent(file.hour().epochHour(), unused -> new long[2]);
      for (long userId : userIds(file)) {
        oldAndNew[userId >= NEW ? 1 : 0]++;
      }
    }
    rowsByHour.forEach(
        (hour, rows) -> {
          long[] oldAndNew = found.getOrDefault(hour, new long[2]);
          if (!(oldAndNew[0] == rows && oldAndNew[1] == 0)
              && !(oldAndNew[0] == 0 && oldAndNew[1] == rows)) {
            wrong.add(
                "hour %d: %d old and %d new rows of %d"
                    .formatted(hour, oldAndNew[0], oldAndNew[1], rows));
          }
        });
    return wrong;
  }

  private static int newHours(Path lake) {
    TreeSet<Long> hours = new TreeSet<>();
    for (LakeFile file : LakeTable.of(lake, "warehouse-queries", "events").files()) {
      if (userIds(file).stream().anyMatch(userId -> userId >= NEW)) {
        hours.add(file.hour().epochHour());
      }
    }
    return hours.size();
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
