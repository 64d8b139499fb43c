package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.duckdb.DuckDBResultSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of a real query log by both ways into a lake, where they are at hand. */
class RealRowsIT {
  private static final String ROWS = "redset/serverless_until_april.csv";
  private static final String CLASSES = "redset/expected_classes_until_april.csv";
  private static final long COUNT = 5_710;

  private static Contract contract;

  @TempDir Path directory;

  @BeforeAll
  static void loadContract() throws Exception {
    contract = ContractLoader.load("warehouse-queries");
  }

  @Test
  void classifiesRealRowsOfATopicAndOfAFile() throws Exception {
    @Nullable Path file = SharedData.find(ROWS);
    @Nullable Path classes = SharedData.find(CLASSES);
    assumeTrue(file != null && classes != null, "no shared/data/" + ROWS + " beside the project");
    Path streamed = directory.resolve("streamed");
    Path backfilled = directory.resolve("backfilled");
    try (TestBroker broker = TestBroker.start();
        LakeRows rows = LakeRows.of(contract)) {
      String bootstrapServers = "--bootstrapServers=" + broker.bootstrapServers();
      run("replay", "--input=" + file, bootstrapServers, "--topic=real", "--speedup=0");
      run(
          "stream",
          bootstrapServers,
          "--inputTopic=real",
          "--lake=" + streamed,
          "--checkpointingInterval=1000",
          "--stopAfterIdle=2s");
      run("backfill", "--input=" + file, "--lake=" + backfilled);

      rows.load("streamed", streamed);
      rows.load("backfilled", backfilled);
      for (String lake : new String[] {"streamed", "backfilled"}) {
        assertThat(lake, rows.count(lake + ".events"), is(COUNT));
        assertThat(lake, rows.count(lake + ".rejected"), is(0L));
        assertThat(
            rows.differences(
                "SELECT instance_id, query_id, replace(pulse_class, '_queries', '') FROM read_csv('"
                    + classes
                    + "')",
                "SELECT instance_id, query_id, query_class FROM " + lake + ".events"),
            is(empty()));
        assertThat(
            rows.differences(rows.rollUpsOfEvents(lake), rows.aggregatesOfRollUps(lake)),
            is(empty()));
      }
    }
  }

  /** The file as it is, and the same rows as Parquet, JSON lines, Arrow and a table. */
  @Test
  void givesTheSameRowsFromEverySource() throws Exception {
    @Nullable Path csv = SharedData.find(ROWS);
    @Nullable Path classes = SharedData.find(CLASSES);
    assumeTrue(csv != null && classes != null, "no shared/data/" + ROWS + " beside the project");
    Path parquet = directory.resolve("real.parquet");
    Path jsonLines = directory.resolve("real.jsonl");
    Path arrow = directory.resolve("real.arrow");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      // A list of one table is a number to who does not know better.
      statement.execute(
          "CREATE TABLE queries AS FROM read_csv('%s', types = {'read_table_ids': 'VARCHAR', 'write_table_ids': 'VARCHAR', 'feature_fingerprint': 'VARCHAR'})"
              .formatted(csv));
      statement.execute("COPY queries TO '%s' (FORMAT parquet)".formatted(parquet));
      statement.execute("COPY queries TO '%s' (FORMAT json)".formatted(jsonLines));
      writeArrow(statement, arrow);
    }
    try (TestDatabase database = TestDatabase.start();
        LakeRows rows = LakeRows.of(contract)) {
      database.loadQueries("queries", csv);
      Path jdbc =
          database.writeConfig(
              directory.resolve("jdbc.properties"),
              "partitionColumn=arrival_timestamp",
              "partitions=3");
      Map<String, String> inputs =
          Map.of(
              "csv", csv.toString(),
              "parquet", parquet.toString(),
              "json_lines", jsonLines.toString(),
              "arrow", arrow.toString(),
              "jdbc", "jdbc:queries");
      for (Map.Entry<String, String> input : inputs.entrySet()) {
        Path lake = directory.resolve(input.getKey());
        run("backfill", "--input=" + input.getValue(), "--lake=" + lake, "--jdbcConfig=" + jdbc);
        rows.load(input.getKey(), lake);
        assertThat(input.getKey(), rows.count(input.getKey() + ".rejected"), is(0L));
        assertThat(
            input.getKey(),
            rows.differences(
                "SELECT instance_id, query_id, replace(pulse_class, '_queries', '') FROM read_csv('"
                    + classes
                    + "')",
                "SELECT instance_id, query_id, query_class FROM " + input.getKey() + ".events"),
            is(empty()));
      }
      for (String lake : inputs.keySet()) {
        assertThat(
            lake, rows.differences("FROM csv.events", "FROM " + lake + ".events"), is(empty()));
        assertThat(lake, rows.differences(rows.rollUps("csv"), rows.rollUps(lake)), is(empty()));
      }
    }
  }

  private static void writeArrow(Statement statement, Path file) throws Exception {
    try (BufferAllocator allocator = new RootAllocator();
        DuckDBResultSet result =
            statement.executeQuery("FROM queries").unwrap(DuckDBResultSet.class);
        ArrowReader rows = (ArrowReader) result.arrowExportStream(allocator, 1_024);
        ArrowFileWriter writer =
            new ArrowFileWriter(
                rows.getVectorSchemaRoot(),
                null,
                Files.newByteChannel(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE))) {
      writer.start();
      while (rows.loadNextBatch()) {
        writer.writeBatch();
      }
      writer.end();
    }
  }

  private static void run(String... command) {
    CommandOutput output = CommandOutput.of(command);
    assertThat(output.err(), output.exitCode(), is(0));
  }
}
