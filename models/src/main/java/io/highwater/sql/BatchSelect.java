package io.highwater.sql;

import io.highwater.contract.SqlSandbox;
import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.TransferPair;
import org.duckdb.DuckDBConnection;
import org.duckdb.DuckDBFunctions;
import org.duckdb.DuckDBResultSet;
import org.duckdb.DuckDBTableFunctionBuilder;

/**
 * One SELECT a batch in an embedded DuckDB, which reads the batch as the rows of {@link #BATCH}.
 * DuckDB parses a SELECT once. Holds a DuckDB instance; not thread-safe.
 */
final class BatchSelect implements AutoCloseable {
  /** What stands behind FROM. */
  static final String BATCH = "batch()";

  private final BufferAllocator allocator;
  private final DuckDBConnection connection = SqlSandbox.open();
  private final BatchTable batch = new BatchTable();
  private final Map<String, PreparedStatement> statements = new HashMap<>();

  /**
   * @param allocator holds what {@link #take} returns
   */
  BatchSelect(BufferAllocator allocator) {
    this.allocator = allocator;
    try (DuckDBTableFunctionBuilder function = DuckDBFunctions.tableFunction()) {
      function.withName("batch").withFunction(batch).register(connection);
    } catch (SQLException e) {
      close();
      throw new IllegalStateException("DuckDB cannot read batches: " + e.getMessage(), e);
    }
  }

  /**
   * @param sql gives a row for each row of the batch
   * @param columns the columns of the batch that SQL sees, the same at each call; they stay the
   *     caller's
   * @param reader of the result's columns, which are there during the call alone
   */
  <T> T run(
      String sql, List<FieldVector> columns, int rowCount, Function<List<FieldVector>, T> reader)
      throws SQLException {
    batch.set(columns, rowCount);
    try (DuckDBResultSet result = prepared(sql).executeQuery().unwrap(DuckDBResultSet.class);
        ArrowReader rows = (ArrowReader) result.arrowExportStream(allocator, rowCount)) {
      if (!rows.loadNextBatch() || rows.getVectorSchemaRoot().getRowCount() != rowCount) {
        throw new IllegalStateException(
            "DuckDB gave other than the one batch of " + rowCount + " rows that it was asked for");
      }
      return reader.apply(rows.getVectorSchemaRoot().getFieldVectors());
    } catch (IOException e) {
      throw new SQLException(e.getMessage(), e);
    } finally {
      batch.set(List.of(), 0);
    }
  }

  /** DuckDB's driver closes a statement that failed. */
  private PreparedStatement prepared(String sql) throws SQLException {
    PreparedStatement statement = statements.get(sql);
    if (statement == null || statement.isClosed()) {
      statement = connection.prepareStatement(sql);
      statements.put(sql, statement);
    }
    return statement;
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
