package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/** The rejected table: what is wrong with a record, beside the record as it came. */
public final class RejectedRecords {
  public static final String RECEIVED_AT = "received_at";

  public static final Schema SCHEMA =
      new Schema(
          List.of(
              RecordSchemas.column(RECEIVED_AT, FieldType.TIMESTAMP),
              RecordSchemas.column("stage", FieldType.STRING),
              RecordSchemas.column("code", FieldType.STRING),
              RecordSchemas.column("field", FieldType.STRING),
              RecordSchemas.column("value", FieldType.STRING),
              RecordSchemas.column("reason", FieldType.STRING),
              RecordSchemas.column("raw", ArrowType.Binary.INSTANCE),
              RecordSchemas.column(RecordSchemas.TOPIC, FieldType.STRING),
              RecordSchemas.column(RecordSchemas.PARTITION, new ArrowType.Int(32, true)),
              RecordSchemas.column(RecordSchemas.OFFSET, FieldType.INTEGER),
              RecordSchemas.column("file", FieldType.STRING),
              RecordSchemas.column("row", FieldType.INTEGER)));

  private RejectedRecords() {}

  /**
   * Rejected rows as a batch whose event time is when they were received.
   *
   * @param stage the transform that rejected them
   * @param rejections at least one
   */
  public static RecordBatch batch(
      Contract contract,
      String stage,
      RawBatch raw,
      List<Rejection> rejections,
      BufferAllocator allocator) {
    if (rejections.isEmpty()) {
      throw new IllegalArgumentException("rejections is empty; expected at least one");
    }
    byte[] stageBytes = stage.getBytes(StandardCharsets.UTF_8);
    byte[] source = raw.source().getBytes(StandardCharsets.UTF_8);
    boolean fromKafka = raw.sourceKind() == RawBatch.SourceKind.KAFKA;
    byte[][] messages = raw.messages(rejections.stream().mapToInt(Rejection::row).toArray());
    try (VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator)) {
      int out = 0;
      for (Rejection rejection : rejections) {
        int row = rejection.row();
        long millis = raw.timestampMillis(row);
        ((TimeStampMicroVector) root.getVector(0)).setSafe(out, Math.multiplyExact(millis, 1000L));
        ((VarCharVector) root.getVector(1)).setSafe(out, stageBytes);
        setText(root, 2, out, rejection.code().name());
        setText(root, 3, out, rejection.field());
        setText(root, 4, out, rejection.value());
        setText(root, 5, out, rejection.reason());
        ((VarBinaryVector) root.getVector(6)).setSafe(out, messages[out]);
        if (fromKafka) {
          ((VarCharVector) root.getVector(7)).setSafe(out, source);
          ((IntVector) root.getVector(8)).setSafe(out, raw.partition(row));
          ((BigIntVector) root.getVector(9)).setSafe(out, raw.offset(row));
        } else {
          ((VarCharVector) root.getVector(10)).setSafe(out, source);
          ((BigIntVector) root.getVector(11)).setSafe(out, raw.offset(row));
        }
        out++;
      }
      root.setRowCount(out);
      return RecordBatch.copyOf(contract, root, RECEIVED_AT);
    }
  }

  private static void setText(VectorSchemaRoot root, int column, int row, @Nullable String text) {
    if (text != null) {
      ((VarCharVector) root.getVector(column)).setSafe(row, text.getBytes(StandardCharsets.UTF_8));
    }
  }
}
