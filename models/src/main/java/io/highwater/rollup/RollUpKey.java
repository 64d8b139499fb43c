package io.highwater.rollup;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The values of a roll-up's key columns. Immutable; equal keys have equal bytes, on any machine, so
 * that a runner may group by them.
 */
public final class RollUpKey {
  private final byte[] bytes;

  private RollUpKey(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * A key of these values, in the order of the roll-up's keys: Long (also for timestamps, in
   * microseconds), Double (-0.0 is 0.0), Boolean, String or null.
   */
  public static RollUpKey of(@Nullable Object... values) {
    Encoder out = new Encoder();
    out.writeByte(values.length);
    for (Object value : values) {
      Scalars.write(value, out);
    }
    return new RollUpKey(out.toByteArray());
  }

  /** The values that the key was made of. */
  public List<@Nullable Object> values() {
    Decoder in = new Decoder(bytes);
    try {
      int size = in.readByte();
      List<@Nullable Object> values = new ArrayList<>(size);
      for (int i = 0; i < size; i++) {
        values.add(Scalars.read(in));
      }
      return Collections.unmodifiableList(values);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  /** Reads what {@link #writeTo} wrote. */
  public static RollUpKey readFrom(DataInput in) throws IOException {
    byte[] bytes = new byte[in.readInt()];
    in.readFully(bytes);
    return new RollUpKey(bytes);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RollUpKey that && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return values().toString();
  }
}
