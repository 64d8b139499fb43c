package io.highwater.record;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import net.jpountz.xxhash.XXHash32;
import net.jpountz.xxhash.XXHashFactory;
import org.apache.arrow.compression.Lz4CompressionCodec;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.compression.AbstractCompressionCodec;
import org.apache.arrow.vector.compression.CompressionUtil;

/**
 * Arrow's LZ4_FRAME over native LZ4, from buffer to buffer without a copy to the heap;
 * arrow-compression's own is pure Java and some thousand times slower.
 *
 * <p>Writes independent blocks of at most 4 MiB, with the content's size and without content or
 * block checksums, by the LZ4 frame format 1.6.3
 * (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). Reads such frames; one with blocks
 * that refer to earlier ones, as C++ may write, is left to arrow-compression.
 */
public final class Lz4FrameCodec extends AbstractCompressionCodec {
  private static final int MAGIC = 0x184D2204;
  private static final int VERSION = 0b0100_0000;
  private static final int VERSION_MASK = 0b1100_0000;
  private static final int INDEPENDENT_BLOCKS = 0b0010_0000;
  private static final int BLOCK_CHECKSUMS = 0b0001_0000;
  private static final int CONTENT_SIZE = 0b0000_1000;
  private static final int CONTENT_CHECKSUM = 0b0000_0100;
  private static final int DICTIONARY = 0b0000_0001;
  private static final int BLOCKS_OF_4_MIB = 7 << 4;
  private static final int MAX_BLOCK_BYTES = 4 << 20;
  private static final int STORED_BLOCK = 0x8000_0000;

  /** Magic, flags, block size, content size, header checksum. */
  private static final int HEADER_BYTES = 4 + 1 + 1 + 8 + 1;

  private static final int PREFIX_BYTES = (int) CompressionUtil.SIZE_OF_UNCOMPRESSED_LENGTH;

  private static final LZ4Compressor COMPRESSOR = LZ4Factory.fastestInstance().fastCompressor();
  private static final LZ4SafeDecompressor DECOMPRESSOR =
      LZ4Factory.fastestInstance().safeDecompressor();
  private static final XXHash32 HASH = XXHashFactory.fastestInstance().hash32();

  @Override
  public CompressionUtil.CodecType getCodecType() {
    return CompressionUtil.CodecType.LZ4_FRAME;
  }

  @Override
  protected ArrowBuf doCompress(BufferAllocator allocator, ArrowBuf uncompressed) {
    int length = Math.toIntExact(uncompressed.writerIndex());
    int blocks = (length - 1) / MAX_BLOCK_BYTES + 1;
    long bound =
        PREFIX_BYTES + HEADER_BYTES + 4L * (blocks + 1) + COMPRESSOR.maxCompressedLength(length);
    ArrowBuf compressed = allocator.buffer(bound);
    ByteBuffer source = uncompressed.nioBuffer(0, length);
    ByteBuffer frame = littleEndian(compressed, Math.toIntExact(bound));
    frame.position(PREFIX_BYTES);
    frame.putInt(MAGIC);
    int descriptorStart = frame.position();
    frame.put((byte) (VERSION | INDEPENDENT_BLOCKS | CONTENT_SIZE));
    frame.put((byte) BLOCKS_OF_4_MIB);
    frame.putLong(length);
    frame.put(headerChecksum(frame, descriptorStart));
    for (int from = 0; from < length; from += MAX_BLOCK_BYTES) {
      int blockLength = Math.min(MAX_BLOCK_BYTES, length - from);
      int start = frame.position() + 4;
      int size =
          COMPRESSOR.compress(source, from, blockLength, frame, start, frame.capacity() - start);
      if (size < blockLength) {
        frame.putInt(size);
      } else {
        frame.putInt(STORED_BLOCK | blockLength);
        frame.put(start, source, from, blockLength);
        size = blockLength;
      }
      frame.position(start + size);
    }
    frame.putInt(0);
    compressed.writerIndex(frame.position());
    return compressed;
  }

  @Override
  public ArrowBuf decompress(BufferAllocator allocator, ArrowBuf compressed) {
    long uncompressedLength =
        compressed.writerIndex() < PREFIX_BYTES ? 0 : readUncompressedLength(compressed);
    if (uncompressedLength > 0 && !isOfIndependentBlocks(compressed)) {
      return new Lz4CompressionCodec().decompress(allocator, compressed);
    }
    return super.decompress(allocator, compressed);
  }

  @Override
  protected ArrowBuf doDecompress(BufferAllocator allocator, ArrowBuf compressed) {
    int length = Math.toIntExact(readUncompressedLength(compressed));
    ArrowBuf uncompressed = allocator.buffer(length);
    try {
      readFrame(
          littleEndian(compressed, Math.toIntExact(compressed.writerIndex())),
          uncompressed.nioBuffer(0, length));
    } catch (RuntimeException e) {
      uncompressed.close();
      throw new IllegalArgumentException("LZ4 frame is damaged: " + e.getMessage(), e);
    }
    uncompressed.writerIndex(length);
    return uncompressed;
  }

  private static void readFrame(ByteBuffer frame, ByteBuffer target) {
    int descriptorStart = PREFIX_BYTES + 4;
    int flags = frame.get(descriptorStart);
    frame.position(descriptorStart + 2 + ((flags & CONTENT_SIZE) != 0 ? 8 : 0));
    if (headerChecksum(frame, descriptorStart) != frame.get()) {
      throw new IllegalArgumentException("its header has another checksum than it says");
    }
    for (int size = frame.getInt(); size != 0; size = frame.getInt()) {
      int start = frame.position();
      if ((size & STORED_BLOCK) != 0) {
        size &= ~STORED_BLOCK;
        target.put(target.position(), frame, start, size);
        target.position(target.position() + size);
      } else {
        int written =
            DECOMPRESSOR.decompress(
                frame, start, size, target, target.position(), target.remaining());
        target.position(target.position() + written);
      }
      frame.position(start + size);
      if ((flags & BLOCK_CHECKSUMS) != 0 && HASH.hash(frame, start, size, 0) != frame.getInt()) {
        throw new IllegalArgumentException("a block has another checksum than it says");
      }
    }
    if (target.hasRemaining()) {
      throw new IllegalArgumentException(
          "it holds " + target.position() + " bytes, expected " + target.capacity());
    }
    if ((flags & CONTENT_CHECKSUM) != 0
        && HASH.hash(target, 0, target.capacity(), 0) != frame.getInt()) {
      throw new IllegalArgumentException("its content has another checksum than it says");
    }
  }

  private static boolean isOfIndependentBlocks(ArrowBuf compressed) {
    if (compressed.writerIndex() < PREFIX_BYTES + HEADER_BYTES - 8) {
      return false;
    }
    ByteBuffer frame = littleEndian(compressed, PREFIX_BYTES + HEADER_BYTES - 8);
    int flags = frame.get(PREFIX_BYTES + 4);
    return frame.getInt(PREFIX_BYTES) == MAGIC
        && (flags & VERSION_MASK) == VERSION
        && (flags & INDEPENDENT_BLOCKS) != 0
        && (flags & DICTIONARY) == 0;
  }

  /** Of the descriptor from {@code start} to the buffer's position. */
  private static byte headerChecksum(ByteBuffer frame, int start) {
    return (byte) (HASH.hash(frame, start, frame.position() - start, 0) >>> 8);
  }

  private static ByteBuffer littleEndian(ArrowBuf buffer, int length) {
    return buffer.nioBuffer(0, length).order(ByteOrder.LITTLE_ENDIAN);
  }
}
