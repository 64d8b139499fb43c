package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.RollUp;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RecordBatchTest {
  private static final Contract CONTRACT =
      new Contract(
          "readings",
          "1.2.0",
          "at",
          Duration.ZERO,
          List.of("id"),
          List.of(
              new Field("id", FieldType.INTEGER, true, null, null, null, List.of(), null),
              new Field("at", FieldType.TIMESTAMP, true, null, null, null, List.of(), null),
              new Field("level", FieldType.NUMBER, false, null, null, null, List.of(), null),
              new Field("note", FieldType.STRING, false, null, null, null, List.of(), null),
              new Field("ok", FieldType.BOOLEAN, false, null, null, null, List.of(), null)),
          List.of(),
          List.of(),
          new RollUp(List.of(), List.of(), List.of()));

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  private static @Nullable Object[] row(@Nullable Object... values) {
    return values;
  }

  private RecordBatch batch(@Nullable Object[]... rows) {
    try (VectorSchemaRoot root = ParsedBatches.of(CONTRACT, Arrays.asList(rows), allocator)) {
      return RecordBatch.copyOf(CONTRACT, root, "at");
    }
  }

  private static List<List<@Nullable Object>> cells(VectorSchemaRoot root) {
    List<List<@Nullable Object>> rows = new ArrayList<>();
    for (int row = 0; row < root.getRowCount(); row++) {
      List<@Nullable Object> cells = new ArrayList<>();
      for (FieldVector vector : root.getFieldVectors()) {
        cells.add(Cells.value(vector, row));
      }
      rows.add(cells);
    }
    return rows;
  }

  private static byte[] written(RecordBatch batch) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    batch.writeTo(new DataOutputStream(bytes));
    return bytes.toByteArray();
  }

  private static RecordBatch read(byte[] bytes) throws IOException {
    return RecordBatch.readFrom(new DataInputStream(new ByteArrayInputStream(bytes)));
  }

  @Test
  void givesBackTheRowsItCopied() {
    RecordBatch batch =
        batch(
            row(1L, 1_000_000L, 0.1, "", true),
            row(Long.MIN_VALUE, 2L, Double.MIN_VALUE, "größe 日本 🌊", false),
            row(Long.MAX_VALUE, 3L, -0.0, null, null),
            row(4L, 4L, null, "\u0000\n\"", null));

    try (VectorSchemaRoot opened = batch.open(allocator)) {
      assertEquals(RecordSchemas.parsed(CONTRACT), opened.getSchema());
      assertThat(
          cells(opened),
          contains(
              Arrays.asList(1L, 1_000_000L, 0.1, "", true, null, null, null, 1),
              Arrays.asList(
                  Long.MIN_VALUE, 2L, Double.MIN_VALUE, "größe 日本 🌊", false, null, null, null, 4),
              Arrays.asList(Long.MAX_VALUE, 3L, -0.0, null, null, null, null, null, 7),
              Arrays.asList(4L, 4L, null, "\u0000\n\"", null, null, null, null, 10)));
    }
  }

  @Test
  void keepsNothingOffTheHeapAndLeavesTheRowsWithTheirOwner() {
    try (VectorSchemaRoot root =
        ParsedBatches.of(CONTRACT, List.<Object[]>of(row(1L, 5L, 2.5, "a", true)), allocator)) {
      long before = allocator.getAllocatedMemory();

      RecordBatch.copyOf(CONTRACT, root, "at");

      assertEquals(before, allocator.getAllocatedMemory());
      assertEquals(1, root.getRowCount());
    }
    assertEquals(0, allocator.getAllocatedMemory());
  }

  @Test
  void isNotChangedByWhatHappensToItsSource() {
    try (VectorSchemaRoot root =
        ParsedBatches.of(CONTRACT, List.<Object[]>of(row(1L, 5L, 2.5, "a", true)), allocator)) {
      RecordBatch batch = RecordBatch.copyOf(CONTRACT, root, "at");

      ((BigIntVector) root.getVector("id")).set(0, 99);

      try (VectorSchemaRoot opened = batch.open(allocator)) {
        assertEquals(1L, Cells.value(opened.getVector("id"), 0));
      }
    }
  }

  @Test
  void opensTwiceIntoRowsThatShareNothing() {
    RecordBatch batch = batch(row(1L, 5L, 2.5, "a", true), row(2L, 6L, null, null, null));

    VectorSchemaRoot first = batch.open(allocator);
    try (VectorSchemaRoot second = batch.open(allocator)) {
      ((BigIntVector) first.getVector("id")).set(0, 99);
      assertEquals(1L, Cells.value(second.getVector("id"), 0));
      first.close();
      assertEquals("a", Cells.value(second.getVector("note"), 0));
    }
    try (VectorSchemaRoot third = batch.open(allocator)) {
      assertEquals(1L, Cells.value(third.getVector("id"), 0));
    }
  }

  @Test
  void knowsItsEventTimesInMillisecondsRoundedDown() {
    RecordBatch batch =
        batch(
            row(1L, 1_999L, null, null, null),
            row(2L, -1L, null, null, null),
            row(3L, 7_000_999L, null, null, null));

    assertEquals(-1, batch.minEventMillis());
    assertEquals(7_000, batch.maxEventMillis());
    assertEquals(3, batch.rowCount());
    assertEquals("readings", batch.contractId());
    assertEquals("1.2.0", batch.contractVersion());
  }

  @Test
  void equalsABatchOfTheSameRowsOnly() {
    RecordBatch batch = batch(row(1L, 5L, 2.5, "a", true));
    RecordBatch same = batch(row(1L, 5L, 2.5, "a", true));

    assertEquals(batch, same);
    assertEquals(batch.hashCode(), same.hashCode());
    assertNotEquals(batch, batch(row(1L, 5L, 2.5, "b", true)));
    assertNotEquals(batch, batch(row(1L, 5L, null, "a", true)));
    assertNotEquals(batch, batch(row(1L, 5L, 2.5, "a", true), row(1L, 5L, 2.5, "a", true)));
  }

  @Test
  void readsWhatItWrote() throws IOException {
    for (RecordBatch batch :
        List.of(
            batch(),
            batch(row(1L, 5L, 2.5, "", true)),
            batch(row(1L, 5L, null, null, null), row(2L, 6L, 0.0, "日本", false)))) {
      RecordBatch read = read(written(batch));

      assertEquals(batch, read);
      try (VectorSchemaRoot rows = batch.open(allocator);
          VectorSchemaRoot rowsRead = read.open(allocator)) {
        assertEquals(cells(rows), cells(rowsRead));
      }
    }
  }

  /** A broken element must not cost memory on top: the runner tries it again and again. */
  @Test
  void leaksNothingWhenItsBytesAreCutShort() throws IOException {
    byte[] whole = written(batch(row(1L, 5L, 2.5, "a", true)));
    int header = whole.length - batch(row(1L, 5L, 2.5, "a", true)).byteSize();

    for (int length = 0; length < whole.length - header; length += 8) {
      byte[] cut = Arrays.copyOf(whole, header + length);
      ByteBuffer.wrap(cut).putInt(header - Integer.BYTES, length);
      RecordBatch broken = read(cut);

      assertThrows(RuntimeException.class, () -> broken.open(allocator).close());
      assertEquals(0, allocator.getAllocatedMemory(), "cut to " + length + " bytes");
    }
  }
}
