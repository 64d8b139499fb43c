package io.highwater.features;

import java.util.Arrays;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;

/** Columns of integers, numbers and booleans as doubles; NaN where there is no value. */
public final class Numbers {
  private Numbers() {}

  /** Of all rows. */
  public static double[] read(FieldVector column) {
    int[] rows = new int[column.getValueCount()];
    Arrays.setAll(rows, row -> row);
    return read(column, rows);
  }

  /** Of the rows given, in their order. */
  public static double[] read(FieldVector column, int[] rows) {
    double[] values = new double[rows.length];
    ArrowBuf data = column.getDataBuffer();
    if (column instanceof BigIntVector) {
      for (int i = 0; i < rows.length; i++) {
        values[i] = data.getLong(8L * rows[i]);
      }
    } else if (column instanceof Float8Vector) {
      for (int i = 0; i < rows.length; i++) {
        values[i] = data.getDouble(8L * rows[i]);
      }
    } else if (column instanceof BitVector) {
      for (int i = 0; i < rows.length; i++) {
        values[i] = (data.getByte(rows[i] >> 3) >> (rows[i] & 7)) & 1;
      }
    } else {
      throw new IllegalArgumentException(
          "column '"
              + column.getName()
              + "' is "
              + column.getField().getType()
              + "; expected integer, number or boolean");
    }
    if (column.getNullCount() > 0) {
      for (int i = 0; i < rows.length; i++) {
        if (column.isNull(rows[i])) {
          values[i] = Double.NaN;
        }
      }
    }
    return values;
  }

  /** The scale on which targets are learned: ln(1 + value), a negative value counts as 0. */
  public static float[] log1p(double[] values) {
    float[] logarithms = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      logarithms[i] = (float) Math.log1p(Math.max(0, values[i]));
    }
    return logarithms;
  }
}
