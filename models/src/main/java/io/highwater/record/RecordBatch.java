package io.highwater.record;

import io.highwater.contract.Contract;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Rows of one contract in columns: the element of every pipeline. A value on the Java heap (an
 * Arrow schema message followed by one record batch message, as in an IPC stream), so that any
 * runner may copy, encode or fan it out and nothing is left to release.
 */
public final class RecordBatch {
  private final String contractId;
  private final String contractVersion;
  private final int rowCount;
  private final long minEventMillis;
  private final long maxEventMillis;
  private final Compression compression;
  private final byte[] ipc;

  private RecordBatch(
      String contractId,
      String contractVersion,
      int rowCount,
      long minEventMillis,
      long maxEventMillis,
      Compression compression,
      byte[] ipc) {
    this.contractId = contractId;
    this.contractVersion = contractVersion;
    this.rowCount = rowCount;
    this.minEventMillis = minEventMillis;
    this.maxEventMillis = maxEventMillis;
    this.compression = compression;
    this.ipc = ipc;
  }

  /**
   * Copies the rows of {@code root}, which stays the caller's.
   *
   * @param timeColumn the column that holds the rows' event times; microseconds, no nulls
   */
  public static RecordBatch copyOf(Contract contract, VectorSchemaRoot root, String timeColumn) {
    return compressed(contract, root, timeColumn, Compression.NONE);
  }

  /**
   * As {@link #copyOf(Contract, VectorSchemaRoot, String)}, smaller, for rows that wait or travel.
   */
  public static RecordBatch compressed(
      Contract contract, VectorSchemaRoot root, String timeColumn, Compression compression) {
    TimeStampMicroVector times = (TimeStampMicroVector) root.getVector(timeColumn);
    long minMicros = Long.MAX_VALUE;
    long maxMicros = Long.MIN_VALUE;
    for (int row = 0; row < root.getRowCount(); row++) {
      long micros = times.get(row);
      minMicros = Math.min(minMicros, micros);
      maxMicros = Math.max(maxMicros, micros);
    }
    return new RecordBatch(
        contract.id(),
        contract.version(),
        root.getRowCount(),
        Math.floorDiv(minMicros, 1000L),
        Math.floorDiv(maxMicros, 1000L),
        compression,
        ArrowMessages.write(root, compression));
  }

  /**
   * Copies the rows of {@code root}, which stays the caller's.
   *
   * @param minEventMillis the least event time of the rows, milliseconds since the epoch
   * @param maxEventMillis the greatest
   */
  public static RecordBatch copyOf(
      String contractId,
      String contractVersion,
      VectorSchemaRoot root,
      long minEventMillis,
      long maxEventMillis) {
    return new RecordBatch(
        contractId,
        contractVersion,
        root.getRowCount(),
        minEventMillis,
        maxEventMillis,
        Compression.NONE,
        ArrowMessages.write(root, Compression.NONE));
  }

  /** The rows in buffers of {@code allocator}; the caller closes them. */
  public VectorSchemaRoot open(BufferAllocator allocator) {
    return ArrowMessages.open(ipc, allocator);
  }

  public String contractId() {
    return contractId;
  }

  public String contractVersion() {
    return contractVersion;
  }

  public int rowCount() {
    return rowCount;
  }

  /** The least event time of the rows, milliseconds since the epoch. */
  public long minEventMillis() {
    return minEventMillis;
  }

  /** The greatest event time of the rows, milliseconds since the epoch. */
  public long maxEventMillis() {
    return maxEventMillis;
  }

  /** How the rows are compressed. */
  public Compression compression() {
    return compression;
  }

  /** The rows as an Arrow record batch message, without their schema. */
  public byte[] message() {
    return ArrowMessages.withoutSchema(ipc);
  }

  /** The size of the rows on the heap. */
  public int byteSize() {
    return ipc.length;
  }

  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeUTF(contractId);
    out.writeUTF(contractVersion);
    out.writeInt(rowCount);
    out.writeLong(minEventMillis);
    out.writeLong(maxEventMillis);
    out.writeByte(compression.ordinal());
    out.writeInt(ipc.length);
    out.write(ipc);
  }

  /** Reads what {@link #writeTo} wrote. */
  public static RecordBatch readFrom(DataInput in) throws IOException {
    String contractId = in.readUTF();
    String contractVersion = in.readUTF();
    int rowCount = in.readInt();
    long minEventMillis = in.readLong();
    long maxEventMillis = in.readLong();
    Compression compression = Compression.values()[in.readByte()];
    byte[] ipc = new byte[in.readInt()];
    in.readFully(ipc);
    return new RecordBatch(
        contractId, contractVersion, rowCount, minEventMillis, maxEventMillis, compression, ipc);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RecordBatch that
        && contractId.equals(that.contractId)
        && contractVersion.equals(that.contractVersion)
        && rowCount == that.rowCount
        && minEventMillis == that.minEventMillis
        && maxEventMillis == that.maxEventMillis
        && Arrays.equals(ipc, that.ipc);
  }

  @Override
  public int hashCode() {
    return Objects.hash(contractId, rowCount, minEventMillis, Arrays.hashCode(ipc));
  }

  @Override
  public String toString() {
    return "RecordBatch[" + contractId + " " + contractVersion + ", " + rowCount + " rows]";
  }
}
