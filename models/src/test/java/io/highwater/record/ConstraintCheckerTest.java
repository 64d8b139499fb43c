package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.RollUp;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ConstraintCheckerTest {
  private static final Contract CONTRACT =
      new Contract(
          "orders",
          "1",
          "at",
          Duration.ZERO,
          List.of("id"),
          List.of(
              new Field("id", FieldType.INTEGER, true, 1.0, 100.0, null, List.of(), null),
              new Field("at", FieldType.TIMESTAMP, true, null, null, null, List.of(), null),
              new Field("price", FieldType.NUMBER, false, -0.5, 9.5, null, List.of(), null),
              new Field("weight", FieldType.NUMBER, false, null, null, null, List.of(), null),
              new Field("note", FieldType.STRING, false, null, null, 3, List.of(), null),
              new Field(
                  "kind", FieldType.STRING, false, null, null, null, List.of("a", "größe"), null),
              new Field("paid", FieldType.BOOLEAN, true, null, null, null, List.of(), null)),
          List.of(),
          List.of(),
          new RollUp(List.of(), List.of(), List.of()));

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  private static @Nullable Object[] row(@Nullable Object... values) {
    return values;
  }

  private List<Rejection> check(@Nullable Object[]... rows) {
    try (VectorSchemaRoot root = ParsedBatches.of(CONTRACT, Arrays.asList(rows), allocator)) {
      return ConstraintChecker.of(CONTRACT).check(root);
    }
  }

  @Test
  void acceptsTheBoundsAndNulls() {
    assertThat(
        check(
            row(1L, 0L, -0.5, 1e300, "abc", "a", true),
            row(100L, -1L, 9.5, -1e300, "", "größe", false),
            row(50L, 5L, null, null, null, null, true)),
        empty());
  }

  @Test
  void acceptsAnEmptyBatch() {
    assertThat(check(), empty());
  }

  @Test
  void rejectsMissingRequiredFieldsOfEveryType() {
    String reason = "Missing or null; the field is required.";
    assertThat(
        check(
            row(null, 0L, null, null, null, null, true),
            row(1L, null, null, null, null, null, true),
            row(1L, 0L, null, null, null, null, null)),
        contains(
            new Rejection(1, ErrorCode.MISSING_REQUIRED, "id", null, reason),
            new Rejection(4, ErrorCode.MISSING_REQUIRED, "at", null, reason),
            new Rejection(7, ErrorCode.MISSING_REQUIRED, "paid", null, reason)));
  }

  @Test
  void rejectsIntegersOutsideTheirRange() {
    String reason = "Out of range; expected an integer from 1 to 100.";
    assertThat(
        check(
            row(0L, 0L, null, null, null, null, true),
            row(7L, 0L, null, null, null, null, true),
            row(101L, 0L, null, null, null, null, true),
            row(Long.MIN_VALUE, 0L, null, null, null, null, true),
            row(Long.MAX_VALUE, 0L, null, null, null, null, true)),
        contains(
            new Rejection(1, ErrorCode.OUT_OF_RANGE, "id", "0", reason),
            new Rejection(7, ErrorCode.OUT_OF_RANGE, "id", "101", reason),
            new Rejection(10, ErrorCode.OUT_OF_RANGE, "id", "-9223372036854775808", reason),
            new Rejection(13, ErrorCode.OUT_OF_RANGE, "id", "9223372036854775807", reason)));
  }

  @Test
  void rejectsNumbersOutsideTheirRangeAndNumbersThatAreNotFinite() {
    String reason = "Out of range; expected a finite number from -0.5 to 9.5.";
    String finite = "Out of range; expected a finite number.";
    assertThat(
        check(
            row(1L, 0L, Math.nextUp(9.5), null, null, null, true),
            row(1L, 0L, Math.nextDown(-0.5), null, null, null, true),
            row(1L, 0L, Double.NaN, null, null, null, true),
            row(1L, 0L, null, Double.NaN, null, null, true),
            row(1L, 0L, null, Double.NEGATIVE_INFINITY, null, null, true)),
        contains(
            new Rejection(1, ErrorCode.OUT_OF_RANGE, "price", "9.500000000000002", reason),
            new Rejection(4, ErrorCode.OUT_OF_RANGE, "price", "-0.5000000000000001", reason),
            new Rejection(7, ErrorCode.OUT_OF_RANGE, "price", "NaN", reason),
            new Rejection(10, ErrorCode.OUT_OF_RANGE, "weight", "NaN", finite),
            new Rejection(13, ErrorCode.OUT_OF_RANGE, "weight", "-Infinity", finite)));
  }

  @Test
  void countsCharactersAndNotBytes() {
    assertThat(
        check(
            row(1L, 0L, null, null, "äöü", null, true),
            row(1L, 0L, null, null, "日本🌊", null, true),
            row(1L, 0L, null, null, "abcd", null, true),
            row(1L, 0L, null, null, "日本🌊🌊", null, true)),
        contains(
            new Rejection(
                7, ErrorCode.OUT_OF_RANGE, "note", "abcd", "4 characters; expected at most 3."),
            new Rejection(
                10,
                ErrorCode.OUT_OF_RANGE,
                "note",
                "日本🌊🌊",
                "4 characters; expected at most 3.")));
  }

  @Test
  void rejectsValuesThatAreNotAllowed() {
    String reason = "Not an allowed value; expected one of a, größe.";
    assertThat(
        check(
            row(1L, 0L, null, null, null, "größe", true),
            row(1L, 0L, null, null, null, "A", true),
            row(1L, 0L, null, null, null, "a", true),
            row(1L, 0L, null, null, null, "", true),
            row(1L, 0L, null, null, null, "größf", true)),
        contains(
            new Rejection(4, ErrorCode.VALUE_NOT_ALLOWED, "kind", "A", reason),
            new Rejection(10, ErrorCode.VALUE_NOT_ALLOWED, "kind", "", reason),
            new Rejection(13, ErrorCode.VALUE_NOT_ALLOWED, "kind", "größf", reason)));
  }

  @Test
  void aRowIsRejectedOnceForTheFirstFieldInTheOrderOfTheContract() {
    assertThat(
        check(
            row(1L, 0L, null, null, null, "b", null),
            row(0L, null, 10.0, Double.NaN, "abcd", "b", null)),
        contains(
            new Rejection(
                1,
                ErrorCode.VALUE_NOT_ALLOWED,
                "kind",
                "b",
                "Not an allowed value; expected one of a, größe."),
            new Rejection(
                4,
                ErrorCode.OUT_OF_RANGE,
                "id",
                "0",
                "Out of range; expected an integer from 1 to 100.")));
  }

  @Test
  void whatLiesUnderANullIsNotChecked() {
    try (VectorSchemaRoot root =
        ParsedBatches.of(
            CONTRACT,
            List.of(
                row(1L, 0L, Double.NaN, 99.0, "abcd", "b", true),
                row(1L, 0L, null, null, null, null, true)),
            allocator)) {
      for (String column : List.of("price", "note", "kind")) {
        root.getVector(column).setNull(0);
      }

      assertThat(ConstraintChecker.of(CONTRACT).check(root), empty());
    }
  }
}
