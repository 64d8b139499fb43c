package io.highwater.transforms;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.io.UnboundedSource;

/**
 * How far a split of a topic has been read: of each of its partitions the next offset and the
 * watermark. Nothing else is in a checkpoint, no address and no setting.
 */
final class KafkaMark implements UnboundedSource.CheckpointMark {
  /**
   * @param offset of the next message
   */
  record Position(long offset, long watermarkMillis) {}

  private static final byte VERSION = 1;

  private final boolean started;
  private final Map<Integer, Position> positions;
  private final Consumer<KafkaMark> whenFinal;

  /**
   * @param started false before the reader knew its partitions; such a mark is as good as none
   * @param whenFinal is called when a checkpoint that holds the mark has completed
   */
  KafkaMark(boolean started, Map<Integer, Position> positions, Consumer<KafkaMark> whenFinal) {
    this.started = started;
    this.positions = Map.copyOf(positions);
    this.whenFinal = whenFinal;
  }

  static Coder<KafkaMark> coder() {
    return new MarkCoder();
  }

  boolean started() {
    return started;
  }

  Map<Integer, Position> positions() {
    return positions;
  }

  @Override
  public void finalizeCheckpoint() {
    whenFinal.accept(this);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof KafkaMark that
        && started == that.started
        && positions.equals(that.positions);
  }

  @Override
  public int hashCode() {
    return positions.hashCode();
  }

  @Override
  public String toString() {
    return "KafkaMark" + positions;
  }

  private static final class MarkCoder extends BatchCoders.DataCoder<KafkaMark> {
    @Override
    void write(KafkaMark mark, DataOutput out) throws IOException {
      out.writeByte(VERSION);
      out.writeBoolean(mark.started);
      out.writeInt(mark.positions.size());
      for (Map.Entry<Integer, Position> entry : new TreeMap<>(mark.positions).entrySet()) {
        out.writeInt(entry.getKey());
        out.writeLong(entry.getValue().offset());
        out.writeLong(entry.getValue().watermarkMillis());
      }
    }

    @Override
    KafkaMark read(DataInput in) throws IOException {
      byte version = in.readByte();
      if (version != VERSION) {
        throw new IOException(
            "The checkpoint's Kafka positions are of version " + version + "; expected " + VERSION);
      }
      boolean started = in.readBoolean();
      Map<Integer, Position> positions = new TreeMap<>();
      for (int remaining = in.readInt(); remaining > 0; remaining--) {
        positions.put(in.readInt(), new Position(in.readLong(), in.readLong()));
      }
      return new KafkaMark(started, positions, unused -> {});
    }
  }
}
