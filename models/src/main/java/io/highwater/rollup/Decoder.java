package io.highwater.rollup;

import java.io.DataInput;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads what an {@link Encoder} wrote. Damaged bytes give an IOException. */
final class Decoder {
  /** Far above any accumulator or row; more in what is read means that it is damaged. */
  private static final int MAX_BYTES = 1 << 26;

  private final byte[] bytes;
  private int at;

  /** Takes the array over. */
  Decoder(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Reads what {@link Encoder#writeTo} wrote. */
  static Decoder readFrom(DataInput in) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > MAX_BYTES) {
      throw new IOException("a value of " + length + " bytes is damaged");
    }
    byte[] bytes = new byte[length];
    in.readFully(bytes);
    return new Decoder(bytes);
  }

  int readByte() throws IOException {
    require(1);
    return bytes[at++] & 0xFF;
  }

  long readUnsigned() throws IOException {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      int next = readByte();
      value |= (long) (next & 0x7F) << shift;
      if (next < 0x80) {
        return value;
      }
    }
    throw new IOException("an integer of more than ten bytes is damaged");
  }

  long readSigned() throws IOException {
    long value = readUnsigned();
    return (value >>> 1) ^ -(value & 1);
  }

  double readDouble() throws IOException {
    require(Double.BYTES);
    long bits = 0;
    for (int shift = 0; shift < Double.SIZE; shift += 8) {
      bits |= (bytes[at++] & 0xFFL) << shift;
    }
    return Double.longBitsToDouble(bits);
  }

  String readText() throws IOException {
    int length = readLength();
    String text = new String(bytes, at, length, StandardCharsets.UTF_8);
    at += length;
    return text;
  }

  byte[] readBytes() throws IOException {
    int length = readLength();
    byte[] read = Arrays.copyOfRange(bytes, at, at + length);
    at += length;
    return read;
  }

  long[] readAscending() throws IOException {
    long[] values = new long[readLength()];
    for (int i = 0; i < values.length; i++) {
      values[i] = i == 0 ? readSigned() : values[i - 1] + readUnsigned();
    }
    return values;
  }

  /** A number of elements that have a byte each at least. */
  int readLength() throws IOException {
    long length = readUnsigned();
    if (length < 0 || length > bytes.length - at) {
      throw new EOFException(length + " elements or bytes are more than there are");
    }
    return (int) length;
  }

  /** To be called after the last value. */
  void requireEnd() throws IOException {
    if (at < bytes.length) {
      throw new IOException((bytes.length - at) + " bytes too many are damaged");
    }
  }

  private void require(int more) throws EOFException {
    if (bytes.length - at < more) {
      throw new EOFException("bytes are missing at the end");
    }
  }
}
