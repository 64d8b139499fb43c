package io.highwater.trainer;

import io.highwater.record.RowSelection;
import io.highwater.record.WarehouseRows;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Rows in memory as a history, cut into batches of some size. */
final class MemoryHistory implements EventHistory {
  private final VectorSchemaRoot rows;
  private final SortedMap<Long, int[]> rowsByHour;
  private final int batchRows;
  private final boolean backwards;
  private final BufferAllocator allocator;

  /**
   * @param backwards whether the rows of an hour come in the opposite order
   */
  MemoryHistory(
      VectorSchemaRoot rows, int batchRows, boolean backwards, BufferAllocator allocator) {
    this.rows = rows;
    this.rowsByHour = RowSelection.splitByHour(rows, WarehouseRows.EVENT_TIME);
    this.batchRows = batchRows;
    this.backwards = backwards;
    this.allocator = allocator;
  }

  @Override
  public List<Long> hours() {
    return List.copyOf(rowsByHour.keySet());
  }

  @Override
  public void read(long fromHour, long toHour, Consumer<VectorSchemaRoot> consumer) {
    for (Map.Entry<Long, int[]> hour : rowsByHour.subMap(fromHour, toHour).entrySet()) {
      int[] of = hour.getValue().clone();
      for (int i = 0; backwards && i < of.length / 2; i++) {
        int swapped = of[i];
        of[i] = of[of.length - 1 - i];
        of[of.length - 1 - i] = swapped;
      }
      for (int start = 0; start < of.length; start += batchRows) {
        int[] some = Arrays.copyOfRange(of, start, Math.min(of.length, start + batchRows));
        try (VectorSchemaRoot batch = RowSelection.take(rows, some, some.length, allocator)) {
          consumer.accept(batch);
        }
      }
    }
  }
}
