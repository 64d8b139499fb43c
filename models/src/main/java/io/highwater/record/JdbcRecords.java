package io.highwater.record;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * The rows of one range of a table as raw batches of JSON messages ({@link JsonRows}), with bounded
 * memory whatever the table's size: rows are fetched as they are read. {@link RawBatch#source} is
 * {@code jdbc:TABLE}. {@link RawBatch#offset} is the range's number times 2^40 and the row's number
 * in the range, both from 0: unique within a run, but another run may number rows otherwise.
 *
 * <p>What cannot be read is thrown, without a secret in it: as {@link IOException} when opening, as
 * {@link UncheckedIOException} when iterating.
 */
public final class JdbcRecords implements Iterator<RawBatch>, AutoCloseable {
  private static final int RANGE_SHIFT = 40;

  private final JdbcTable table;
  private final int rowsPerBatch;
  private final long receivedAtMillis;
  private final Connection connection;
  private final PreparedStatement statement;
  private final ResultSet rows;
  private final JsonRows json;
  private final RawMessages.Builder builder;
  private final long firstNumber;
  private long count;
  private boolean ended;

  private JdbcRecords(
      JdbcTable table,
      JdbcRange range,
      int rowsPerBatch,
      long receivedAtMillis,
      Connection connection,
      PreparedStatement statement)
      throws SQLException {
    this.table = table;
    this.rowsPerBatch = rowsPerBatch;
    this.receivedAtMillis = receivedAtMillis;
    this.connection = connection;
    this.statement = statement;
    this.rows = statement.executeQuery();
    this.json = JsonRows.of(rows);
    this.builder =
        RawBatch.builder(RawBatch.SourceKind.FILE, "jdbc:" + table.name(), RawMessages.Format.JSON);
    this.firstNumber = (long) range.index() << RANGE_SHIFT;
  }

  /**
   * Asks for the rows of a range.
   *
   * @param range of {@link JdbcTable#ranges} of the same table and column
   * @param rowsPerBatch at most this many rows in one batch
   * @param receivedAtMillis what {@link RawBatch#timestampMillis} is for every row, milliseconds
   *     since the epoch
   */
  public static JdbcRecords open(
      JdbcTable table, JdbcRange range, int rowsPerBatch, long receivedAtMillis)
      throws IOException {
    FileRecords.requirePositive(rowsPerBatch);
    Connection connection = table.config().connect();
    try {
      PreparedStatement statement = table.select(connection, range);
      return new JdbcRecords(table, range, rowsPerBatch, receivedAtMillis, connection, statement);
    } catch (SQLException e) {
      IOException failure = failure(table, 0, e);
      closeAfter(failure, connection);
      throw failure;
    } catch (IOException | RuntimeException e) {
      closeAfter(e, connection);
      throw e;
    }
  }

  private static void closeAfter(Exception failure, Connection connection) {
    try {
      connection.close();
    } catch (SQLException e) {
      // Says no more than the failure, and may say a secret.
      failure.addSuppressed(new IOException("the connection could not be closed either"));
    }
  }

  private static IOException failure(JdbcTable table, long count, SQLException cause) {
    return table
        .config()
        .failure(
            "cannot read table %s of %s after row %d"
                .formatted(table.name(), table.config().address(), count),
            cause);
  }

  @Override
  public boolean hasNext() {
    try {
      while (!ended
          && builder.size() < rowsPerBatch
          && builder.byteSize() < FileRecords.MAX_BATCH_BYTES) {
        if (rows.next()) {
          builder.add(0, firstNumber + count, receivedAtMillis, json.row());
          count++;
        } else {
          ended = true;
        }
      }
      return builder.size() > 0;
    } catch (SQLException e) {
      throw new UncheckedIOException(failure(table, count, e));
    }
  }

  @Override
  public RawBatch next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the range has no more rows");
    }
    return builder.build();
  }

  @Override
  public void close() throws IOException {
    try (Connection closing = connection;
        PreparedStatement closed = statement) {
      rows.close();
      closing.rollback();
    } catch (SQLException e) {
      throw failure(table, count, e);
    }
  }
}
