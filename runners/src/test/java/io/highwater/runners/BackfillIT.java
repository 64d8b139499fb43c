package io.highwater.runners;

import static java.util.Objects.requireNonNull;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files into a lake, beside the same records from a topic. */
class BackfillIT {
  private static final Instant START = Instant.parse("2024-03-01T22:30:00Z");
  private static final Settings SETTINGS = new Settings(3_000, 5, START, Duration.ofHours(3), 5, 0);

  /** All but a word in place of a number, which Parquet's types do not let in. */
  private static final String WITHOUT_WORD = " WHERE field IS DISTINCT FROM 'num_aggregations'";

  private static final ObjectMapper JSON = new ObjectMapper();

  private static Contract contract;

  @TempDir Path directory;

  @BeforeAll
  static void loadContract() throws Exception {
    contract = ContractLoader.load("warehouse-queries");
  }

  @Test
  void givesTheSameRowsFromAnyFormatAndRunnerAsFromATopic() throws Exception {
    List<Query> queries = queries();
    for (QueryFile.Format format : QueryFile.Format.values()) {
      QueryFile.write(queries.iterator(), format, file(format), null);
    }
    addLine(QueryFile.Format.JSON_LINES, wrongType(QueryFormat.json(), queries.get(1), "\"many\""));
    addLine(QueryFile.Format.CSV, wrongType(QueryFormat.csv(), queries.get(1), "many"));

    try (TestBroker broker = TestBroker.start();
        LakeRows rows = LakeRows.of(contract)) {
      String bootstrapServers = "--bootstrapServers=" + broker.bootstrapServers();
      run(
          "replay",
          "--input=" + file(QueryFile.Format.JSON_LINES),
          bootstrapServers,
          "--topic=backfilled",
          "--partitions=3",
          "--speedup=0");
      run(
          "stream",
          bootstrapServers,
          "--inputTopic=backfilled",
          "--lake=" + lake("streamed"),
          "--checkpointingInterval=1000",
          "--stopAfterIdle=2s");
      rows.load("streamed", lake("streamed"));

      for (QueryFile.Format format : QueryFile.Format.values()) {
        String name = "flink_" + format.name().toLowerCase(Locale.ROOT);
        run("backfill", "--input=" + file(format), "--lake=" + lake(name));
        assertThatLakesAreAlike(rows, name, format == QueryFile.Format.PARQUET ? WITHOUT_WORD : "");
      }
      run(
          "backfill",
          "--input=" + file(QueryFile.Format.JSON_LINES),
          "--lake=" + lake("direct"),
          "--runner=DirectRunner");
      assertThatLakesAreAlike(rows, "direct", "");

      run(
          "backfill",
          "--input=kafka:backfilled",
          bootstrapServers,
          "--lake=" + lake("topic"),
          "--parallelism=1");
      rows.load("topic", lake("topic"));
      assertThat(rows.differences("FROM streamed.events", "FROM topic.events"), is(empty()));
      assertThat(
          rows.differences(
              "SELECT * EXCLUDE (received_at) FROM streamed.rejected",
              "SELECT * EXCLUDE (received_at) FROM topic.rejected"),
          is(empty()));
      assertThat(rows.differences(rows.rollUps("streamed"), rows.rollUps("topic")), is(empty()));

      Path quality = directory.resolve("quality.json");
      run(
          "backfill",
          "--input=" + file(QueryFile.Format.CSV),
          "--lake=" + lake("flink_csv"),
          "--parallelism=4",
          "--qualityReport=" + quality);
      assertThatNothingIsDoubled(rows, "flink_csv");
      JsonNode measured = JSON.readTree(quality.toFile()).get("rows");
      assertThat(measured.get("accepted").asLong(), is(rows.count("again.events")));
      assertThat(measured.get("read").asLong(), is(SETTINGS.rows() + 1));

      assertThat(changedRows("warehouse-queries"), is(0L));
      String sterner = sternerContract();
      long changed = changedRows(sterner);
      run(
          "backfill",
          "--input=" + file(QueryFile.Format.CSV),
          "--contract=" + sterner,
          "--lake=" + lake("sterner"));
      rows.load("sterner", lake("sterner"));
      assertThat(
          changed,
          is(
              rows.count(
                  """
                  (SELECT 1 FROM again.events a JOIN sterner.events b USING (instance_id, query_id)
                  WHERE a.query_class <> b.query_class)""")));
      assertThat(changed, is(greaterThan(0L)));
    }
  }

  @Test
  void saysInOneLineThatTheInputIsMissing() {
    Path missing = directory.resolve("missing.jsonl");
    CommandOutput output =
        CommandOutput.of("backfill", "--input=" + missing, "--lake=" + lake("lake"));
    assertThat(output.err(), output.exitCode(), is(2));
    assertThat(
        output.err(),
        is(
            "highwater backfill: --input is '%1$s'; expected a file; there is no %1$s here (see highwater backfill --help)\n"
                .formatted(missing)));
  }

  /** What a backfill of the CSV file with this contract would change in the lake of that file. */
  private long changedRows(String contract) throws IOException {
    Path report = directory.resolve("changes.json");
    run(
        "backfill",
        "--input=" + file(QueryFile.Format.CSV),
        "--lake=" + lake("flink_csv"),
        "--contract=" + contract,
        "--dryRun=true",
        "--report=" + report);
    return JSON.readTree(report.toFile()).get("rows").get("changed").asLong();
  }

  /** The built-in contract, for which a query that waits for the network is one from 5 s on. */
  private String sternerContract() throws IOException {
    String text;
    try (InputStream in = Contract.class.getResourceAsStream("warehouse-queries.yaml")) {
      text = new String(requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    }
    String sterner = text.replaceFirst("value: 500\n", "value: 5000\n");
    assertThat(sterner, is(not(text)));
    return Files.writeString(directory.resolve("sterner.yaml"), sterner).toString();
  }

  /** Every tenth is wrong in a way that all formats can write. */
  private static List<Query> queries() {
    List<Query> queries = new ArrayList<>();
    QueryGenerator.of(SETTINGS).forEachRemaining(queries::add);
    for (int i = 0; i < queries.size(); i += 10) {
      Query query = queries.get(i);
      queries.set(
          i,
          switch (i / 10 % 3) {
            case 0 -> withExecution(query, -1, query.fingerprint());
            case 1 -> withExecution(query, 0, query.fingerprint());
            default -> withExecution(query, query.executionMillis(), "f".repeat(65));
          });
    }
    return queries;
  }

  /** Compile time above an execution time of 0 breaks a rule, below 0 is out of range. */
  private static Query withExecution(
      Query query, long executionMillis, @Nullable String fingerprint) {
    return new Query(
        query.instanceId(),
        query.clusterSize(),
        query.userId(),
        query.databaseId(),
        query.queryId(),
        query.arrivalMicros(),
        query.cached() ? null : 25L,
        query.queueMillis(),
        executionMillis,
        fingerprint,
        query.aborted(),
        query.cached(),
        query.cacheSourceQueryId(),
        query.type(),
        query.permanentTables(),
        query.externalTables(),
        query.systemTables(),
        query.readTableIds(),
        query.writeTableIds(),
        query.scannedMegabytes(),
        query.spilledMegabytes(),
        query.joins(),
        query.scans(),
        query.aggregations(),
        query.injection(),
        query.defect());
  }

  /** A query whose last column, num_aggregations, is the word many. */
  private static String wrongType(QueryFormat format, Query query, String many) {
    return new String(format.toBytes(query), StandardCharsets.US_ASCII)
        .replaceFirst("[0-9]+(}?)$", many + "$1");
  }

  private void addLine(QueryFile.Format format, String line) throws IOException {
    Files.writeString(file(format), line + "\n", StandardOpenOption.APPEND);
  }

  private void assertThatLakesAreAlike(LakeRows rows, String name, String rejectedOfBoth)
      throws SQLException, IOException {
    rows.load(name, lake(name));
    assertThat(name, rows.count(name + ".events"), is(greaterThan(2_000L)));
    assertThat(
        name,
        rows.rows(
            "FROM "
                + name
                + ".events WHERE NOT (_topic IS NULL AND _partition IS NULL AND _offset IS NULL)"),
        is(empty()));
    assertThat(name, rows.differences(events("streamed"), events(name)), is(empty()));
    assertThat(
        name, rows.differences(rejected("streamed") + rejectedOfBoth, rejected(name)), is(empty()));
    assertThat(
        name,
        rows.rows("FROM " + name + ".rejected WHERE file IS NULL OR row IS NULL OR raw IS NULL"),
        is(empty()));
    assertThat(name, rows.differences(rows.rollUps("streamed"), rows.rollUps(name)), is(empty()));
  }

  /** Rejected rows are filed under the hour in which they came: another run adds its own. */
  private void assertThatNothingIsDoubled(LakeRows rows, String name)
      throws SQLException, IOException {
    rows.load("again", lake(name));
    assertThat(rows.differences(events(name), events("again")), is(empty()));
    assertThat(rows.differences(rows.rollUps(name), rows.rollUps("again")), is(empty()));
    assertThat(rows.count("again.rollups"), is(rows.count(name + ".rollups")));
  }

  private static String events(String lake) {
    return "SELECT * EXCLUDE (_topic, _partition, _offset) FROM " + lake + ".events";
  }

  /** A text in JSON is shown in its quotes, which CSV does not have. */
  private static String rejected(String lake) {
    return "SELECT stage, code, field, replace(value, '\"', ''), replace(reason, '\"', '') FROM "
        + lake
        + ".rejected";
  }

  private Path file(QueryFile.Format format) {
    return switch (format) {
      case JSON_LINES -> directory.resolve("queries.jsonl");
      case CSV -> directory.resolve("queries.csv");
      case PARQUET -> directory.resolve("queries.parquet");
    };
  }

  private Path lake(String name) {
    return directory.resolve(name);
  }

  private static void run(String... command) {
    CommandOutput output = CommandOutput.of(command);
    assertThat(output.err(), output.exitCode(), is(0));
  }
}
