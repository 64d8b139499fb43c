package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A lake's rows for a warehouse, of which a real PostgreSQL takes the place, and for DuckDB. */
class ExportIT {
  private static final Instant START = Instant.parse("2024-03-01T22:00:00Z");
  private static final int ROWS_PER_INSERT = 1_000;

  private static Contract contract;

  @TempDir Path directory;

  @BeforeAll
  static void loadContract() throws Exception {
    contract = ContractLoader.load("warehouse-queries");
  }

  private Path lake() {
    return directory.resolve("lake");
  }

  private Path output() {
    return directory.resolve("output");
  }

  private void backfill(List<Query> queries) throws IOException {
    Path file = directory.resolve("queries.jsonl");
    QueryFile.write(queries.iterator(), QueryFile.Format.JSON_LINES, file, null);
    run("backfill", "--input=" + file, "--lake=" + lake());
  }

  private static List<Query> queries() {
    List<Query> queries = new ArrayList<>();
    QueryGenerator.of(new Settings(2_000, 5, START, Duration.ofHours(4), 5, 0))
        .forEachRemaining(queries::add);
    return queries;
  }

  private String script(String name) throws IOException {
    return Files.readString(output().resolve("warehouse-queries").resolve(name));
  }

  @Test
  void mergesIntoAWarehouseWhatTheLakeHas() throws Exception {
    List<Query> queries = queries();
    backfill(queries);
    export("--target=redshift");

    try (TestDatabase database = TestDatabase.start();
        Connection connection = database.connect()) {
      List<String> statements = statements(script("load.sql"));
      load(connection, statements);
      assertThatTheWarehouseHasTheLake(connection);
      runFromTheMergeOn(connection, statements);
      assertThatTheWarehouseHasTheLake(connection);
      long rows = count(connection);

      // The second hour anew, with every other query only and none of one instance.
      Instant hour = START.plus(Duration.ofHours(1));
      backfill(
          queries.stream()
              .filter(query -> hourOf(query).equals(hour))
              .filter(query -> query.queryId() % 2 == 0 && query.instanceId() != 1)
              .toList());
      export("--target=redshift");
      List<String> later = statements(script("load.sql"));
      load(connection, later);
      assertThatTheWarehouseHasTheLake(connection);
      assertThat(count(connection), is(not(rows)));
      runFromTheMergeOn(connection, later);
      assertThatTheWarehouseHasTheLake(connection);

      // An export of one hour leaves the others alone.
      export("--target=redshift", "--from=" + hour, "--to=" + hour.plus(Duration.ofHours(1)));
      load(connection, statements(script("load.sql")));
      assertThatTheWarehouseHasTheLake(connection);
    }
  }

  private static Instant hourOf(Query query) {
    return Instant.ofEpochSecond(Math.floorDiv(query.arrivalMicros(), 3_600_000_000L) * 3_600);
  }

  @Test
  void keepsOneRowOfAKeyInTheWarehouse() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    Path yaml =
        Files.writeString(
            directory.resolve("visits.yaml"),
            """
            apiVersion: v3.1.0
            kind: DataContract
            id: Visits-2
            version: 1.0.0
            status: active
            schema:
              - name: visits
                properties:
                  - {name: visit, logicalType: integer, required: true, primaryKey: true}
                  - {name: at, logicalType: timestamp, required: true}
                  - {name: select, logicalType: string}
            customProperties:
              - {property: eventTime, value: at}
              - {property: outOfOrderBound, value: PT5S}
              - property: rollUps
                value:
                  windows: [PT1H]
                  keys: [select]
                  measures: [{name: visits, function: count}]
            """);
    Path messages =
        Files.writeString(
            directory.resolve("visits.jsonl"),
            """
            {"visit": 1, "at": "2024-03-01T05:00:00Z", "select": "a'b"}
            {"visit": 2, "at": "2024-03-01T05:10:00Z"}
            {"visit": 1, "at": "2024-03-01T06:00:00Z", "select": "again"}
            {"visit": 3, "at": "2024-03-01T06:59:59.999999Z"}
            """);
    run("backfill", "--input=" + messages, "--lake=" + lake(), "--contract=" + yaml);
    run(
        "export",
        "--lake=" + lake(),
        "--output=" + output(),
        "--contract=" + yaml,
        "--target=redshift");

    try (TestDatabase database = TestDatabase.start();
        Connection connection = database.connect()) {
      List<String> statements =
          statements(Files.readString(output().resolve("Visits-2").resolve("load.sql")));
      load(connection, statements);
      for (int run = 0; run < 2; run++) {
        assertThat(
            rows(
                connection, "SELECT visit, at, \"select\" FROM visits_2_events ORDER BY visit, at"),
            is(
                List.of(
                    "1|2024-03-01T05:00|a'b",
                    "2|2024-03-01T05:10|null",
                    "3|2024-03-01T06:59:59.999999|null")));
        assertThat(
            rows(
                connection,
                "SELECT window_start, \"select\", visits FROM visits_2_rollups ORDER BY 1, 2"),
            is(
                List.of(
                    "2024-03-01T05:00|a'b|1",
                    "2024-03-01T05:00|null|1",
                    "2024-03-01T06:00|again|1",
                    "2024-03-01T06:00|null|1")));
        runFromTheMergeOn(connection, statements);
      }
    }
  }

  @Test
  void showsTheLakeInAnyDuckDb() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    List<Query> queries = queries();
    backfill(queries);
    backfill(queries.subList(0, 700));
    export("--target=duckdb");

    try (LakeRows rows = LakeRows.of(contract)) {
      rows.load("lake", lake());
      for (String statement : statements(script("views.sql"))) {
        rows.execute(statement);
      }
      assertThat(rows.count("events"), is(greaterThan(1_000L)));
      for (String table : List.of("events", "rollups", "rollups_latest")) {
        assertThat(
            table, rows.differences("FROM lake." + table, "FROM main." + table), is(empty()));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--lake=LAKE/absent --output=OUT --target=duckdb"
            + " | --lake=LAKE/absent: expected a lake's folder; there is none",
        "--lake=LAKE --output=OUT --target=duckdb"
            + " | --contract=warehouse-queries: expected a contract that the lake LAKE has rows of",
        "--lake=LAKE --output=OUT --target=oracle"
            + " | --target=oracle: expected redshift or duckdb",
        "--lake=LAKE --output=OUT --target=duckdb --table=rejected"
            + " | --table=rejected: expected events or rollups",
        "--lake=LAKE --output=OUT --target=duckdb --from=2024-03-01T00:30:00Z"
            + " | --from=2024-03-01T00:30:00Z: expected a whole hour such as 2024-03-01T05:00:00Z",
        "--lake=LAKE --output=OUT --target=duckdb --from=2024-03-01T00:00:00Z"
            + " --to=2024-03-01T00:00:00Z"
            + " | --to=2024-03-01T00:00:00Z: expected a time after --from=2024-03-01T00:00:00Z",
        "--lake=OTHER --output=OTHER/out --target=duckdb"
            + " | --output=OTHER/out: expected a folder outside of the lake",
        "--lake=OTHER --output=LINK --target=duckdb"
            + " | --output=LINK: expected a folder outside of the lake",
      })
  void saysInOneLineWhatIsWrong(String arguments, String message) throws IOException {
    Files.createDirectories(lake());
    Path other = directory.resolve("other");
    Files.createDirectories(other.resolve("warehouse-queries"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), other);
    CommandOutput output = CommandOutput.of(("export " + named(arguments, other, link)).split(" "));
    assertThat(
        output.err(),
        is(
            "highwater export: "
                + named(message, other, link)
                + " (see highwater export --help)\n"));
    assertThat(output.exitCode(), is(2));
  }

  private String named(String text, Path other, Path link) {
    return text.replace("LAKE", lake().toString())
        .replace("OUT", output().toString())
        .replace("OTHER", other.toString())
        .replace("LINK", link.toString());
  }

  /** Of a script, without comments. */
  private static List<String> statements(String script) {
    List<String> statements = new ArrayList<>();
    for (String statement : script.replaceAll("(?m)^--.*\n", "").split(";\n", -1)) {
      if (!statement.isBlank()) {
        statements.add(statement.strip());
      }
    }
    return statements;
  }

  /** Runs a script; where it says COPY, the rows of the manifest's files are inserted. */
  private static void load(Connection connection, List<String> statements) throws Exception {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        if (sql.startsWith("COPY ")) {
          copy(connection, sql);
        } else {
          statement.execute(sql);
        }
      }
    }
  }

  private static void runFromTheMergeOn(Connection connection, List<String> statements)
      throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements.subList(statements.indexOf("BEGIN"), statements.size())) {
        statement.execute(sql);
      }
    }
  }

  private static void copy(Connection connection, String copy) throws Exception {
    String[] words = copy.split("\\s+", -1);
    assertThat(copy, containsString("FORMAT AS PARQUET\nMANIFEST"));
    List<String> files = new ArrayList<>();
    for (JsonNode entry :
        new ObjectMapper().readTree(Path.of(words[3].replace("'", "")).toFile()).get("entries")) {
      files.add("'" + entry.get("url").textValue() + "'");
    }
    try (Connection duckDb = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = duckDb.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT * FROM read_parquet(" + files + ", hive_partitioning = false)")) {
      int columns = rows.getMetaData().getColumnCount();
      String insert =
          "INSERT INTO %s VALUES (%s)"
              .formatted(words[1], String.join(", ", Collections.nCopies(columns, "?")));
      try (PreparedStatement inserts = connection.prepareStatement(insert)) {
        for (int row = 1; rows.next(); row++) {
          for (int column = 1; column <= columns; column++) {
            inserts.setObject(column, value(rows, column));
          }
          inserts.addBatch();
          if (row % ROWS_PER_INSERT == 0) {
            inserts.executeBatch();
          }
        }
        inserts.executeBatch();
      }
    }
  }

  private static Object value(ResultSet rows, int column) throws SQLException {
    return rows.getMetaData().getColumnType(column) == Types.TIMESTAMP
        ? rows.getObject(column, LocalDateTime.class)
        : rows.getObject(column);
  }

  private static List<String> rows(Connection connection, String query) throws SQLException {
    List<String> all = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(query)) {
      while (rows.next()) {
        List<String> values = new ArrayList<>();
        for (int column = 1; column <= rows.getMetaData().getColumnCount(); column++) {
          values.add(String.valueOf(value(rows, column)));
        }
        all.add(String.join("|", values));
      }
    }
    return all;
  }

  private static long count(Connection connection) throws SQLException {
    return Long.parseLong(rows(connection, "SELECT count(*) FROM warehouse_queries_events").get(0));
  }

  private void assertThatTheWarehouseHasTheLake(Connection warehouse) throws Exception {
    TreeMap<String, String> tables = new TreeMap<>();
    tables.put("events", "warehouse_queries_events");
    tables.put("rollups_latest", "warehouse_queries_rollups");
    Path file = directory.resolve("of_the_lake.parquet");
    try (LakeRows rows = LakeRows.of(contract);
        Connection duckDb = DriverManager.getConnection("jdbc:duckdb:")) {
      rows.load("lake", lake());
      for (String table : tables.keySet()) {
        rows.execute("COPY (FROM lake." + table + ") TO '" + file + "' (FORMAT parquet)");
        List<String> expected = rows(duckDb, "FROM read_parquet('" + file + "')");
        List<String> found = rows(warehouse, "SELECT * FROM " + tables.get(table));
        assertThat(table, expected.size(), is(greaterThan(50)));
        Collections.sort(expected);
        Collections.sort(found);
        assertThat(table, found, is(expected));
      }
    }
  }

  private void export(String... options) {
    List<String> command = new ArrayList<>(List.of("export"));
    command.add("--lake=" + lake());
    command.add("--output=" + output());
    command.addAll(List.of(options));
    run(command.toArray(String[]::new));
  }

  private static void run(String... command) {
    CommandOutput output = CommandOutput.of(command);
    assertThat(output.err(), output.exitCode(), is(0));
  }
}
