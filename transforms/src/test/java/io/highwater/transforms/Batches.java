package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/** Batches out of Java values. */
final class Batches {
  private Batches() {}

  static @Nullable Object[] row(@Nullable Object... values) {
    return values;
  }

  /**
   * A batch of the events table.
   *
   * @param rows a value for each column: Long, Integer, Double, Boolean, String, Instant or null
   */
  static RecordBatch events(Contract contract, @Nullable Object[]... rows) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root =
            VectorSchemaRoot.create(RecordSchemas.events(contract), allocator)) {
      for (int row = 0; row < rows.length; row++) {
        for (int column = 0; column < rows[row].length; column++) {
          Object value = rows[row][column];
          if (value != null) {
            set(root.getVector(column), row, value);
          }
        }
      }
      root.setRowCount(rows.length);
      return RecordBatch.copyOf(contract, root, contract.eventTime());
    }
  }

  private static void set(FieldVector vector, int row, Object value) {
    if (vector instanceof BigIntVector integers) {
      integers.setSafe(row, (Long) value);
    } else if (vector instanceof IntVector integers) {
      integers.setSafe(row, (Integer) value);
    } else if (vector instanceof Float8Vector numbers) {
      numbers.setSafe(row, (Double) value);
    } else if (vector instanceof BitVector booleans) {
      booleans.setSafe(row, (Boolean) value ? 1 : 0);
    } else if (vector instanceof TimeStampMicroVector timestamps) {
      timestamps.setSafe(row, ChronoUnit.MICROS.between(Instant.EPOCH, (Instant) value));
    } else {
      ((VarCharVector) vector).setSafe(row, ((String) value).getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Messages of one Kafka partition, from offset 0, a millisecond apart. */
  static RawBatch messages(byte[]... messages) {
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "topic", RawMessages.Format.JSON);
    for (int i = 0; i < messages.length; i++) {
      builder.add(0, i, 1_709_251_200_000L + i, messages[i]);
    }
    return builder.build();
  }
}
