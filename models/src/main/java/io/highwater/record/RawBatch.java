package io.highwater.record;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * Records as a source gave them, unparsed, all from one topic or one file. A value: nothing in it
 * changes after it is made, and no caller may change the arrays that it hands out.
 */
public abstract sealed class RawBatch permits RawMessages, RawColumns {
  /** Where the records come from. */
  public enum SourceKind {
    KAFKA,
    FILE
  }

  private final SourceKind sourceKind;
  private final String source;

  RawBatch(SourceKind sourceKind, String source) {
    this.sourceKind = sourceKind;
    this.source = source;
  }

  public static RawMessages.Builder builder(
      SourceKind sourceKind, String source, RawMessages.Format format) {
    return new RawMessages.Builder(sourceKind, source, format, List.of());
  }

  /**
   * @param columns the header of the file, for {@link RawMessages.Format#CSV}
   */
  public static RawMessages.Builder builder(
      SourceKind sourceKind, String source, RawMessages.Format format, List<String> columns) {
    return new RawMessages.Builder(sourceKind, source, format, columns);
  }

  public final SourceKind sourceKind() {
    return sourceKind;
  }

  /** The topic or the file. */
  public final String source() {
    return source;
  }

  public abstract int size();

  /** The Kafka partition; of files, the file's number among those that a run reads. */
  public abstract int partition(int row);

  /** The Kafka offset, or the record's number in its file, from 0 and without the header. */
  public abstract long offset(int row);

  /** When the record was received: the Kafka timestamp, or the time that a backfill runs as of. */
  public abstract long timestampMillis(int row);

  /**
   * Copies of some records as they came, or as the JSON objects that a producer would have sent.
   */
  public abstract byte[][] messages(int[] rows);

  /** One of {@link #messages}. */
  public final byte[] message(int row) {
    return messages(new int[] {row})[0];
  }

  /**
   * By partition, how many messages were still to be read behind the batch when it was made, as far
   * as that is known. Says how far the reader is behind at that moment, nothing more: it is not the
   * same when the batch is read again.
   */
  public Map<Integer, Long> backlogs() {
    return Map.of();
  }

  /** Writes what {@link #readFrom} reads. */
  public final void writeTo(DataOutput out) throws IOException {
    out.writeBoolean(this instanceof RawColumns);
    out.writeByte(sourceKind.ordinal());
    out.writeUTF(source);
    writeBody(out);
  }

  abstract void writeBody(DataOutput out) throws IOException;

  /** Reads what {@link #writeTo} wrote. */
  public static RawBatch readFrom(DataInput in) throws IOException {
    boolean isColumns = in.readBoolean();
    SourceKind sourceKind = SourceKind.values()[in.readByte()];
    String source = in.readUTF();
    return isColumns
        ? RawColumns.readBody(source, in)
        : RawMessages.readBody(sourceKind, source, in);
  }

  @Override
  public final String toString() {
    return "RawBatch[" + sourceKind + " " + source + ", " + size() + " records]";
  }
}
