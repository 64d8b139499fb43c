package io.highwater.rollup;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import io.highwater.contract.Measure;
import io.highwater.contract.Score;
import io.highwater.record.RecordBatch;
import io.highwater.sql.DerivedSql;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Makes batches of the rollups table, with the roll-up's derived columns. Holds a DuckDB instance
 * where there are any; not thread-safe.
 */
public final class RollUpBatches implements AutoCloseable {
  private final Contract contract;
  private final BufferAllocator allocator;
  private final Schema computed;
  private final @Nullable DerivedSql derived;

  private RollUpBatches(Contract contract, BufferAllocator allocator) {
    this.contract = contract;
    this.allocator = allocator;
    List<Field> all = RollUpSchema.of(contract).getFields();
    computed = new Schema(all.subList(0, all.size() - contract.rollUp().derived().size()));
    derived =
        contract.rollUp().derived().isEmpty()
            ? null
            : DerivedSql.of(contract.rollUp().derived(), visible(contract), allocator);
  }

  /**
   * @param allocator of what is held while a batch is made
   * @throws IllegalArgumentException if an expression of the roll-up may not be used
   */
  public static RollUpBatches of(Contract contract, BufferAllocator allocator) {
    return new RollUpBatches(contract, allocator);
  }

  /** The columns that the roll-up's derived columns may name. */
  private static Map<String, FieldType> visible(Contract contract) {
    Map<String, FieldType> columns = new LinkedHashMap<>();
    columns.put(RollUpSchema.WINDOW_START, FieldType.TIMESTAMP);
    columns.put(RollUpSchema.WINDOW_MILLIS, FieldType.INTEGER);
    for (String key : contract.rollUp().keys()) {
      columns.put(key, contract.typeOf(key));
    }
    for (Measure measure : contract.rollUp().measures()) {
      columns.put(measure.name(), RollUpSchema.typeOf(contract, measure));
    }
    for (Score score : contract.rollUp().scores()) {
      columns.put(score.name(), FieldType.NUMBER);
    }
    return columns;
  }

  /**
   * Rows as a batch of {@link RollUpSchema#of} whose event time is the start of their windows.
   *
   * @param rows at least one
   */
  public RecordBatch batch(List<RollUpRow> rows) {
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("rows is empty; expected at least one");
    }
    try (VectorSchemaRoot root = VectorSchemaRoot.create(computed, allocator)) {
      for (int i = 0; i < rows.size(); i++) {
        RollUpRow row = rows.get(i);
        int column = 0;
        set(root, column++, i, Math.multiplyExact(row.windowStartMillis(), 1000L));
        set(root, column++, i, row.windowMillis());
        for (Object value : row.key().values()) {
          set(root, column++, i, value);
        }
        set(root, column++, i, row.runId());
        set(root, column++, i, row.paneIndex());
        set(root, column++, i, row.isFinal());
        for (Object value : row.results()) {
          set(root, column++, i, value);
        }
        for (Double score : row.scores()) {
          set(root, column++, i, score);
        }
      }
      root.setRowCount(rows.size());
      if (derived == null) {
        return copy(root);
      }
      try (VectorSchemaRoot columns = derived.apply(root)) {
        List<FieldVector> all = new ArrayList<>(root.getFieldVectors());
        all.addAll(columns.getFieldVectors());
        return copy(new VectorSchemaRoot(all));
      }
    }
  }

  private RecordBatch copy(VectorSchemaRoot rows) {
    return RecordBatch.copyOf(contract, rows, RollUpSchema.WINDOW_START);
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

  /** Ends the DuckDB instance; batches stay valid. */
  @Override
  public void close() {
    if (derived != null) {
      derived.close();
    }
  }
}
