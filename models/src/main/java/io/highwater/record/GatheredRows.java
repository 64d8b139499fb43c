package io.highwater.record;

import io.highwater.contract.Contract;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.util.VectorSchemaRootAppender;

/** Rows of small batches on their way into a larger one. Closing gives back what was not built. */
public final class GatheredRows implements AutoCloseable {
  private final List<VectorSchemaRoot> pieces = new ArrayList<>();
  private int rowCount;

  /**
   * Adds rows to the end.
   *
   * @param rows taken over, all of one schema
   */
  public void add(VectorSchemaRoot rows) {
    pieces.add(rows);
    rowCount += rows.getRowCount();
  }

  public int rowCount() {
    return rowCount;
  }

  /** The rows as a batch of the contract's events; afterwards there are none. */
  public RecordBatch build(Contract contract) {
    try (VectorSchemaRoot all = take()) {
      return RecordBatch.copyOf(contract, all, contract.eventTime());
    }
  }

  /** The rows, at least one, for the caller to close; afterwards there are none. */
  public VectorSchemaRoot take() {
    VectorSchemaRoot all = pieces.get(0);
    if (pieces.size() > 1) {
      VectorSchemaRootAppender.append(
          false, all, pieces.subList(1, pieces.size()).toArray(new VectorSchemaRoot[0]));
    }
    pieces.remove(0);
    close();
    return all;
  }

  @Override
  public void close() {
    pieces.forEach(VectorSchemaRoot::close);
    pieces.clear();
    rowCount = 0;
  }
}
