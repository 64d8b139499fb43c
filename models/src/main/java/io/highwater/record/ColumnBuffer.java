package io.highwater.record;

import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;

/**
 * One column on the heap while its rows are parsed; {@link #copyTo} then fills an Arrow vector with
 * a few large copies. The vector gets exactly the size it needs, a row that turns out to be wrong
 * is simply written over, and the buffers are used again for the next batch. Equal rows make equal
 * bytes: nulls hold zero and no bit behind the last row is set.
 */
final class ColumnBuffer {
  private final FieldType type;
  private final boolean nullable;
  private final long valueOfNull;
  // Whole numbers, timestamps, doubles as their bits, booleans as 0 and 1; unused for strings.
  private long[] values = new long[0];
  private int[] textEnds = new int[1];
  private byte[] text = new byte[0];
  // A bit for each row. Most values are not null, so that only nulls cost something here.
  private long[] nulls = new long[0];

  ColumnBuffer(Field field) {
    this.type = field.type();
    Double nullAs = field.nullAs();
    this.nullable = nullAs == null;
    if (nullAs == null) {
      this.valueOfNull = 0;
    } else if (type == FieldType.NUMBER) {
      this.valueOfNull = Double.doubleToRawLongBits(nullAs);
    } else {
      this.valueOfNull = nullAs.longValue();
    }
  }

  /** Begins a batch of at most {@code rows} rows. */
  void reset(int rows) {
    if (type == FieldType.STRING) {
      textEnds = textEnds.length > rows ? textEnds : new int[rows + 1];
    } else {
      values = values.length >= rows ? values : new long[rows];
    }
    int words = (rows + 63) / 64;
    if (nulls.length < words) {
      nulls = new long[words];
    } else {
      Arrays.fill(nulls, 0L);
    }
  }

  void putLong(int row, long value) {
    values[row] = value;
  }

  void putDouble(int row, double value) {
    values[row] = Double.doubleToRawLongBits(value);
  }

  void putText(int row, byte[] source, int start, int length) {
    int textStart = textEnds[row];
    int textEnd = textStart + length;
    if (textEnd > text.length) {
      text = Arrays.copyOf(text, Math.max(text.length * 2, textEnd + 1024));
    }
    System.arraycopy(source, start, text, textStart, length);
    textEnds[row + 1] = textEnd;
  }

  void putNull(int row) {
    if (type == FieldType.STRING) {
      textEnds[row + 1] = textEnds[row];
    } else {
      values[row] = valueOfNull;
    }
    if (nullable) {
      nulls[row >>> 6] |= 1L << row;
    }
  }

  /** The value of a column that is not of strings; a null is 0. */
  long valueAt(int row) {
    return values[row];
  }

  boolean isNull(int row) {
    return (nulls[row >>> 6] & 1L << row) != 0;
  }

  /** Makes {@code row} free for the next record. */
  void clear(int row) {
    nulls[row >>> 6] &= ~(1L << row);
  }

  /** Fills an empty vector of this column's type with the first {@code rows} rows. */
  void copyTo(FieldVector vector, int rows) {
    if (rows == 0) {
      return;
    }
    switch (type) {
      case STRING -> {
        VarCharVector strings = (VarCharVector) vector;
        int bytes = textEnds[rows];
        strings.allocateNew(bytes, rows);
        strings
            .getOffsetBuffer()
            .nioBuffer(0, (rows + 1) * 4)
            .order(ByteOrder.nativeOrder())
            .asIntBuffer()
            .put(textEnds, 0, rows + 1);
        strings.getDataBuffer().setBytes(0, text, 0, bytes);
        strings.setLastSet(rows - 1);
      }
      case BOOLEAN -> {
        BitVector bits = (BitVector) vector;
        bits.allocateNew(rows);
        byte[] packed = new byte[(rows + 7) / 8];
        for (int row = 0; row < rows; row++) {
          packed[row >>> 3] |= (byte) (values[row] << (row & 7));
        }
        bits.getDataBuffer().setBytes(0, packed);
      }
      case INTEGER, NUMBER, TIMESTAMP -> {
        ((BaseFixedWidthVector) vector).allocateNew(rows);
        vector
            .getDataBuffer()
            .nioBuffer(0, rows * 8)
            .order(ByteOrder.nativeOrder())
            .asLongBuffer()
            .put(values, 0, rows);
      }
    }
    writeValidity(vector.getValidityBuffer(), rows);
    vector.setValueCount(rows);
  }

  private void writeValidity(ArrowBuf validity, int rows) {
    byte[] packed = new byte[(rows + 7) / 8];
    for (int index = 0; index < packed.length; index++) {
      packed[index] = (byte) ~(nulls[index >>> 3] >>> (index & 7) * 8);
    }
    int rest = rows & 7;
    if (rest != 0) {
      packed[packed.length - 1] &= (byte) ((1 << rest) - 1);
    }
    validity.setBytes(0, packed);
  }
}
