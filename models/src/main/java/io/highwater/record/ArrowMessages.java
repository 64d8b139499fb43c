package io.highwater.record;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Schema;

/** Rows as bytes: an Arrow schema message and one record batch message, as in an IPC stream. */
final class ArrowMessages {
  private ArrowMessages() {}

  /** Copies the rows of {@code root}, which stays the caller's. */
  static byte[] write(VectorSchemaRoot root, Compression compression) {
    try (ArrowRecordBatch batch =
        new VectorUnloader(root, true, compression.codec(), true).getRecordBatch()) {
      // 4 KiB is room for both messages' metadata at a few dozen columns; more makes the array
      // grow.
      ByteArrayChannel sink =
          new ByteArrayChannel(Math.toIntExact(batch.computeBodyLength() + 4096));
      WriteChannel channel = new WriteChannel(sink);
      MessageSerializer.serialize(channel, root.getSchema());
      MessageSerializer.serialize(channel, batch);
      return sink.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The rows in buffers of {@code allocator}, whatever their compression; the caller closes them.
   */
  static VectorSchemaRoot open(byte[] messages, BufferAllocator allocator) {
    ReadChannel channel = new ReadChannel(new ByteArrayChannel(messages));
    try {
      Schema schema = MessageSerializer.deserializeSchema(channel);
      VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
      try (ArrowRecordBatch batch =
          (ArrowRecordBatch) MessageSerializer.deserializeMessageBatch(channel, allocator)) {
        new VectorLoader(root, Compression.CODECS).load(batch);
        return root;
      } catch (IOException | RuntimeException e) {
        root.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The record batch message alone; its length is a multiple of 8. */
  static byte[] withoutSchema(byte[] messages) {
    int metadataBytes =
        ByteBuffer.wrap(messages).order(ByteOrder.LITTLE_ENDIAN).getInt(Integer.BYTES);
    return Arrays.copyOfRange(messages, 2 * Integer.BYTES + metadataBytes, messages.length);
  }
}
