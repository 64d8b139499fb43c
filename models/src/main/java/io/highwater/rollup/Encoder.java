package io.highwater.rollup;

import java.io.DataOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Bytes that grow, with integers of variable length (LEB128): most of what is encoded here is small
 * numbers, and a stream costs more a call than they do. {@link Decoder} reads them.
 */
final class Encoder {
  private byte[] bytes = new byte[256];
  private int size;

  /** The lowest 8 bits. */
  void writeByte(int value) {
    ensure(1);
    bytes[size++] = (byte) value;
  }

  /** One byte below 128, two below 16,384, ..., ten for negative numbers. */
  void writeUnsigned(long value) {
    ensure(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[size++] = (byte) rest;
  }

  /** Short where the magnitude is small (zigzag). */
  void writeSigned(long value) {
    writeUnsigned((value << 1) ^ (value >> 63));
  }

  /** Eight bytes: the bits of the double, of any NaN the same. */
  void writeDouble(double value) {
    ensure(Double.BYTES);
    long bits = Double.doubleToLongBits(value);
    for (int shift = 0; shift < Double.SIZE; shift += 8) {
      bytes[size++] = (byte) (bits >>> shift);
    }
  }

  void writeText(String text) {
    writeBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  /** With their length. */
  void writeBytes(byte[] source) {
    writeUnsigned(source.length);
    ensure(source.length);
    System.arraycopy(source, 0, bytes, size, source.length);
    size += source.length;
  }

  /** Ascending values as their differences. */
  void writeAscending(long[] values) {
    writeUnsigned(values.length);
    long previous = 0;
    for (int i = 0; i < values.length; i++) {
      if (i == 0) {
        writeSigned(values[i]);
      } else {
        writeUnsigned(values[i] - previous);
      }
      previous = values[i];
    }
  }

  byte[] toByteArray() {
    return Arrays.copyOf(bytes, size);
  }

  /** With their length, for {@link Decoder#readFrom}. */
  void writeTo(DataOutput out) throws IOException {
    out.writeInt(size);
    out.write(bytes, 0, size);
  }

  private void ensure(int more) {
    if (bytes.length - size < more) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, Math.addExact(size, more)));
    }
  }
}
