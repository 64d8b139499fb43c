package io.highwater.status;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.StringJoiner;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/** Rows of the status table. */
public final class StatusRows {
  public static final String REPORTED_AT = "reported_at";

  public static final Schema SCHEMA =
      new Schema(
          List.of(
              RecordSchemas.column(REPORTED_AT, FieldType.TIMESTAMP),
              RecordSchemas.column("run_id", FieldType.INTEGER),
              RecordSchemas.column("records_read", FieldType.INTEGER),
              RecordSchemas.column("records_accepted", FieldType.INTEGER),
              RecordSchemas.column("records_rejected", FieldType.INTEGER),
              RecordSchemas.column("records_late", FieldType.INTEGER),
              RecordSchemas.column("records_too_late", FieldType.INTEGER),
              RecordSchemas.column("records_duplicate", FieldType.INTEGER),
              RecordSchemas.column("records_read_per_second", FieldType.NUMBER),
              RecordSchemas.column("greatest_event_time", FieldType.TIMESTAMP),
              RecordSchemas.column("watermark", FieldType.TIMESTAMP),
              RecordSchemas.column("backlog_messages", FieldType.INTEGER),
              RecordSchemas.column("backlog_by_partition", FieldType.STRING),
              RecordSchemas.column("model_version", FieldType.STRING)));

  private StatusRows() {}

  /**
   * What the stream says of itself at one moment.
   *
   * @param atMillis the moment, milliseconds since the epoch
   * @param runId grows from start to start
   * @param totals since the stream first began, over all restarts
   * @param readPerSecond since the row before
   * @param watermarkMillis null before it is known and once the stream has ended
   * @param modelVersion the model that scores; null where none does
   */
  public record Row(
      long atMillis,
      long runId,
      StatusCounts totals,
      double readPerSecond,
      @Nullable Long watermarkMillis,
      @Nullable String modelVersion) {}

  /** A row as a batch of {@link #SCHEMA} whose event time is the moment. */
  public static RecordBatch batch(Contract contract, Row row, BufferAllocator allocator) {
    StatusCounts totals = row.totals();
    try (VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator)) {
      int column = 0;
      setTime(root, column++, row.atMillis());
      setInteger(root, column++, row.runId());
      setInteger(root, column++, totals.read());
      setInteger(root, column++, totals.accepted());
      setInteger(root, column++, totals.rejected());
      setInteger(root, column++, totals.late());
      setInteger(root, column++, totals.tooLate());
      setInteger(root, column++, totals.duplicate());
      ((Float8Vector) root.getVector(column++)).setSafe(0, row.readPerSecond());
      setTime(
          root,
          column++,
          totals.greatestEventMillis() == StatusCounts.NO_EVENT
              ? null
              : totals.greatestEventMillis());
      setTime(root, column++, row.watermarkMillis());
      setInteger(root, column++, backlog(totals));
      setText(root, column++, backlogByPartition(totals));
      setText(root, column, row.modelVersion());
      root.setRowCount(1);
      return RecordBatch.copyOf(contract, root, REPORTED_AT);
    }
  }

  private static @Nullable Long backlog(StatusCounts totals) {
    return totals.backlogs().isEmpty()
        ? null
        : totals.backlogs().values().stream().mapToLong(Long::longValue).sum();
  }

  /** JSON: {"0":12,"1":0}. */
  private static @Nullable String backlogByPartition(StatusCounts totals) {
    if (totals.backlogs().isEmpty()) {
      return null;
    }
    StringJoiner json = new StringJoiner(",", "{", "}");
    new TreeMap<>(totals.backlogs())
        .forEach((partition, messages) -> json.add("\"" + partition + "\":" + messages));
    return json.toString();
  }

  private static void setText(VectorSchemaRoot root, int column, @Nullable String value) {
    if (value != null) {
      ((VarCharVector) root.getVector(column)).setSafe(0, value.getBytes(StandardCharsets.UTF_8));
    }
  }

  private static void setInteger(VectorSchemaRoot root, int column, @Nullable Long value) {
    if (value != null) {
      ((BigIntVector) root.getVector(column)).setSafe(0, value);
    }
  }

  private static void setTime(VectorSchemaRoot root, int column, @Nullable Long millis) {
    if (millis != null) {
      ((TimeStampMicroVector) root.getVector(column)).setSafe(0, Math.multiplyExact(millis, 1000L));
    }
  }
}
