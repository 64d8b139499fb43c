package io.highwater.lake;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.ValueVectorUtility;

/**
 * Reads Arrow IPC files of one schema, one after the other, and checks the lengths and offsets of
 * every batch, so that a damaged file is an exception here and not a read beyond a buffer in native
 * code.
 *
 * <p>After an exception the allocator may still hold buffers: Arrow's readers do not free what they
 * hold when they come upon damage.
 */
public final class CheckedArrowReader extends ArrowReader {
  private final List<Path> files;
  private int current;
  private ArrowFileReader reader;
  private long bytesOfEarlierFiles;
  private long rows;

  private CheckedArrowReader(List<Path> files, BufferAllocator allocator) throws IOException {
    super(allocator);
    this.files = files;
    this.reader = ArrowFiles.open(files.get(0), allocator);
  }

  /**
   * @param files at least one
   */
  public static CheckedArrowReader open(List<Path> files, BufferAllocator allocator)
      throws IOException {
    return new CheckedArrowReader(List.copyOf(files), allocator);
  }

  /** How many rows have been read. */
  long rows() {
    return rows;
  }

  /** The rows of the current batch; another root with each file. */
  @Override
  public VectorSchemaRoot getVectorSchemaRoot() throws IOException {
    return reader.getVectorSchemaRoot();
  }

  @Override
  public boolean loadNextBatch() throws IOException {
    try {
      while (!reader.loadNextBatch()) {
        if (current == files.size() - 1) {
          return false;
        }
        openNext();
      }
      ValueVectorUtility.validateFull(reader.getVectorSchemaRoot());
    } catch (IOException | RuntimeException e) {
      throw new IOException(files.get(current).getFileName() + " is damaged: " + e.getMessage(), e);
    }
    rows += reader.getVectorSchemaRoot().getRowCount();
    return true;
  }

  private void openNext() throws IOException {
    Schema schema = reader.getVectorSchemaRoot().getSchema();
    bytesOfEarlierFiles += reader.bytesRead();
    reader.close();
    current++;
    reader = ArrowFiles.open(files.get(current), allocator);
    if (!reader.getVectorSchemaRoot().getSchema().equals(schema)) {
      throw new IOException("it has other columns than the files before it");
    }
  }

  @Override
  public long bytesRead() {
    return bytesOfEarlierFiles + reader.bytesRead();
  }

  @Override
  protected void closeReadSource() throws IOException {
    reader.close();
  }

  @Override
  protected Schema readSchema() throws IOException {
    return reader.getVectorSchemaRoot().getSchema();
  }
}
