package io.highwater.record;

import io.highwater.contract.Contract;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/** Batches as the parser makes them, out of Java values. */
public final class ParsedBatches {
  private ParsedBatches() {}

  /** What {@link #of} puts into {@link RecordSchemas#RAW_ROW}: not the index of the row. */
  public static int rawRow(int row) {
    return 3 * row + 1;
  }

  /**
   * @param rows a value for each field of the contract, in its order: Long (a timestamp in
   *     microseconds too), Double, Boolean, String or null
   * @return the caller's to close
   */
  public static VectorSchemaRoot of(
      Contract contract, List<@Nullable Object[]> rows, BufferAllocator allocator) {
    VectorSchemaRoot root = VectorSchemaRoot.create(RecordSchemas.parsed(contract), allocator);
    for (int column = 0; column < contract.fields().size(); column++) {
      FieldVector vector = root.getVector(column);
      for (int row = 0; row < rows.size(); row++) {
        Object value = rows.get(row)[column];
        if (value != null) {
          set(vector, row, value);
        }
      }
    }
    IntVector rawRows = (IntVector) root.getVector(RecordSchemas.RAW_ROW);
    for (int row = 0; row < rows.size(); row++) {
      rawRows.setSafe(row, rawRow(row));
    }
    root.setRowCount(rows.size());
    return root;
  }

  private static void set(FieldVector vector, int row, Object value) {
    if (vector instanceof BigIntVector integers) {
      integers.setSafe(row, (Long) value);
    } else if (vector instanceof Float8Vector numbers) {
      numbers.setSafe(row, (Double) value);
    } else if (vector instanceof BitVector booleans) {
      booleans.setSafe(row, (Boolean) value ? 1 : 0);
    } else if (vector instanceof TimeStampMicroVector timestamps) {
      timestamps.setSafe(row, (Long) value);
    } else {
      ((VarCharVector) vector).setSafe(row, ((String) value).getBytes(StandardCharsets.UTF_8));
    }
  }
}
