package io.highwater.sql;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.RollUp;
import io.highwater.contract.RowRule;
import io.highwater.record.ErrorCode;
import io.highwater.record.ParsedBatches;
import io.highwater.record.RecordBatch;
import io.highwater.record.Rejection;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.compare.VectorEqualsVisitor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RowSqlTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  private static Contract contract(List<DerivedColumn> derived, List<RowRule> rules) {
    return new Contract(
        "orders",
        "1",
        "seen",
        Duration.ZERO,
        List.of("id"),
        List.of(
            field("id", FieldType.INTEGER),
            field("seen", FieldType.TIMESTAMP),
            field("price", FieldType.NUMBER),
            field("name", FieldType.STRING),
            field("paid", FieldType.BOOLEAN)),
        derived,
        rules,
        new RollUp(List.of(), List.of(), List.of()));
  }

  private static Field field(String name, FieldType type) {
    return new Field(name, type, false, null, null, null, List.of(), null);
  }

  private static @Nullable Object[] row(@Nullable Object... values) {
    return values;
  }

  private static List<@Nullable Object[]> rows(@Nullable Object[]... rows) {
    return Arrays.asList(rows);
  }

  private static List<@Nullable Object> column(VectorSchemaRoot root, String name) {
    List<@Nullable Object> values = new ArrayList<>();
    for (int row = 0; row < root.getRowCount(); row++) {
      Object value = root.getVector(name).getObject(row);
      values.add(value == null ? null : value instanceof Number ? value : value.toString());
    }
    return values;
  }

  @Test
  void derivesColumnsOfEveryType() {
    Contract contract =
        contract(
            List.of(
                new DerivedColumn("next_id", FieldType.INTEGER, "id + 1"),
                new DerivedColumn("half", FieldType.NUMBER, "price / 2 -- of the price"),
                new DerivedColumn("upper_name", FieldType.STRING, "upper(name)"),
                new DerivedColumn("unpaid", FieldType.BOOLEAN, "NOT paid"),
                new DerivedColumn("day", FieldType.TIMESTAMP, "date_trunc('day', seen)")),
            List.of());
    long noon = 1_709_294_400_000_000L;
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed =
            ParsedBatches.of(
                contract,
                rows(
                    row(1L, noon, 5.0, "abc 🌊", true),
                    row(null, null, null, null, null),
                    row(-3L, noon, 0.0, "", false)),
                allocator);
        RowSql.Result result = sql.apply(parsed)) {
      VectorSchemaRoot derived = result.derived();

      assertThat(result.rejections(), empty());
      assertThat(column(derived, "next_id"), contains(2L, null, -2L));
      assertThat(column(derived, "half"), contains(2.5, null, 0.0));
      assertThat(column(derived, "upper_name"), contains("ABC 🌊", null, ""));
      assertThat(column(derived, "unpaid"), contains("false", null, "true"));
      String day = LocalDateTime.of(2024, 3, 1, 0, 0).toString();
      assertThat(column(derived, "day"), contains(day, null, day));
    }
  }

  @Test
  void rejectsByTheFirstRuleThatIsFalseAndNeverByNull() {
    Contract contract =
        contract(
            List.of(),
            List.of(
                new RowRule("priced", "price > 0", "No price."),
                new RowRule("named", "name <> '' AND id < 10", "No name.")));
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed =
            ParsedBatches.of(
                contract,
                rows(
                    row(1L, 0L, 5.0, "a", true),
                    row(2L, 0L, 0.0, "", true),
                    row(3L, 0L, null, null, true),
                    row(4L, 0L, null, "", true)),
                allocator);
        RowSql.Result result = sql.apply(parsed)) {
      assertThat(
          result.rejections(),
          contains(
              new Rejection(4, ErrorCode.RULE_VIOLATED, null, "price=0.0", "No price."),
              new Rejection(10, ErrorCode.RULE_VIOLATED, null, "id=4, name=", "No name.")));
      assertThat(result.derived().getRowCount(), equalTo(4));
    }
  }

  @Test
  void aRowForWhichAnExpressionFailsIsRejectedAndTheOthersAreNot() {
    Contract contract =
        contract(
            List.of(
                new DerivedColumn("next_id", FieldType.INTEGER, "id + 1"),
                new DerivedColumn("number", FieldType.INTEGER, "CAST(name AS BIGINT)")),
            List.of(new RowRule("dear", "100 // CAST(price AS BIGINT) < 50", "Too cheap.")));
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed =
            ParsedBatches.of(
                contract,
                rows(
                    row(1L, 0L, 10.0, "7", true),
                    row(Long.MAX_VALUE, 0L, 10.0, "8", true),
                    row(2L, 0L, 10.0, "nine", true),
                    row(3L, 0L, 0.0, "10", true),
                    row(4L, 0L, 1.0, "11", true),
                    row(null, 0L, null, null, true)),
                allocator)) {
      for (int run = 0; run < 2; run++) {
        try (RowSql.Result result = sql.apply(parsed)) {
          assertThat(column(result.derived(), "next_id"), contains(2L, null, 3L, 4L, 5L, null));
          assertThat(column(result.derived(), "number"), contains(7L, 8L, null, 10L, 11L, null));
          assertThat(
              result.rejections().stream().map(Rejection::row).toList(),
              contains(
                  ParsedBatches.rawRow(1),
                  ParsedBatches.rawRow(2),
                  ParsedBatches.rawRow(3),
                  ParsedBatches.rawRow(4)));
          assertThat(
              result.rejections().stream().map(Rejection::code).toList(),
              contains(
                  ErrorCode.EXPRESSION_FAILED,
                  ErrorCode.EXPRESSION_FAILED,
                  ErrorCode.EXPRESSION_FAILED,
                  ErrorCode.RULE_VIOLATED));
          assertThat(
              result.rejections().get(1).reason(),
              containsString("derived column 'number' has no value for this record"));
          assertThat(result.rejections().get(2).value(), equalTo("price=0.0"));
        }
      }
    }
  }

  @Test
  void numbersThatAreNotFiniteBecomeNull() {
    Contract contract =
        contract(List.of(new DerivedColumn("log", FieldType.NUMBER, "ln(price)")), List.of());
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed =
            ParsedBatches.of(
                contract,
                rows(
                    row(1L, 0L, 1.0, "a", true),
                    row(2L, 0L, 0.0, "a", true),
                    row(3L, 0L, -1.0, "a", true),
                    row(4L, 0L, 1.0, "a", true)),
                allocator);
        RowSql.Result result = sql.apply(parsed)) {
      assertThat(column(result.derived(), "log"), contains(0.0, null, null, 0.0));
    }
  }

  @Test
  void anEmptyBatchGivesEmptyColumns() {
    Contract contract =
        contract(List.of(new DerivedColumn("next_id", FieldType.INTEGER, "id + 1")), List.of());
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed = ParsedBatches.of(contract, List.of(), allocator);
        RowSql.Result result = sql.apply(parsed)) {
      assertThat(result.derived().getRowCount(), equalTo(0));
      assertThat(result.derived().getFieldVectors(), hasSize(1));
    }
  }

  @Test
  void aContractWithoutSqlNeedsNone() {
    Contract contract = contract(List.of(), List.of());
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed =
            ParsedBatches.of(contract, rows(row(1L, 0L, 1.0, "a", true)), allocator);
        RowSql.Result result = sql.apply(parsed)) {
      assertThat(result.derived().getRowCount(), equalTo(1));
      assertThat(result.rejections(), empty());
    }
  }

  @Test
  void expressionsWithoutFieldsHaveTheirValueInEveryRow() {
    Contract contract =
        contract(List.of(new DerivedColumn("one", FieldType.NUMBER, "1.5")), List.of());
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed =
            ParsedBatches.of(
                contract,
                rows(row(1L, 0L, 1.0, "a", true), row(null, null, null, null, null)),
                allocator);
        RowSql.Result result = sql.apply(parsed)) {
      assertThat(column(result.derived(), "one"), contains(1.5, 1.5));
    }
  }

  @Test
  void resultsOutliveTheDatabaseAndTheBatch() {
    Contract contract =
        contract(List.of(new DerivedColumn("twice", FieldType.STRING, "name || name")), List.of());
    RowSql.Result result;
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed =
            ParsedBatches.of(contract, rows(row(1L, 0L, 1.0, "a", true)), allocator)) {
      result = sql.apply(parsed);
    }
    try (result) {
      assertThat(column(result.derived(), "twice"), contains("aa"));
      RecordBatch batch = RecordBatch.copyOf("orders", "1", result.derived(), 0, 0);
      try (VectorSchemaRoot opened = batch.open(allocator)) {
        assertThat(column(opened, "twice"), contains("aa"));
      }
    }
  }

  @Test
  void nothingIsLeftWhenEachBatchIsClosed() {
    Contract contract =
        contract(List.of(new DerivedColumn("twice", FieldType.STRING, "name || name")), List.of());
    try (RowSql sql = RowSql.of(contract, allocator)) {
      for (int i = 0; i < 50; i++) {
        try (VectorSchemaRoot parsed =
                ParsedBatches.of(contract, rows(row(1L, 0L, 1.0, "a" + i, true)), allocator);
            RowSql.Result result = sql.apply(parsed)) {
          assertThat(column(result.derived(), "twice"), contains("a" + i + "a" + i));
        }
        assertThat(allocator.getAllocatedMemory(), equalTo(0L));
      }
    }
  }

  /** Sizes around those of DuckDB's chunks of 2,048 rows; every third batch has rows that fail. */
  @Test
  void aBatchLeavesNothingBehindForTheNext() {
    Contract contract =
        contract(
            List.of(
                new DerivedColumn("next_id", FieldType.INTEGER, "id + 1"),
                new DerivedColumn("number", FieldType.INTEGER, "CAST(name AS BIGINT)"),
                new DerivedColumn("half", FieldType.NUMBER, "price / 2"),
                new DerivedColumn("twice", FieldType.STRING, "name || ' and again ' || name"),
                new DerivedColumn("day", FieldType.TIMESTAMP, "date_trunc('day', seen)"),
                new DerivedColumn("unpaid", FieldType.BOOLEAN, "NOT paid")),
            List.of(
                new RowRule("priced", "price > 0.1", "No price."),
                new RowRule("seen", "seen > TIMESTAMP '1970-01-01 00:00:00'", "Not seen.")));
    int[] sizes = {1, 2048, 3, 2049, 1, 4097, 50, 2047, 1, 200};
    Random random = new Random(11);
    try (RowSql sql = RowSql.of(contract, allocator)) {
      for (int batch = 0; batch < 40; batch++) {
        List<@Nullable Object[]> rows =
            random(random, sizes[batch % sizes.length], batch % 4, batch % 3 == 2);
        try (VectorSchemaRoot parsed = ParsedBatches.of(contract, rows, allocator);
            RowSql.Result result = sql.apply(parsed);
            RowSql fresh = RowSql.of(contract, allocator);
            RowSql.Result expected = fresh.apply(parsed)) {
          assertThat("batch " + batch, result.derived().equals(expected.derived()), equalTo(true));
          assertThat(result.rejections(), equalTo(expected.rejections()));
        }
        assertThat(allocator.getAllocatedMemory(), equalTo(0L));
      }
    }
  }

  /**
   * @param nulls 0 gives none, 1 some, 2 only nulls in the column of the batch's choice, 3 many
   * @param failing whether some rows have an id or a name for which an expression fails
   */
  private static List<@Nullable Object[]> random(
      Random random, int rowCount, int nulls, boolean failing) {
    int column = random.nextInt(5);
    List<@Nullable Object[]> rows = new ArrayList<>();
    for (int i = 0; i < rowCount; i++) {
      boolean fails = failing && (i == rowCount - 1 || random.nextInt(100) == 0);
      @Nullable Object[] row =
          row(
              fails && random.nextBoolean() ? Long.MAX_VALUE : random.nextLong() >> 1,
              random.nextLong() >> 12,
              random.nextDouble(),
              fails ? "none" : String.valueOf(random.nextInt()),
              random.nextBoolean());
      for (int j = 0; j < row.length && !fails; j++) {
        boolean isNull =
            switch (nulls) {
              case 0 -> false;
              case 1 -> random.nextInt(20) == 0;
              case 2 -> j == column;
              default -> random.nextInt(10) != 0;
            };
        if (isNull) {
          row[j] = null;
        }
      }
      rows.add(row);
    }
    return rows;
  }

  @Test
  void sqlSeesTheValuesOfTheBatchBitForBit() {
    Contract contract =
        contract(
            List.of(
                new DerivedColumn("same_id", FieldType.INTEGER, "id"),
                new DerivedColumn("same_seen", FieldType.TIMESTAMP, "seen"),
                new DerivedColumn("same_price", FieldType.NUMBER, "price"),
                new DerivedColumn("same_name", FieldType.STRING, "name"),
                new DerivedColumn("same_paid", FieldType.BOOLEAN, "paid")),
            List.of());
    long lastMicros = 253_402_300_799_999_999L;
    List<@Nullable Object[]> rows =
        rows(
            row(Long.MIN_VALUE, -1L, -0.0, "", true),
            row(Long.MAX_VALUE, lastMicros, Double.MIN_VALUE, "a\u0000b", false),
            row(null, null, null, null, null),
            row(-1L, -62_135_596_800_000_001L, Double.MAX_VALUE, "🌊".repeat(100), null),
            row(0L, 1L, Math.nextUp(1.0), "twelve chars", true));
    try (RowSql sql = RowSql.of(contract, allocator);
        VectorSchemaRoot parsed = ParsedBatches.of(contract, rows, allocator);
        RowSql.Result result = sql.apply(parsed)) {
      for (Field field : contract.fields()) {
        FieldVector expected = parsed.getVector(field.name());
        FieldVector actual = result.derived().getVector("same_" + field.name());
        assertThat(
            field.name() + " is " + actual,
            VectorEqualsVisitor.vectorEquals(expected, actual, (one, other) -> true),
            equalTo(true));
      }
    }
  }

  @Test
  void refusesSqlThatIsNotAllowed() {
    Contract contract =
        contract(List.of(new DerivedColumn("x", FieldType.NUMBER, "random()")), List.of());

    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> RowSql.of(contract, allocator));

    assertThat(e.getMessage(), containsString("random"));
  }
}
