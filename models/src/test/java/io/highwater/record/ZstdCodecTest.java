package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.compression.CompressionCodec;
import org.junit.jupiter.api.Test;

final class ZstdCodecTest {
  /** Its compressed buffer ends 4 bytes before one of 512 bytes does. */
  private static final int LENGTH = 436;

  private static final int SLOT = 512;

  @Test
  void leavesTheBuffersBesideItsOwnAlone() {
    CompressionCodec codec = Compression.ZSTD.codec();
    byte[] untouched = new byte[SLOT];
    Arrays.fill(untouched, (byte) 0x55);
    try (BufferAllocator allocator = new RootAllocator()) {
      for (int seed = 0; seed < 20; seed++) {
        ArrowBuf bits = hardlyCompressible(seed, allocator);
        List<ArrowBuf> guards = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
          ArrowBuf guard = allocator.buffer(SLOT);
          guard.setBytes(0, untouched);
          guards.add(guard);
        }
        // The place that is free again is where the compressed buffer goes.
        guards.remove(8).close();
        ArrowBuf compressed = codec.compress(allocator, bits);
        for (ArrowBuf guard : guards) {
          byte[] found = new byte[SLOT];
          guard.getBytes(0, found);
          assertArrayEquals(untouched, found);
          guard.close();
        }
        compressed.close();
      }
    }
  }

  @Test
  void givesBackWhatItCompressed() {
    CompressionCodec codec = Compression.ZSTD.codec();
    try (BufferAllocator allocator = new RootAllocator()) {
      for (int seed = 0; seed < 20; seed++) {
        ArrowBuf bits = hardlyCompressible(seed, allocator);
        byte[] before = new byte[LENGTH];
        bits.getBytes(0, before);
        try (ArrowBuf again = codec.decompress(allocator, codec.compress(allocator, bits))) {
          byte[] after = new byte[LENGTH];
          again.getBytes(0, after);
          assertArrayEquals(before, after);
        }
      }
    }
  }

  /** Of which two in five are set: zstd goes to the end of its buffer before it gives up. */
  private static ArrowBuf hardlyCompressible(int seed, BufferAllocator allocator) {
    Random random = new Random(seed);
    byte[] bytes = new byte[LENGTH];
    for (int bit = 0; bit < 8 * LENGTH; bit++) {
      if (random.nextDouble() < 0.4) {
        bytes[bit >> 3] |= (byte) (1 << (bit & 7));
      }
    }
    ArrowBuf buffer = allocator.buffer(LENGTH);
    buffer.setBytes(0, bytes);
    buffer.writerIndex(LENGTH);
    return buffer;
  }
}
