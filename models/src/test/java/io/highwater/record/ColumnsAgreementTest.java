package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.duckdb.DuckDBResultSet;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Columns of any type against the same values as JSON: equal rows, and equal rejections with equal
 * words.
 */
class ColumnsAgreementTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;
  private static final int ROWS = 3_000;

  /** What a column of a file may be; {@code i} is the row's number, {@code r} random below 1. */
  private static final List<String> COLUMNS =
      List.of(
          "(r * 50)::BIGINT",
          "(r * 50)::INTEGER",
          "(r * 3)::TINYINT",
          "(r * 50)::UBIGINT",
          "(r * 3)::BIGINT::DOUBLE",
          "CASE WHEN r < 0.9 THEN (r * 1e6)::BIGINT::DOUBLE WHEN r < 0.93 THEN 'nan'::DOUBLE WHEN r < 0.96 THEN 1e300 ELSE r END",
          "CASE WHEN r < 0.5 THEN 0.5::FLOAT ELSE (r * 9)::INTEGER::FLOAT END",
          "r < 0.5",
          "(r * 1000)::DECIMAL(18, 2)",
          "(r * 1000)::INTEGER::DECIMAL(38, 0)",
          "'text ' || (r * 50)::INTEGER || ' naïve \"quoted\" \\'",
          "CASE WHEN r < 0.8 THEN '2024-03-01 12:00:00.' || (100000 + (r * 800000)::INTEGER) ELSE '2024-03-01' END",
          "TIMESTAMP '2024-03-01 00:00:00' + to_microseconds((r * 1e12)::BIGINT)",
          "CASE WHEN r < 0.9 THEN TIMESTAMP '2024-03-01 00:00:00' + to_microseconds((r * 1e12)::BIGINT) WHEN r < 0.95 THEN 'infinity'::TIMESTAMP ELSE TIMESTAMP '1492-01-01 00:00:00' END",
          "1709251200000 + (r * 1e9)::BIGINT",
          "[r, NULL]",
          "{'a': 'b'}",
          "DATE '2024-03-01'",
          "NULL::INTEGER",
          "NULL::VARCHAR");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void readsColumnsAsTheSameValuesInJson(long seed) throws IOException, SQLException {
    Random random = new Random(seed);
    List<String> columns = new ArrayList<>();
    for (Field field : CONTRACT.fields()) {
      boolean isUsual = random.nextInt(4) > 0 || field.name().equals(CONTRACT.eventTime());
      String value = isUsual ? usual(field) : COLUMNS.get(random.nextInt(COLUMNS.size()));
      if (random.nextInt(12) > 0 || field.name().equals(CONTRACT.eventTime())) {
        columns.add(
            "(SELECT CASE WHEN q < %s THEN %s END FROM (SELECT (hash(i, %d) %% 1000003) / 1000003 AS r, (hash(i, %d) %% 997) / 997 AS q)) AS %s"
                .formatted(
                    random.nextInt(3) == 0 ? "0.9" : "2",
                    value,
                    random.nextInt(),
                    random.nextInt(),
                    field.name()));
      }
    }
    columns.add("'not of the contract' AS stranger");
    Collections.shuffle(columns, random);
    String select = "SELECT " + String.join(", ", columns) + " FROM range(" + ROWS + ") t(i)";
    Path parquet = folder.resolve("rows.parquet");
    Path arrow = folder.resolve("rows.arrow");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute("SET threads = 1");
      statement.execute("CREATE TABLE rows AS " + select);
      statement.execute("COPY rows TO '" + parquet + "' (FORMAT parquet, ROW_GROUP_SIZE 2048)");
      writeArrow(statement, arrow);
    }
    List<Integer> outcomes = new ArrayList<>();
    for (Path file : List.of(parquet, arrow)) {
      int accepted = 0;
      int rejected = 0;
      try (BufferAllocator allocator = new RootAllocator();
          FileRecords records = FileRecords.open(file, 1_000, 77)) {
        while (records.hasNext()) {
          RawBatch raw = records.next();
          Cells asColumns = Cells.parse(CONTRACT, allocator, raw);
          Cells asJson = Cells.parse(CONTRACT, allocator, json(raw));
          assertEquals(asJson.rows(), asColumns.rows());
          assertEquals(asJson.rejections(), asColumns.rejections());
          if (!asJson.rows().isEmpty()) {
            assertEquals(asJson.minEventMillis(), asColumns.minEventMillis());
            assertEquals(asJson.maxEventMillis(), asColumns.maxEventMillis());
          }
          accepted += asColumns.rows().size();
          rejected += asColumns.rejections().size();
        }
      }
      assertEquals(ROWS, accepted + rejected);
      outcomes.add(accepted);
    }
    assertEquals(outcomes.get(0), outcomes.get(1), "Parquet and Arrow");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "2048", "4000", "1000000"})
  void readsEveryRowOnceHoweverAFileIsCut(String rowGroup) throws IOException, SQLException {
    Path parquet = folder.resolve("rows.parquet");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (SELECT i AS query_id FROM range(700000) t(i)) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE %s)"
              .formatted(parquet, rowGroup));
    }
    List<FileSlice> slices = FileRecords.slices(parquet, 7);
    assertTrue(slices.size() > 1 || rowGroup.equals("1000000"), "slices: " + slices.size());
    long next = 0;
    long bytes = 0;
    for (FileSlice slice : slices) {
      bytes += slice.bytes();
      try (FileRecords records = FileRecords.open(slice, parquet, 16_384, 0)) {
        while (records.hasNext()) {
          RawBatch raw = records.next();
          for (int row = 0; row < raw.size(); row += 500) {
            assertEquals(next + row, raw.offset(row));
            assertEquals(7, raw.partition(row));
          }
          assertEquals("{\"query_id\": " + next + "}", new String(raw.message(0)));
          next += raw.size();
        }
      }
    }
    assertEquals(700_000, next);
    assertEquals(Files.size(parquet), bytes);
  }

  private static String usual(Field field) {
    return switch (field.type()) {
      case INTEGER -> "(r * 1e6)::BIGINT";
      case NUMBER -> "r * 1e3";
      case BOOLEAN -> "r < 0.1";
      case STRING -> "'s' || (r * 100)::INTEGER";
      case TIMESTAMP -> "TIMESTAMP '2024-03-01 00:00:00' + to_microseconds((r * 1e12)::BIGINT)";
    };
  }

  private static RawBatch json(RawBatch raw) {
    RawMessages.Builder builder =
        RawBatch.builder(raw.sourceKind(), raw.source(), RawMessages.Format.JSON);
    for (int row = 0; row < raw.size(); row++) {
      builder.add(raw.partition(row), raw.offset(row), raw.timestampMillis(row), raw.message(row));
    }
    return builder.build();
  }

  private static void writeArrow(Statement statement, Path file) throws SQLException, IOException {
    try (BufferAllocator allocator = new RootAllocator();
        DuckDBResultSet result = statement.executeQuery("FROM rows").unwrap(DuckDBResultSet.class);
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
}
