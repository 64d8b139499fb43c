package io.highwater.record;

import com.github.luben.zstd.Zstd;
import org.apache.arrow.compression.ZstdCompressionCodec;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.compression.CompressionUtil;

/**
 * Arrow's ZSTD that keeps within its buffers. The one of arrow-compression (19.0.0) tells zstd of 8
 * bytes more than there are behind the prefix; on data that hardly compresses zstd writes there on
 * its way, which is the beginning of whatever buffer lies next: a column's length became 0
 * (https://github.com/apache/arrow-java/issues/1116).
 */
final class ZstdCodec extends ZstdCompressionCodec {
  private static final long PREFIX_BYTES = CompressionUtil.SIZE_OF_UNCOMPRESSED_LENGTH;

  private final int level;

  ZstdCodec(int level) {
    super(level);
    this.level = level;
  }

  @Override
  protected ArrowBuf doCompress(BufferAllocator allocator, ArrowBuf uncompressed) {
    long bound = Zstd.compressBound(uncompressed.writerIndex());
    ArrowBuf compressed = allocator.buffer(PREFIX_BYTES + bound);
    long size =
        Zstd.compressUnsafe(
            compressed.memoryAddress() + PREFIX_BYTES,
            bound,
            uncompressed.memoryAddress(),
            uncompressed.writerIndex(),
            level);
    if (Zstd.isError(size)) {
      compressed.close();
      throw new IllegalStateException("zstd failed: " + Zstd.getErrorName(size));
    }
    compressed.writerIndex(PREFIX_BYTES + size);
    return compressed;
  }
}
