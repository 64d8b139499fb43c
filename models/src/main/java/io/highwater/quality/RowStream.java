package io.highwater.quality;

import java.util.Iterator;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/** Hands batches on as they are, for DuckDB to read them. */
final class RowStream extends ArrowReader {
  private final Schema schema;
  private final Iterator<VectorSchemaRoot> batches;
  private VectorSchemaRoot current;

  RowStream(Schema schema, Iterator<VectorSchemaRoot> batches, BufferAllocator allocator) {
    super(allocator);
    this.schema = schema;
    this.batches = batches;
    this.current = VectorSchemaRoot.create(schema, allocator);
  }

  @Override
  public VectorSchemaRoot getVectorSchemaRoot() {
    return current;
  }

  @Override
  public boolean loadNextBatch() {
    if (!batches.hasNext()) {
      return false;
    }
    current = batches.next();
    return true;
  }

  @Override
  protected Schema readSchema() {
    return schema;
  }

  @Override
  public long bytesRead() {
    return 0;
  }

  /** Does nothing: the batches are of the one who gives them. */
  @Override
  public void close() {}

  @Override
  protected void closeReadSource() {}
}
