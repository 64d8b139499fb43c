package io.highwater.record;

import io.highwater.contract.Contract;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * What a parser made of raw batches, as plain objects: for each message the values of its row (Long
 * for integers and timestamps in microseconds, Double, Boolean, String, null) or its rejection.
 */
record Cells(
    Map<Integer, List<@Nullable Object>> rows,
    Map<Integer, Rejection> rejections,
    long unknownFields,
    long minEventMillis,
    long maxEventMillis) {

  static Cells parse(Contract contract, BufferAllocator allocator, RawBatch raw) {
    try (RecordParser.Result result = new RecordParser(contract, allocator).parse(raw)) {
      return of(contract, result);
    }
  }

  static Cells parseJson(Contract contract, BufferAllocator allocator, String... messages) {
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "queries", RawMessages.Format.JSON);
    for (int row = 0; row < messages.length; row++) {
      builder.add(3, 100 + row, 5_000 + row, messages[row].getBytes(StandardCharsets.UTF_8));
    }
    return parse(contract, allocator, builder.build());
  }

  static Cells of(Contract contract, RecordParser.Result result) {
    VectorSchemaRoot root = result.root();
    IntVector rawRows = (IntVector) root.getVector(RecordSchemas.RAW_ROW);
    Map<Integer, List<@Nullable Object>> rows = new HashMap<>();
    for (int row = 0; row < root.getRowCount(); row++) {
      List<@Nullable Object> values = new ArrayList<>();
      for (int column = 0; column < contract.fields().size(); column++) {
        values.add(value(root.getVector(column), row));
      }
      rows.put(rawRows.get(row), values);
    }
    Map<Integer, Rejection> rejections = new HashMap<>();
    for (Rejection rejection : result.rejections()) {
      if (rows.containsKey(rejection.row()) || rejections.put(rejection.row(), rejection) != null) {
        throw new AssertionError("row " + rejection.row() + " came out twice");
      }
    }
    return new Cells(
        rows, rejections, result.unknownFields(), result.minEventMillis(), result.maxEventMillis());
  }

  static @Nullable Object value(FieldVector vector, int row) {
    if (vector.isNull(row)) {
      return null;
    }
    if (vector instanceof BigIntVector longs) {
      return longs.get(row);
    } else if (vector instanceof IntVector ints) {
      return ints.get(row);
    } else if (vector instanceof Float8Vector doubles) {
      return doubles.get(row);
    } else if (vector instanceof BitVector bits) {
      return bits.get(row) == 1;
    } else if (vector instanceof TimeStampMicroVector micros) {
      return micros.get(row);
    } else if (vector instanceof VarCharVector strings) {
      return new String(strings.get(row), StandardCharsets.UTF_8);
    }
    throw new AssertionError("no value for " + vector.getClass());
  }

  /** The row of a message that was accepted. */
  List<@Nullable Object> row(int rawRow) {
    List<@Nullable Object> row = rows.get(rawRow);
    if (row == null) {
      throw new AssertionError("message " + rawRow + " was rejected: " + rejections.get(rawRow));
    }
    return row;
  }

  /** The rejection of a message that was not accepted. */
  Rejection rejection(int rawRow) {
    Rejection rejection = rejections.get(rawRow);
    if (rejection == null) {
      throw new AssertionError("message " + rawRow + " was accepted as " + rows.get(rawRow));
    }
    return rejection;
  }
}
