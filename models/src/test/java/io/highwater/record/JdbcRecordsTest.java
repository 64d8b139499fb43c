package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tables of DuckDB, which is a database behind JDBC as well. */
class JdbcRecordsTest {
  private static final String SECRET = "s3cret";

  @TempDir Path folder;

  private String url() {
    return "jdbc:duckdb:" + folder.resolve("rows.duckdb");
  }

  private void execute(String... statements) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url());
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  private String config(String... lines) throws IOException {
    return Files.writeString(folder.resolve("jdbc.properties"), String.join("\n", lines))
        .toString();
  }

  private JdbcTable table(String name, String... lines) throws IOException {
    List<String> all = new ArrayList<>(List.of(lines));
    all.add("url=" + url());
    return JdbcTable.of(JdbcConfig.read(config(all.toArray(String[]::new))), name);
  }

  private static List<RawBatch> read(JdbcTable table, int rowsPerBatch) throws IOException {
    List<RawBatch> batches = new ArrayList<>();
    for (JdbcRange range : table.ranges()) {
      try (JdbcRecords records = JdbcRecords.open(table, range, rowsPerBatch, 5_000)) {
        records.forEachRemaining(batches::add);
      }
    }
    return batches;
  }

  private static List<String> messages(List<RawBatch> batches) {
    List<String> messages = new ArrayList<>();
    for (RawBatch batch : batches) {
      for (int row = 0; row < batch.size(); row++) {
        messages.add(new String(batch.message(row), StandardCharsets.UTF_8));
      }
    }
    return messages;
  }

  private static String failure(org.junit.jupiter.api.function.Executable call) {
    return String.valueOf(assertThrows(Exception.class, call).getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "9007199254740993::BIGINT | 9007199254740993",
        "(-128)::TINYINT | -128",
        "18446744073709551615::UBIGINT | 18446744073709551615",
        "170141183460469231731687303715884105727::HUGEINT | 170141183460469231731687303715884105727",
        "1.50::DECIMAL(9, 2) | 1.50",
        "12345678901234567890.123456789::DECIMAL(38, 9) | 12345678901234567890.123456789",
        "0.1::DOUBLE | 0.1",
        "0.1::FLOAT | 0.10000000149011612",
        "'NaN'::DOUBLE | \"NaN\"",
        "'-Infinity'::FLOAT | \"-Infinity\"",
        "true | true",
        "NULL::BIGINT | null",
        "NULL::BOOLEAN | null",
        "NULL::DOUBLE | null",
        "NULL::DECIMAL(9, 2) | null",
        "NULL::VARCHAR | null",
        "NULL::TIMESTAMP | null",
        "NULL::TIMESTAMPTZ | null",
        "NULL::BLOB | null",
        "'' | \"\"",
        "'a \"b\" \\ größe ' || chr(10) || chr(1) || '😀' | \"a \\\"b\\\" \\\\ größe \\u000a\\u0001😀\"",
        "TIMESTAMP '2024-03-01 00:00:00.000001' | \"2024-03-01T00:00:00.000001\"",
        "TIMESTAMP '1969-12-31 23:59:59.5' | \"1969-12-31T23:59:59.500000\"",
        "TIMESTAMP_NS '2024-03-01 00:00:00.123456789' | \"2024-03-01T00:00:00.123456789\"",
        "TIMESTAMPTZ '2024-03-01 00:00:00.5+02:30' | \"2024-02-29T21:30:00.500000\"",
        "DATE '2024-02-29' | \"2024-02-29\"",
        "TIME '01:02:03' | \"01:02:03\"",
        "encode('größe') | \"größe\"",
        "'\\xFF\\x00'::BLOB | \"\\\\xff00\"",
        "UUID '6b29fc40-ca47-1067-b31d-00dd010662da' | \"6b29fc40-ca47-1067-b31d-00dd010662da\"",
        "[1, 2] | \"[1, 2]\""
      })
  void writesAValueAsJson(String expressionAndJson) throws Exception {
    String[] parts = expressionAndJson.split(" \\| ", 2);
    execute("CREATE TABLE one AS SELECT 1 AS id, " + parts[0] + " AS \"the \"\"value\"\"\"");

    assertThat(
        messages(read(table("one"), 10)),
        contains("{\"id\": 1, \"the \\\"value\\\"\": " + parts[1] + "}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(i - 50)::INTEGER",
        "(i * 1000000000000)::BIGINT",
        "(i / 7 - 3)::DECIMAL(18, 6)",
        "(i / 7 - 3)::DOUBLE",
        "DATE '1969-12-01' + i::INTEGER",
        "TIMESTAMP '2024-03-01 00:00:00' + to_seconds(i * 1000)",
        "TIMESTAMPTZ '2024-03-01 00:00:00+05' + to_seconds(i * 1000)"
      })
  void readsEachRowOnceInRangesOfAnyColumnOfNumbersOrTimes(String cut) throws Exception {
    execute(
        "CREATE TABLE many AS SELECT i AS id, CASE WHEN i % 10 > 0 THEN "
            + cut
            + " END AS cut FROM range(100) AS t(i)");
    JdbcTable table = table("many", "partitionColumn=cut", "partitions=4");

    List<RawBatch> batches = read(table, 1_000);
    assertThat(batches.size(), is(5));
    List<String> expected = new ArrayList<>();
    List<String> found = new ArrayList<>();
    LongStream.range(0, 100).forEach(id -> expected.add("{\"id\": " + id));
    messages(batches).forEach(message -> found.add(message.substring(0, message.indexOf(','))));
    assertThat(found, containsInAnyOrder(expected.toArray(String[]::new)));
    Set<Long> numbers = new HashSet<>();
    for (RawBatch batch : batches) {
      assertThat(batch.size(), is(greaterThan(5)));
      for (int row = 0; row < batch.size(); row++) {
        numbers.add(batch.offset(row));
      }
    }
    assertThat(numbers.size(), is(100));
  }

  @Test
  void readsATableWithoutRowsAsNone() throws Exception {
    execute("CREATE TABLE none (id BIGINT)");
    assertThat(read(table("none"), 10), is(List.of()));
    assertThat(read(table("none", "partitionColumn=id"), 10), is(List.of()));
  }

  @Test
  void countsOnOverBatches() throws Exception {
    execute("CREATE SCHEMA s", "CREATE TABLE s.t AS SELECT i AS id FROM range(5) AS t(i)");
    List<RawBatch> batches = read(table("s.t", "fetchSize=2"), 2);

    List<String> rows = new ArrayList<>();
    for (RawBatch batch : batches) {
      assertThat(batch.sourceKind(), is(RawBatch.SourceKind.FILE));
      for (int row = 0; row < batch.size(); row++) {
        rows.add(batch.source() + " " + batch.offset(row) + " " + batch.timestampMillis(row));
      }
      rows.add("end");
    }
    assertThat(
        rows,
        contains(
            "jdbc:s.t 0 5000",
            "jdbc:s.t 1 5000",
            "end",
            "jdbc:s.t 2 5000",
            "jdbc:s.t 3 5000",
            "end",
            "jdbc:s.t 4 5000",
            "end"));
  }

  @Test
  void takesTheTableForANameAndNeverForSql() throws Exception {
    String name = "t\"; DROP TABLE kept; --";
    execute(
        "CREATE TABLE \"" + name.replace("\"", "\"\"") + "\" AS SELECT 1 AS \"c\"\"; --\"",
        "CREATE TABLE kept AS SELECT 2 AS id");

    assertThat(
        messages(read(table(name, "partitionColumn=c\"; --"), 10)), contains("{\"c\\\"; --\": 1}"));
    assertThat(messages(read(table("kept"), 10)), contains("{\"id\": 2}"));
  }

  @Test
  void cutsEvenlyWithoutOverflow() {
    assertThat(JdbcTable.cuts(0, 99, 4), contains(25L, 50L, 75L));
    assertThat(JdbcTable.cuts(-2, 1, 8), contains(-1L, 0L, 1L));
    assertThat(JdbcTable.cuts(7, 7, 3), is(List.of()));
    assertThat(JdbcTable.cuts(Long.MIN_VALUE, Long.MAX_VALUE, 2), contains(0L));
  }

  @Test
  void namesWhatIsWrongWithTheFile() throws Exception {
    Path missing = folder.resolve("missing.properties");
    assertThat(
        failure(() -> JdbcConfig.read(missing.toString())), is("there is no file " + missing));
    assertThat(
        failure(() -> JdbcConfig.read(config("user=a"))),
        containsString("lacks the property 'url'"));
    assertThat(
        failure(() -> JdbcConfig.read(config("url=jdbc:x:y", "pasword=" + SECRET))),
        allOf(containsString("property 'pasword'; expected one of driver, "), not(tells())));
    assertThat(
        failure(() -> JdbcConfig.read(config("url=jdbc:x:y", "partitions=2"))),
        containsString("'partitions' but no 'partitionColumn'"));
    for (String number : List.of("0", "-1", "many", "99999999999")) {
      assertThat(
          failure(() -> JdbcConfig.read(config("url=jdbc:x:y", "fetchSize=" + number))),
          containsString(
              "has fetchSize=" + number + "; expected a whole number from 1 to 1,000,000"));
    }
    assertThat(
        failure(() -> JdbcConfig.read(config("url=\\u00"))), containsString("as properties"));
  }

  @Test
  void namesWhatTheDatabaseDoesNotHave() throws Exception {
    execute("CREATE TABLE t AS SELECT 1 AS id, 'x' AS word, 'Infinity'::DOUBLE AS endless");

    assertThat(failure(() -> table("nowhere").check()), containsString("nowhere"));
    assertThat(failure(() -> table("nowhere").ranges()), containsString("nowhere"));
    assertThat(
        failure(() -> table("s.").check()), containsString("expected TABLE or SCHEMA.TABLE"));
    assertThat(
        failure(() -> table("t", "partitionColumn=nothing").check()), containsString("nothing"));
    assertThat(
        failure(() -> table("t", "partitionColumn=word").check()),
        is("table t cannot be cut by word of type VARCHAR; expected a column of numbers or times"));
    assertThat(
        failure(() -> table("t", "partitionColumn=endless").ranges()),
        containsString("table t cannot be cut by endless"));
    table("t", "partitionColumn=id").check();
  }

  @Test
  void saysWhereItCannotConnectAndNoPassword() throws Exception {
    for (String url :
        List.of(
            "jdbc:nobody://host:5/db?user=a&password=" + SECRET,
            "jdbc:nobody://a:" + SECRET + "@host:5/db",
            "jdbc:nobody://host:5/db;password=" + SECRET)) {
      JdbcConfig config = JdbcConfig.read(config("url=" + url, "password=" + SECRET));
      assertThat(config.toString(), is("JdbcConfig[jdbc:nobody://host:5/db]"));
      IOException thrown = assertThrows(IOException.class, config::connect);
      assertThat(
          thrown.getMessage(),
          is(
              "cannot connect to jdbc:nobody://host:5/db: No suitable driver found for"
                  + " jdbc:nobody://host:5/db"));
      for (Throwable next = thrown; next != null; next = next.getCause()) {
        assertThat(next.toString(), not(tells()));
      }
    }
    assertThat(
        failure(() -> JdbcConfig.read(config("url=jdbc:x:y", "driver=no.Driver")).connect()),
        is("the driver no.Driver is not on the class path"));
  }

  private static org.hamcrest.Matcher<String> tells() {
    return containsString(SECRET);
  }
}
