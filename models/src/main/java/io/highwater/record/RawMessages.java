package io.highwater.record;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Records as the messages of a topic or the lines of a file. */
public final class RawMessages extends RawBatch {
  /** How a message is to be read. */
  public enum Format {
    JSON,
    CSV
  }

  private final Format format;
  private final List<String> columns;
  private final int[] partitions;
  private final long[] offsets;
  private final long[] timestampsMillis;
  private final int[] ends;
  private final byte[] bytes;
  private final Map<Integer, Long> backlogs;

  private RawMessages(
      SourceKind sourceKind,
      String source,
      Format format,
      List<String> columns,
      int[] partitions,
      long[] offsets,
      long[] timestampsMillis,
      int[] ends,
      byte[] bytes,
      Map<Integer, Long> backlogs) {
    super(sourceKind, source);
    this.format = format;
    this.columns = columns;
    this.partitions = partitions;
    this.offsets = offsets;
    this.timestampsMillis = timestampsMillis;
    this.ends = ends;
    this.bytes = bytes;
    this.backlogs = Map.copyOf(backlogs);
  }

  public Format format() {
    return format;
  }

  /** The header of a CSV file; empty otherwise. */
  public List<String> columns() {
    return columns;
  }

  @Override
  public int size() {
    return ends.length;
  }

  @Override
  public int partition(int row) {
    return partitions[row];
  }

  @Override
  public long offset(int row) {
    return offsets[row];
  }

  @Override
  public long timestampMillis(int row) {
    return timestampsMillis[row];
  }

  /** The bytes of all messages, one after the other. */
  public byte[] bytes() {
    return bytes;
  }

  /** Where the message begins in {@link #bytes()}. */
  public int start(int row) {
    return row == 0 ? 0 : ends[row - 1];
  }

  /** Where the message ends in {@link #bytes()}, exclusive. */
  public int end(int row) {
    return ends[row];
  }

  @Override
  public byte[][] messages(int[] rows) {
    byte[][] messages = new byte[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      messages[i] = Arrays.copyOfRange(bytes, start(rows[i]), end(rows[i]));
    }
    return messages;
  }

  @Override
  public Map<Integer, Long> backlogs() {
    return backlogs;
  }

  @Override
  void writeBody(DataOutput out) throws IOException {
    out.writeByte(format.ordinal());
    out.writeInt(columns.size());
    for (String column : columns) {
      out.writeUTF(column);
    }
    out.writeInt(ends.length);
    for (int row = 0; row < ends.length; row++) {
      out.writeInt(partitions[row]);
      out.writeLong(offsets[row]);
      out.writeLong(timestampsMillis[row]);
      out.writeInt(ends[row]);
    }
    out.writeInt(bytes.length);
    out.write(bytes);
    out.writeInt(backlogs.size());
    for (Map.Entry<Integer, Long> backlog : new TreeMap<>(backlogs).entrySet()) {
      out.writeInt(backlog.getKey());
      out.writeLong(backlog.getValue());
    }
  }

  static RawMessages readBody(SourceKind sourceKind, String source, DataInput in)
      throws IOException {
    Format format = Format.values()[in.readByte()];
    List<String> columns = new ArrayList<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      columns.add(in.readUTF());
    }
    int size = in.readInt();
    int[] partitions = new int[size];
    long[] offsets = new long[size];
    long[] timestampsMillis = new long[size];
    int[] ends = new int[size];
    for (int row = 0; row < size; row++) {
      partitions[row] = in.readInt();
      offsets[row] = in.readLong();
      timestampsMillis[row] = in.readLong();
      ends[row] = in.readInt();
    }
    byte[] bytes = new byte[in.readInt()];
    in.readFully(bytes);
    Map<Integer, Long> backlogs = new HashMap<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      backlogs.put(in.readInt(), in.readLong());
    }
    return new RawMessages(
        sourceKind,
        source,
        format,
        List.copyOf(columns),
        partitions,
        offsets,
        timestampsMillis,
        ends,
        bytes,
        backlogs);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RawMessages that
        && sourceKind() == that.sourceKind()
        && source().equals(that.source())
        && format == that.format
        && columns.equals(that.columns)
        && Arrays.equals(partitions, that.partitions)
        && Arrays.equals(offsets, that.offsets)
        && Arrays.equals(timestampsMillis, that.timestampsMillis)
        && Arrays.equals(ends, that.ends)
        && Arrays.equals(bytes, that.bytes)
        && backlogs.equals(that.backlogs);
  }

  @Override
  public int hashCode() {
    return Objects.hash(source(), Arrays.hashCode(offsets), Arrays.hashCode(bytes));
  }

  /** Gathers messages; {@link #build} leaves it empty for the next batch. */
  public static final class Builder {
    private static final int INITIAL_ROWS = 256;

    private final SourceKind sourceKind;
    private final String source;
    private final Format format;
    private final List<String> columns;
    private int size;
    private int byteSize;
    private final Map<Integer, Long> backlogs = new HashMap<>();
    private int[] partitions = new int[INITIAL_ROWS];
    private long[] offsets = new long[INITIAL_ROWS];
    private long[] timestampsMillis = new long[INITIAL_ROWS];
    private int[] ends = new int[INITIAL_ROWS];
    private byte[] bytes = new byte[INITIAL_ROWS * INITIAL_ROWS];

    Builder(SourceKind sourceKind, String source, Format format, List<String> columns) {
      this.sourceKind = sourceKind;
      this.source = source;
      this.format = format;
      this.columns = List.copyOf(columns);
    }

    public Builder add(int partition, long offset, long timestampMillis, byte[] message) {
      return add(partition, offset, timestampMillis, message, 0, message.length);
    }

    public Builder add(
        int partition, long offset, long timestampMillis, byte[] source, int start, int length) {
      if (size == ends.length) {
        partitions = Arrays.copyOf(partitions, size * 2);
        offsets = Arrays.copyOf(offsets, size * 2);
        timestampsMillis = Arrays.copyOf(timestampsMillis, size * 2);
        ends = Arrays.copyOf(ends, size * 2);
      }
      if (byteSize + length > bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, byteSize + length));
      }
      System.arraycopy(source, start, bytes, byteSize, length);
      byteSize += length;
      partitions[size] = partition;
      offsets[size] = offset;
      timestampsMillis[size] = timestampMillis;
      ends[size] = byteSize;
      size++;
      return this;
    }

    /** Says how many messages of a partition are still to be read behind the batch. */
    public Builder backlog(int partition, long messages) {
      backlogs.put(partition, messages);
      return this;
    }

    public int size() {
      return size;
    }

    public int byteSize() {
      return byteSize;
    }

    public RawMessages build() {
      RawMessages batch =
          new RawMessages(
              sourceKind,
              source,
              format,
              columns,
              Arrays.copyOf(partitions, size),
              Arrays.copyOf(offsets, size),
              Arrays.copyOf(timestampsMillis, size),
              Arrays.copyOf(ends, size),
              Arrays.copyOf(bytes, byteSize),
              backlogs);
      size = 0;
      byteSize = 0;
      backlogs.clear();
      return batch;
    }
  }
}
