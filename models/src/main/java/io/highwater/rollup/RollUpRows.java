package io.highwater.rollup;

import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/** Rows of the rollups table. */
public final class RollUpRows {
  private RollUpRows() {}

  /**
   * One result of a window and key.
   *
   * @param windowStartMillis milliseconds since the epoch
   * @param runId of results of several runs the highest counts
   * @param paneIndex of results of one run the highest counts
   * @param isFinal whether no later result can come from this run
   */
  public record Row(
      long windowStartMillis,
      long windowMillis,
      RollUpKey key,
      long runId,
      long paneIndex,
      boolean isFinal,
      Accumulator accumulator) {}

  /**
   * Rows as a batch of {@link RollUpSchema#of} whose event time is the start of their windows.
   *
   * @param rows at least one
   */
  public static RecordBatch batch(Contract contract, List<Row> rows, BufferAllocator allocator) {
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("rows is empty; expected at least one");
    }
    try (VectorSchemaRoot root = VectorSchemaRoot.create(RollUpSchema.of(contract), allocator)) {
      for (int i = 0; i < rows.size(); i++) {
        Row row = rows.get(i);
        int column = 0;
        set(root, column++, i, Math.multiplyExact(row.windowStartMillis(), 1000L));
        set(root, column++, i, row.windowMillis());
        for (Object value : row.key().values()) {
          set(root, column++, i, value);
        }
        set(root, column++, i, row.runId());
        set(root, column++, i, row.paneIndex());
        set(root, column++, i, row.isFinal());
        for (Object value : row.accumulator().results()) {
          set(root, column++, i, value);
        }
      }
      root.setRowCount(rows.size());
      return RecordBatch.copyOf(contract, root, RollUpSchema.WINDOW_START);
    }
  }

  private static void set(VectorSchemaRoot root, int column, int row, @Nullable Object value) {
    FieldVector vector = root.getVector(column);
    if (value == null) {
      return;
    }
    if (vector instanceof BigIntVector longs && value instanceof Long number) {
      longs.setSafe(row, number);
    } else if (vector instanceof TimeStampMicroVector times && value instanceof Long micros) {
      times.setSafe(row, micros);
    } else if (vector instanceof Float8Vector doubles && value instanceof Double number) {
      doubles.setSafe(row, number);
    } else if (vector instanceof BitVector bits && value instanceof Boolean truth) {
      bits.setSafe(row, truth ? 1 : 0);
    } else if (vector instanceof VarCharVector strings && value instanceof String text) {
      strings.setSafe(row, text.getBytes(StandardCharsets.UTF_8));
    } else {
      throw new IllegalArgumentException(
          "column '"
              + vector.getName()
              + "' is "
              + vector.getField().getType()
              + ", the value "
              + value
              + " is not");
    }
  }
}
