package io.highwater.rollup;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * The measures of one batch's rows of one window and key.
 *
 * @param windowStartMillis milliseconds since the epoch
 * @param windowMillis the window's length
 */
public record Partial(
    long windowStartMillis, long windowMillis, RollUpKey key, Accumulator accumulator) {
  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeLong(windowStartMillis);
    out.writeLong(windowMillis);
    key.writeTo(out);
    accumulator.writeTo(out);
  }

  /** Reads what {@link #writeTo} wrote. */
  public static Partial readFrom(DataInput in) throws IOException {
    return new Partial(
        in.readLong(), in.readLong(), RollUpKey.readFrom(in), Accumulator.readFrom(in));
  }
}
