package io.highwater.record;

import io.highwater.contract.Contract;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Schema;

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
  private final byte[] ipc;

  private RecordBatch(
      String contractId,
      String contractVersion,
      int rowCount,
      long minEventMillis,
      long maxEventMillis,
      byte[] ipc) {
    this.contractId = contractId;
    this.contractVersion = contractVersion;
    this.rowCount = rowCount;
    this.minEventMillis = minEventMillis;
    this.maxEventMillis = maxEventMillis;
    this.ipc = ipc;
  }

  /**
   * Copies the rows of {@code root}, which stays the caller's.
   *
   * @param timeColumn the column that holds the rows' event times; microseconds, no nulls
   */
  public static RecordBatch copyOf(Contract contract, VectorSchemaRoot root, String timeColumn) {
    TimeStampMicroVector times = (TimeStampMicroVector) root.getVector(timeColumn);
    long minMicros = Long.MAX_VALUE;
    long maxMicros = Long.MIN_VALUE;
    for (int row = 0; row < root.getRowCount(); row++) {
      long micros = times.get(row);
      minMicros = Math.min(minMicros, micros);
      maxMicros = Math.max(maxMicros, micros);
    }
    return copyOf(
        contract.id(),
        contract.version(),
        root,
        Math.floorDiv(minMicros, 1000L),
        Math.floorDiv(maxMicros, 1000L));
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
    try (ArrowRecordBatch batch = new VectorUnloader(root).getRecordBatch()) {
      // 4 KiB is room for both messages' metadata at a few dozen columns; more makes the array
      // grow.
      ByteArrayChannel sink = new ByteArrayChannel((int) batch.computeBodyLength() + 4096);
      WriteChannel channel = new WriteChannel(sink);
      MessageSerializer.serialize(channel, root.getSchema());
      MessageSerializer.serialize(channel, batch);
      return new RecordBatch(
          contractId,
          contractVersion,
          root.getRowCount(),
          minEventMillis,
          maxEventMillis,
          sink.toByteArray());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The rows in buffers of {@code allocator}; the caller closes them. */
  public VectorSchemaRoot open(BufferAllocator allocator) {
    ReadChannel channel = new ReadChannel(new ByteArrayChannel(ipc));
    try {
      Schema schema = MessageSerializer.deserializeSchema(channel);
      VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
      try (ArrowRecordBatch batch =
          (ArrowRecordBatch) MessageSerializer.deserializeMessageBatch(channel, allocator)) {
        new VectorLoader(root).load(batch);
        return root;
      } catch (IOException | RuntimeException e) {
        root.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
    byte[] ipc = new byte[in.readInt()];
    in.readFully(ipc);
    return new RecordBatch(
        contractId, contractVersion, rowCount, minEventMillis, maxEventMillis, ipc);
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
