package io.highwater.sql;

import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/** A stream of the one batch that the caller holds: hands its buffers on without a copy. */
final class BatchStream extends ArrowReader {
  private final VectorSchemaRoot batch;
  private boolean read;

  BatchStream(BufferAllocator allocator, VectorSchemaRoot batch) {
    super(allocator);
    this.batch = batch;
  }

  @Override
  public VectorSchemaRoot getVectorSchemaRoot() {
    return batch;
  }

  @Override
  public boolean loadNextBatch() {
    boolean first = !read;
    read = true;
    return first;
  }

  @Override
  protected Schema readSchema() {
    return batch.getSchema();
  }

  @Override
  public long bytesRead() {
    return 0;
  }

  /** Does nothing: the batch is the caller's to close. */
  @Override
  public void close() {}

  @Override
  protected void closeReadSource() {}
}
