package io.highwater.lake;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.oneOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.record.Compression;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CompactionTest {
  private static final long HOUR =
      LakeHour.epochHour(Instant.parse("2024-03-01T05:00:00Z").toEpochMilli());
  private static final String COMPACTED = "g-compact_\\d+-[0-9a-f]{16}\\.parquet";

  @TempDir Path lake;

  private Contract contract;
  private StoredLake stored;

  /** Each run is at another time, when all hours are quiet and nothing is to be deleted yet. */
  private Instant now = Instant.now().plus(Duration.ofMinutes(3));

  @BeforeEach
  void begin() throws Exception {
    contract = ContractLoader.load("warehouse-queries");
    stored = new StoredLake(lake, contract);
  }

  @AfterEach
  void end() throws SQLException {
    stored.close();
  }

  private Compaction compaction() {
    return Compaction.of(lake, contract).withClock(() -> now);
  }

  private Compaction.Result compact() throws IOException {
    return run(compaction());
  }

  private Compaction.Result run(Compaction compaction) throws IOException {
    now = now.plusSeconds(1);
    return compaction.run((hours, ofHours, bytes, ofBytes) -> {});
  }

  private List<String> counting(String table, long hour) {
    return LakeTable.of(lake, contract.id(), table).files(hour).stream()
        .map(LakeFile::name)
        .toList();
  }

  private List<String> everyName(String table, long hour) throws IOException {
    return new HourFolder(stored.folder(table, hour)).names();
  }

  @ParameterizedTest
  @ValueSource(strings = {"events", "rejected", "status"})
  void keepsEveryRowAndType(String table) throws Exception {
    for (int hour = 0; hour < 2; hour++) {
      stored.writeArrow(table, HOUR + hour, 2_500, hour, Compression.ZSTD);
      stored.writeArrow(table, HOUR + hour, 700, 10 + hour, Compression.LZ4);
      stored.writeArrow(table, HOUR + hour, 1, 20 + hour, Compression.NONE);
      stored.writeArrow(table, HOUR + hour, 0, 0, Compression.NONE);
      stored.writeParquet(table, HOUR + hour, 300, 30 + hour);
    }
    stored.load("before", table);

    Compaction.Result result = compact();

    stored.load("after", table);
    assertThat(stored.differences("before", "after"), is(empty()));
    assertThat(stored.rows("SELECT count(*) FROM after"), contains("7002"));
    assertThat(result.rows(), is(7_002L));
    assertThat(result.hours(), is(2));
    assertThat(result.filesIn(), is(10L));
    assertThat(result.filesOut(), is(2L));
    assertThat(result.bytesIn(), is(greaterThan(result.bytesOut())));
    for (LakeFile file : LakeTable.of(lake, contract.id(), table).files()) {
      assertThat(file.name(), matchesPattern(COMPACTED));
      assertThat(
          "in the order and of the types of the schema",
          stored.columns(StoredLake.parquet(file)),
          is(stored.columns("before")));
    }
    assertThat(Files.exists(lake.resolve(contract.id()).resolve("_compacting")), is(false));
  }

  @Test
  void sortsByKeyAndTimeInFilesOfTheSizeAskedFor() throws Exception {
    useFewColumns();
    for (int file = 0; file < 3; file++) {
      stored.writeArrow("events", HOUR, 87_000, file, Compression.ZSTD);
    }
    stored.load("before", "events");
    long bytes = 300_000;

    Compaction.Result result = run(compaction().withFileBytes(bytes));

    stored.load("after", "events");
    assertThat(stored.differences("before", "after"), is(empty()));
    List<LakeFile> files = LakeTable.of(lake, contract.id(), "events").files();
    assertThat(files, hasSize((int) result.filesOut()));
    assertThat(files.size(), is(greaterThan(1)));
    for (LakeFile file : files) {
      assertThat(Files.size(file.path()), is(greaterThan(bytes / 2)));
      assertThat(
          stored.rows(
              "SELECT DISTINCT compression, stats_min < stats_max FROM parquet_metadata('"
                  + file.path()
                  + "') WHERE path_in_schema = 'arrival_timestamp'"),
          contains("ZSTD, true"));
      stored.execute(
          "CREATE OR REPLACE TABLE placed AS SELECT instance_id AS k, arrival_timestamp AS t, file_row_number AS n FROM read_parquet('"
              + file.path()
              + "', file_row_number = true)");
      assertThat(
          "rows before one of a lesser key or time",
          stored.rows(
              "SELECT * FROM placed a JOIN placed b ON b.n = a.n + 1 WHERE a.k > b.k OR a.k IS NULL AND b.k IS NOT NULL OR a.k = b.k AND a.t > b.t"),
          is(empty()));
    }
    assertThat(
        "keys that are in more than two files",
        stored.rows(
            "SELECT instance_id FROM read_parquet("
                + files.stream().map(file -> "'" + file.path() + "'").toList()
                + ", filename = true) GROUP BY ALL HAVING count(DISTINCT filename) > 2"),
        is(empty()));
  }

  /** Row groups have more than 100,000 rows, which take their time to make. */
  private void useFewColumns() throws SQLException {
    contract =
        new Contract(
            contract.id(),
            contract.version(),
            contract.eventTime(),
            contract.outOfOrderBound(),
            contract.key(),
            contract.fields().stream()
                .filter(
                    field ->
                        contract.key().contains(field.name())
                            || contract.eventTime().equals(field.name()))
                .toList(),
            List.of(),
            List.of(),
            contract.rollUp());
    stored.close();
    stored = new StoredLake(lake, contract);
  }

  @Test
  void findsNothingToDoASecondTime() throws Exception {
    stored.writeArrow("events", HOUR, 100, 1, Compression.ZSTD);
    stored.writeParquet("rollups", HOUR, 100, 1);
    stored.writeParquet("rollups", HOUR, 100, 2);
    stored.writeParquet("status", HOUR, 100, 1);
    assertThat(compact().hours(), is(2));
    List<String> names = everyName("events", HOUR);

    Compaction.Result second = compact();

    assertThat(second, is(new Compaction.Result(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)));
    assertThat(everyName("events", HOUR), is(names));
  }

  @Test
  void mergesWhatCameLaterButNotWhatIsLarge() throws Exception {
    long bytes = 200_000;
    stored.writeArrow("events", HOUR, 20_000, 1, Compression.ZSTD);
    run(compaction().withFileBytes(bytes));
    List<String> large = counting("events", HOUR);
    stored.writeArrow("events", HOUR, 10, 2, Compression.ZSTD);
    run(compaction().withFileBytes(bytes));
    List<String> second = new ArrayList<>(counting("events", HOUR));
    assertThat(second, hasSize(2));
    assertThat(second, hasItem(large.get(0)));
    stored.writeArrow("events", HOUR, 10, 3, Compression.ZSTD);
    stored.load("before", "events");

    Compaction.Result third = run(compaction().withFileBytes(bytes));

    assertThat(third.filesIn(), is(2L));
    assertThat(third.rows(), is(20L));
    assertThat(counting("events", HOUR), hasSize(2));
    assertThat(counting("events", HOUR), hasItem(large.get(0)));
    stored.load("after", "events");
    assertThat(stored.differences("before", "after"), is(empty()));
  }

  @Test
  void keepsOfRollUpsTheLatestPaneOfEachWindow() throws Exception {
    String pane =
        "SELECT make_timestamp(%d) AS window_start, 600000::BIGINT AS window_millis, %s::BIGINT AS instance_id, %d::BIGINT AS run_id, %d::BIGINT AS pane_index, %b AS is_final, %d::BIGINT AS queries";
    long start = HOUR * 3_600_000_000L;
    Object[][][] files = {
      {{start, 1, 1, 0, false, 5}, {start, 2, 1, 0, false, 6}, {start, "NULL", 1, 0, false, 1}},
      {{start, 1, 1, 2, true, 9}, {start + 600_000_000L, 1, 1, 0, true, 4}},
      {{start, 1, 1, 1, false, 7}, {start, 2, 2, 0, true, 8}, {start, "NULL", 1, 1, true, 2}},
    };
    for (int file = 0; file < files.length; file++) {
      List<String> rows = new ArrayList<>();
      for (Object[] row : files[file]) {
        rows.add(pane.formatted(row));
      }
      stored.writeParquet(
          "rollups",
          HOUR,
          "rollups-000000000000000%d.parquet".formatted(file),
          String.join(" UNION ALL ", rows));
    }
    compact();

    stored.load("after", "rollups");
    assertThat(counting("rollups", HOUR), contains(matchesPattern(COMPACTED)));
    assertThat(
        stored.rows(
            "SELECT epoch_us(window_start) - %d, instance_id, run_id, pane_index, queries FROM after"
                .formatted(start)),
        containsInAnyOrder(
            "0, null, 1, 1, 2", "0, 1, 1, 2, 9", "0, 2, 2, 0, 8", "600000000, 1, 1, 0, 4"));
  }

  @Test
  void waitsUntilAnHourIsClosed() throws Exception {
    now = Instant.now();
    for (int hour = 0; hour < 4; hour++) {
      stored.writeArrow("events", HOUR + hour, 10, hour, Compression.ZSTD);
    }
    // The work of a wrong clock closes no other hours.
    stored.writeArrow("events", HOUR + 1_000_000, 10, 9, Compression.ZSTD);
    Compaction.Result first = compact();
    assertThat(first.hours(), is(2));
    assertThat(first.hoursOpen(), is(3));
    assertThat(counting("events", HOUR + 1), contains(matchesPattern(COMPACTED)));
    assertThat(counting("events", HOUR + 2), not(contains(matchesPattern(COMPACTED))));

    now = Instant.now().plus(Duration.ofMinutes(3));
    Compaction.Result later = compact();
    assertThat(later.hours(), is(3));
    assertThat(later.hoursOpen(), is(0));
  }

  @Test
  void takesThePublishedHoursOfABackfillForClosed() throws Exception {
    now = Instant.now();
    String name = stored.writeArrow("events", HOUR, 10, 1, Compression.ZSTD);
    String published = publish(HOUR, name);
    stored.load("before", "events");

    assertThat(compact().hours(), is(1));
    assertThat(counting("events", HOUR), contains(matchesPattern(COMPACTED)));
    assertThat(counting("events", HOUR), not(hasItem(published)));
    stored.load("after", "events");
    assertThat(stored.differences("before", "after"), is(empty()));
  }

  /** Makes a file of the stream one of the generation 1. */
  private String publish(long hour, String name) throws IOException {
    String published = LakeNames.generation("1", "0123456789abcdef", LakeNames.ARROW);
    Path folder = stored.folder("events", hour);
    Files.move(folder.resolve(name), folder.resolve(published));
    new HourFolder(folder).publish(new Replacement("1", List.of(published), List.of()));
    return published;
  }

  @Test
  void leavesTheOldFilesWhereItWasKilledBeforeTheMarker() throws Exception {
    String name = stored.writeArrow("events", HOUR, 100, 1, Compression.ZSTD);
    Path folder = stored.folder("events", HOUR);
    compact();
    String compacted = counting("events", HOUR).get(0);
    for (String marker : everyName("events", HOUR)) {
      if (LakeNames.isMarker(marker)) {
        Files.delete(folder.resolve(marker));
      }
    }
    Files.createDirectories(lake.resolve(contract.id() + "/_compacting/out"));
    Files.writeString(lake.resolve(contract.id() + "/_compacting/out/data_0.parquet"), "half");
    assertThat(counting("events", HOUR), contains(name));

    Compaction.Result again = compact();

    assertThat(again.hours(), is(1));
    assertThat(again.filesDeleted(), is(1L));
    assertThat(Files.exists(folder.resolve(compacted)), is(false));
    assertThat(Files.exists(folder.resolve(name)), is(true));
    assertThat(counting("events", HOUR), contains(matchesPattern(COMPACTED)));
    assertThat(Files.exists(lake.resolve(contract.id()).resolve("_compacting")), is(false));
  }

  @Test
  void deletesWhatWasReplacedWhenReadersHaveGoneOn() throws Exception {
    String name = stored.writeArrow("events", HOUR, 100, 1, Compression.ZSTD);
    byte[] content = Files.readAllBytes(stored.folder("events", HOUR).resolve(name));
    stored.load("before", "events");
    compact();
    now = Instant.now().plus(Duration.ofMinutes(9));
    assertThat(compact().filesDeleted(), is(0L));
    assertThat(everyName("events", HOUR), hasItem(name));

    now = Instant.now().plus(Duration.ofMinutes(11));
    Compaction.Result later = compact();
    assertThat(later.filesDeleted(), is(1L));
    assertThat(later.bytesDeleted(), is((long) content.length));
    assertThat(
        everyName("events", HOUR),
        contains(matchesPattern("_replaced-compact_\\d+\\.json"), matchesPattern(COMPACTED)));

    // A replay brings it back: it does not count, is not compacted again, and is deleted.
    stored.write("events", HOUR, name, content);
    Compaction.Result replayed = compact();
    assertThat(replayed.hours(), is(0));
    assertThat(replayed.filesDeleted(), is(1L));
    stored.load("after", "events");
    assertThat(stored.differences("before", "after"), is(empty()));
  }

  @Test
  void deletesWhatWasGivenUpADayAgo() throws Exception {
    String name = stored.writeArrow("events", HOUR, 10, 1, Compression.ZSTD);
    String part = "." + name + ".part";
    String unpublished = LakeNames.generation("7", "0123456789abcdef", LakeNames.ARROW);
    Path folder = stored.folder("events", HOUR);
    Files.writeString(folder.resolve(part), "half");
    Files.writeString(folder.resolve(unpublished), "not yet published");
    Files.writeString(folder.resolve("README"), "of a person");

    now = Instant.now().plus(Duration.ofHours(23));
    assertThat(compact().filesDeleted(), is(1L));
    assertThat(everyName("events", HOUR), not(hasItem(name)));
    assertThat(everyName("events", HOUR), hasItem(part));
    assertThat(everyName("events", HOUR), hasItem(unpublished));
    now = Instant.now().plus(Duration.ofHours(25));
    assertThat(compact().filesDeleted(), is(2L));
    assertThat(everyName("events", HOUR), not(hasItem(part)));
    assertThat(everyName("events", HOUR), not(hasItem(unpublished)));
    assertThat(everyName("events", HOUR), hasItem("README"));
  }

  @Test
  void removesDaysLongBeforeTheNewestOfEvents() throws Exception {
    long midnight = LakeHour.epochHour(Instant.parse("2024-03-10T00:00:00Z").toEpochMilli());
    long firstKept = midnight - 2 * 24;
    for (String table : List.of("events", "rollups", "rejected", "status")) {
      for (long hour : new long[] {firstKept - 30, firstKept - 1, firstKept, midnight}) {
        stored.writeParquet(table, hour, 10, hour);
      }
    }
    // Neither a wrong clock nor other tables say what the newest day is.
    stored.writeParquet("events", midnight + 1_000_000, 10, 1);
    stored.writeParquet("rejected", midnight + 2_400, 10, 1);

    Compaction.Result result = run(compaction().withRetainDays(2));

    assertThat(result.hoursRemoved(), is(8));
    for (String table : List.of("events", "rollups", "rejected", "status")) {
      assertThat(counting(table, firstKept - 30), is(empty()));
      assertThat(counting(table, firstKept - 1), is(empty()));
      assertThat(counting(table, firstKept), hasSize(1));
      assertThat(counting(table, midnight), hasSize(1));
    }
    assertThat(counting("rejected", midnight + 2_400), hasSize(1));
    // Readers may still be at it; then it goes.
    assertThat(everyName("events", firstKept - 1), hasSize(2));
    now = now.plus(Duration.ofMinutes(11));
    assertThat(run(compaction().withRetainDays(2)).filesDeleted(), is(8L));
    assertThat(everyName("events", firstKept - 1), contains(matchesPattern("_replaced-.*")));
  }

  @Test
  void leavesAnHourWithADamagedFileAsItIs() throws Exception {
    String name = stored.writeArrow("events", HOUR, 2_000, 1, Compression.ZSTD);
    stored.writeArrow("events", HOUR, 10, 2, Compression.ZSTD);
    stored.writeArrow("events", HOUR + 1, 10, 3, Compression.ZSTD);
    Path file = stored.folder("events", HOUR).resolve(name);
    byte[] content = Files.readAllBytes(file);
    byte[] inARow = content.clone();
    Arrays.fill(inARow, content.length / 2, content.length / 2 + 2_000, (byte) 0x7f);
    byte[] inTheFooter = content.clone();
    Arrays.fill(inTheFooter, content.length - 100, content.length - 20, (byte) 0x7f);
    byte[] cutOff = Arrays.copyOf(content, content.length / 2);
    for (byte[] damaged : List.of(inARow, inTheFooter, cutOff, new byte[0])) {
      Files.write(file, damaged);
      List<String> names = everyName("events", HOUR);
      Compaction.Result result = compact();
      assertThat(result.hoursFailed(), is(1));
      assertThat(everyName("events", HOUR), is(names));
    }
    assertThat(counting("events", HOUR + 1), contains(matchesPattern(COMPACTED)));
    Files.write(file, content);
    assertThat(compact().hours(), is(1));
    assertThat(counting("events", HOUR), contains(matchesPattern(COMPACTED)));
  }

  @Test
  void touchesNothingInAnHourWithADamagedMarker() throws Exception {
    stored.writeArrow("events", HOUR, 10, 1, Compression.NONE);
    publish(HOUR, stored.writeArrow("events", HOUR, 10, 2, Compression.NONE));
    stored.writeArrow("events", HOUR + 1, 10, 3, Compression.NONE);
    stored.writeArrow("events", HOUR + 1_000, 10, 3, Compression.NONE);
    Files.writeString(stored.folder("events", HOUR).resolve(LakeNames.marker("1")), "{");
    List<String> names = everyName("events", HOUR);
    now = now.plus(Duration.ofDays(30));

    Compaction.Result result = run(compaction().withRetainDays(1));

    assertThat(result.hoursFailed(), is(1));
    assertThat(everyName("events", HOUR), is(names));
    assertThat(counting("events", HOUR + 1), is(empty()));
    assertThat(counting("events", HOUR + 1_000), contains(matchesPattern(COMPACTED)));
  }

  @Test
  void fillsColumnsThatAnOlderFileLacksWithNullButChangesNoType() throws Exception {
    String older = "SELECT TIMESTAMP '2024-03-01 05:00:00' AS arrival_timestamp, 1::BIGINT AS n";
    stored.writeParquet("events", HOUR, "events-0000000000000001.parquet", older);
    stored.writeParquet(
        "events",
        HOUR,
        "events-0000000000000002.parquet",
        older + ", 'x' AS added, 7::BIGINT AS instance_id");
    stored.writeParquet("events", HOUR + 1, "events-0000000000000001.parquet", older);
    stored.writeParquet(
        "events", HOUR + 1, "events-0000000000000002.parquet", older.replace("1::BIGINT", "1.5"));

    Compaction.Result result = compact();

    assertThat(result.hours(), is(1));
    assertThat(result.hoursFailed(), is(1));
    assertThat(counting("events", HOUR + 1), everyItem(matchesPattern("events-.*")));
    LakeFile file = LakeTable.of(lake, contract.id(), "events").files(HOUR).get(0);
    assertThat(
        stored.rows("SELECT n, added FROM " + StoredLake.parquet(file)),
        containsInAnyOrder("1, null", "1, x"));
  }

  @Test
  void isOneJobAtATime() throws Exception {
    stored.writeArrow("events", HOUR, 10, 1, Compression.NONE);
    try (LakeLock held = LakeLock.acquire(lake, contract.id(), "backfill")) {
      assertThrows(LakeLock.HeldException.class, this::compact);
    }
    assertThat(compact().hours(), is(1));
  }

  /** A stream adds files and, restored, writes old ones again; compactions run; a reader reads. */
  @Test
  void showsEveryRowOnceAtAnyTimeWhileAStreamWrites() throws Exception {
    int files = 25;
    AtomicInteger begun = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    Semaphore compacted = new Semaphore(0);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Future<?> stream =
          threads.submit(
              () -> {
                List<String> names = new ArrayList<>();
                List<byte[]> contents = new ArrayList<>();
                for (int file = 0; file < files; file++) {
                  begun.incrementAndGet();
                  String name = stored.writeArrow("events", HOUR, 3, file, Compression.NONE);
                  done.incrementAndGet();
                  names.add(name);
                  contents.add(Files.readAllBytes(stored.folder("events", HOUR).resolve(name)));
                  stored.write("events", HOUR, names.get(file / 2), contents.get(file / 2));
                  if (file % 8 == 7) {
                    assertThat(compacted.tryAcquire(1, TimeUnit.MINUTES), is(true));
                  }
                }
                return null;
              });
      Future<Integer> compactions =
          threads.submit(
              () -> {
                int hours = 0;
                boolean last;
                do {
                  last = stream.isDone();
                  hours += compact().hours();
                  compacted.release();
                } while (!last);
                return hours;
              });
      LakeTable table = LakeTable.of(lake, contract.id(), "events");
      boolean last;
      do {
        last = compactions.isDone();
        long atLeast = 3L * done.get();
        List<LakeFile> seen = table.files();
        long atMost = 3L * begun.get();
        stored.load("seen", "events", seen);
        assertThat(
            "rows, different rows",
            stored.rows("SELECT count(*), count(DISTINCT seen) FROM seen"),
            is(oneOf(rowsFrom(atLeast, atMost))));
      } while (!last);
      stream.get();
      assertThat(compactions.get(), is(greaterThan(1)));
      assertThat(counting("events", HOUR), contains(matchesPattern(COMPACTED)));
    } finally {
      threads.shutdownNow();
    }
  }

  private static Object[] rowsFrom(long atLeast, long atMost) {
    return LongStream.rangeClosed(atLeast, atMost)
        .mapToObj(rows -> List.of(rows + ", " + rows))
        .toArray();
  }
}
