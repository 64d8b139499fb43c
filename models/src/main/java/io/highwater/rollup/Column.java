package io.highwater.rollup;

import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.datasketches.hash.MurmurHash3;
import org.jspecify.annotations.Nullable;

/** A column copied into arrays, where the loops over it run fast whatever the JVM's flags. */
abstract sealed class Column {
  /** 1 for rows that have a value, else 0. */
  final byte[] valid;

  private Column(byte[] valid) {
    this.valid = valid;
  }

  private Column(FieldVector vector) {
    valid = new byte[vector.getValueCount()];
    if (vector.getNullCount() == 0) {
      Arrays.fill(valid, (byte) 1);
    } else {
      expandBits(vector.getValidityBuffer(), valid);
    }
  }

  /**
   * Copies a column.
   *
   * @throws IllegalArgumentException where it is none of the five scalar types of a contract
   */
  static Column of(FieldVector vector) {
    if (vector instanceof BigIntVector || vector instanceof TimeStampMicroVector) {
      return new Longs(vector);
    }
    if (vector instanceof Float8Vector) {
      return new Doubles(vector);
    }
    if (vector instanceof BitVector) {
      return new Booleans(vector);
    }
    if (vector instanceof VarCharVector) {
      return new Strings(vector);
    }
    throw new IllegalArgumentException(
        "column '"
            + vector.getName()
            + "' is "
            + vector.getField().getType()
            + "; a roll-up works on integer, number, boolean, string and timestamp");
  }

  /** Numbers that tell the values apart, and rows without one, as quickly as can be. */
  Column codes() {
    return this;
  }

  /** Orders the values of two rows that have one, as {@link Scalars#compare}. */
  abstract int compare(int left, int right);

  /** Equal values have equal hashes; of a row that has a value. */
  abstract int hash(int row);

  /** Of a row that has a value. */
  abstract Object value(int row);

  /** The value, of a text a 64-bit hash: what tells values apart; of a row that has a value. */
  abstract long bits(int row);

  /** Sets 1 for the rows whose value is the one that {@code text} says, else 0. */
  abstract void whereEqual(String text, byte[] taken);

  final boolean same(int left, int right) {
    return valid[left] == valid[right] && (valid[left] == 0 || compare(left, right) == 0);
  }

  private static void expandBits(ArrowBuf bits, byte[] target) {
    for (int start = 0; start < target.length; start += 8) {
      int eight = bits.getByte(start >> 3);
      int end = Math.min(8, target.length - start);
      for (int i = 0; i < end; i++) {
        target[start + i] = (byte) ((eight >> i) & 1);
      }
    }
  }

  private static int mix(long value) {
    long product = value * 0x9E37_79B9_7F4A_7C15L;
    return (int) (product ^ (product >>> 32));
  }

  /** Integers and timestamps (microseconds since the epoch). */
  static final class Longs extends Column {
    final long[] values;

    /** Of rows that all have a value. */
    Longs(long[] values) {
      super(new byte[values.length]);
      Arrays.fill(valid, (byte) 1);
      this.values = values;
    }

    private Longs(FieldVector vector) {
      super(vector);
      values = new long[valid.length];
      vector
          .getDataBuffer()
          .nioBuffer(0, valid.length * Long.BYTES)
          .order(ByteOrder.nativeOrder())
          .asLongBuffer()
          .get(values);
    }

    @Override
    int compare(int left, int right) {
      return Long.compare(values[left], values[right]);
    }

    @Override
    int hash(int row) {
      return mix(values[row]);
    }

    @Override
    long bits(int row) {
      return values[row];
    }

    @Override
    Object value(int row) {
      return values[row];
    }

    @Override
    void whereEqual(String text, byte[] taken) {
      long wanted = Long.parseLong(text);
      for (int row = 0; row < taken.length; row++) {
        taken[row] = values[row] == wanted ? valid[row] : 0;
      }
    }
  }

  static final class Doubles extends Column {
    final double[] values;

    private Doubles(FieldVector vector) {
      super(vector);
      values = new double[valid.length];
      vector
          .getDataBuffer()
          .nioBuffer(0, valid.length * Double.BYTES)
          .order(ByteOrder.nativeOrder())
          .asDoubleBuffer()
          .get(values);
      for (int row = 0; row < values.length; row++) {
        // One zero, as in SQL.
        values[row] += 0.0;
      }
    }

    @Override
    int compare(int left, int right) {
      return Double.compare(values[left], values[right]);
    }

    @Override
    int hash(int row) {
      return mix(Double.doubleToLongBits(values[row]));
    }

    @Override
    long bits(int row) {
      return Double.doubleToLongBits(values[row]);
    }

    @Override
    Object value(int row) {
      return values[row];
    }

    @Override
    void whereEqual(String text, byte[] taken) {
      double wanted = Double.parseDouble(text);
      for (int row = 0; row < taken.length; row++) {
        taken[row] = values[row] == wanted ? valid[row] : 0;
      }
    }
  }

  static final class Booleans extends Column {
    private final byte[] values;

    private Booleans(FieldVector vector) {
      super(vector);
      values = new byte[valid.length];
      expandBits(vector.getDataBuffer(), values);
    }

    /** Sets 1 for the rows whose value is true, else 0. */
    void whereTrue(byte[] taken) {
      for (int row = 0; row < taken.length; row++) {
        taken[row] = (byte) (values[row] & valid[row]);
      }
    }

    @Override
    int compare(int left, int right) {
      return values[left] - values[right];
    }

    @Override
    int hash(int row) {
      return values[row];
    }

    @Override
    long bits(int row) {
      return values[row];
    }

    @Override
    Object value(int row) {
      return values[row] != 0;
    }

    @Override
    void whereEqual(String text, byte[] taken) {
      byte wanted = (byte) (Boolean.parseBoolean(text) ? 1 : 0);
      for (int row = 0; row < taken.length; row++) {
        taken[row] = values[row] == wanted ? valid[row] : 0;
      }
    }
  }

  static final class Strings extends Column {
    /** Where each row's bytes begin, and where the last row's end. */
    private final int[] offsets;

    private final byte[] bytes;
    private @Nullable Column codes;

    private Strings(FieldVector vector) {
      super(vector);
      offsets = new int[valid.length + 1];
      vector
          .getOffsetBuffer()
          .nioBuffer(0, offsets.length * Integer.BYTES)
          .order(ByteOrder.nativeOrder())
          .asIntBuffer()
          .get(offsets);
      bytes = new byte[offsets[valid.length]];
      vector.getDataBuffer().getBytes(0, bytes);
    }

    /** Texts are compared once, however often rows are grouped by them. */
    @Override
    Column codes() {
      Column known = codes;
      if (known == null) {
        known = new Longs(Arrays.stream(Groups.of(this).ids).asLongStream().toArray());
        codes = known;
      }
      return known;
    }

    @Override
    int compare(int left, int right) {
      return Arrays.compareUnsigned(
          bytes, offsets[left], offsets[left + 1], bytes, offsets[right], offsets[right + 1]);
    }

    @Override
    int hash(int row) {
      int hash = 0;
      for (int i = offsets[row]; i < offsets[row + 1]; i++) {
        hash = 31 * hash + bytes[i];
      }
      return mix(hash);
    }

    @Override
    long bits(int row) {
      // The hash of an empty text is not defined there.
      int length = offsets[row + 1] - offsets[row];
      return length == 0 ? 0 : MurmurHash3.hash(bytes, offsets[row], length, 0)[0];
    }

    @Override
    Object value(int row) {
      return new String(
          bytes, offsets[row], offsets[row + 1] - offsets[row], StandardCharsets.UTF_8);
    }

    @Override
    void whereEqual(String text, byte[] taken) {
      byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
      for (int row = 0; row < taken.length; row++) {
        int start = offsets[row];
        boolean equal =
            offsets[row + 1] - start == wanted.length
                && Arrays.equals(bytes, start, offsets[row + 1], wanted, 0, wanted.length);
        taken[row] = equal ? valid[row] : 0;
      }
    }
  }
}
