package io.highwater.lake;

import io.highwater.record.SqlPath;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.duckdb.DuckDBConnection;
import org.duckdb.DuckDBResultSet;

/**
 * The rows of a local Parquet file as Arrow batches, read by an embedded DuckDB of its own: one
 * thread, the result streamed, at most 1 GB of memory. Timestamps are microseconds without a zone,
 * in UTC.
 */
final class ParquetFileReader extends ArrowReader {
  private final DuckDBConnection connection;
  private final DuckDBResultSet result;
  private final ArrowReader rows;

  private ParquetFileReader(
      BufferAllocator allocator,
      DuckDBConnection connection,
      DuckDBResultSet result,
      ArrowReader rows) {
    super(allocator);
    this.connection = connection;
    this.result = result;
    this.rows = rows;
  }

  static ParquetFileReader open(Path file, BufferAllocator allocator) throws IOException {
    Properties settings = new Properties();
    settings.setProperty("jdbc_stream_results", "true");
    settings.setProperty("threads", "1");
    settings.setProperty("memory_limit", "1GB");
    settings.setProperty("temp_directory", "");
    settings.setProperty("preserve_insertion_order", "true");
    settings.setProperty("autoload_known_extensions", "false");
    settings.setProperty("autoinstall_known_extensions", "false");
    try {
      DuckDBConnection connection =
          DriverManager.getConnection("jdbc:duckdb:", settings).unwrap(DuckDBConnection.class);
      try {
        Statement statement = connection.createStatement();
        String source = " FROM " + SqlPath.readParquet(file);
        DuckDBResultSet result =
            statement
                .executeQuery("SELECT " + String.join(", ", columns(statement, source)) + source)
                .unwrap(DuckDBResultSet.class);
        return new ParquetFileReader(
            allocator,
            connection,
            result,
            (ArrowReader) result.arrowExportStream(allocator, LakeFileReader.MAX_BATCH_ROWS));
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static List<String> columns(Statement statement, String source) throws SQLException {
    List<String> columns = new ArrayList<>();
    try (ResultSet described = statement.executeQuery("DESCRIBE SELECT *" + source)) {
      while (described.next()) {
        String name = '"' + described.getString(1).replace("\"", "\"\"") + '"';
        // By the epoch, as a cast would ask for a time zone, and for an extension that knows it.
        columns.add(
            described.getString(2).startsWith("TIMESTAMP")
                ? "make_timestamp(epoch_us(" + name + ")) AS " + name
                : name);
      }
    }
    return columns;
  }

  @Override
  public VectorSchemaRoot getVectorSchemaRoot() throws IOException {
    return rows.getVectorSchemaRoot();
  }

  @Override
  public boolean loadNextBatch() throws IOException {
    return rows.loadNextBatch();
  }

  @Override
  public long bytesRead() {
    return rows.bytesRead();
  }

  @Override
  protected Schema readSchema() throws IOException {
    return rows.getVectorSchemaRoot().getSchema();
  }

  @Override
  public void close() throws IOException {
    closeReadSource();
  }

  @Override
  protected void closeReadSource() throws IOException {
    try (connection) {
      rows.close();
      result.close();
    } catch (SQLException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}
