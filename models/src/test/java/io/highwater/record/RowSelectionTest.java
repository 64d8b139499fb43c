package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.FieldType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RowSelectionTest {
  private static final long MICROS_PER_HOUR = 3_600_000_000L;

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 8, 9, 1000})
  void takesRowsAsANaiveLoopDoes(int count) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot in = WarehouseRows.unsorted(count, 500, 10_000, allocator)) {
      Random random = new Random(count);
      int[] anyOrder = random.ints(count + 3, 0, 500).toArray();
      assertTakesAsNaively(in, anyOrder, count, allocator);
      int[] ascending = random.ints(count, 0, 500).sorted().distinct().toArray();
      assertTakesAsNaively(in, ascending, ascending.length, allocator);
    }
  }

  @Test
  void takesBinariesAndNestedColumns() {
    Schema schema =
        new Schema(
            List.of(
                RecordSchemas.column("raw", ArrowType.Binary.INSTANCE),
                RecordSchemas.column("digest", new ArrowType.FixedSizeBinary(3)),
                new Field(
                    "items",
                    org.apache.arrow.vector.types.pojo.FieldType.nullable(ArrowType.List.INSTANCE),
                    List.of(RecordSchemas.column("item", FieldType.INTEGER)))));
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot in = VectorSchemaRoot.create(schema, allocator)) {
      UnionListWriter writer = ((ListVector) in.getVector("items")).getWriter();
      for (int row = 0; row < 20; row++) {
        if (row % 3 != 0) {
          byte[] bytes = ("row " + row).getBytes(StandardCharsets.UTF_8);
          ((VarBinaryVector) in.getVector("raw")).setSafe(row, bytes);
          ((FixedSizeBinaryVector) in.getVector("digest"))
              .setSafe(row, new byte[] {(byte) row, 2, 3});
          writer.setPosition(row);
          writer.startList();
          for (int i = 0; i < row % 4; i++) {
            writer.writeBigInt(100L * row + i);
          }
          writer.endList();
        }
      }
      in.setRowCount(20);
      assertTakesAsNaively(in, new int[] {19, 0, 1, 2, 3, 3, 8, 7}, 8, allocator);
    }
  }

  @Test
  void refusesRowsOutsideTheBatch() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot in = WarehouseRows.sorted(1, 5, 1, allocator)) {
      for (int row : new int[] {-1, 5}) {
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> RowSelection.take(in, new int[] {0, row}, 2, allocator));
      }
    }
  }

  @Test
  void splitsByHourAsANaiveLoopDoes() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot in = WarehouseRows.unsorted(2, 1000, 5 * 3_600_000L, allocator)) {
      TimeStampMicroVector times = (TimeStampMicroVector) in.getVector(WarehouseRows.EVENT_TIME);
      times.set(10, -1);
      times.set(11, 0);
      times.set(12, MICROS_PER_HOUR - 1);
      times.set(13, MICROS_PER_HOUR);
      SortedMap<Long, List<Integer>> expected = new TreeMap<>();
      for (int row = 0; row < in.getRowCount(); row++) {
        long hour = Math.floorDiv(times.get(row), MICROS_PER_HOUR);
        expected.computeIfAbsent(hour, h -> new ArrayList<>()).add(row);
      }
      SortedMap<Long, List<Integer>> actual = new TreeMap<>();
      for (Map.Entry<Long, int[]> hour :
          RowSelection.splitByHour(in, WarehouseRows.EVENT_TIME).entrySet()) {
        actual.put(hour.getKey(), Arrays.stream(hour.getValue()).boxed().toList());
      }
      assertThat(actual, equalTo(expected));
      assertThat(actual.firstKey(), is(-1L));
    }
  }

  @Test
  void splitsABatchOfOneHourIntoOne() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot in = WarehouseRows.sorted(3, 100, 1000, allocator)) {
      SortedMap<Long, int[]> split = RowSelection.splitByHour(in, WarehouseRows.EVENT_TIME);
      assertThat(split.size(), is(1));
      assertThat(split.get(split.firstKey()), equalTo(upTo(100)));
    }
  }

  @Test
  void refusesToSplitRowsWithoutEventTime() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot in = WarehouseRows.sorted(4, 3, 1000, allocator)) {
      in.getVector(WarehouseRows.EVENT_TIME).setNull(1);
      assertThrows(
          IllegalArgumentException.class,
          () -> RowSelection.splitByHour(in, WarehouseRows.EVENT_TIME));
      assertThrows(
          IllegalArgumentException.class, () -> RowSelection.splitByHour(in, "instance_id"));
    }
  }

  private static int[] upTo(int end) {
    int[] rows = new int[end];
    Arrays.setAll(rows, i -> i);
    return rows;
  }

  private static void assertTakesAsNaively(
      VectorSchemaRoot in, int[] rows, int count, BufferAllocator allocator) {
    try (VectorSchemaRoot expected = VectorSchemaRoot.create(in.getSchema(), allocator);
        VectorSchemaRoot actual = RowSelection.take(in, rows, count, allocator)) {
      expected.allocateNew();
      for (int column = 0; column < in.getFieldVectors().size(); column++) {
        for (int i = 0; i < count; i++) {
          expected.getVector(column).copyFromSafe(rows[i], i, in.getVector(column));
        }
      }
      expected.setRowCount(count);
      assertThat(actual.getRowCount(), is(count));
      assertThat(actual.equals(expected), is(true));
      // What is written must be whole too: null counts, offsets and lengths of every buffer.
      RecordBatch batch = RecordBatch.copyOf("c", "1", actual, 0, 0);
      try (VectorSchemaRoot read = batch.open(allocator)) {
        assertThat(read.equals(expected), is(true));
      }
    }
  }
}
