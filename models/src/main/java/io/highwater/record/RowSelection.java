package io.highwater.record;

import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Parts of a batch's rows, column by column. */
public final class RowSelection {
  private static final long MICROS_PER_HOUR = 3_600_000_000L;

  private RowSelection() {}

  /**
   * Copies rows in the order given; a row may be given more than once. The caller closes the
   * result; {@code in} does not change.
   *
   * @param rows the first {@code count} are taken, each from 0 to the row count of {@code in}
   *     exclusive
   */
  public static VectorSchemaRoot take(
      VectorSchemaRoot in, int[] rows, int count, BufferAllocator allocator) {
    for (int i = 0; i < count; i++) {
      if (rows[i] < 0 || rows[i] >= in.getRowCount()) {
        throw new IndexOutOfBoundsException(
            "row is " + rows[i] + ", expected 0 to " + (in.getRowCount() - 1));
      }
    }
    VectorSchemaRoot out = VectorSchemaRoot.create(in.getSchema(), allocator);
    try {
      for (int column = 0; column < in.getFieldVectors().size(); column++) {
        take(in.getVector(column), rows, count, out.getVector(column));
      }
      out.setRowCount(count);
      return out;
    } catch (RuntimeException e) {
      out.close();
      throw e;
    }
  }

  /**
   * The rows of each hour (hours since the epoch, rounded down), ascending. Where there is one hour
   * only, the batch can go on as it is.
   *
   * @param eventTimeColumn microseconds since the epoch
   * @throws IllegalArgumentException where a row has no event time
   */
  public static SortedMap<Long, int[]> splitByHour(VectorSchemaRoot in, String eventTimeColumn) {
    if (!(in.getVector(eventTimeColumn) instanceof TimeStampMicroVector times)) {
      throw new IllegalArgumentException(
          "column '" + eventTimeColumn + "' is not a timestamp of the batch");
    }
    if (times.getNullCount() > 0) {
      throw new IllegalArgumentException(
          times.getNullCount() + " rows have no '" + eventTimeColumn + "'");
    }
    TreeMap<Long, Rows> rowsByHour = new TreeMap<>();
    int rowCount = in.getRowCount();
    int start = 0;
    while (start < rowCount) {
      // Rows come in runs of one hour; a run is found without divisions and added at once.
      long hour = Math.floorDiv(times.get(start), MICROS_PER_HOUR);
      long hourStart = hour * MICROS_PER_HOUR;
      int end = start + 1;
      while (end < rowCount) {
        long since = times.get(end) - hourStart;
        if (since < 0 || since >= MICROS_PER_HOUR) {
          break;
        }
        end++;
      }
      rowsByHour.computeIfAbsent(hour, h -> new Rows()).add(start, end);
      start = end;
    }
    SortedMap<Long, int[]> split = new TreeMap<>();
    rowsByHour.forEach((hour, rows) -> split.put(hour, Arrays.copyOf(rows.rows, rows.size)));
    return split;
  }

  private static final class Rows {
    private int[] rows = new int[16];
    private int size;

    void add(int start, int end) {
      int newSize = size + end - start;
      if (newSize > rows.length) {
        rows = Arrays.copyOf(rows, Math.max(2 * rows.length, newSize));
      }
      for (int row = start; row < end; row++) {
        rows[size++] = row;
      }
    }
  }

  private static void take(FieldVector in, int[] rows, int count, FieldVector out) {
    if (in instanceof BitVector) {
      ((BitVector) out).allocateNew(count);
      takeBits(in.getDataBuffer(), rows, count, out.getDataBuffer());
      takeValidity(in, rows, count, out);
    } else if (in instanceof BaseFixedWidthVector fixed) {
      ((BaseFixedWidthVector) out).allocateNew(count);
      takeFixedWidth(fixed, rows, count, out.getDataBuffer());
      takeValidity(in, rows, count, out);
    } else if (in instanceof BaseVariableWidthVector) {
      takeVariableWidth(in, rows, count, (BaseVariableWidthVector) out);
      takeValidity(in, rows, count, out);
      ((BaseVariableWidthVector) out).setLastSet(count - 1);
    } else {
      out.allocateNew();
      for (int i = 0; i < count; i++) {
        out.copyFromSafe(rows[i], i, in);
      }
    }
    out.setValueCount(count);
  }

  private static void takeFixedWidth(
      BaseFixedWidthVector in, int[] rows, int count, ArrowBuf target) {
    ArrowBuf source = in.getDataBuffer();
    int width = in.getTypeWidth();
    switch (width) {
      case Long.BYTES -> {
        for (int i = 0; i < count; i++) {
          target.setLong(8L * i, source.getLong(8L * rows[i]));
        }
      }
      case Integer.BYTES -> {
        for (int i = 0; i < count; i++) {
          target.setInt(4L * i, source.getInt(4L * rows[i]));
        }
      }
      default -> {
        for (int i = 0; i < count; i++) {
          target.setBytes((long) width * i, source, (long) width * rows[i], width);
        }
      }
    }
  }

  private static void takeVariableWidth(
      FieldVector in, int[] rows, int count, BaseVariableWidthVector out) {
    if (count == 0) {
      out.allocateNew(0, 0);
      return;
    }
    ArrowBuf inOffsets = in.getOffsetBuffer();
    long total = 0;
    for (int i = 0; i < count; i++) {
      total += inOffsets.getInt(4L * (rows[i] + 1)) - inOffsets.getInt(4L * rows[i]);
    }
    out.allocateNew(total, count);
    ArrowBuf outOffsets = out.getOffsetBuffer();
    ArrowBuf source = in.getDataBuffer();
    ArrowBuf target = out.getDataBuffer();
    int written = 0;
    int run = 0;
    outOffsets.setInt(0, 0);
    while (run < count) {
      // Neighbouring rows are copied at once.
      int first = inOffsets.getInt(4L * rows[run]);
      int end = run;
      do {
        int rowEnd = inOffsets.getInt(4L * (rows[end] + 1));
        outOffsets.setInt(4L * (end + 1), written + rowEnd - first);
        end++;
      } while (end < count && rows[end] == rows[end - 1] + 1);
      int length = inOffsets.getInt(4L * (rows[end - 1] + 1)) - first;
      target.setBytes(written, source, first, length);
      written += length;
      run = end;
    }
  }

  private static void takeValidity(FieldVector in, int[] rows, int count, FieldVector out) {
    ArrowBuf target = out.getValidityBuffer();
    if (in.getNullCount() == 0) {
      for (int i = 0; i < count / 8; i++) {
        target.setByte(i, 0xFF);
      }
      if (count % 8 != 0) {
        target.setByte(count / 8, (1 << (count % 8)) - 1);
      }
    } else {
      takeBits(in.getValidityBuffer(), rows, count, target);
    }
  }

  private static void takeBits(ArrowBuf source, int[] rows, int count, ArrowBuf target) {
    for (int start = 0; start < count; start += 8) {
      int end = Math.min(count, start + 8);
      int eight = 0;
      for (int i = start; i < end; i++) {
        int bit = (source.getByte(rows[i] >> 3) >> (rows[i] & 7)) & 1;
        eight |= bit << (i - start);
      }
      target.setByte(start / 8, eight);
    }
  }
}
