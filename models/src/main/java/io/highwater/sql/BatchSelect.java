package io.highwater.sql;

import io.highwater.contract.SqlSandbox;
import java.io.IOException;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.TransferPair;
import org.duckdb.DuckDBConnection;
import org.duckdb.DuckDBResultSet;

/**
 * One SELECT a batch in an embedded DuckDB, which reads the batch's buffers in place as the table
 * {@code batch}. Holds a DuckDB instance; not thread-safe.
 */
final class BatchSelect implements AutoCloseable {
  /**
   * DuckDB keeps about 1 KB of each registered batch until its connection is closed (measured with
   * 2.0.0); a new connection takes milliseconds.
   */
  private static final int BATCHES_PER_CONNECTION = 10_000;

  private final BufferAllocator allocator;
  private DuckDBConnection connection;
  private int batches;

  /**
   * @param allocator holds what {@link #take} returns
   */
  BatchSelect(BufferAllocator allocator) {
    this.allocator = allocator;
    connection = SqlSandbox.open();
  }

  /**
   * @param sql gives a row for each row of the batch
   * @param columns the columns of the batch that SQL sees; they stay the caller's
   * @param reader of the result's columns, which are there during the call alone
   */
  <T> T run(
      String sql, List<FieldVector> columns, int rowCount, Function<List<FieldVector>, T> reader)
      throws SQLException {
    register(columns, rowCount);
    try (Statement statement = connection.createStatement();
        DuckDBResultSet result = statement.executeQuery(sql).unwrap(DuckDBResultSet.class);
        ArrowReader rows = (ArrowReader) result.arrowExportStream(allocator, rowCount)) {
      if (!rows.loadNextBatch() || rows.getVectorSchemaRoot().getRowCount() != rowCount) {
        throw new IllegalStateException(
            "DuckDB gave other than the one batch of " + rowCount + " rows that it was asked for");
      }
      return reader.apply(rows.getVectorSchemaRoot().getFieldVectors());
    } catch (IOException e) {
      throw new SQLException(e.getMessage(), e);
    }
  }

  private void register(List<FieldVector> columns, int rowCount) throws SQLException {
    if (++batches > BATCHES_PER_CONNECTION) {
      connection.close();
      connection = SqlSandbox.open();
      batches = 1;
    }
    VectorSchemaRoot batch = VectorSchemaRoot.of(columns.toArray(new FieldVector[0]));
    batch.setRowCount(rowCount);
    try (ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, new BatchStream(allocator, batch), stream);
      connection.registerArrowStream("batch", stream);
    }
  }

  /**
   * The first columns of a result out of the reader's hands, without a copy; what is no number
   * becomes null.
   */
  VectorSchemaRoot take(List<FieldVector> result, Schema schema, int rowCount) {
    List<FieldVector> taken = new ArrayList<>();
    for (int i = 0; i < schema.getFields().size(); i++) {
      TransferPair pair = result.get(i).getTransferPair(schema.getFields().get(i), allocator);
      pair.transfer();
      if (pair.getTo() instanceof Float8Vector numbers) {
        makeFinite(numbers);
      }
      taken.add((FieldVector) pair.getTo());
    }
    return new VectorSchemaRoot(schema.getFields(), taken, rowCount);
  }

  /** Makes null what is no number; one NaN would make a NaN of every sum it enters. */
  private static void makeFinite(Float8Vector numbers) {
    ArrowBuf values = numbers.getDataBuffer();
    for (int row = 0; row < numbers.getValueCount(); row++) {
      if (!Double.isFinite(values.getDouble((long) row * Double.BYTES))) {
        numbers.setNull(row);
      }
    }
  }

  /** Ends the DuckDB instance; what was taken stays valid. */
  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB cannot be closed: " + e.getMessage(), e);
    }
  }
}
