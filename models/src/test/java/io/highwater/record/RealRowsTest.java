package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Rows of a real warehouse, which are not part of the project; skipped where they are absent. */
class RealRowsTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;

  @Test
  void acceptsEveryMessageThatCameOverKafka() throws IOException {
    List<List<@Nullable Object>> rows = cells(realFile("kafka_messages_5rows.jsonl"));
    assertEquals(5, rows.size());
    assertEquals(4_241_475L, rows.get(0).get(4));
    assertEquals(1_709_251_199_462_678L, rows.get(0).get(5));
    assertEquals(false, rows.get(0).get(11));
    assertEquals(175.0, rows.get(1).get(20));
  }

  @Test
  void readsEveryRowOfAFileAsDuckDbDoes() throws IOException, SQLException {
    Path file = realFile("serverless_until_april.csv");
    List<List<@Nullable Object>> actual = cells(file);
    assertEquals(5_710, actual.size());
    String types =
        CONTRACT.fields().stream()
            .map(field -> "'" + field.name() + "': '" + field.type().sqlType() + "'")
            .collect(Collectors.joining(", ", "{", "}"));
    String columns =
        CONTRACT.fields().stream().map(RealRowsTest::sql).collect(Collectors.joining(", "));
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement();
        ResultSet expected =
            statement.executeQuery(
                "SELECT " + columns + " FROM read_csv('" + file + "', columns = " + types + ")")) {
      for (List<@Nullable Object> row : actual) {
        assertTrue(expected.next());
        List<@Nullable Object> expectedRow = new ArrayList<>();
        for (int column = 1; column <= row.size(); column++) {
          expectedRow.add(expected.getObject(column));
        }
        assertEquals(expectedRow, row);
      }
      assertTrue(!expected.next());
    }
  }

  private static String sql(Field field) {
    if (field.type() == FieldType.TIMESTAMP) {
      return "epoch_us(" + field.name() + ")";
    }
    return field.nullAs() == null
        ? field.name()
        : "coalesce(" + field.name() + ", " + field.nullAs() + ")::" + field.type().sqlType();
  }

  private static List<List<@Nullable Object>> cells(Path file) throws IOException {
    List<List<@Nullable Object>> rows = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        FileRecords records = FileRecords.open(file, 1_000, 0)) {
      RecordParser parser = new RecordParser(CONTRACT, allocator);
      EventTimeScanner scanner = new EventTimeScanner(CONTRACT);
      while (records.hasNext()) {
        RawBatch raw = records.next();
        try (RecordParser.Result result = parser.parse(raw)) {
          Cells cells = Cells.of(CONTRACT, result);
          assertEquals(0, cells.unknownFields());
          for (int row = 0; row < raw.size(); row++) {
            rows.add(cells.row(row));
            if (raw instanceof RawMessages messages
                && messages.format() == RawMessages.Format.JSON) {
              assertEquals(
                  Math.floorDiv((Long) cells.row(row).get(5), 1000L),
                  scanner.scanMillis(raw.message(row)));
            }
          }
        }
      }
    }
    return rows;
  }

  private static Path realFile(String name) {
    Path folder = Path.of("").toAbsolutePath();
    while (folder != null) {
      Path file = folder.resolve("shared/data/redset").resolve(name);
      if (Files.exists(file)) {
        return file;
      }
      folder = folder.getParent();
    }
    abort("no shared/data/redset/" + name + " beside the project; nothing to compare");
    throw new AssertionError("an assumption that fails ends the test");
  }
}
