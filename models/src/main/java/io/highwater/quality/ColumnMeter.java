package io.highwater.quality;

import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.FieldVector;
import org.jspecify.annotations.Nullable;

/**
 * Takes in the values of a column, batch by batch, on their way to {@link ColumnQuality}. What a
 * value is compared with to find the least and the greatest costs more than the table that says
 * that it has been there, so only values that may be new are compared. Not thread-safe.
 */
abstract sealed class ColumnMeter {
  /** Room for a column's buffers on the heap, where loops over them run fast; shared by meters. */
  static final class Room {
    private long[] numbers = new long[0];
    private int[] offsets = new int[0];
    private byte[] bytes = new byte[0];
    private byte[] validity = new byte[0];

    private long[] numbers(FieldVector column, int rows) {
      if (numbers.length < rows) {
        numbers = new long[rows];
      }
      column
          .getDataBuffer()
          .nioBuffer(0, rows * Long.BYTES)
          .order(ByteOrder.nativeOrder())
          .asLongBuffer()
          .get(numbers, 0, rows);
      return numbers;
    }

    /** Where each row's text begins, and where the last one ends. */
    private int[] offsets(FieldVector column, int rows) {
      if (offsets.length <= rows) {
        offsets = new int[rows + 1];
      }
      column
          .getOffsetBuffer()
          .nioBuffer(0, (rows + 1) * Integer.BYTES)
          .order(ByteOrder.nativeOrder())
          .asIntBuffer()
          .get(offsets, 0, rows + 1);
      return offsets;
    }

    private byte[] bytes(FieldVector column, int length) {
      if (bytes.length < length) {
        bytes = new byte[Math.max(length, 2 * bytes.length)];
      }
      column.getDataBuffer().getBytes(0, bytes, 0, length);
      return bytes;
    }

    /** A bit a row; null where every row has a value. */
    private byte @Nullable [] validity(FieldVector column, int rows) {
      if (column.getNullCount() == 0) {
        return null;
      }
      int length = (rows + 7) >> 3;
      if (validity.length < length) {
        validity = new byte[length];
      }
      column.getValidityBuffer().getBytes(0, validity, 0, length);
      return validity;
    }
  }

  private final FieldType type;
  long values;

  private ColumnMeter(FieldType type) {
    this.type = type;
  }

  static ColumnMeter of(Field field) {
    return switch (field.type()) {
      case INTEGER, NUMBER, TIMESTAMP -> new Numbers(field.type());
      case BOOLEAN -> new Booleans();
      case STRING -> new Texts();
    };
  }

  /** Takes in a column of a batch, which has as many rows as it has. */
  final void add(FieldVector column, Room room) {
    if (!column.getField().getType().equals(type.arrowType())) {
      throw new IllegalArgumentException(
          "column '%s' is %s; expected %s"
              .formatted(column.getName(), column.getField().getType(), type.arrowType()));
    }
    int rows = column.getValueCount();
    int present = rows - column.getNullCount();
    if (present > 0) {
      values += present;
      addValues(column, rows, room);
    }
  }

  abstract void addValues(FieldVector column, int rows, Room room);

  abstract ColumnQuality quality();

  private static boolean isNull(byte @Nullable [] validity, int row) {
    return validity != null && (validity[row >> 3] >> (row & 7) & 1) == 0;
  }

  /** Integers, numbers and timestamps: all are 64 bits. */
  private static final class Numbers extends ColumnMeter {
    private final boolean isFloating;
    private final DistinctCounter distinct = new DistinctCounter(false);
    private long least;
    private long greatest;
    private boolean hasBounds;

    Numbers(FieldType type) {
      super(type);
      isFloating = type == FieldType.NUMBER;
    }

    @Override
    void addValues(FieldVector column, int rows, Room room) {
      long[] numbers = room.numbers(column, rows);
      byte[] validity = room.validity(column, rows);
      long last = 0;
      long run = 0;
      for (int row = 0; row < rows; row++) {
        if (isNull(validity, row)) {
          continue;
        }
        if (numbers[row] == last) {
          run++;
        } else {
          if (run > 0) {
            add(last, run);
          }
          last = numbers[row];
          run = 1;
        }
      }
      add(last, run);
    }

    private void add(long bits, long count) {
      // One zero, as in SQL.
      long id = isFloating && bits == Long.MIN_VALUE ? 0 : bits;
      if (!distinct.add(id, count)) {
        return;
      }
      if (!hasBounds) {
        least = id;
        greatest = id;
        hasBounds = true;
      } else if (compare(id, least) < 0) {
        least = id;
      } else if (compare(id, greatest) > 0) {
        greatest = id;
      }
    }

    private int compare(long left, long right) {
      return isFloating
          ? Double.compare(Double.longBitsToDouble(left), Double.longBitsToDouble(right))
          : Long.compare(left, right);
    }

    @Override
    ColumnQuality quality() {
      return values == 0
          ? ColumnQuality.NOTHING
          : new ColumnQuality(values, value(least), value(greatest), 0, 0, distinct.values());
    }

    private Object value(long bits) {
      return isFloating ? (Object) Double.longBitsToDouble(bits) : (Object) bits;
    }
  }

  private static final class Booleans extends ColumnMeter {
    private long trues;

    Booleans() {
      super(FieldType.BOOLEAN);
    }

    @Override
    void addValues(FieldVector column, int rows, Room room) {
      ArrowBuf bits = column.getDataBuffer();
      ArrowBuf validity = column.getValidityBuffer();
      for (int i = 0; i < (rows + 7) >> 3; i++) {
        int inRange = rows - 8 * i >= 8 ? 0xFF : (1 << (rows - 8 * i)) - 1;
        trues += Integer.bitCount(bits.getByte(i) & validity.getByte(i) & inRange);
      }
    }

    @Override
    ColumnQuality quality() {
      if (values == 0) {
        return ColumnQuality.NOTHING;
      }
      DistinctCounter distinct = new DistinctCounter(false);
      if (trues < values) {
        distinct.add(0, values - trues);
      }
      if (trues > 0) {
        distinct.add(1, trues);
      }
      return new ColumnQuality(values, trues == values, trues > 0, 0, 0, distinct.values());
    }
  }

  private static final class Texts extends ColumnMeter {
    /** Native code is not worth its call for texts as short as these. */
    private static final XXHash64 HASH = XXHashFactory.fastestJavaInstance().hash64();

    private final DistinctCounter distinct = new DistinctCounter(true);
    private byte @Nullable [] least;
    private byte @Nullable [] greatest;
    private long leastLength = Long.MAX_VALUE;
    private long greatestLength;

    Texts() {
      super(FieldType.STRING);
    }

    @Override
    void addValues(FieldVector column, int rows, Room room) {
      int[] offsets = room.offsets(column, rows);
      byte[] bytes = room.bytes(column, offsets[rows]);
      byte[] validity = room.validity(column, rows);
      for (int row = 0; row < rows; row++) {
        if (!isNull(validity, row)) {
          int start = offsets[row];
          int end = offsets[row + 1];
          long id = HASH.hash(bytes, start, end - start, 0);
          if (distinct.add(id, 1)) {
            addNew(id, bytes, start, end);
          }
        }
      }
    }

    private void addNew(long id, byte[] bytes, int start, int end) {
      // Cut after a number of characters, texts keep their order; after a number of bytes, they
      // would not.
      int cut = end;
      int length = 0;
      for (int i = start; i < end; i++) {
        if ((bytes[i] & 0xC0) != 0x80 && length++ == ColumnQuality.TEXT_CHARACTERS) {
          cut = i;
        }
      }
      leastLength = Math.min(leastLength, length);
      greatestLength = Math.max(greatestLength, length);
      if (least == null || Arrays.compareUnsigned(bytes, start, cut, least, 0, least.length) < 0) {
        least = Arrays.copyOfRange(bytes, start, cut);
      }
      if (greatest == null
          || Arrays.compareUnsigned(bytes, start, cut, greatest, 0, greatest.length) > 0) {
        greatest = Arrays.copyOfRange(bytes, start, cut);
      }
      if (distinct.isExact()) {
        distinct.setText(id, new String(bytes, start, cut - start, StandardCharsets.UTF_8));
      }
    }

    @Override
    ColumnQuality quality() {
      return least == null || greatest == null
          ? ColumnQuality.NOTHING
          : new ColumnQuality(
              values,
              new String(least, StandardCharsets.UTF_8),
              new String(greatest, StandardCharsets.UTF_8),
              leastLength,
              greatestLength,
              distinct.values());
    }
  }
}
