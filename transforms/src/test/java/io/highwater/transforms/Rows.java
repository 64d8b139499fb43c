package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;

import io.highwater.record.RecordBatch;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.transforms.SerializableFunction;

/** Batches as lines of text that a test can compare. */
final class Rows {
  private Rows() {}

  /** Asserts that the rows, in any order, are these; a bar stands between the values. */
  static SerializableFunction<Iterable<RecordBatch>, Void> are(
      List<String> columns, String... expected) {
    String[] names = columns.toArray(String[]::new);
    return batches -> {
      assertThat(of(batches, names), containsInAnyOrder(expected));
      return null;
    };
  }

  /** Each row's values of {@code columns}, joined with a bar. */
  static List<String> of(Iterable<RecordBatch> batches, String... columns) {
    List<String> lines = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator()) {
      for (RecordBatch batch : batches) {
        try (VectorSchemaRoot rows = batch.open(allocator)) {
          lines.addAll(of(rows, columns));
        }
      }
    }
    return lines;
  }

  static List<String> of(VectorSchemaRoot rows, String... columns) {
    List<String> lines = new ArrayList<>();
    for (int row = 0; row < rows.getRowCount(); row++) {
      List<String> cells = new ArrayList<>();
      for (String column : columns) {
        cells.add(cell(rows.getVector(column), row));
      }
      lines.add(String.join("|", cells));
    }
    return lines;
  }

  private static String cell(FieldVector vector, int row) {
    Object value = vector.getObject(row);
    return value instanceof byte[] bytes
        ? new String(bytes, StandardCharsets.UTF_8)
        : String.valueOf(value);
  }
}
