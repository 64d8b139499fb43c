package io.highwater.record;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Records as the columns of a file, under the file's names and in one of five types each: 64-bit
 * integer, double, boolean, timestamp in microseconds, text. See {@link ColumnFileRecords}.
 */
public final class RawColumns extends RawBatch {
  private final int fileNumber;
  private final long firstRow;
  private final int rowCount;
  private final long receivedAtMillis;
  private final byte[] arrow;

  private RawColumns(
      String source,
      int fileNumber,
      long firstRow,
      int rowCount,
      long receivedAtMillis,
      byte[] arrow) {
    super(SourceKind.FILE, source);
    this.fileNumber = fileNumber;
    this.firstRow = firstRow;
    this.rowCount = rowCount;
    this.receivedAtMillis = receivedAtMillis;
    this.arrow = arrow;
  }

  /**
   * Copies the rows of {@code columns}, which stays the caller's.
   *
   * @param firstRow the number of the first row in its file
   */
  static RawColumns copyOf(
      String source,
      int fileNumber,
      long firstRow,
      long receivedAtMillis,
      VectorSchemaRoot columns) {
    return new RawColumns(
        source,
        fileNumber,
        firstRow,
        columns.getRowCount(),
        receivedAtMillis,
        ArrowMessages.write(columns, Compression.NONE));
  }

  /** The columns in buffers of {@code allocator}; the caller closes them. */
  VectorSchemaRoot open(BufferAllocator allocator) {
    return ArrowMessages.open(arrow, allocator);
  }

  @Override
  public int size() {
    return rowCount;
  }

  @Override
  public int partition(int row) {
    return fileNumber;
  }

  @Override
  public long offset(int row) {
    return firstRow + row;
  }

  @Override
  public long timestampMillis(int row) {
    return receivedAtMillis;
  }

  @Override
  public byte[][] messages(int[] rows) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot columns = open(allocator)) {
      ColumnJson json = new ColumnJson(columns);
      byte[][] messages = new byte[rows.length][];
      for (int i = 0; i < rows.length; i++) {
        messages[i] = json.row(rows[i]);
      }
      return messages;
    }
  }

  @Override
  void writeBody(DataOutput out) throws IOException {
    out.writeInt(fileNumber);
    out.writeLong(firstRow);
    out.writeInt(rowCount);
    out.writeLong(receivedAtMillis);
    out.writeInt(arrow.length);
    out.write(arrow);
  }

  static RawColumns readBody(String source, DataInput in) throws IOException {
    int fileNumber = in.readInt();
    long firstRow = in.readLong();
    int rowCount = in.readInt();
    long receivedAtMillis = in.readLong();
    byte[] arrow = new byte[in.readInt()];
    in.readFully(arrow);
    return new RawColumns(source, fileNumber, firstRow, rowCount, receivedAtMillis, arrow);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RawColumns that
        && source().equals(that.source())
        && fileNumber == that.fileNumber
        && firstRow == that.firstRow
        && rowCount == that.rowCount
        && receivedAtMillis == that.receivedAtMillis
        && Arrays.equals(arrow, that.arrow);
  }

  @Override
  public int hashCode() {
    return Objects.hash(source(), firstRow, Arrays.hashCode(arrow));
  }
}
