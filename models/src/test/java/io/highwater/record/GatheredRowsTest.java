package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.highwater.contract.Contract;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.Test;

class GatheredRowsTest {
  private final Contract contract = WarehouseRows.contract();

  @Test
  void putsPiecesTogetherInTheirOrder() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.unsorted(5, 1_000, 10_000, allocator);
        GatheredRows gathered = new GatheredRows()) {
      for (int start : new int[] {0, 7, 400, 401}) {
        int end = start == 0 ? 7 : start == 7 ? 400 : start == 400 ? 401 : 1_000;
        int[] piece = IntStream.range(start, end).toArray();
        gathered.add(RowSelection.take(rows, piece, piece.length, allocator));
      }
      assertEquals(1_000, gathered.rowCount());

      RecordBatch batch = gathered.build(contract);
      assertEquals(0, gathered.rowCount());
      try (VectorSchemaRoot built = batch.open(allocator)) {
        assertThat(built.equals(rows), is(true));
      }
      assertEquals(
          RecordBatch.copyOf(contract, rows, contract.eventTime()).minEventMillis(),
          batch.minEventMillis());
    }
  }

  @Test
  void givesBackWhatWasNotBuilt() {
    try (BufferAllocator allocator = new RootAllocator()) {
      try (GatheredRows gathered = new GatheredRows()) {
        gathered.add(WarehouseRows.unsorted(5, 10, 10_000, allocator));
      }
      assertEquals(0, allocator.getAllocatedMemory());
    }
  }
}
