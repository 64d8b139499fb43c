package io.highwater.dashboard;

import io.highwater.lake.ArrowFiles;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.ValueVectorUtility;

/**
 * Reads an Arrow IPC file and checks the lengths and offsets of every batch, so that a damaged file
 * is an exception here and not a read beyond a buffer in native code.
 */
final class CheckedArrowReader extends ArrowReader {
  private final ArrowFileReader file;

  private CheckedArrowReader(ArrowFileReader file, BufferAllocator allocator) {
    super(allocator);
    this.file = file;
  }

  static CheckedArrowReader open(Path path, BufferAllocator allocator) throws IOException {
    return new CheckedArrowReader(ArrowFiles.open(path, allocator), allocator);
  }

  @Override
  public VectorSchemaRoot getVectorSchemaRoot() throws IOException {
    return file.getVectorSchemaRoot();
  }

  @Override
  public boolean loadNextBatch() throws IOException {
    if (!file.loadNextBatch()) {
      return false;
    }
    ValueVectorUtility.validateFull(file.getVectorSchemaRoot());
    return true;
  }

  @Override
  public long bytesRead() {
    return file.bytesRead();
  }

  @Override
  protected void closeReadSource() throws IOException {
    file.close();
  }

  @Override
  protected Schema readSchema() throws IOException {
    return file.getVectorSchemaRoot().getSchema();
  }
}
