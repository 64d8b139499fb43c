package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.TransferPair;
import org.jspecify.annotations.Nullable;

/**
 * Turns the columns of a file into those of a contract, column by column, without copying where the
 * types agree. Does what {@link JsonRecordReader} does with the same values as JSON; a row with a
 * value that is not plainly right is left to that reader, so that there is one judge of what is
 * wrong. Not thread-safe.
 */
final class ColumnConverter {
  private static final double TWO_TO_63 = 0x1p63;

  private final Contract contract;
  private final BufferAllocator allocator;
  private final Schema schema;

  /** What the lake adds to a contract's fields is made anew. */
  private final Set<String> lakeColumns;

  ColumnConverter(Contract contract, BufferAllocator allocator) {
    this.contract = contract;
    this.allocator = allocator;
    this.schema = RecordSchemas.parsed(contract);
    this.lakeColumns =
        RecordSchemas.events(contract).getFields().stream()
            .map(org.apache.arrow.vector.types.pojo.Field::getName)
            .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * What became of the columns.
   *
   * @param rows by {@link RecordSchemas#parsed}, all of them; the receiver's to close
   * @param doubtful the rows that have to be read as JSON; what they have in {@code rows} means
   *     nothing
   * @param unknownColumns how many columns the contract does not have
   */
  record Converted(VectorSchemaRoot rows, BitSet doubtful, int unknownColumns) {}

  /**
   * @param columns of {@code raw}; stay the caller's, but what is in them may be gone
   */
  Converted convert(RawColumns raw, VectorSchemaRoot columns) {
    int rowCount = columns.getRowCount();
    BitSet doubtful = new BitSet();
    List<FieldVector> converted = new ArrayList<>();
    try {
      for (Field field : contract.fields()) {
        converted.add(convert(field, columns.getVector(field.name()), rowCount, doubtful));
      }
      addPositions(raw, columns, converted);
      int unknown = 0;
      for (FieldVector column : columns.getFieldVectors()) {
        unknown += lakeColumns.contains(column.getName()) ? 0 : 1;
      }
      VectorSchemaRoot rows =
          new VectorSchemaRoot(schema.getFields(), List.copyOf(converted), rowCount);
      return new Converted(rows, doubtful, unknown);
    } catch (RuntimeException e) {
      converted.forEach(FieldVector::close);
      throw e;
    }
  }

  private FieldVector convert(
      Field field, @Nullable FieldVector source, int rowCount, BitSet doubtful) {
    org.apache.arrow.vector.types.pojo.Field target = schema.findField(field.name());
    FieldVector out;
    if (source == null) {
      out = target.createVector(allocator);
      allocate(out, rowCount);
    } else {
      boolean plain =
          switch (field.type()) {
            case INTEGER -> source instanceof BigIntVector;
            case NUMBER -> source instanceof Float8Vector;
            case BOOLEAN -> source instanceof BitVector;
            case STRING -> source instanceof VarCharVector && !ColumnJson.isJson(source);
            case TIMESTAMP -> source instanceof TimeStampMicroVector;
          };
      if (plain) {
        TransferPair pair = source.getTransferPair(target, allocator);
        pair.transfer();
        out = (FieldVector) pair.getTo();
        checkPlain(out, rowCount, doubtful);
      } else {
        out = target.createVector(allocator);
        allocate(out, rowCount);
        convertValues(source, out, rowCount, doubtful);
      }
    }
    fillNulls(field, out, rowCount);
    if (field.name().equals(contract.eventTime())) {
      for (int row = 0; row < rowCount; row++) {
        if (out.isNull(row)) {
          doubtful.set(row);
        }
      }
    }
    return out;
  }

  private static void allocate(FieldVector vector, int rowCount) {
    if (vector instanceof BaseFixedWidthVector fixed) {
      fixed.allocateNew(rowCount);
      fixed.zeroVector();
    } else {
      ((VarCharVector) vector).allocateNew(0, rowCount);
    }
    vector.setValueCount(rowCount);
  }

  private static void checkPlain(FieldVector vector, int rowCount, BitSet doubtful) {
    if (vector instanceof Float8Vector numbers) {
      for (int row = 0; row < rowCount; row++) {
        if (!numbers.isNull(row) && !Double.isFinite(numbers.get(row))) {
          doubtful.set(row);
        }
      }
    } else if (vector instanceof TimeStampMicroVector times) {
      for (int row = 0; row < rowCount; row++) {
        if (!times.isNull(row)
            && TimestampReader.microsOfEpochMillis(Math.floorDiv(times.get(row), 1_000L))
                == TimestampReader.INVALID) {
          doubtful.set(row);
        }
      }
    }
  }

  /** Values of other types than the field's; what does not fit is doubtful. */
  private static void convertValues(
      FieldVector source, FieldVector out, int rowCount, BitSet doubtful) {
    for (int row = 0; row < rowCount; row++) {
      if (!source.isNull(row) && !convertValue(source, out, row)) {
        doubtful.set(row);
      }
    }
  }

  private static boolean convertValue(FieldVector source, FieldVector out, int row) {
    if (out instanceof BigIntVector whole && source instanceof Float8Vector numbers) {
      double value = numbers.get(row);
      if (value == Math.rint(value) && value >= -TWO_TO_63 && value < TWO_TO_63) {
        whole.set(row, (long) value);
        return true;
      }
    } else if (out instanceof Float8Vector numbers && source instanceof BigIntVector whole) {
      numbers.set(row, whole.get(row));
      return true;
    } else if (out instanceof BitVector booleans && source instanceof BigIntVector whole) {
      return put(booleans, row, whole.get(row));
    } else if (out instanceof BitVector booleans && source instanceof Float8Vector numbers) {
      return put(booleans, row, numbers.get(row));
    } else if (out instanceof TimeStampMicroVector times
        && source instanceof VarCharVector texts
        && !ColumnJson.isJson(source)) {
      byte[] text = texts.get(row);
      long micros = TimestampReader.micros(text, 0, text.length);
      if (micros != TimestampReader.INVALID) {
        times.set(row, micros);
        return true;
      }
    }
    return false;
  }

  private static boolean put(BitVector booleans, int row, double value) {
    if (value == 0 || value == 1) {
      booleans.set(row, (int) value);
      return true;
    }
    return false;
  }

  private static void fillNulls(Field field, FieldVector vector, int rowCount) {
    Double nullAs = field.nullAs();
    if (nullAs == null || vector.getNullCount() == 0) {
      return;
    }
    ArrowBuf values = vector.getDataBuffer();
    long bits =
        vector instanceof Float8Vector ? Double.doubleToRawLongBits(nullAs) : nullAs.longValue();
    for (int row = 0; row < rowCount; row++) {
      if (vector.isNull(row)) {
        if (vector instanceof BitVector booleans) {
          booleans.set(row, (int) bits);
        } else {
          values.setLong(row * 8L, bits);
          BitVectorHelper.setBit(vector.getValidityBuffer(), row);
        }
      }
    }
  }

  /** Rows that were in Kafka once say so; others have their places in the file. */
  private void addPositions(RawColumns raw, VectorSchemaRoot columns, List<FieldVector> converted) {
    int rowCount = columns.getRowCount();
    VarCharVector topic = new VarCharVector(RecordSchemas.TOPIC, allocator);
    converted.add(topic);
    IntVector partition = new IntVector(RecordSchemas.PARTITION, allocator);
    converted.add(partition);
    BigIntVector offset = new BigIntVector(RecordSchemas.OFFSET, allocator);
    converted.add(offset);
    IntVector rawRow = new IntVector(RecordSchemas.RAW_ROW, allocator);
    converted.add(rawRow);
    partition.allocateNew(rowCount);
    offset.allocateNew(rowCount);
    rawRow.allocateNew(rowCount);
    for (int row = 0; row < rowCount; row++) {
      partition.set(row, raw.partition(row));
      offset.set(row, raw.offset(row));
      rawRow.set(row, row);
    }
    if (columns.getVector(RecordSchemas.TOPIC) instanceof VarCharVector topics
        && columns.getVector(RecordSchemas.PARTITION) instanceof BigIntVector partitions
        && columns.getVector(RecordSchemas.OFFSET) instanceof BigIntVector offsets) {
      topics.makeTransferPair(topic).transfer();
      for (int row = 0; row < rowCount; row++) {
        if (!topic.isNull(row) && !partitions.isNull(row) && !offsets.isNull(row)) {
          partition.set(row, (int) partitions.get(row));
          offset.set(row, offsets.get(row));
        }
      }
    } else {
      topic.allocateNew(0, rowCount);
      topic.setValueCount(rowCount);
    }
    partition.setValueCount(rowCount);
    offset.setValueCount(rowCount);
    rawRow.setValueCount(rowCount);
  }
}
