package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.Field;
import io.highwater.record.FileRecords;
import io.highwater.record.JdbcConfig;
import io.highwater.record.JdbcRange;
import io.highwater.record.JdbcRecords;
import io.highwater.record.JdbcTable;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordParser;
import io.highwater.transforms.ReadJdbc;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.Pipeline.PipelineExecutionException;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tables of a real PostgreSQL. */
class ReadJdbcIT {
  private static TestDatabase database;

  @TempDir Path folder;

  @BeforeAll
  static void startDatabase() throws Exception {
    database = TestDatabase.start();
  }

  @AfterAll
  static void stopDatabase() throws IOException {
    if (database != null) {
      database.close();
    }
  }

  private Path config(String... lines) throws IOException {
    return database.writeConfig(folder.resolve("jdbc.properties"), lines);
  }

  private JdbcTable table(String name, String... lines) throws IOException {
    return JdbcTable.of(JdbcConfig.read(config(lines).toString()), name);
  }

  private static List<String> messages(JdbcTable table) throws IOException {
    List<String> messages = new ArrayList<>();
    for (JdbcRange range : table.ranges()) {
      try (JdbcRecords records = JdbcRecords.open(table, range, 1_000, 5_000)) {
        while (records.hasNext()) {
          RawBatch batch = records.next();
          for (int row = 0; row < batch.size(); row++) {
            messages.add(new String(batch.message(row), StandardCharsets.UTF_8));
          }
        }
      }
    }
    return messages;
  }

  @Test
  void writesAwkwardValuesAsJson() throws Exception {
    String[][] values = {
      {"(-9223372036854775808)::bigint", "-9223372036854775808"},
      {"(-32768)::smallint", "-32768"},
      {"1.50::numeric(9, 2)", "1.50"},
      {"12345678901234567890.123456789::numeric", "12345678901234567890.123456789"},
      {"'NaN'::numeric", "\"NaN\""},
      {"'Infinity'::numeric", "\"Infinity\""},
      {"0.1::float8", "0.1"},
      {"5e-324::float8", "4.9E-324"},
      {"0.1::real", "0.10000000149011612"},
      {"'-Infinity'::float8", "\"-Infinity\""},
      {"true", "true"},
      {"B'1'::bit(1)", "true"},
      {"B'101'::bit(3)", "\"101\""},
      {"NULL::bigint", "null"},
      {"NULL::boolean", "null"},
      {"NULL::numeric", "null"},
      {"NULL::text", "null"},
      {"NULL::timestamp", "null"},
      {"NULL::timestamptz", "null"},
      {"NULL::bytea", "null"},
      {"''", "\"\""},
      {"'größe \"b\" \\ 😀' || chr(10)", "\"größe \\\"b\\\" \\\\ 😀\\u000a\""},
      {"timestamp '2024-03-01 00:00:00.000001'", "\"2024-03-01T00:00:00.000001\""},
      // An hour that clocks in Berlin do not have.
      {"timestamp '2024-03-31 02:30:00'", "\"2024-03-31T02:30:00.000000\""},
      {"timestamp 'infinity'", "\"infinity\""},
      {"timestamptz '2024-03-01 00:00:00.5+02:30'", "\"2024-02-29T21:30:00.500000\""},
      {"timestamptz '-infinity'", "\"-infinity\""},
      {"date '2024-02-29'", "\"2024-02-29\""},
      {"time '01:02:03'", "\"01:02:03\""},
      {"convert_to('größe', 'UTF8')", "\"größe\""},
      {"'\\xff00'::bytea", "\"\\\\xff00\""},
      {"'6b29fc40-ca47-1067-b31d-00dd010662da'::uuid", "\"6b29fc40-ca47-1067-b31d-00dd010662da\""},
      {"'{\"a\": [1, \"x\"]}'::jsonb", "\"{\\\"a\\\": [1, \\\"x\\\"]}\""},
      {"ARRAY[1, NULL, 3]", "\"{1,NULL,3}\""},
    };
    List<String> columns = new ArrayList<>();
    List<String> json = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      columns.add(values[i][0] + " AS c" + i);
      json.add("\"c" + i + "\": " + values[i][1]);
    }
    database.execute("CREATE TABLE awkward AS SELECT " + String.join(", ", columns));

    assertThat(messages(table("awkward")), contains("{" + String.join(", ", json) + "}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(i - 50)::smallint",
        "(i * 1000000000000)::bigint",
        "(i / 7.0 - 3)::numeric",
        "(i / 7.0 - 3)::float8",
        "date '1969-12-01' + i",
        "timestamp '2024-03-01 00:00:00' + i * interval '1000 s'",
        "timestamptz '2024-03-01 00:00:00+05' + i * interval '1000 s'"
      })
  void readsEachRowOnceInRangesOfAnyColumnOfNumbersOrTimes(String cut) throws Exception {
    database.execute(
        "DROP TABLE IF EXISTS many",
        "CREATE TABLE many AS SELECT i AS id, CASE WHEN i % 10 > 0 THEN "
            + cut
            + " END AS \"Cut By\" FROM generate_series(0, 99) AS t(i)");
    JdbcTable table = table("public.many", "partitionColumn=Cut By", "partitions=4");

    assertThat(table.ranges().size(), is(5));
    List<String> expected = new ArrayList<>();
    List<String> found = new ArrayList<>();
    LongStream.range(0, 100).forEach(id -> expected.add("{\"id\": " + id));
    messages(table).forEach(message -> found.add(message.substring(0, message.indexOf(','))));
    assertThat(found, containsInAnyOrder(expected.toArray(String[]::new)));
  }

  @Test
  void givesTheSameRealRowsAsTheirFile() throws Exception {
    Path file = SharedData.find("redset/serverless_until_april.csv");
    assumeTrue(file != null, "no shared/data/redset beside the project");
    database.loadQueries("redset", file);
    JdbcTable table = table("redset", "partitionColumn=arrival_timestamp", "partitions=3");
    List<RawBatch> ofTable = new ArrayList<>();
    for (JdbcRange range : table.ranges()) {
      try (JdbcRecords records = JdbcRecords.open(table, range, 1_000, 0)) {
        records.forEachRemaining(ofTable::add);
      }
    }
    List<RawBatch> ofFile = new ArrayList<>();
    try (FileRecords records = FileRecords.open(file, 1_000, 0)) {
      records.forEachRemaining(ofFile::add);
    }

    List<String> expected = parsed(ofFile);
    assertThat(expected.size(), is(5_710));
    assertThat(parsed(ofTable), is(expected));
  }

  /** The rows as the contract's fields, in an order of their own. */
  private static List<String> parsed(List<RawBatch> batches) throws Exception {
    Contract contract = ContractLoader.load("warehouse-queries");
    List<String> rows = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator()) {
      RecordParser parser = new RecordParser(contract, allocator);
      for (RawBatch batch : batches) {
        try (RecordParser.Result result = parser.parse(batch)) {
          assertThat(result.rejections(), is(List.of()));
          for (int row = 0; row < result.root().getRowCount(); row++) {
            StringBuilder values = new StringBuilder();
            for (Field field : contract.fields()) {
              values.append(result.root().getVector(field.name()).getObject(row)).append('|');
            }
            rows.add(values.toString());
          }
        }
      }
    }
    Collections.sort(rows);
    return rows;
  }

  @Test
  void fetchesRowsAsTheyAreRead() throws Exception {
    database.execute("CREATE VIEW endless AS SELECT generate_series(1, 1000000000000) AS id");
    JdbcTable table = table("endless");

    assertTimeoutPreemptively(
        Duration.ofMinutes(1),
        () -> {
          try (JdbcRecords records = JdbcRecords.open(table, table.ranges().get(0), 5_000, 0)) {
            assertThat(records.next().size(), is(5_000));
            assertThat(records.next().offset(0), is(5_000L));
          }
        });
  }

  @Test
  void namesWhatIsWrongButNoPassword() throws Exception {
    Path right = config();
    assertThat(
        failure(() -> ReadJdbc.check("nowhere", right.toString())),
        allOf(
            containsString("cannot read table nowhere of " + database.url()),
            containsString("\"nowhere\" does not exist")));
    database.execute("CREATE TABLE word AS SELECT 'x'::text AS id");
    Path byWord = config("partitionColumn=id");
    assertThat(
        failure(() -> ReadJdbc.check("word", byWord.toString())),
        containsString("table word cannot be cut by id of type text"));
    String secret = TestDatabase.PASSWORD + "!";
    Path wrongPassword =
        Files.writeString(
            folder.resolve("wrong.properties"),
            "url=" + database.url() + "?password=" + secret + "\nuser=" + TestDatabase.USER);
    assertThat(
        failure(() -> ReadJdbc.check("word", wrongPassword.toString())),
        allOf(
            containsString("cannot connect to " + database.url()),
            containsString("password authentication failed"),
            not(containsString(TestDatabase.PASSWORD))));
    Path nobody =
        Files.writeString(
            folder.resolve("nobody.properties"),
            "url=jdbc:postgresql://127.0.0.1:1/db\nuser=a\npassword=" + TestDatabase.PASSWORD);
    assertThat(
        failure(() -> ReadJdbc.check("word", nobody.toString())),
        allOf(
            containsString("cannot connect to jdbc:postgresql://127.0.0.1:1/db"),
            not(containsString(TestDatabase.PASSWORD))));
  }

  @Test
  void saysNoPasswordWhenReadingFails() throws Exception {
    database.execute(
        "CREATE VIEW breaking AS SELECT 1 / (i - 5000) AS id FROM generate_series(1, 9000) AS t(i)");
    Pipeline pipeline =
        Pipeline.create(PipelineOptionsFactory.fromArgs("--runner=DirectRunner").create());
    pipeline.apply(ReadJdbc.of("breaking", config().toString(), Instant.EPOCH));

    PrintStream standardError = System.err;
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
    try {
      PipelineExecutionException thrown =
          assertThrows(PipelineExecutionException.class, () -> pipeline.run().waitUntilFinish());
      thrown.printStackTrace();
    } finally {
      System.setErr(standardError);
    }
    assertThat(
        log.toString(StandardCharsets.UTF_8),
        allOf(
            containsString("cannot read table breaking of " + database.url() + " after row "),
            containsString("division by zero"),
            not(containsString(TestDatabase.PASSWORD))));
  }

  /** All that a log with stack traces would show. */
  private static String failure(org.junit.jupiter.api.function.Executable call) {
    Throwable thrown = assertThrows(IOException.class, call);
    ByteArrayOutputStream trace = new ByteArrayOutputStream();
    thrown.printStackTrace(new PrintStream(trace, true, StandardCharsets.UTF_8));
    return trace.toString(StandardCharsets.UTF_8);
  }
}
