package io.highwater.lake;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.ValueVectorUtility;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a lake file in its order, batch by batch, whatever its format, with bounded memory
 * whatever its size.
 *
 * <p>Columns have the names and the types of the file, but for timestamps: those are microseconds
 * without a zone, in UTC, as in a record batch. A file has the columns of the contract that it was
 * written by, which may be an older one.
 *
 * <p>What cannot be read is thrown with the file's name, as {@link IOException} when opening, as
 * {@link UncheckedIOException} when iterating. Not thread-safe.
 */
public final class LakeFileReader implements Iterator<VectorSchemaRoot>, AutoCloseable {
  /** A batch has at most so many rows. */
  public static final int MAX_BATCH_ROWS = 16_384;

  private final Path path;
  private final ArrowReader reader;
  private final Schema schema;

  /** What the reader holds at the moment, and how much of it was handed out. */
  private @Nullable VectorSchemaRoot loaded;

  private int handedOut;

  /** A part of {@code loaded}, where that is larger than a batch may be. */
  private @Nullable VectorSchemaRoot slice;

  private LakeFileReader(Path path, ArrowReader reader) throws IOException {
    this.path = path;
    this.reader = reader;
    this.schema = reader.getVectorSchemaRoot().getSchema();
  }

  /**
   * Opens a file for reading.
   *
   * @param allocator holds the batches; it stays the caller's
   */
  public static LakeFileReader open(LakeFile file, BufferAllocator allocator) throws IOException {
    return open(file.path(), file.isArrow(), allocator);
  }

  private static LakeFileReader open(Path path, boolean isArrow, BufferAllocator allocator)
      throws IOException {
    ArrowReader reader = null;
    try {
      reader = isArrow ? ArrowFiles.open(path, allocator) : ParquetFileReader.open(path, allocator);
      return new LakeFileReader(path, reader);
    } catch (IOException | RuntimeException e) {
      IOException failure = cannotRead(path, e);
      if (reader != null) {
        closeAfter(failure, reader);
      }
      throw failure;
    }
  }

  private static void closeAfter(Exception failure, ArrowReader reader) {
    try {
      reader.close();
    } catch (IOException | RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  private static IOException cannotRead(Path path, Exception cause) {
    return new IOException("cannot read " + path + ": " + cause.getMessage(), cause);
  }

  /** The columns of every batch. */
  public Schema schema() {
    return schema;
  }

  @Override
  public boolean hasNext() {
    try {
      while (loaded == null || handedOut == loaded.getRowCount()) {
        closeSlice();
        loaded = null;
        if (!reader.loadNextBatch()) {
          return false;
        }
        VectorSchemaRoot batch = reader.getVectorSchemaRoot();
        // Native code and unchecked reads come after this: damage has to be found here.
        ValueVectorUtility.validateFull(batch);
        loaded = batch;
        handedOut = 0;
      }
      return true;
    } catch (IOException | RuntimeException e) {
      throw new UncheckedIOException(cannotRead(path, e));
    }
  }

  /**
   * The next batch, of at least one row. It is the reader's, and there until the next call of any
   * method; its buffers may be kept by who retains them.
   */
  @Override
  public VectorSchemaRoot next() {
    if (!hasNext() || loaded == null) {
      throw new NoSuchElementException(path + " has no more rows");
    }
    closeSlice();
    int rows = Math.min(MAX_BATCH_ROWS, loaded.getRowCount() - handedOut);
    if (rows == loaded.getRowCount()) {
      handedOut = rows;
      return loaded;
    }
    slice = loaded.slice(handedOut, rows);
    handedOut += rows;
    return slice;
  }

  private void closeSlice() {
    if (slice != null) {
      slice.close();
      slice = null;
    }
  }

  /** Frees the last batch too. */
  @Override
  public void close() throws IOException {
    closeSlice();
    reader.close();
  }
}
