package io.highwater.transforms;

import io.highwater.record.RecordSchemas;
import io.highwater.record.Rejection;
import io.highwater.record.RowSelection;
import java.util.BitSet;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** What is left of a batch when some of its rows were rejected. */
final class AcceptedRows {
  private AcceptedRows() {}

  /**
   * The rows that no rejection names.
   *
   * @param rows with their {@link RecordSchemas#RAW_ROW}; stays the caller's, and so does the
   *     result
   */
  static VectorSchemaRoot without(
      List<Rejection> rejections, VectorSchemaRoot rows, BufferAllocator allocator) {
    BitSet rejected = new BitSet();
    for (Rejection rejection : rejections) {
      rejected.set(rejection.row());
    }
    IntVector rawRows = (IntVector) rows.getVector(RecordSchemas.RAW_ROW);
    int[] kept = new int[rows.getRowCount()];
    int count = 0;
    for (int row = 0; row < rows.getRowCount(); row++) {
      if (!rejected.get(rawRows.get(row))) {
        kept[count++] = row;
      }
    }
    return RowSelection.take(rows, kept, count, allocator);
  }
}
