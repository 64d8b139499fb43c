package io.highwater.sql;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.junit.jupiter.api.Assumptions.abort;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.InvalidContractException;
import io.highwater.contract.RowRule;
import io.highwater.contract.SqlCheck;
import io.highwater.record.ConstraintChecker;
import io.highwater.record.ParsedBatches;
import io.highwater.record.RecordSchemas;
import io.highwater.record.Rejection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.duckdb.DuckDBConnection;
import org.duckdb.DuckDBResultSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The SQL of warehouse-queries against a plain loop, against one query over all rows, and real
 * rows.
 */
class QueryClassTest {
  private static final int ROW_COUNT = 200_000;

  private final BufferAllocator allocator = new RootAllocator();
  private final Contract contract = contract();

  private static Contract contract() {
    try {
      return ContractLoader.load("warehouse-queries");
    } catch (InvalidContractException e) {
      throw new AssertionError(e);
    }
  }

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  private List<@Nullable Object[]> values(List<QueryRows> rows) {
    return rows.stream().map(row -> row.values(contract)).toList();
  }

  @ParameterizedTest
  @CsvSource({"1, 1000", "777, 40000", "4096, 40000", "16384, 200000", "200000, 200000"})
  void equalsAPlainLoopAtAnyBatchSize(int batchSize, int rowCount) {
    List<QueryRows> rows = QueryRows.generate(rowCount + batchSize, rowCount);
    Map<String, Integer> classes = new TreeMap<>();
    try (RowSql sql = RowSql.of(contract, allocator)) {
      for (int from = 0; from < rowCount; from += batchSize) {
        List<QueryRows> some = rows.subList(from, Math.min(rowCount, from + batchSize));
        try (VectorSchemaRoot parsed = ParsedBatches.of(contract, values(some), allocator);
            RowSql.Result result = sql.apply(parsed)) {
          assertDerived(some, result.derived());
          assertThat(
              result.rejections().stream().map(this::named).toList(), equalTo(violations(some)));
        }
        some.forEach(row -> classes.merge(row.expectedClass(), 1, Integer::sum));
      }
    }
    // The generator is of use only if it reaches each class often.
    assertThat(
        classes.keySet(),
        containsInAnyOrder("normal", "network_bound", "cpu_bound", "io_bound", "queue_wlm_bound"));
    classes.values().forEach(count -> assertThat(count, greaterThan(rowCount / 200)));
  }

  private String named(Rejection rejection) {
    for (RowRule rule : contract.rules()) {
      if (rule.reason().equals(rejection.reason())) {
        return rejection.row() + " " + rule.name();
      }
    }
    throw new AssertionError(rejection);
  }

  private static List<String> violations(List<QueryRows> rows) {
    List<String> violations = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      String violation = rows.get(i).expectedViolation();
      if (violation != null) {
        violations.add(ParsedBatches.rawRow(i) + " " + violation);
      }
    }
    return violations;
  }

  private static void assertDerived(List<QueryRows> rows, VectorSchemaRoot derived) {
    assertThat(derived.getRowCount(), equalTo(rows.size()));
    for (int i = 0; i < rows.size(); i++) {
      QueryRows row = rows.get(i);
      String where = row.toString();
      assertThat(
          where,
          String.valueOf(derived.getVector("query_class").getObject(i)),
          equalTo(row.expectedClass()));
      assertFlag(derived, "is_spilled", i, QueryRows.orZero(row.spilled()) > 0);
      assertMeasured(derived, "compile_duration_ms", i, row.compile());
      assertMeasured(derived, "queue_duration_ms", i, row.queue());
      assertMeasured(derived, "execution_duration_ms", i, row.execution());
      assertMeasured(derived, "mbytes_scanned", i, row.scanned());
      assertMeasured(derived, "mbytes_spilled", i, row.spilled());
    }
  }

  private static void assertFlag(VectorSchemaRoot derived, String name, int row, boolean expected) {
    assertThat(name, derived.getVector(name).getObject(row), equalTo(expected));
  }

  private static void assertMeasured(
      VectorSchemaRoot derived, String name, int row, @Nullable Number value) {
    assertFlag(derived, "is_zero_" + name, row, value == null || value.doubleValue() == 0);
    Object logarithm = derived.getVector("log1p_" + name).getObject(row);
    if (value == null) {
      assertThat(logarithm, equalTo(null));
    } else {
      assertThat((Double) logarithm, closeTo(Math.log(1 + value.doubleValue()), 1e-12));
    }
  }

  @Test
  void equalsOneQueryOverTheWholeTable() throws SQLException, IOException {
    List<@Nullable Object[]> rows = values(QueryRows.generate(42, ROW_COUNT));
    List<String> items = new ArrayList<>();
    for (DerivedColumn derived : contract.derived()) {
      items.add(derived.sql() + " AS " + SqlCheck.quote(derived.name()));
    }
    try (VectorSchemaRoot all = ParsedBatches.of(contract, rows, allocator);
        RowSql sql = RowSql.of(contract, allocator);
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator);
        DuckDBConnection plain =
            DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class);
        Statement statement = plain.createStatement()) {
      Data.exportArrayStream(allocator, new BatchStream(allocator, all), stream);
      plain.registerArrowStream("batch", stream);
      statement.execute("CREATE TABLE queries AS SELECT * FROM batch");
      String whole =
          "SELECT " + String.join(", ", items) + " FROM queries ORDER BY " + RecordSchemas.RAW_ROW;
      try (DuckDBResultSet result = statement.executeQuery(whole).unwrap(DuckDBResultSet.class);
          ArrowReader reader = (ArrowReader) result.arrowExportStream(allocator, ROW_COUNT)) {
        assertThat(reader.loadNextBatch(), equalTo(true));
        VectorSchemaRoot expected = reader.getVectorSchemaRoot();
        for (int from = 0; from < ROW_COUNT; from += 10_000) {
          int length = Math.min(10_000, ROW_COUNT - from);
          try (VectorSchemaRoot parsed = all.slice(from, length);
              RowSql.Result actual = sql.apply(parsed)) {
            assertEqual(actual.derived(), expected, from);
          }
        }
      }
    }
  }

  private static void assertEqual(VectorSchemaRoot actual, VectorSchemaRoot expected, int from) {
    for (int column = 0; column < actual.getFieldVectors().size(); column++) {
      for (int row = 0; row < actual.getRowCount(); row++) {
        assertThat(
            actual.getVector(column).getObject(row),
            equalTo(expected.getVector(column).getObject(from + row)));
      }
    }
  }

  @Test
  void realRowsAreValidAndHaveTheExpectedClasses() throws SQLException, IOException {
    Path data = realData();
    Map<String, String> expected = new HashMap<>();
    for (String line : Files.readAllLines(data.resolve("expected_classes_until_april.csv"))) {
      String[] cells = line.split(",", -1);
      expected.put(cells[0] + " " + cells[1], cells[2].replace("_queries", ""));
    }
    expected.remove("instance_id query_id");
    assertThat(expected.size(), equalTo(5710));

    Map<String, String> actual = new HashMap<>();
    try (RowSql sql = RowSql.of(contract, allocator);
        DuckDBConnection plain =
            DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class);
        Statement statement = plain.createStatement();
        DuckDBResultSet rows =
            statement
                .executeQuery(selectFromCsv(data.resolve("serverless_until_april.csv")))
                .unwrap(DuckDBResultSet.class);
        ArrowReader reader = (ArrowReader) rows.arrowExportStream(allocator, 2048)) {
      while (reader.loadNextBatch()) {
        VectorSchemaRoot parsed = reader.getVectorSchemaRoot();
        assertThat(ConstraintChecker.of(contract).check(parsed), empty());
        try (RowSql.Result result = sql.apply(parsed)) {
          assertThat(result.rejections(), empty());
          BigIntVector instances = (BigIntVector) parsed.getVector("instance_id");
          BigIntVector queries = (BigIntVector) parsed.getVector("query_id");
          for (int row = 0; row < parsed.getRowCount(); row++) {
            actual.put(
                instances.get(row) + " " + queries.get(row),
                String.valueOf(result.derived().getVector("query_class").getObject(row)));
          }
        }
      }
    }
    assertThat(actual, equalTo(expected));
  }

  /** The columns of the contract as the parser makes them of the text in the file. */
  private String selectFromCsv(Path csv) {
    List<String> items = new ArrayList<>();
    contract
        .fields()
        .forEach(
            field -> {
              String number = "CAST(" + field.name() + " AS DOUBLE)";
              String value =
                  switch (field.type()) {
                    case INTEGER -> "CAST(" + number + " AS BIGINT)";
                    case NUMBER -> number;
                    case BOOLEAN -> number + " <> 0";
                    case STRING -> field.name();
                    case TIMESTAMP -> "CAST(" + field.name() + " AS TIMESTAMP)";
                  };
              Double nullAs = field.nullAs();
              items.add(
                  (nullAs == null ? value : "coalesce(" + value + ", " + nullAs.longValue() + ")")
                      + " AS "
                      + field.name());
            });
    items.add("CAST(row_number() OVER () - 1 AS INTEGER) AS " + RecordSchemas.RAW_ROW);
    return "SELECT "
        + String.join(", ", items)
        + " FROM read_csv('"
        + csv
        + "', all_varchar = true)";
  }

  /** Real rows lie beside the project on the machines that have them; they are not part of it. */
  private static Path realData() {
    Path folder = Path.of("").toAbsolutePath();
    while (folder != null) {
      Path data = folder.resolve("shared/data/redset");
      if (Files.isDirectory(data)) {
        return data;
      }
      folder = folder.getParent();
    }
    abort("no folder shared/data/redset beside the project");
    throw new AssertionError();
  }
}
