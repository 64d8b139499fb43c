package io.highwater.lake;

import io.highwater.record.ByteArrayChannel;
import io.highwater.record.Compression;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.ArrowBlock;
import org.apache.arrow.vector.ipc.message.ArrowFooter;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Arrow IPC files in two steps: rows are compressed into messages where they are, the messages are
 * shuffled, and a file is put together from them without being decompressed. Format:
 * https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format.
 */
public final class ArrowFiles {
  private static final byte[] MAGIC = "ARROW1".getBytes(StandardCharsets.US_ASCII);

  /** The continuation marker and the length of the metadata. */
  private static final int MESSAGE_PREFIX_BYTES = 8;

  private ArrowFiles() {}

  /**
   * The rows of {@code root}, which stays the caller's, as one record batch message without their
   * schema. Its length is a multiple of 8.
   */
  public static byte[] encode(VectorSchemaRoot root, Compression compression) {
    try (ArrowRecordBatch batch =
        new VectorUnloader(root, true, compression.codec(), true).getRecordBatch()) {
      // 4 KiB is room for the metadata of a few dozen columns; more makes the array grow.
      ByteArrayChannel sink =
          new ByteArrayChannel(Math.toIntExact(batch.computeBodyLength() + 4096));
      MessageSerializer.serialize(new WriteChannel(sink), batch);
      return sink.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The rows of a message of {@link #encode}, whatever its compression; the caller closes them.
   *
   * @param schema what the rows had when they were encoded
   */
  public static VectorSchemaRoot decode(Schema schema, byte[] message, BufferAllocator allocator) {
    VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
    try (ArrowRecordBatch batch =
        MessageSerializer.deserializeRecordBatch(
            new ReadChannel(new ByteArrayChannel(message)), allocator)) {
      new VectorLoader(root, Compression.CODECS).load(batch);
      return root;
    } catch (IOException e) {
      root.close();
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      root.close();
      throw e;
    }
  }

  /**
   * Writes a whole file with one record batch a message, in their order. The same messages give the
   * same bytes. The channel stays open.
   *
   * @param schema of every message; none of its columns may be dictionary-encoded
   * @param messages of {@link #encode}; none make a file without rows
   */
  public static void assemble(Schema schema, List<byte[]> messages, WritableByteChannel channel)
      throws IOException {
    WriteChannel out = new WriteChannel(channel);
    out.write(MAGIC);
    out.align();
    MessageSerializer.serialize(out, schema);
    List<ArrowBlock> blocks = new ArrayList<>(messages.size());
    for (byte[] message : messages) {
      ByteBuffer prefix = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
      if (message.length % 8 != 0
          || message.length < MESSAGE_PREFIX_BYTES
          || prefix.getInt(0) != MessageSerializer.IPC_CONTINUATION_TOKEN) {
        throw new IllegalArgumentException(
            "a message of " + message.length + " bytes is not of ArrowFiles.encode");
      }
      int metadataLength = MESSAGE_PREFIX_BYTES + prefix.getInt(4);
      blocks.add(
          new ArrowBlock(
              out.getCurrentPosition(), metadataLength, message.length - metadataLength));
      out.write(message);
    }
    out.writeIntLittleEndian(MessageSerializer.IPC_CONTINUATION_TOKEN);
    out.writeIntLittleEndian(0);
    long footerStart = out.getCurrentPosition();
    out.write(new ArrowFooter(schema, List.of(), blocks), false);
    out.writeIntLittleEndian(Math.toIntExact(out.getCurrentPosition() - footerStart));
    out.write(MAGIC);
  }

  /** Reads a file of any compression; closing the reader closes the file. */
  public static ArrowFileReader open(Path file, BufferAllocator allocator) throws IOException {
    return open(Files.newByteChannel(file), allocator);
  }

  /** Reads a file of any compression; closing the reader closes the channel. */
  public static ArrowFileReader open(SeekableByteChannel file, BufferAllocator allocator) {
    return new ArrowFileReader(file, allocator, Compression.CODECS);
  }
}
