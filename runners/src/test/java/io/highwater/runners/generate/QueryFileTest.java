package io.highwater.runners.generate;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.is;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.runners.generate.Injection.Kind;
import io.highwater.runners.generate.Injection.Storm;
import io.highwater.runners.generate.Query.Defect;
import io.highwater.runners.generate.QueryFile.Format;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QueryFileTest {
  private static final Settings SETTINGS =
      new Settings(5_000, 3, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofDays(1), 20, 0);

  private static final Settings STORMY =
      new Settings(100_000, 3, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofDays(7), 50, 0);

  // Every column, so that all three formats are compared by value.
  private static final String ROWS =
      "SELECT md5(string_agg(row::VARCHAR, ';' ORDER BY row)) FROM (SELECT ROW("
          + String.join("::VARCHAR, ", QueryFormat.COLUMNS)
          + "::VARCHAR) AS row FROM %s)";

  @TempDir Path directory;

  @Test
  void writesTheStyleOfTheRealMessages() {
    Query query =
        new Query(
            0,
            null,
            1,
            0,
            4_241_475,
            1_709_251_199_462_678L,
            8_265L,
            0,
            8_281,
            "42e3eae744df217d738077f11c29c7fe25d752f66229273a7eda9be6aa2c34d1",
            false,
            false,
            null,
            QueryType.SELECT,
            0,
            0,
            15,
            "1,2",
            null,
            0L,
            175L,
            22,
            0,
            23,
            null,
            Defect.NONE);
    assertThat(
        new String(QueryFormat.json().toBytes(query), StandardCharsets.UTF_8),
        is(
            "{\"instance_id\": 0, \"cluster_size\": null, \"user_id\": 1, \"database_id\": 0,"
                + " \"query_id\": 4241475, \"arrival_timestamp\": \"2024-02-29T23:59:59.462678\","
                + " \"compile_duration_ms\": 8265.0, \"queue_duration_ms\": 0,"
                + " \"execution_duration_ms\": 8281, \"feature_fingerprint\":"
                + " \"42e3eae744df217d738077f11c29c7fe25d752f66229273a7eda9be6aa2c34d1\","
                + " \"was_aborted\": 0, \"was_cached\": 0, \"cache_source_query_id\": null,"
                + " \"query_type\": \"select\", \"num_permanent_tables_accessed\": 0.0,"
                + " \"num_external_tables_accessed\": 0.0, \"num_system_tables_accessed\": 15.0,"
                + " \"read_table_ids\": \"1,2\", \"write_table_ids\": null, \"mbytes_scanned\":"
                + " 0.0, \"mbytes_spilled\": 175.0, \"num_joins\": 22, \"num_scans\": 0,"
                + " \"num_aggregations\": 23}"));
    assertThat(
        new String(QueryFormat.csv().toBytes(query), StandardCharsets.UTF_8),
        is(
            "0,,1,0,4241475,2024-02-29 23:59:59.462678,8265.0,0,8281,"
                + "42e3eae744df217d738077f11c29c7fe25d752f66229273a7eda9be6aa2c34d1,0,0,,select,"
                + "0.0,0.0,15.0,\"1,2\",,0.0,175.0,22,0,23"));
  }

  @Test
  void writesTheSameRowsInEveryFormat() throws Exception {
    Path csv = write(Format.CSV, "q.csv");
    Path json = write(Format.JSON_LINES, "q.jsonl");
    Path parquet = write(Format.PARQUET, "q.parquet");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      String types = typesOf(statement, parquet);
      String expected = one(statement, ROWS.formatted("read_parquet('" + parquet + "')"));
      assertThat(
          one(
              statement,
              ROWS.formatted("read_csv('%s', header = true, columns = %s)".formatted(csv, types))),
          is(expected));
      assertThat(
          one(statement, ROWS.formatted("read_json('%s', columns = %s)".formatted(json, types))),
          is(expected));
      assertThat(
          one(statement, "SELECT count(*)::VARCHAR FROM read_parquet('" + parquet + "')"),
          is("5000"));
      assertThat(
          one(statement, "SELECT DISTINCT compression FROM parquet_metadata('" + parquet + "')"),
          is("ZSTD"));
    }
  }

  @Test
  void leavesNothingButTheFilesWanted() throws Exception {
    Path truth = directory.resolve("truth.csv");
    QueryFile.write(
        QueryGenerator.of(SETTINGS), Format.PARQUET, directory.resolve("q.parquet"), truth);
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(
          files.map(file -> file.getFileName().toString()).sorted().toList(),
          contains("q.parquet", "truth.csv"));
    }
  }

  @Test
  void listsWhatWasDoneToQueriesOnPurpose() throws Exception {
    Path truth = directory.resolve("truth.csv");
    QueryFile.write(
        QueryGenerator.of(STORMY), Format.JSON_LINES, directory.resolve("q.jsonl"), truth);
    List<String> expected = new ArrayList<>();
    expected.add("instance_id,query_id,kind,factor,storm_id,storm_start,storm_end");
    Set<Kind> kinds = EnumSet.noneOf(Kind.class);
    QueryGenerator.of(STORMY)
        .forEachRemaining(
            query -> {
              Injection injection = query.injection();
              if (injection != null) {
                kinds.add(injection.kind());
                Storm storm = injection.storm();
                expected.add(
                    "%d,%d,%s,%.3f,%s"
                        .formatted(
                            query.instanceId(),
                            query.queryId(),
                            injection.kind().text(),
                            injection.factor(),
                            storm == null
                                ? ",,"
                                : storm.id()
                                    + ","
                                    + Instant.EPOCH.plus(storm.startMicros(), ChronoUnit.MICROS)
                                    + ","
                                    + Instant.EPOCH.plus(storm.endMicros(), ChronoUnit.MICROS)));
              }
            });
    assertThat(Files.readAllLines(truth), is(expected));
    assertThat(kinds, is(EnumSet.allOf(Kind.class)));
  }

  @Test
  void breaksMessagesAsTheirDefectSays() throws Exception {
    QueryFormat format = QueryFormat.json();
    ObjectMapper mapper = new ObjectMapper();
    QueryGenerator queries =
        QueryGenerator.of(new Settings(500, 3, SETTINGS.start(), SETTINGS.duration(), 20, 0.9));
    while (queries.hasNext()) {
      Query query = queries.next();
      String text = new String(format.toBytes(query), StandardCharsets.UTF_8);
      if (query.defect() == Defect.MALFORMED) {
        assertThat(text, text.endsWith("}"), is(false));
        continue;
      }
      JsonNode message = mapper.readTree(text);
      assertThat(
          message.get("execution_duration_ms").isNumber(), is(query.defect() != Defect.WRONG_TYPE));
      assertThat(message.has("query_type"), is(query.defect() != Defect.MISSING_FIELD));
      assertThat(
          message.get("execution_duration_ms").asLong() < 0,
          is(query.defect() == Defect.OUT_OF_RANGE));
      assertThat(message.get("arrival_timestamp").asText().length(), is(26));
    }
  }

  private Path write(Format format, String name) throws Exception {
    Path file = directory.resolve(name);
    QueryFile.write(QueryGenerator.of(SETTINGS), format, file, null);
    return file;
  }

  private static String typesOf(Statement statement, Path parquet) throws SQLException {
    List<String> types = new ArrayList<>();
    try (ResultSet columns =
        statement.executeQuery("DESCRIBE SELECT * FROM read_parquet('" + parquet + "')")) {
      while (columns.next()) {
        types.add("'%s': '%s'".formatted(columns.getString(1), columns.getString(2)));
      }
    }
    return "{" + String.join(", ", types) + "}";
  }

  private static String one(Statement statement, String sql) throws SQLException {
    try (ResultSet result = statement.executeQuery(sql)) {
      result.next();
      return result.getString(1);
    }
  }
}
