package io.highwater.export;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeNames;
import io.highwater.lake.Replacement;
import io.highwater.record.Compression;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.duckdb.DuckDBResultSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LakeExportTest {
  private static final String EVENTS = "payments/events/date=2024-03-01/";
  private static final String ROLLUPS = "payments/rollups/date=2024-03-01/";
  private static final String NO_POSITION =
      "NULL::VARCHAR AS _topic, NULL::INTEGER AS _partition, NULL::BIGINT AS _offset";

  private static Contract contract;

  @TempDir Path folder;

  private Path lake;
  private Path output;

  @BeforeAll
  static void loadContract() throws Exception {
    try (InputStream yaml =
        Contract.class.getResourceAsStream("/io/highwater/contract/payments.yaml")) {
      contract = ContractLoader.parse("payments.yaml", new String(yaml.readAllBytes(), UTF_8));
    }
  }

  /** Three hours of events, the second in a generation, and of roll-ups. */
  @BeforeEach
  void writeLake() throws Exception {
    lake = folder.resolve("lake");
    output = folder.resolve("o'put");
    arrow(EVENTS + "hour=05", "events-0000000000000001.arrow", event(1, "05:10:00", "EUR"));
    // Of an older contract: without the derived column, and with one that is gone.
    parquet(
        EVENTS + "hour=05",
        "events-0000000000000002.parquet",
        "SELECT 2::BIGINT AS payment_id, TIMESTAMP '2024-03-01 05:00:00.000001' AS paid_at, 9.5::DOUBLE AS amount, 'gone' AS old_column");
    arrow(EVENTS + "hour=06", "events-0000000000000003.arrow", event(3, "06:00:00", "EUR"));
    arrow(EVENTS + "hour=06", "g-7-0000000000000004.arrow", event(4, "06:59:59", "USD"));
    arrow(EVENTS + "hour=06", "g-8-0000000000000005.arrow", event(5, "06:00:00", "EUR"));
    marker(EVENTS + "hour=06", "7", "g-7-0000000000000004.arrow", "events-0000000000000003.arrow");
    arrow(EVENTS + "hour=07", "events-0000000000000006.arrow", event(6, "07:00:00", "EUR"));
    parquet(
        ROLLUPS + "hour=05",
        "rollups-0000000000000001.parquet",
        window("05:00:00", "EUR", 1, 0, 10)
            + " UNION ALL "
            + window("05:00:00", "EUR", 1, 1, 11)
            + " UNION ALL "
            + window("05:00:00", null, 1, 0, 20));
    parquet(
        ROLLUPS + "hour=05",
        "rollups-0000000000000002.parquet",
        window("05:00:00", "EUR", 2, 0, 12) + " UNION ALL " + window("05:00:00", null, 1, 1, 21));
  }

  private static String event(long id, String time, String currency) {
    return "SELECT %d::BIGINT AS payment_id, TIMESTAMP '2024-03-01 %s' AS paid_at, 1.5::DOUBLE AS amount, '%s' AS currency, NULL::BOOLEAN AS refunded, %s, false AS is_large"
        .formatted(id, time, currency, NO_POSITION);
  }

  private static String window(
      String start, @Nullable String currency, long run, long pane, long payments) {
    return "SELECT TIMESTAMP '2024-03-01 %s' AS window_start, 3600000::BIGINT AS window_millis, %s::VARCHAR AS currency, %d::BIGINT AS run_id, %d::BIGINT AS pane_index, true AS is_final, %d::BIGINT AS payments, 0.5::DOUBLE AS total, 0::BIGINT AS large"
        .formatted(start, currency == null ? "NULL" : "'" + currency + "'", run, pane, payments);
  }

  private Path inLake(String directory, String name) throws IOException {
    return Files.createDirectories(lake.resolve(directory)).resolve(name);
  }

  private void parquet(String directory, String name, String select) throws Exception {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (" + select + ") TO '" + inLake(directory, name) + "' (FORMAT parquet)");
    }
  }

  private void arrow(String directory, String name, String select) throws Exception {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(select);
        BufferAllocator allocator = new RootAllocator();
        ArrowReader reader =
            (ArrowReader) rows.unwrap(DuckDBResultSet.class).arrowExportStream(allocator, 1_000);
        WritableByteChannel file =
            FileChannel.open(
                inLake(directory, name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      List<byte[]> messages = new ArrayList<>();
      while (reader.loadNextBatch()) {
        messages.add(ArrowFiles.encode(reader.getVectorSchemaRoot(), Compression.ZSTD));
      }
      ArrowFiles.assemble(reader.getVectorSchemaRoot().getSchema(), messages, file);
    }
  }

  private void marker(String directory, String generation, String in, String out)
      throws IOException {
    Files.write(
        inLake(directory, LakeNames.marker(generation)),
        new Replacement(generation, List.of(in), List.of(out)).toJson());
  }

  private List<ExportedTable> export(ExportTarget target) throws IOException {
    return export(target, null, null, List.of(ExportTable.values()));
  }

  private List<ExportedTable> export(
      ExportTarget target, @Nullable String from, @Nullable String to, List<ExportTable> tables)
      throws IOException {
    return LakeExport.run(
        new LakeExport.Settings(
            lake,
            output,
            contract,
            target,
            tables,
            from == null ? null : Instant.parse(from),
            to == null ? null : Instant.parse(to),
            output.toString(),
            "role"));
  }

  /** All files of the export but hidden ones, with the digests of their names as {@code #}. */
  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.walk(output.resolve("payments"))) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> output.resolve("payments").relativize(file).toString())
          .filter(name -> !name.startsWith("."))
          .map(name -> name.replaceFirst("-[0-9a-f]{16}\\.", "-#."))
          .toList();
    }
  }

  private static List<String> rows(String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      for (String sql : List.of(statements).subList(0, statements.length - 1)) {
        statement.execute(sql);
      }
      List<String> rows = new ArrayList<>();
      try (ResultSet result = statement.executeQuery(statements[statements.length - 1])) {
        while (result.next()) {
          List<String> values = new ArrayList<>();
          for (int column = 1; column <= result.getMetaData().getColumnCount(); column++) {
            values.add(String.valueOf(result.getString(column)));
          }
          rows.add(String.join(" ", values));
        }
      }
      return rows;
    }
  }

  private List<String> viewed(String query) throws Exception {
    return rows(Files.readString(output.resolve("payments/views.sql")), query);
  }

  private List<String> exported(String table, String columns) throws SQLException {
    return rows(
        "SELECT %s FROM read_parquet('%s/payments/%s/*/*/*.parquet', hive_partitioning = false)"
            .formatted(columns, output.toString().replace("'", "''"), table));
  }

  @Test
  void showsInDuckDbWhatCountsInTheLake() throws Exception {
    export(ExportTarget.DUCKDB);

    assertThat(
        files(),
        containsInAnyOrder(
            "events/date=2024-03-01/hour=05/events-#.parquet",
            "events/date=2024-03-01/hour=06/events-#.parquet",
            "events/date=2024-03-01/hour=07/events-#.parquet",
            "rollups/date=2024-03-01/hour=05/rollups-#.parquet",
            "views.sql"));
    assertThat(
        viewed("FROM events ORDER BY payment_id"),
        contains(
            "1 2024-03-01 05:10:00.0 1.5 EUR null null null null false",
            "2 2024-03-01 05:00:00.000001 9.5 null null null null null null",
            "4 2024-03-01 06:59:59.0 1.5 USD null null null null false",
            "6 2024-03-01 07:00:00.0 1.5 EUR null null null null false"));
    assertThat(
        viewed("SELECT currency, run_id, pane_index, payments FROM rollups ORDER BY payments"),
        contains("EUR 1 0 10", "EUR 1 1 11", "EUR 2 0 12", "null 1 0 20", "null 1 1 21"));
    assertThat(
        viewed("SELECT currency, payments FROM rollups_latest ORDER BY payments"),
        contains("EUR 12", "null 21"));
  }

  @Test
  void hasForRedshiftTheRollUpsThatCountAndManifestsWithSizes() throws Exception {
    export(ExportTarget.REDSHIFT);

    assertThat(
        exported("rollups", "currency, run_id, pane_index, payments"),
        containsInAnyOrder("EUR 2 0 12", "null 1 1 21"));
    for (String table : List.of("events", "rollups")) {
      JsonNode manifest =
          new ObjectMapper().readTree(output.resolve("payments/" + table + ".manifest").toFile());
      List<Path> listed = new ArrayList<>();
      for (JsonNode entry : manifest.get("entries")) {
        Path file = Path.of(entry.get("url").textValue());
        listed.add(file);
        assertThat(entry.get("mandatory").booleanValue(), is(true));
        assertThat(entry.get("meta").get("content_length").longValue(), is(Files.size(file)));
      }
      try (Stream<Path> files = Files.walk(output.resolve("payments/" + table))) {
        assertThat(
            listed, containsInAnyOrder(files.filter(Files::isRegularFile).toArray(Path[]::new)));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void writesAgainOnlyWhatHasChangedAndRemovesWhatIsGone(ExportTarget target) throws Exception {
    export(target);
    Path kept = theFile("events/date=2024-03-01/hour=05");
    Path replaced = theFile("events/date=2024-03-01/hour=06");
    FileTime then = FileTime.from(Instant.parse("2001-01-01T00:00:00Z"));
    Files.setLastModifiedTime(kept, then);
    Path notOurs = Files.writeString(kept.resolveSibling("notes.txt"), "mine");
    // The second hour is replaced, the third is gone, a fourth is new.
    arrow(EVENTS + "hour=06", "g-9-0000000000000007.arrow", event(7, "06:00:00", "EUR"));
    marker(EVENTS + "hour=06", "9", "g-9-0000000000000007.arrow", "g-7-0000000000000004.arrow");
    Files.delete(lake.resolve(EVENTS + "hour=07/events-0000000000000006.arrow"));
    arrow(EVENTS + "hour=08", "events-0000000000000008.arrow", event(8, "08:00:00", "EUR"));

    List<ExportedTable> exported = export(target);

    assertThat(exported.get(0).written(), is(2));
    assertThat(exported.get(1).written(), is(0));
    assertThat(exported("events", "payment_id"), containsInAnyOrder("1", "2", "7", "8"));
    assertThat(Files.getLastModifiedTime(kept), is(then));
    assertThat(Files.exists(replaced), is(false));
    assertThat(Files.exists(output.resolve("payments/events/date=2024-03-01/hour=07")), is(false));
    assertThat(Files.readString(notOurs), is("mine"));
  }

  private Path theFile(String hour) throws IOException {
    try (Stream<Path> files = Files.list(output.resolve("payments").resolve(hour))) {
      return files.findFirst().orElseThrow();
    }
  }

  @Test
  void leavesNothingOfAnExportForAnotherTargetOrOfOtherTables() throws Exception {
    export(ExportTarget.REDSHIFT);
    export(ExportTarget.DUCKDB, null, null, List.of(ExportTable.EVENTS));

    assertThat(
        files(),
        containsInAnyOrder(
            "events/date=2024-03-01/hour=05/events-#.parquet",
            "events/date=2024-03-01/hour=06/events-#.parquet",
            "events/date=2024-03-01/hour=07/events-#.parquet",
            "views.sql"));
    assertThat(viewed("SELECT count(*) FROM events"), contains("4"));
  }

  @Test
  void namesAnHourWithADamagedFile() throws Exception {
    Path file = lake.resolve(EVENTS + "hour=07/events-0000000000000006.arrow");
    byte[] content = Files.readAllBytes(file);
    byte[] inTheFooter = content.clone();
    Arrays.fill(inTheFooter, content.length - 100, content.length - 20, (byte) 0x7f);
    byte[] cutOff = Arrays.copyOf(content, content.length / 2);
    byte[] inTheRows = content.clone();
    Arrays.fill(inTheRows, content.length / 2, content.length / 2 + 100, (byte) 0x7f);
    for (byte[] damaged : List.of(inTheFooter, cutOff, inTheRows, new byte[0])) {
      Files.write(file, damaged);
      IOException refused = assertThrows(IOException.class, () -> export(ExportTarget.DUCKDB));
      assertThat(refused.getMessage(), containsString("hour=07"));
    }
  }

  @Test
  void exportsTheHoursOfARange() throws Exception {
    export(ExportTarget.DUCKDB);
    export(
        ExportTarget.DUCKDB,
        "2024-03-01T06:00:00Z",
        "2024-03-01T07:00:00Z",
        List.of(ExportTable.values()));

    assertThat(viewed("SELECT payment_id FROM events"), contains("4"));
    assertThat(viewed("FROM rollups_latest"), is(empty()));
  }

  @Test
  void cutsTextsThatRedshiftDoesNotHoldAndSaysHowMany() throws Exception {
    // 65,535 bytes end inside a character of two bytes, of which there are as many as fit.
    parquet(
        EVENTS + "hour=05",
        "events-0000000000000009.parquet",
        event(9, "05:30:00", "EUR")
            .replace("NULL::VARCHAR AS _topic", "repeat('ö', 40000) AS _topic"));
    List<ExportedTable> exported = export(ExportTarget.REDSHIFT);

    assertThat(exported.get(0).cutTexts(), is(Map.of("_topic", 1L)));
    assertThat(
        exported("events", "max(strlen(_topic)), count(DISTINCT payment_id)"), contains("65534 5"));
    assertThat(
        Files.readString(output.resolve("payments/load.sql")),
        containsString("\"currency\" VARCHAR(12)"));
    export(ExportTarget.DUCKDB);
    assertThat(viewed("SELECT max(strlen(_topic)) FROM events"), contains("80000"));
  }

  @Test
  void refusesAFolderThatAnotherExportWritesInto() throws Exception {
    Path locked = Files.createDirectories(output.resolve("payments")).resolve(".lock");
    try (FileChannel channel =
            FileChannel.open(locked, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      IOException thrown = assertThrows(IOException.class, () -> export(ExportTarget.DUCKDB));
      assertThat(lock.isValid(), is(true));
      assertThat(
          thrown.getMessage(), is("another export is writing into " + output.resolve("payments")));
    }
    assertThat(files(), is(empty()));
  }

  @Test
  void leavesTheLastExportWhereAFileOfTheLakeIsDamaged() throws Exception {
    export(ExportTarget.DUCKDB);
    List<String> before = files();
    Files.writeString(lake.resolve(EVENTS + "hour=06/events-000000000000000a.parquet"), "broken");

    IOException thrown = assertThrows(IOException.class, () -> export(ExportTarget.DUCKDB));
    assertThat(thrown.getMessage(), containsString("payments/events/date=2024-03-01/hour=06"));
    assertThat(files(), containsInAnyOrder(before.toArray(String[]::new)));
    assertThat(Files.exists(output.resolve("payments/.temporary")), is(not(true)));
  }
}
