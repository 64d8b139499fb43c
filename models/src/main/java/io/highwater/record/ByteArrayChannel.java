package io.highwater.record;

import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;

/**
 * A channel over an array: one copy between the heap and Arrow's buffers, where {@code
 * Channels.newChannel} goes through a buffer of 8 KiB.
 */
public final class ByteArrayChannel implements ReadableByteChannel, WritableByteChannel {
  private byte[] bytes;
  private int readPosition;
  private int size;

  /** To be read. */
  public ByteArrayChannel(byte[] bytes) {
    this.bytes = bytes;
    this.size = bytes.length;
  }

  /** To be written, then taken with {@link #toByteArray}. */
  public ByteArrayChannel(int expectedSize) {
    this.bytes = new byte[expectedSize];
  }

  @Override
  public int read(ByteBuffer target) {
    if (readPosition == size) {
      return -1;
    }
    int length = Math.min(target.remaining(), size - readPosition);
    target.put(bytes, readPosition, length);
    readPosition += length;
    return length;
  }

  @Override
  public int write(ByteBuffer source) {
    int length = source.remaining();
    if (size + length > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + length));
    }
    source.get(bytes, size, length);
    size += length;
    return length;
  }

  public byte[] toByteArray() {
    return size == bytes.length ? bytes : Arrays.copyOf(bytes, size);
  }

  @Override
  public boolean isOpen() {
    return true;
  }

  @Override
  public void close() {}
}
