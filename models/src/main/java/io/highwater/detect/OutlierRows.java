package io.highwater.detect;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import io.highwater.record.KeyHasher;
import io.highwater.record.RecordSchemas;
import io.highwater.record.RowSelection;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/** Rows of the lake's outliers table: the event's columns and the explanation's. */
public final class OutlierRows {
  /** What stands behind the event's columns. */
  public static final List<Field> COLUMNS =
      List.of(
          RecordSchemas.column("outlier_id", FieldType.STRING),
          RecordSchemas.column("usual_median_ms", FieldType.NUMBER),
          RecordSchemas.column("usual_p95_ms", FieldType.NUMBER),
          RecordSchemas.column("usual_count", FieldType.INTEGER),
          RecordSchemas.column("ratio", FieldType.NUMBER),
          RecordSchemas.column("severity", FieldType.STRING),
          RecordSchemas.column("explanation", FieldType.STRING));

  private OutlierRows() {}

  /** The outliers table's columns. */
  public static Schema schema(Contract contract) {
    List<Field> columns = new ArrayList<>(RecordSchemas.events(contract).getFields());
    columns.addAll(COLUMNS);
    return new Schema(columns);
  }

  /**
   * The outliers of a batch; the caller closes them. outlier_id is the hash of the event's key in
   * hexadecimal, so that an event that is scored again keeps its id.
   *
   * @param events with all columns of the lake's events; does not change
   * @param explanations of rows of it
   */
  public static VectorSchemaRoot of(
      Contract contract,
      VectorSchemaRoot events,
      List<Explanation> explanations,
      BufferAllocator allocator) {
    int count = explanations.size();
    int[] rows = explanations.stream().mapToInt(Explanation::row).toArray();
    VectorSchemaRoot taken = RowSelection.take(events, rows, count, allocator);
    List<FieldVector> vectors = new ArrayList<>(taken.getFieldVectors());
    try {
      for (Field column : COLUMNS) {
        vectors.add(column.createVector(allocator));
      }
      int first = vectors.size() - COLUMNS.size();
      byte[] hashes = KeyHasher.of(contract).hash(taken);
      for (int row = 0; row < count; row++) {
        Explanation explanation = explanations.get(row);
        int start = row * KeyHasher.HASH_BYTES;
        String id = HexFormat.of().formatHex(hashes, start, start + KeyHasher.HASH_BYTES);
        setText(vectors.get(first), row, id);
        setNumber(vectors.get(first + 1), row, explanation.usualMedian());
        setNumber(vectors.get(first + 2), row, explanation.usualP95());
        ((BigIntVector) vectors.get(first + 3)).setSafe(row, explanation.usualCount());
        setNumber(vectors.get(first + 4), row, explanation.ratio());
        setText(vectors.get(first + 5), row, explanation.severity().code());
        setText(vectors.get(first + 6), row, explanation.sentence());
      }
      vectors.forEach(vector -> vector.setValueCount(count));
      return new VectorSchemaRoot(vectors);
    } catch (RuntimeException e) {
      vectors.forEach(FieldVector::close);
      throw e;
    }
  }

  private static void setText(FieldVector vector, int row, String text) {
    ((VarCharVector) vector).setSafe(row, text.getBytes(StandardCharsets.UTF_8));
  }

  private static void setNumber(FieldVector vector, int row, @Nullable Double value) {
    if (value != null) {
      ((Float8Vector) vector).setSafe(row, value);
    }
  }
}
