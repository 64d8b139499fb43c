package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * Checks what a contract declares of its fields: required, range, finite, length, allowed values.
 * One loop over each column's buffers, which allocates nothing while all rows are valid. Immutable.
 */
public final class ConstraintChecker {
  private final List<FieldCheck> checks;

  private ConstraintChecker(List<FieldCheck> checks) {
    this.checks = checks;
  }

  public static ConstraintChecker of(Contract contract) {
    List<FieldCheck> checks = new ArrayList<>();
    for (Field field : contract.fields()) {
      if (isConstrained(field)) {
        checks.add(new FieldCheck(field));
      }
    }
    return new ConstraintChecker(checks);
  }

  private static boolean isConstrained(Field field) {
    return field.required()
        || field.type() == FieldType.NUMBER
        || field.minimum() != null
        || field.maximum() != null
        || field.maxLength() != null
        || !field.allowedValues().isEmpty();
  }

  /**
   * @param parsed rows by {@link RecordSchemas#parsed}; stays the caller's
   * @return one rejection for each row with a fault, in the order of the batch, for the first field
   *     in the order of the contract; {@link Rejection#row} is what the row has in {@link
   *     RecordSchemas#RAW_ROW}
   */
  public List<Rejection> check(VectorSchemaRoot parsed) {
    Faults faults = new Faults(parsed);
    for (FieldCheck check : checks) {
      check.check(parsed.getVector(check.field.name()), faults);
    }
    return faults.rejections();
  }

  /** The first fault of each row of a batch. */
  private static final class Faults {
    private final VectorSchemaRoot parsed;
    private @Nullable Rejection @Nullable [] byRow;

    Faults(VectorSchemaRoot parsed) {
      this.parsed = parsed;
    }

    void add(int row, ErrorCode code, String field, @Nullable String value, String reason) {
      if (byRow == null) {
        byRow = new Rejection[parsed.getRowCount()];
      }
      if (byRow[row] == null) {
        int rawRow = ((IntVector) parsed.getVector(RecordSchemas.RAW_ROW)).get(row);
        byRow[row] = new Rejection(rawRow, code, field, value, reason);
      }
    }

    List<Rejection> rejections() {
      if (byRow == null) {
        return List.of();
      }
      List<Rejection> rejections = new ArrayList<>();
      for (Rejection rejection : byRow) {
        if (rejection != null) {
          rejections.add(rejection);
        }
      }
      return rejections;
    }
  }

  /** The constraints of one field, ready for the loops. */
  private static final class FieldCheck {
    private final Field field;
    private final long minimumInteger;
    private final long maximumInteger;
    private final double minimum;
    private final double maximum;
    private final int maxLength;
    private final byte[][] allowedValues;
    private final String rangeReason;

    FieldCheck(Field field) {
      this.field = field;
      Double least = field.minimum();
      Double greatest = field.maximum();
      // A cast of a double to long stops at the ends of long, so no bound is lost here.
      minimumInteger = least == null ? Long.MIN_VALUE : (long) Math.ceil(least);
      maximumInteger = greatest == null ? Long.MAX_VALUE : (long) Math.floor(greatest);
      minimum = least == null ? -Double.MAX_VALUE : least;
      maximum = greatest == null ? Double.MAX_VALUE : greatest;
      Integer length = field.maxLength();
      maxLength = length == null ? Integer.MAX_VALUE : length;
      allowedValues = new byte[field.allowedValues().size()][];
      for (int i = 0; i < allowedValues.length; i++) {
        allowedValues[i] = field.allowedValues().get(i).getBytes(StandardCharsets.UTF_8);
      }
      rangeReason = rangeReason(field.type(), least, greatest);
    }

    private static String rangeReason(
        FieldType type, @Nullable Double least, @Nullable Double greatest) {
      String range = "";
      if (least != null) {
        range += " from " + plain(least);
      }
      if (greatest != null) {
        range += (least == null ? " up to " : " to ") + plain(greatest);
      }
      String number = type == FieldType.INTEGER ? "an integer" : "a finite number";
      return "Out of range; expected " + number + range + ".";
    }

    private static String plain(double number) {
      return new BigDecimal(number).stripTrailingZeros().toPlainString();
    }

    void check(FieldVector vector, Faults faults) {
      int rowCount = vector.getValueCount();
      boolean hasNulls = vector.getNullCount() > 0;
      if (hasNulls && field.required()) {
        checkRequired(vector, rowCount, faults);
      }
      if (vector instanceof BigIntVector integers) {
        checkIntegers(integers, rowCount, hasNulls, faults);
      } else if (vector instanceof Float8Vector numbers) {
        checkNumbers(numbers, rowCount, hasNulls, faults);
      } else if (vector instanceof VarCharVector texts) {
        if (maxLength < Integer.MAX_VALUE) {
          checkLengths(texts, rowCount, hasNulls, faults);
        }
        if (allowedValues.length > 0) {
          checkAllowed(texts, rowCount, hasNulls, faults);
        }
      }
    }

    private void checkRequired(FieldVector vector, int rowCount, Faults faults) {
      for (int row = 0; row < rowCount; row++) {
        if (vector.isNull(row)) {
          faults.add(
              row,
              ErrorCode.MISSING_REQUIRED,
              field.name(),
              null,
              "Missing or null; the field is required.");
        }
      }
    }

    private void checkIntegers(BigIntVector vector, int rowCount, boolean hasNulls, Faults faults) {
      ArrowBuf values = vector.getDataBuffer();
      for (int row = 0; row < rowCount; row++) {
        long value = values.getLong((long) row * Long.BYTES);
        if ((value < minimumInteger || value > maximumInteger)
            && !(hasNulls && vector.isNull(row))) {
          faults.add(row, ErrorCode.OUT_OF_RANGE, field.name(), Long.toString(value), rangeReason);
        }
      }
    }

    private void checkNumbers(Float8Vector vector, int rowCount, boolean hasNulls, Faults faults) {
      ArrowBuf values = vector.getDataBuffer();
      for (int row = 0; row < rowCount; row++) {
        double value = values.getDouble((long) row * Double.BYTES);
        // Written so that NaN is out of range.
        boolean inRange = value >= minimum && value <= maximum;
        if (!inRange && !(hasNulls && vector.isNull(row))) {
          faults.add(
              row, ErrorCode.OUT_OF_RANGE, field.name(), Double.toString(value), rangeReason);
        }
      }
    }

    private void checkLengths(VarCharVector vector, int rowCount, boolean hasNulls, Faults faults) {
      ArrowBuf offsets = vector.getOffsetBuffer();
      for (int row = 0; row < rowCount; row++) {
        int start = offsets.getInt((long) row * Integer.BYTES);
        int end = offsets.getInt((long) (row + 1) * Integer.BYTES);
        // A character has at least one byte, so most rows need no counting.
        if (end - start > maxLength && !(hasNulls && vector.isNull(row))) {
          int length = characters(vector.getDataBuffer(), start, end);
          if (length > maxLength) {
            faults.add(
                row,
                ErrorCode.OUT_OF_RANGE,
                field.name(),
                text(vector, row),
                length + " characters; expected at most " + maxLength + ".");
          }
        }
      }
    }

    private static int characters(ArrowBuf bytes, int start, int end) {
      int count = 0;
      for (int i = start; i < end; i++) {
        // All but the bytes that go on with a character.
        if ((bytes.getByte(i) & 0xC0) != 0x80) {
          count++;
        }
      }
      return count;
    }

    private void checkAllowed(VarCharVector vector, int rowCount, boolean hasNulls, Faults faults) {
      ArrowBuf offsets = vector.getOffsetBuffer();
      ArrowBuf bytes = vector.getDataBuffer();
      // Often the value of the row before.
      int last = 0;
      for (int row = 0; row < rowCount; row++) {
        if (hasNulls && vector.isNull(row)) {
          continue;
        }
        int start = offsets.getInt((long) row * Integer.BYTES);
        int length = offsets.getInt((long) (row + 1) * Integer.BYTES) - start;
        int found = equal(bytes, start, length, allowedValues[last]) ? last : -1;
        for (int i = 0; i < allowedValues.length && found < 0; i++) {
          if (equal(bytes, start, length, allowedValues[i])) {
            found = i;
          }
        }
        if (found >= 0) {
          last = found;
        } else {
          faults.add(
              row,
              ErrorCode.VALUE_NOT_ALLOWED,
              field.name(),
              text(vector, row),
              "Not an allowed value; expected one of "
                  + String.join(", ", field.allowedValues())
                  + ".");
        }
      }
    }

    private static boolean equal(ArrowBuf bytes, int start, int length, byte[] value) {
      if (length != value.length) {
        return false;
      }
      for (int i = 0; i < length; i++) {
        if (bytes.getByte((long) start + i) != value[i]) {
          return false;
        }
      }
      return true;
    }

    private static String text(VarCharVector vector, int row) {
      return new String(vector.get(row), StandardCharsets.UTF_8);
    }
  }
}
