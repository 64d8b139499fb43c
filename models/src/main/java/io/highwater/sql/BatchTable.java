package io.highwater.sql;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.duckdb.DuckDBColumnType;
import org.duckdb.DuckDBDataChunkWriter;
import org.duckdb.DuckDBTableFunction;
import org.duckdb.DuckDBTableFunctionBindInfo;
import org.duckdb.DuckDBTableFunctionCallInfo;
import org.duckdb.DuckDBTableFunctionInitInfo;
import org.duckdb.DuckDBWritableVector;

/**
 * A DuckDB table function without parameters, whose rows are those of the batch of the moment. Its
 * columns stay what they were when a statement was prepared; the rows are read anew whenever the
 * statement runs. Not thread-safe.
 */
final class BatchTable
    implements DuckDBTableFunction<List<DuckDBColumnType>, BatchTable.Scan, Object> {
  private List<FieldVector> columns = List.of();
  private int rowCount;

  /** How far a run of a statement has read. */
  static final class Scan {
    private int next;
  }

  /**
   * @param columns of the types that fields have in a batch; they stay the caller's, and must be
   *     there for as long as a statement runs
   */
  void set(List<FieldVector> columns, int rowCount) {
    this.columns = columns;
    this.rowCount = rowCount;
  }

  @Override
  public List<DuckDBColumnType> bind(DuckDBTableFunctionBindInfo info) {
    List<DuckDBColumnType> types = columns.stream().map(BatchTable::typeOf).toList();
    for (int i = 0; i < types.size(); i++) {
      info.addResultColumn(columns.get(i).getName(), types.get(i));
    }
    return types;
  }

  private static DuckDBColumnType typeOf(FieldVector column) {
    return switch (column.getMinorType()) {
      case BIGINT -> DuckDBColumnType.BIGINT;
      case FLOAT8 -> DuckDBColumnType.DOUBLE;
      case BIT -> DuckDBColumnType.BOOLEAN;
      case TIMESTAMPMICRO -> DuckDBColumnType.TIMESTAMP;
      case VARCHAR -> DuckDBColumnType.VARCHAR;
      default ->
          throw new IllegalArgumentException("no field has the type of " + column.getField());
    };
  }

  @Override
  public Scan init(DuckDBTableFunctionInitInfo info) {
    info.setMaxThreads(1);
    return new Scan();
  }

  @Override
  public long apply(DuckDBTableFunctionCallInfo info, DuckDBDataChunkWriter chunk) {
    Scan scan = info.getInitData();
    int from = scan.next;
    int length = (int) Math.min(chunk.capacity(), rowCount - from);
    for (int i = 0; i < columns.size() && length > 0; i++) {
      copy(columns.get(i), from, length, chunk.vector(i));
    }
    scan.next = from + length;
    return length;
  }

  /** Rows of the chunk are null until they are set. */
  private static void copy(FieldVector column, int from, int length, DuckDBWritableVector to) {
    if (column instanceof BigIntVector integers) {
      for (int i = 0; i < length; i++) {
        if (!integers.isNull(from + i)) {
          to.setLong(i, integers.get(from + i));
        }
      }
    } else if (column instanceof Float8Vector numbers) {
      for (int i = 0; i < length; i++) {
        if (!numbers.isNull(from + i)) {
          to.setDouble(i, numbers.get(from + i));
        }
      }
    } else if (column instanceof BitVector booleans) {
      for (int i = 0; i < length; i++) {
        if (!booleans.isNull(from + i)) {
          to.setBoolean(i, booleans.get(from + i) != 0);
        }
      }
    } else if (column instanceof TimeStampMicroVector timestamps) {
      for (int i = 0; i < length; i++) {
        if (!timestamps.isNull(from + i)) {
          to.setTimestamp(i, dateTime(timestamps.get(from + i)));
        }
      }
    } else if (column instanceof VarCharVector strings) {
      byte[][] values = new byte[length][];
      for (int i = 0; i < length; i++) {
        if (!strings.isNull(from + i)) {
          values[i] = strings.get(from + i);
        }
      }
      to.setStringUtf8Batch(0, values);
    }
  }

  private static LocalDateTime dateTime(long micros) {
    return LocalDateTime.ofEpochSecond(
        Math.floorDiv(micros, 1_000_000L),
        (int) Math.floorMod(micros, 1_000_000L) * 1000,
        ZoneOffset.UTC);
  }
}
