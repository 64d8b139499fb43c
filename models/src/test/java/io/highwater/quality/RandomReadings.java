package io.highwater.quality;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.RollUp;
import io.highwater.record.ParsedBatches;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;

/** Rows of every type by a seed, for meters here and as a table of DuckDB. */
final class RandomReadings {
  static final Contract CONTRACT =
      new Contract(
          "readings",
          "2.1.0",
          "happened_at",
          Duration.ofSeconds(10),
          List.of("id"),
          List.of(
              field("id", FieldType.INTEGER, true, null),
              field("happened_at", FieldType.TIMESTAMP, true, null),
              field("level", FieldType.NUMBER, false, 0.0),
              field("step", FieldType.NUMBER, false, null),
              field("sensor", FieldType.INTEGER, false, null),
              field("note", FieldType.STRING, false, null),
              field("kind", FieldType.STRING, false, null),
              field("ok", FieldType.BOOLEAN, false, null),
              field("seen", FieldType.TIMESTAMP, false, null),
              field("never", FieldType.STRING, false, null)),
          List.of(),
          List.of(),
          new RollUp(List.of(Duration.ofHours(1)), List.of("sensor"), List.of()));

  private static final String[] KINDS = {"", "a", "größe", "日本 🌊", "\uFFFD", "z".repeat(70), "zz"};
  private static final long START = Instant.parse("2024-02-28T22:10:00Z").getEpochSecond();

  /** Each with a value a field, in the contract's order. */
  final List<@Nullable Object[]> rows = new ArrayList<>();

  RandomReadings(long seed, int rowCount) {
    Random random = new Random(seed);
    long micros = START * 1_000_000;
    for (long id = 0; id < rowCount; id++) {
      // Mostly in order, now and then hours without any row, some rows late.
      micros += random.nextInt(4_000_000);
      if (random.nextInt(200) == 0) {
        micros += (long) random.nextInt(600) * 60_000_000;
      }
      long at = random.nextInt(30) == 0 ? micros - random.nextInt(90_000_000) : micros;
      rows.add(
          new @Nullable Object[] {
            random.nextInt(20) == 0 ? id - 1 : id,
            at,
            random.nextGaussian() * 1e6,
            orNull(random, 4, new double[] {0.0, -0.0, -1.5, 1e300, 7}[random.nextInt(5)]),
            orNull(random, 50, (long) (40 * random.nextDouble() * random.nextDouble()) - 3),
            orNull(random, 10, "note " + random.nextInt(3000) + " 🌊".repeat(random.nextInt(9))),
            orNull(random, 3, KINDS[random.nextInt(KINDS.length)]),
            orNull(random, 8, random.nextInt(5) > 0),
            orNull(random, 2, (START + random.nextInt(86_400)) * 1_000_000 - random.nextInt(3)),
            null
          });
    }
  }

  private static Field field(
      String name, FieldType type, boolean required, @Nullable Double nullAs) {
    return new Field(name, type, required, null, null, null, List.of(), nullAs);
  }

  private static @Nullable Object orNull(Random random, int oneOf, Object value) {
    return random.nextInt(oneOf) == 0 ? null : value;
  }

  /** Some of the rows as a batch; the caller's to close. */
  VectorSchemaRoot batch(int from, int to, BufferAllocator allocator) {
    return ParsedBatches.of(CONTRACT, rows.subList(from, to), allocator);
  }

  /** The rows as the table readings, each with its number and that of its batch. */
  DuckDBConnection load(int rowsPerBatch) throws SQLException {
    DuckDBConnection connection =
        DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class);
    StringBuilder columns = new StringBuilder();
    for (Field field : CONTRACT.fields()) {
      columns.append(field.name()).append(' ').append(field.type().sqlType()).append(", ");
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE readings (" + columns + "row BIGINT, batch BIGINT)");
    }
    try (DuckDBAppender appender = connection.createAppender("readings")) {
      for (int row = 0; row < rows.size(); row++) {
        appender.beginRow();
        for (int column = 0; column < CONTRACT.fields().size(); column++) {
          append(appender, CONTRACT.fields().get(column).type(), rows.get(row)[column]);
        }
        appender.append((long) row);
        appender.append((long) (row / rowsPerBatch));
        appender.endRow();
      }
    }
    return connection;
  }

  private static void append(DuckDBAppender appender, FieldType type, @Nullable Object value)
      throws SQLException {
    if (value == null) {
      appender.appendNull();
    } else if (type == FieldType.TIMESTAMP) {
      long micros = (Long) value;
      appender.append(
          LocalDateTime.ofEpochSecond(
              Math.floorDiv(micros, 1_000_000L),
              (int) Math.floorMod(micros, 1_000_000L) * 1000,
              ZoneOffset.UTC));
    } else if (value instanceof Long number) {
      appender.append(number.longValue());
    } else if (value instanceof Double number) {
      appender.append(number.doubleValue());
    } else if (value instanceof Boolean truth) {
      appender.append(truth.booleanValue());
    } else {
      appender.append((String) value);
    }
  }

  /** The rows of a query, the values of each joined with a bar. */
  static List<String> query(DuckDBConnection connection, String sql) throws SQLException {
    List<String> lines = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      int columns = result.getMetaData().getColumnCount();
      while (result.next()) {
        List<String> cells = new ArrayList<>();
        for (int column = 1; column <= columns; column++) {
          cells.add(String.valueOf(result.getString(column)));
        }
        lines.add(String.join("|", cells));
      }
    }
    return lines;
  }
}
