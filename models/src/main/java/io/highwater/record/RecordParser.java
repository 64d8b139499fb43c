package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.util.VectorSchemaRootAppender;
import org.jspecify.annotations.Nullable;

/**
 * Turns messages into the columns of a contract. Every message becomes one row or one rejection.
 *
 * <p>JSON is strict (RFC 8259, UTF-8 checked also in what is ignored, at most {@value
 * #MAX_MESSAGE_BYTES} bytes and 32 levels deep), values are read as leniently as producers are
 * careless, and never to another value than is written:
 *
 * <ul>
 *   <li>integer: any number that is whole and fits 64 bits: {@code 36}, {@code 36.0}, {@code 3.6e1}
 *   <li>number: the nearest double, as {@link Double#parseDouble}
 *   <li>boolean: true, false, 1, 0, 1.0, 0.0
 *   <li>string: text, as it is
 *   <li>timestamp: a date and time with T or a space, 0 to 9 digits of fraction (what is beyond
 *       microseconds is cut off, towards the past), with a zone or without (then UTC), or
 *       milliseconds since 1970 as a whole number; from 1900 to 2199. A date alone is refused
 * </ul>
 *
 * <p>A missing field is a null one, and becomes its {@code nullAs} where the contract says so;
 * whether it is required is for the checks behind, except for the event time, without which a row
 * has no place. Fields that the contract does not have are counted and left out; a name that is
 * there twice in one object is refused. CSV records are read by {@link RawMessages#columns}:
 * nothing between two commas is null, {@code ""} is an empty string, too few or too many columns
 * are refused.
 *
 * <p>Keeps buffers on the heap between batches, and nothing off the heap: an instance belongs to
 * one DoFn instance and one thread, and needs no closing.
 */
public final class RecordParser {
  /** A longer message is rejected. */
  public static final int MAX_MESSAGE_BYTES = 1 << 20;

  /**
   * What became of a raw batch.
   *
   * @param root the accepted rows by {@link RecordSchemas#parsed}, in their order; the caller's to
   *     close (closing the result does)
   * @param rejections one for each message that is not in {@code root}, in their order
   * @param unknownFields values of sound messages that were left out because the contract has no
   *     such field
   * @param minEventMillis the least event time of the rows, milliseconds since the epoch; {@link
   *     Long#MAX_VALUE} without rows
   * @param maxEventMillis the greatest; {@link Long#MIN_VALUE} without rows
   */
  public record Result(
      VectorSchemaRoot root,
      List<Rejection> rejections,
      long unknownFields,
      long minEventMillis,
      long maxEventMillis)
      implements AutoCloseable {
    @Override
    public void close() {
      root.close();
    }
  }

  private final Contract contract;
  private final BufferAllocator allocator;
  private final ColumnBuffer[] columns;
  private final int eventTime;
  private final JsonRecordReader json;
  private final CsvRecordReader csv;
  private final ColumnConverter converter;
  private int[] rawRows = new int[0];

  /**
   * @param allocator what results are allocated from; it stays the caller's
   */
  public RecordParser(Contract contract, BufferAllocator allocator) {
    this.contract = contract;
    this.allocator = allocator;
    this.columns = contract.fields().stream().map(ColumnBuffer::new).toArray(ColumnBuffer[]::new);
    this.eventTime = eventTimeColumn(contract);
    this.json = new JsonRecordReader(contract, columns);
    this.csv = new CsvRecordReader(contract, columns);
    this.converter = new ColumnConverter(contract, allocator);
  }

  /** The index of the event-time field among the contract's fields. */
  static int eventTimeColumn(Contract contract) {
    for (int field = 0; field < contract.fields().size(); field++) {
      if (contract.fields().get(field).name().equals(contract.eventTime())
          && contract.fields().get(field).type() == FieldType.TIMESTAMP) {
        return field;
      }
    }
    throw new IllegalArgumentException(
        "contract "
            + contract.id()
            + " names '"
            + contract.eventTime()
            + "' as its event time; expected one of its timestamp fields");
  }

  public Result parse(RawBatch raw) {
    return raw instanceof RawColumns rawColumns ? parse(rawColumns) : parse((RawMessages) raw);
  }

  /** Columns as they are; rows with a doubtful value as the JSON that they would have been. */
  private Result parse(RawColumns raw) {
    try (VectorSchemaRoot source = raw.open(allocator)) {
      ColumnConverter.Converted converted = converter.convert(raw, source);
      VectorSchemaRoot rows = converted.rows();
      int rowCount = rows.getRowCount();
      long unknown = (long) converted.unknownColumns() * rowCount;
      if (converted.doubtful().isEmpty()) {
        return result(rows, List.of(), unknown);
      }
      try (rows) {
        int[] doubtful = converted.doubtful().stream().toArray();
        RawMessages.Builder messages =
            RawBatch.builder(raw.sourceKind(), raw.source(), RawMessages.Format.JSON);
        byte[][] json = raw.messages(doubtful);
        for (int i = 0; i < doubtful.length; i++) {
          messages.add(
              raw.partition(doubtful[i]), raw.offset(doubtful[i]), raw.timestampMillis(0), json[i]);
        }
        try (Result read = parse(messages.build())) {
          return merge(rows, converted.doubtful(), doubtful, read, unknown);
        }
      }
    }
  }

  /**
   * The rows that were not doubtful and those of the others that turned out to be right, in their
   * order.
   *
   * @param doubtful the numbers of the rows that {@code read} has
   */
  private Result merge(
      VectorSchemaRoot rows, BitSet isDoubtful, int[] doubtful, Result read, long unknown) {
    IntVector readRows = (IntVector) read.root().getVector(RecordSchemas.RAW_ROW);
    for (int row = 0; row < read.root().getRowCount(); row++) {
      readRows.set(row, doubtful[readRows.get(row)]);
    }
    List<Rejection> rejections = new ArrayList<>();
    for (Rejection rejection : read.rejections()) {
      rejections.add(rejection.ofRow(doubtful[rejection.row()]));
    }
    int rowCount = rows.getRowCount();
    int[] order = new int[rowCount];
    int count = 0;
    int nextRead = 0;
    for (int row = 0; row < rowCount; row++) {
      if (!isDoubtful.get(row)) {
        order[count++] = row;
      } else if (nextRead < read.root().getRowCount() && readRows.get(nextRead) == row) {
        order[count++] = rowCount + nextRead++;
      }
    }
    VectorSchemaRootAppender.append(false, rows, read.root());
    return result(RowSelection.take(rows, order, count, allocator), rejections, unknown);
  }

  private Result result(VectorSchemaRoot rows, List<Rejection> rejections, long unknownFields) {
    TimeStampMicroVector times = (TimeStampMicroVector) rows.getVector(eventTime);
    long minMicros = Long.MAX_VALUE;
    long maxMicros = Long.MIN_VALUE;
    for (int row = 0; row < rows.getRowCount(); row++) {
      minMicros = Math.min(minMicros, times.get(row));
      maxMicros = Math.max(maxMicros, times.get(row));
    }
    return result(rows, rejections, unknownFields, minMicros, maxMicros);
  }

  private static Result result(
      VectorSchemaRoot rows,
      List<Rejection> rejections,
      long unknownFields,
      long minMicros,
      long maxMicros) {
    boolean isEmpty = rows.getRowCount() == 0;
    return new Result(
        rows,
        rejections,
        unknownFields,
        isEmpty ? Long.MAX_VALUE : Math.floorDiv(minMicros, 1000L),
        isEmpty ? Long.MIN_VALUE : Math.floorDiv(maxMicros, 1000L));
  }

  private Result parse(RawMessages raw) {
    boolean isJson = raw.format() == RawMessages.Format.JSON;
    for (ColumnBuffer column : columns) {
      column.reset(raw.size());
    }
    if (rawRows.length < raw.size()) {
      rawRows = new int[raw.size()];
    }
    if (!isJson) {
      csv.setHeader(raw.columns());
    }
    long unknownBefore = json.unknownFields() + csv.unknownFields();
    List<Rejection> rejections = new ArrayList<>();
    long minMicros = Long.MAX_VALUE;
    long maxMicros = Long.MIN_VALUE;
    int rows = 0;
    for (int rawRow = 0; rawRow < raw.size(); rawRow++) {
      Rejection rejection = read(raw, rawRow, rows, isJson);
      if (rejection == null) {
        long micros = columns[eventTime].valueAt(rows);
        minMicros = Math.min(minMicros, micros);
        maxMicros = Math.max(maxMicros, micros);
        rawRows[rows++] = rawRow;
      } else {
        rejections.add(rejection);
        for (ColumnBuffer column : columns) {
          column.clear(rows);
        }
      }
    }
    return result(
        root(raw, rows),
        rejections,
        json.unknownFields() + csv.unknownFields() - unknownBefore,
        minMicros,
        maxMicros);
  }

  private @Nullable Rejection read(RawMessages raw, int rawRow, int row, boolean isJson) {
    int start = raw.start(rawRow);
    int end = raw.end(rawRow);
    if (start == end) {
      return new Rejection(
          rawRow, ErrorCode.EMPTY_MESSAGE, null, null, "the message is empty; expected a record");
    }
    if (end - start > MAX_MESSAGE_BYTES) {
      return new Rejection(
          rawRow,
          ErrorCode.MESSAGE_TOO_LARGE,
          null,
          null,
          "the message has " + (end - start) + " bytes; expected at most " + MAX_MESSAGE_BYTES);
    }
    Rejection rejection =
        isJson
            ? json.read(raw.bytes(), start, end, rawRow, row)
            : csv.read(raw.bytes(), start, end, rawRow, row);
    if (rejection == null && columns[eventTime].isNull(row)) {
      return FieldErrors.missing(rawRow, contract.fields().get(eventTime));
    }
    return rejection;
  }

  private VectorSchemaRoot root(RawMessages raw, int rows) {
    VectorSchemaRoot root = VectorSchemaRoot.create(RecordSchemas.parsed(contract), allocator);
    try {
      for (int column = 0; column < columns.length; column++) {
        columns[column].copyTo(root.getVector(column), rows);
      }
      VarCharVector topic = (VarCharVector) root.getVector(RecordSchemas.TOPIC);
      IntVector partition = (IntVector) root.getVector(RecordSchemas.PARTITION);
      BigIntVector offset = (BigIntVector) root.getVector(RecordSchemas.OFFSET);
      IntVector rawRow = (IntVector) root.getVector(RecordSchemas.RAW_ROW);
      byte[] source = raw.source().getBytes(StandardCharsets.UTF_8);
      boolean fromKafka = raw.sourceKind() == RawBatch.SourceKind.KAFKA;
      topic.allocateNew(fromKafka ? (long) source.length * rows : 0, rows);
      partition.allocateNew(rows);
      offset.allocateNew(rows);
      rawRow.allocateNew(rows);
      for (int row = 0; row < rows; row++) {
        int from = rawRows[row];
        rawRow.set(row, from);
        partition.set(row, raw.partition(from));
        offset.set(row, raw.offset(from));
        if (fromKafka) {
          topic.set(row, source);
        }
      }
      root.setRowCount(rows);
      return root;
    } catch (RuntimeException e) {
      root.close();
      throw e;
    }
  }
}
