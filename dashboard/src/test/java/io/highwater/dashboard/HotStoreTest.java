package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.detect.OutlierRows;
import io.highwater.lake.Compaction;
import io.highwater.record.Compression;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class HotStoreTest {
  private static final Instant HOUR = SampleLake.START;
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.parse("2024-03-02T00:00:00Z"));

  @TempDir private Path folder;
  private SampleLake lake;
  private DashboardConfig config;

  @BeforeEach
  void createLake() throws SQLException {
    lake = new SampleLake(folder.resolve("lake"));
    config = DashboardConfig.of(lake.root(), SampleLake.CONTRACT);
  }

  @AfterEach
  void closeLake() throws SQLException {
    lake.close();
  }

  @Test
  void loadsEachFileOnceAcrossPollsAndRestarts() throws Exception {
    writeHour(HOUR, 0);
    try (HotStore store = open()) {
      store.poll();
      store.poll();
      assertHolds(store, 3 * 7, 1, 200);
      writeHour(HOUR.plusSeconds(3600), 1);
      store.poll();
      assertHolds(store, 2 * 3 * 7, 2, 400);
    }
    try (HotStore store = open()) {
      assertHolds(store, 2 * 3 * 7, 2, 400);
      store.poll();
      assertHolds(store, 2 * 3 * 7, 2, 400);
      assertThat(store.status().filesLoaded(), is(6));
      assertThat(store.status().caughtUp(), is(true));
    }
  }

  @Test
  void isBuiltAnewAfterItsFileWasDeleted() throws Exception {
    writeHour(HOUR, 0);
    try (HotStore store = open()) {
      store.poll();
    }
    Files.delete(config.store());
    try (HotStore store = open()) {
      assertHolds(store, 0, 0, 0);
      store.poll();
      assertHolds(store, 3 * 7, 1, 200);
      Files.delete(config.store());
      store.poll();
      assertHolds(store, 3 * 7, 1, 200);
      assertThat(Files.exists(config.store()), is(true));
    }
  }

  @Test
  void isBuiltAnewWhenItsFileIsNoDatabase() throws Exception {
    writeHour(HOUR, 0);
    Files.writeString(config.store(), "this is no database".repeat(1000));
    try (HotStore store = open()) {
      store.poll();
      assertHolds(store, 3 * 7, 1, 200);
    }
    assertThat(Files.exists(Path.of(config.store() + ".corrupt")), is(true));
  }

  @Test
  void isBuiltAnewWhenABlockOfItsFileIsDamaged() throws Exception {
    for (int i = 0; i < 3; i++) {
      writeHour(HOUR.plusSeconds(3600L * i), i);
    }
    try (HotStore store = open()) {
      pollAll(store);
    }
    try (RandomAccessFile file = new RandomAccessFile(config.store().toFile(), "rw")) {
      // Behind the headers, all over the blocks.
      for (long at = 3 * 4096 + 100; at < file.length(); at += 4096) {
        file.seek(at);
        file.write(0xA5);
      }
    }
    try (HotStore store = open()) {
      pollAll(store);
      assertHolds(store, 3 * 3 * 7, 3, 600);
    }
  }

  @Test
  void isBuiltAnewForAnotherLake() throws Exception {
    writeHour(HOUR, 0);
    try (HotStore store = open()) {
      store.poll();
    }
    DashboardConfig other =
        DashboardConfig.of(folder.resolve("other"), SampleLake.CONTRACT).withStore(config.store());
    try (HotStore store = HotStore.open(other, CLOCK)) {
      assertHolds(store, 0, 0, 0);
    }
  }

  @Test
  void nothingIsDoubledOrLostAfterAKillInMidLoad() throws Exception {
    int files = 400;
    for (int i = 0; i < files; i += 8) {
      Instant hour = HOUR.plusSeconds(3600L * (i / 8));
      Path file =
          lake.writeParquet(
              "rollups", hour, name("rollups", i, "parquet"), SampleLake.rollups(hour, 2, 1, i));
      for (int copy = i + 1; copy < i + 8; copy++) {
        Files.copy(file, file.resolveSibling(name("rollups", copy, "parquet")));
      }
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(LoadingProcess.class.getName());
    command.addAll(List.of(lake.root().toString(), config.store().toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
      String first = said.readLine();
      IOException inUse = assertThrows(IOException.class, () -> open().close());
      assertThat(inUse.getMessage(), containsString("in use by another process"));
      assertThat(Integer.parseInt(first), greaterThan(0));
    } finally {
      process.destroyForcibly().waitFor();
    }
    try (HotStore store = open()) {
      double inLedger = value(store, "SELECT count(*) FROM loaded_files");
      assertThat(inLedger, greaterThan(0.0));
      assertThat(value(store, "SELECT count(*) FROM rollups"), is(inLedger * 14));
      do {
        store.poll();
      } while (store.status().filesPending() > 0);
      assertThat(
          value(store, "SELECT count(DISTINCT (file_id, window_start, instance)) FROM rollups"),
          is(files * 12.0));
      assertThat(
          value(store, "SELECT sum(queries) FROM rollups"),
          is(lake.value("rollups", "SELECT sum(queries) FROM $files")));
    }
  }

  @Test
  void corruptFilesAreSkippedToldAndTriedAgainWhenTheyChange() throws Exception {
    writeHour(HOUR, 0);
    Path parquet = lake.folder("rollups", HOUR).resolve(name("rollups", 98, "parquet"));
    Path arrow = lake.folder("events", HOUR).resolve(name("events", 99, "arrow"));
    Files.writeString(parquet, "PAR1 and no more");
    Path sound = lake.folder("events", HOUR).resolve(name("events", 0, "arrow"));
    byte[] bytes = Files.readAllBytes(sound);
    Files.write(arrow, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    try (HotStore store = open()) {
      store.poll();
      assertHolds(store, 3 * 7, 1, 200);
      assertThat(store.status().filesSkipped(), hasSize(2));
      assertThat(
          store.status().filesSkipped().get(0).path(),
          is("events/date=2024-03-01/hour=00/" + arrow.getFileName()));
      assertThat(store.status().filesSkipped().get(1).reason(), not(""));
      assertThat(store.status().caughtUp(), is(true));

      Path mended = Files.write(folder.resolve("mended"), bytes);
      Files.move(mended, arrow, StandardCopyOption.ATOMIC_MOVE);
      store.poll();
      assertHolds(store, 3 * 7, 1, 400);
      assertThat(store.status().filesSkipped(), hasSize(1));
      Files.delete(parquet);
      store.poll();
      assertThat(store.status().filesSkipped(), hasSize(0));
    }
  }

  /** A damaged length or offset must be an exception and not the end of the process. */
  @ParameterizedTest
  @EnumSource(Compression.class)
  void damagedArrowFilesAreSkippedOrRead(Compression compression) throws Exception {
    Path sound =
        lake.writeArrow(
            "events",
            HOUR,
            name("events", 0, "arrow"),
            compression,
            SampleLake.events(HOUR, 50, 0));
    byte[] bytes = Files.readAllBytes(sound);
    int damaged = 0;
    for (int at = 200; at < bytes.length; at += bytes.length / 40) {
      byte[] copy = bytes.clone();
      copy[at] ^= (byte) 0xFF;
      Files.write(sound.resolveSibling(name("events", 1000 + at, "arrow")), copy);
      damaged++;
    }
    try (HotStore store = open()) {
      do {
        store.poll();
      } while (store.status().filesPending() > 0);
      assertThat(
          store.status().filesLoaded() + store.status().filesSkipped().size(), is(damaged + 1));
      assertThat(store.status().error(), is(equalTo(null)));
    }
  }

  @ParameterizedTest
  @EnumSource(Compression.class)
  void readsArrowOfEveryCompression(Compression compression) throws Exception {
    lake.writeArrow(
        "events", HOUR, name("events", 1, "arrow"), compression, SampleLake.events(HOUR, 3000, 0));
    try (HotStore store = open()) {
      store.poll();
      assertThat(store.status().filesSkipped(), hasSize(0));
      assertThat(value(store, "SELECT sum(row_count) FROM loaded_files"), is(3000.0));
      assertThat(value(store, "SELECT sum(query_id) FROM events"), is(2999.0 * 3000 / 2));
      assertThat(value(store, "SELECT sum(row_count) FROM arrivals"), is(3000.0));
    }
  }

  @Test
  void theHighestRunAndPaneOfAWindowCounts() throws Exception {
    String pane =
        "SELECT TIMESTAMP '2024-03-01 00:00:00' AS window_start, 600000::BIGINT AS window_millis,"
            + " 7::BIGINT AS instance_id, %d::BIGINT AS run_id, %d::BIGINT AS pane_index,"
            + " false AS is_final, %d::BIGINT AS queries";
    lake.writeParquet("rollups", HOUR, name("rollups", 1, "parquet"), pane.formatted(1, 0, 10));
    lake.writeParquet("rollups", HOUR, name("rollups", 2, "parquet"), pane.formatted(1, 9, 30));
    try (HotStore store = open()) {
      store.poll();
      assertThat(value(store, "SELECT sum(queries) FROM rollups_latest"), is(30.0));
      // A later run begins its panes at 0 again.
      lake.writeParquet("rollups", HOUR, name("rollups", 3, "parquet"), pane.formatted(2, 0, 25));
      store.poll();
      assertThat(value(store, "SELECT sum(queries) FROM rollups_latest"), is(25.0));
      assertThat(value(store, "SELECT count(*) FROM rollups"), is(3.0));
      assertThat(value(store, "SELECT count(normal) FROM rollups"), is(0.0));
    }
  }

  /** Panes in every order of arrival, a restart, the same file twice; beside a naive loop. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void showsEachWindowOnceInWhateverOrderItsPanesCame(long seed) throws Exception {
    Random random = new Random(seed);
    List<long[]> panes = new ArrayList<>();
    for (long window = 0; window < 6; window++) {
      for (long length : new long[] {600, 3600}) {
        for (long instance = 1; instance <= 2; instance++) {
          // Early, on time, late and last panes of a run, some of a restart with lower indices.
          for (long pane = 0; pane < 4; pane++) {
            panes.add(new long[] {window, length, instance, 1, pane, random.nextInt(1000)});
            if (random.nextInt(3) == 0) {
              panes.add(new long[] {window, length, instance, 2, pane, random.nextInt(1000)});
            }
          }
        }
      }
    }
    Collections.shuffle(panes, random);
    Map<String, long[]> latest = new TreeMap<>();
    for (long[] pane : panes) {
      String key = pane[0] + "/" + pane[1] + "/" + pane[2];
      long[] rival = latest.get(key);
      if (rival == null || pane[3] > rival[3] || (pane[3] == rival[3] && pane[4] > rival[4])) {
        latest.put(key, pane);
      }
    }
    try (HotStore store = open()) {
      int file = 0;
      while (file * 10 < panes.size()) {
        List<long[]> ofFile = panes.subList(file * 10, Math.min(panes.size(), file * 10 + 10));
        lake.writeParquet("rollups", HOUR, name("rollups", file, "parquet"), paneRows(ofFile));
        if (random.nextBoolean()) {
          // The same panes again under another name, as after a crash of another writer.
          lake.writeParquet(
              "rollups", HOUR, name("rollups", 1000 + file, "parquet"), paneRows(ofFile));
        }
        if (random.nextBoolean()) {
          store.poll();
        }
        file++;
      }
      do {
        store.poll();
      } while (store.status().filesPending() > 0);
      List<String> expected = new ArrayList<>();
      latest.forEach(
          (key, pane) -> expected.add(key + "/" + pane[3] + "/" + pane[4] + "/" + pane[5]));
      List<String> actual = new ArrayList<>();
      store.read(
          connection -> {
            try (Statement statement = connection.createStatement();
                ResultSet rows =
                    statement.executeQuery(
                        "SELECT concat_ws('/', (epoch(window_start) - epoch(TIMESTAMP '"
                            + SampleLake.timestamp(HOUR)
                            + "'))::BIGINT // 3600, window_millis // 1000, instance, run_id,"
                            + " pane_index, queries) FROM rollups_latest")) {
              while (rows.next()) {
                actual.add(rows.getString(1));
              }
            }
            return true;
          });
      Collections.sort(expected);
      Collections.sort(actual);
      assertThat(actual, is(expected));
    }
  }

  private static String paneRows(List<long[]> panes) {
    StringJoiner rows = new StringJoiner(" UNION ALL ");
    for (long[] pane : panes) {
      rows.add(
          ("SELECT TIMESTAMP '%s' + to_hours(%d) AS window_start, %d000::BIGINT AS window_millis,"
                  + " %d::BIGINT AS instance_id, %d::BIGINT AS run_id, %d::BIGINT AS pane_index,"
                  + " %b AS is_final, %d::BIGINT AS queries, 0.5 AS utilization")
              .formatted(
                  SampleLake.timestamp(HOUR),
                  pane[0],
                  pane[1],
                  pane[2],
                  pane[3],
                  pane[4],
                  pane[4] == 3,
                  pane[5]));
    }
    return rows.toString();
  }

  @Test
  void keepsTheLastDaysOfEventTime() throws Exception {
    writeHour(HOUR, 0);
    writeHour(HOUR.plus(Duration.ofDays(2)), 1);
    DashboardConfig twoDays = config.withKeepDays(2);
    InstantSource clock = InstantSource.fixed(Instant.parse("2024-03-09T00:00:00Z"));
    try (HotStore store = HotStore.open(twoDays, clock)) {
      store.poll();
      assertHolds(store, 2 * 3 * 7, 2, 400);
      writeHour(HOUR.plus(Duration.ofDays(2)).plusSeconds(3600), 2);
      store.poll();
      assertHolds(store, 2 * 3 * 7, 2, 400);
      assertThat(
          value(store, "SELECT epoch(min(window_start)) FROM rollups"),
          is((double) HOUR.plus(Duration.ofDays(2)).getEpochSecond()));
      // An event of a wrong clock does not throw out all others.
      writeHour(Instant.parse("2031-01-01T00:00:00Z"), 3);
      store.poll();
      assertHolds(store, 3 * 3 * 7, 3, 600);
    }
  }

  @Test
  void replacedFilesAreTakenOut() throws Exception {
    writeHour(HOUR, 0);
    try (HotStore store = open()) {
      store.poll();
      String in = SampleLake.nameOfGeneration("g1", "rollups");
      lake.writeParquet("rollups", HOUR, in, SampleLake.rollups(HOUR, 5, 1, 0));
      store.poll();
      assertHolds(store, 3 * 7, 1, 200);
      lake.replace("rollups", HOUR, "g1", List.of(in), List.of(name("rollups", 0, "parquet")));
      store.poll();
      assertHolds(store, 5 * 7, 1, 200);
      assertThat(
          value(store, "SELECT sum(queries) FROM rollups_latest WHERE window_millis = 600000"),
          is(
              lake.value(
                  "rollups",
                  "SELECT sum(queries) FROM $files WHERE window_millis = 600000"
                      + " AND filename LIKE '%/g-g1%'")));
    }
  }

  /** As after a crash of a writer, or where another model has scored the hour again. */
  @Test
  void anOutlierThatIsThereTwiceCountsOnceAsTheNewestModelHasIt() throws Exception {
    String old = SampleLake.outliers(SampleLake.scored(SampleLake.events(HOUR, 500, 0), "v1"));
    String newer =
        "SELECT * REPLACE ('v2' AS model_version, 'minor' AS severity) FROM (" + old + ")";
    Path newest = lake.writeParquet("outliers", HOUR, name("outliers", 0, "parquet"), newer);
    lake.writeParquet("outliers", HOUR, name("outliers", 1, "parquet"), old + " LIMIT 5");
    Instant next = HOUR.plusSeconds(3600);
    lake.writeParquet(
        "outliers",
        next,
        name("outliers", 2, "parquet"),
        SampleLake.outliers(SampleLake.scored(SampleLake.events(next, 500, 500), "v1")));
    try (HotStore store = open()) {
      store.poll();
      assertThat(
          value(store, "SELECT count(*) FROM outliers"),
          is(lake.value("outliers", "SELECT count(*) FROM $files")));
      assertThat(
          value(store, "SELECT count(*) FROM outliers WHERE NOT superseded"),
          is(lake.value("outliers", "SELECT count(DISTINCT outlier_id) FROM $files")));
      String ofOldModel =
          "SELECT count(*) FROM outliers WHERE NOT superseded AND model_version = 'v1'"
              + " AND event_time < TIMESTAMP '%s'".formatted(SampleLake.timestamp(next));
      assertThat(value(store, ofOldModel), is(0.0));
      // What was superseded counts again when what took its place is gone.
      Files.delete(newest);
      store.poll();
      assertThat(value(store, ofOldModel), is(5.0));
    }
  }

  @Test
  void outliersOfAReplacedHourAreTakenOut() throws Exception {
    String events = SampleLake.events(HOUR, 500, 0);
    String first = SampleLake.outliers(SampleLake.scored(events, "v1"));
    lake.writeParquet("outliers", HOUR, name("outliers", 0, "parquet"), first);
    try (HotStore store = open()) {
      store.poll();
      String in = SampleLake.nameOfGeneration("g1", "outliers");
      lake.writeParquet("outliers", HOUR, in, first + " LIMIT 3");
      lake.replace("outliers", HOUR, "g1", List.of(in), List.of(name("outliers", 0, "parquet")));
      store.poll();
      assertThat(value(store, "SELECT count(*) FROM outliers"), is(3.0));
      assertThat(
          value(store, "SELECT sum(hash(outlier_id) // 1000000) FROM outliers"),
          is(
              lake.value(
                  "outliers",
                  "SELECT sum(hash(outlier_id) // 1000000) FROM $files"
                      + " WHERE filename LIKE '%/g-g1%'")));
    }
  }

  /** A column that is renamed in the lake would be null here without a word. */
  @Test
  void everyColumnOfTheOutliersTableIsReadFromTheLake() throws Exception {
    Contract contract = ContractLoader.load(SampleLake.CONTRACT);
    StringJoiner values = new StringJoiner(", ", "SELECT ", "");
    for (Field column : OutlierRows.schema(contract).getFields()) {
      String value =
          switch (column.getType().getTypeID()) {
            case Utf8 -> "'" + column.getName() + "'";
            case Bool -> "true";
            case Timestamp -> "TIMESTAMP '" + SampleLake.timestamp(HOUR) + "'";
            default -> "36";
          };
      values.add(value + " AS " + '"' + column.getName() + '"');
    }
    lake.writeParquet("outliers", HOUR, name("outliers", 0, "parquet"), values.toString());
    try (HotStore store = open()) {
      store.poll();
      assertThat(store.status().filesSkipped(), hasSize(0));
      Map<String, Object> row =
          store.read(
              connection ->
                  Rows.one(connection, "SELECT * EXCLUDE (follows_at) FROM outliers", List.of()));
      assertThat(row.values(), not(hasItem(nullValue())));
      assertThat(row.get("explanation"), is("explanation"));
      assertThat(row.get("reason"), is("outlier_reason"));
      assertThat(row.get("num_joins"), is(36L));
    }
  }

  @Test
  void outliersWithoutAnIdAreSkipped() throws Exception {
    lake.writeParquet(
        "outliers",
        HOUR,
        name("outliers", 0, "parquet"),
        SampleLake.scored(SampleLake.events(HOUR, 10, 0), "v1"));
    try (HotStore store = open()) {
      store.poll();
      assertThat(store.status().filesSkipped(), hasSize(1));
      assertThat(store.status().filesSkipped().get(0).reason(), is("has no column 'outlier_id'"));
    }
  }

  @Test
  void deletedFilesAreTakenOutButALakeThatIsGoneIsNot() throws Exception {
    writeHour(HOUR, 0);
    writeHour(HOUR.plusSeconds(3600), 1);
    try (HotStore store = open()) {
      store.poll();
      Files.delete(lake.folder("rollups", HOUR).resolve(name("rollups", 0, "parquet")));
      store.poll();
      assertHolds(store, 3 * 7, 2, 400);
      Files.move(lake.root(), folder.resolve("unmounted"));
      store.poll();
      assertHolds(store, 3 * 7, 2, 400);
      assertThat(store.status().lakeReachable(), is(false));
    }
  }

  @Test
  void aFileWrittenAnewTakesThePlaceOfTheOldOne() throws Exception {
    writeHour(HOUR, 0);
    try (HotStore store = open()) {
      store.poll();
    }
    lake.writeParquet(
        "rollups", HOUR, name("rollups", 0, "parquet"), SampleLake.rollups(HOUR, 4, 1, 0));
    try (HotStore store = open()) {
      store.poll();
      assertHolds(store, 4 * 7, 1, 200);
    }
  }

  @Test
  void keepsTheNewestRejectedRowsAndCountsAll() throws Exception {
    for (int i = 0; i < 3; i++) {
      lake.writeParquet(
          "rejected",
          HOUR.plusSeconds(3600L * i),
          name("rejected", i, "parquet"),
          SampleLake.rejected(HOUR.plusSeconds(3600L * i), 8000));
    }
    try (HotStore store = open()) {
      do {
        store.poll();
      } while (store.status().filesPending() > 0);
      assertThat(value(store, "SELECT count(*) FROM rejected"), is(10_000.0));
      assertThat(value(store, "SELECT sum(rejected) FROM rejected_counts"), is(24_000.0));
      assertThat(
          value(store, "SELECT epoch_ms(min(received_at)) FROM rejected"),
          is(
              lake.value(
                  "rejected",
                  "SELECT epoch_ms(min(received_at)) FROM (SELECT received_at FROM $files"
                      + " ORDER BY received_at DESC LIMIT 10000)")));
      assertThat(
          value(store, "SELECT sum(rejected) FROM rejected_counts WHERE code = 'WRONG_TYPE'"),
          is(lake.value("rejected", "SELECT count(*) FROM $files WHERE code = 'WRONG_TYPE'")));
    }
  }

  @Test
  void readsContractsWithOtherMeasuresAndKeys() throws Exception {
    lake.writeParquet(
        "rollups",
        HOUR,
        name("rollups", 0, "parquet"),
        "SELECT TIMESTAMP '2024-03-01' AS window_start, 60000::BIGINT AS window_millis,"
            + " 'eu' AS region, 12 AS shop, 1::BIGINT AS run_id, 0::BIGINT AS pane_index,"
            + " 5::BIGINT AS orders, 99.5 AS revenue");
    lake.writeParquet(
        "events",
        HOUR,
        name("events", 0, "parquet"),
        "SELECT 'a' AS order_id, TIMESTAMP '2024-03-01 00:01:00' AS ordered_at");
    lake.writeParquet(
        "rejected",
        HOUR,
        name("rejected", 0, "parquet"),
        "SELECT TIMESTAMP '2024-03-01' AS received_at, 'WRONG_TYPE' AS code");
    try (HotStore store = open()) {
      store.poll();
      assertThat(store.status().filesSkipped(), hasSize(0));
      assertThat(value(store, "SELECT count(*) FROM rollups WHERE instance = 'eu/12'"), is(1.0));
      assertThat(
          value(store, "SELECT epoch(max(event_time)) FROM events"),
          closeTo(HOUR.getEpochSecond() + 60, 0));
    }
  }

  @Test
  void timestampsWithAZoneAreReadInUtc() throws Exception {
    lake.writeParquet(
        "rollups",
        HOUR,
        name("rollups", 0, "parquet"),
        "SELECT make_timestamptz(epoch_us(window_start)) AS window_start, * EXCLUDE (window_start)"
            + " FROM ("
            + SampleLake.rollups(HOUR, 1, 1, 0)
            + ")");
    try (HotStore store = open()) {
      store.poll();
      assertThat(
          value(store, "SELECT epoch(min(window_start)) FROM rollups"),
          is((double) HOUR.getEpochSecond()));
    }
  }

  @Test
  void anArrowFileWithoutWhatItsTableNeedsIsSkipped() throws Exception {
    lake.writeArrow(
        "events", HOUR, name("events", 0, "arrow"), Compression.ZSTD, "SELECT 1::BIGINT AS n");
    lake.writeArrow(
        "rollups", HOUR, name("rollups", 0, "arrow"), Compression.ZSTD, "SELECT 1::BIGINT AS n");
    try (HotStore store = open()) {
      store.poll();
      assertThat(store.status().filesSkipped(), hasSize(2));
      assertThat(store.status().filesSkipped().get(0).reason(), is("has no timestamp column"));
      assertThat(store.status().filesSkipped().get(1).reason(), is("has no column 'window_start'"));
    }
  }

  @Test
  void goesOnBesideAnHourWithADamagedMarkerAndTellsOfIt() throws Exception {
    writeHour(HOUR, 0);
    try (HotStore store = open()) {
      store.poll();
      Path marker = lake.folder("rollups", HOUR).resolve("_replaced-g1.json");
      Files.writeString(marker, "{");
      writeHour(HOUR.plusSeconds(3600), 1);
      store.poll();
      store.poll();
      assertHolds(store, 2 * 3 * 7, 2, 400);
      assertThat(store.status().error(), is(nullValue()));
      assertThat(store.status().filesSkipped(), hasSize(1));
      assertThat(
          store.status().filesSkipped().get(0).path(),
          is("rollups/date=2024-03-01/hour=00/_replaced-g1.json"));
      Files.delete(marker);
      store.poll();
      assertThat(store.status().filesSkipped(), hasSize(0));
    }
  }

  @Test
  void sumsFingerprintsByHourWithoutWhatTheCacheAnswered() throws Exception {
    // More rows than the store keeps, half of them of the hour after.
    String events =
        "SELECT * REPLACE (sha256((query_id % 40)::VARCHAR) AS feature_fingerprint,"
            + " arrival_timestamp + to_hours((query_id % 2)::INTEGER) AS arrival_timestamp) FROM ("
            + SampleLake.events(HOUR, 6000, 0)
            + ")";
    lake.writeArrow("events", HOUR, name("events", 0, "arrow"), Compression.LZ4, events);
    lake.execute("CREATE TABLE expected AS FROM (" + events + ") WHERE NOT was_cached");
    try (HotStore store = open()) {
      pollAll(store);
      for (String[] column :
          new String[][] {
            {"sum(queries)", "count(*)"},
            {
              "count(*)",
              "count(DISTINCT (date_trunc('hour', arrival_timestamp), instance_id,"
                  + " feature_fingerprint, query_type))"
            },
            {"sum(execution_ms)", "sum(execution_duration_ms)"},
            {"sum(compile_ms)", "sum(compile_duration_ms)"},
            {"sum(queue_ms)", "sum(queue_duration_ms)"},
            {"sum(scanned_mb)", "sum(mbytes_scanned)"},
            {"sum(spilled_mb)", "sum(mbytes_spilled)"},
            {"max(max_execution_ms)", "max(execution_duration_ms)"},
            {
              "sum(queries) FILTER (hour = TIMESTAMP '2024-03-01 01:00')",
              "count_if(arrival_timestamp >= TIMESTAMP '2024-03-01 01:00')"
            }
          }) {
        double expected = lake.value("events", "SELECT " + column[1] + " FROM expected");
        assertThat(
            column[0],
            value(store, "SELECT " + column[0] + " FROM fingerprints"),
            closeTo(expected, 1e-9 * expected));
      }
    }
  }

  @Test
  void keepsTheNewestReportsOfTheStream() throws Exception {
    Instant today = Instant.parse("2024-03-02T00:00:00Z");
    for (int i = 0; i < 3; i++) {
      lake.writeParquet(
          "status",
          today,
          name("status", i, "parquet"),
          ("SELECT TIMESTAMP '2024-03-02' + to_seconds(n) AS reported_at, n AS records_read"
                  + " FROM range(%d, %d) t(n)")
              .formatted(i * 7000, (i + 1) * 7000));
    }
    try (HotStore store = open()) {
      pollAll(store);
      assertThat(value(store, "SELECT count(*) FROM status"), is(10_000.0));
      assertThat(value(store, "SELECT max(records_read) FROM status"), is(20_999.0));
    }
  }

  /** More hours than a commit has files, in one run. */
  @Test
  void followsACompactionWithoutARowTwiceOrMissing() throws Exception {
    int hours = 25;
    for (int hour = 0; hour < hours; hour++) {
      Instant at = HOUR.plusSeconds(3600L * hour);
      for (int file = 0; file < 2; file++) {
        int number = 2 * hour + file;
        lake.writeParquet(
            "rollups", at, name("rollups", number, "parquet"), SampleLake.rollups(at, 2, 1, file));
        lake.writeParquet(
            "rejected", at, name("rejected", number, "parquet"), SampleLake.rejected(at, 1));
        lake.writeArrow(
            "events",
            at,
            name("events", number, "arrow"),
            Compression.ZSTD,
            SampleLake.events(at, 10, number * 10));
      }
    }
    String asked =
        "SELECT concat_ws(' ', (SELECT sum(row_count) FROM loaded_files WHERE path LIKE 'events/%'),"
            + " (SELECT count(*) FROM events), (SELECT count(DISTINCT query_id) FROM events),"
            + " (SELECT sum(rejected) FROM rejected_counts), (SELECT count(*) FROM rejected),"
            + " (SELECT sum(queries) FROM rollups_latest), (SELECT count(*) FROM rollups_latest),"
            + " (SELECT sum(queries) FROM fingerprints), (SELECT sum(queue_ms) FROM fingerprints))";
    try (HotStore store = open()) {
      pollAll(store);
      String before = text(store, asked);
      assertThat(before, startsWith("500 500 500 50 50 "));
      Compaction.Result compacted =
          Compaction.of(lake.root(), ContractLoader.load(SampleLake.CONTRACT))
              .run((done, ofHours, bytes, ofBytes) -> {});
      // The last two hours of each table are still open.
      assertThat(compacted.hours(), is(3 * (hours - 2)));
      AtomicBoolean ended = new AtomicBoolean();
      ExecutorService reader = Executors.newSingleThreadExecutor();
      try {
        Future<Set<String>> seen =
            reader.submit(
                () -> {
                  Set<String> answers = new TreeSet<>();
                  while (!ended.get()) {
                    answers.add(text(store, asked));
                  }
                  return answers;
                });
        pollAll(store);
        ended.set(true);
        assertThat(seen.get(), is(Set.of(before)));
      } finally {
        reader.shutdownNow();
      }
      assertThat(text(store, asked), is(before));
      assertThat(
          text(store, "SELECT count(*) FROM loaded_files WHERE path LIKE '%/g-compact%'"),
          is(String.valueOf(3 * (hours - 2))));
    }
  }

  private static void pollAll(HotStore store) {
    do {
      store.poll();
    } while (store.status().filesPending() > 0);
  }

  private static String text(HotStore store, String sql) throws SQLException {
    return store.read(
        connection -> {
          try (Statement statement = connection.createStatement();
              ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
          }
        });
  }

  private HotStore open() throws IOException {
    return HotStore.open(config, CLOCK);
  }

  /** One file in each table: 3 instances, 1 rejected row, 200 events. */
  private void writeHour(Instant hour, int number) throws SQLException, IOException {
    lake.writeParquet(
        "rollups", hour, name("rollups", number, "parquet"), SampleLake.rollups(hour, 3, 1, 0));
    lake.writeParquet(
        "rejected", hour, name("rejected", number, "parquet"), SampleLake.rejected(hour, 1));
    lake.writeArrow(
        "events",
        hour,
        name("events", number, "arrow"),
        Compression.ZSTD,
        SampleLake.events(hour, 200, number * 200));
  }

  private static String name(String table, int number, String extension) {
    return "%s-%016x.%s".formatted(table, number, extension);
  }

  private static void assertHolds(HotStore store, int rollups, int rejected, int events)
      throws SQLException {
    assertThat(value(store, "SELECT count(*) FROM rollups"), is((double) rollups));
    assertThat(
        value(store, "SELECT coalesce(sum(rejected), 0) FROM rejected_counts"),
        is((double) rejected));
    assertThat(value(store, "SELECT count(*) FROM rejected"), is((double) rejected));
    assertThat(value(store, "SELECT count(*) FROM events"), is((double) events));
    assertThat(
        value(store, "SELECT coalesce(sum(row_count), 0) FROM loaded_files"),
        is((double) rollups + rejected + events));
  }

  private static double value(HotStore store, String sql) throws SQLException {
    return Rows.number(
        store.read(connection -> Rows.one(connection, "SELECT (" + sql + ") AS v", List.of())),
        "v");
  }
}
