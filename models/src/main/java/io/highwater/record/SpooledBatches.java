package io.highwater.record;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Batches that are read again once all have been seen: in memory while they are few, then in a
 * temporary file. Are read once, after the last was added. Not thread-safe.
 */
public final class SpooledBatches implements Iterable<RecordBatch>, AutoCloseable {
  private static final long MAX_BYTES_IN_MEMORY = 32L << 20;

  private final List<RecordBatch> inMemory = new ArrayList<>();
  private long bytesInMemory;
  private int inFile;
  private @Nullable Path file;
  private @Nullable DataOutputStream out;
  private @Nullable DataInputStream in;

  public void add(RecordBatch batch) throws IOException {
    if (out == null && bytesInMemory + batch.byteSize() <= MAX_BYTES_IN_MEMORY) {
      inMemory.add(batch);
      bytesInMemory += batch.byteSize();
      return;
    }
    if (out == null) {
      file = Files.createTempFile("highwater-rows", null);
      out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 16));
    }
    batch.writeTo(out);
    inFile++;
  }

  /** In the order in which they were added. */
  @Override
  public Iterator<RecordBatch> iterator() {
    try {
      if (out != null && file != null) {
        out.close();
        in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Iterator<>() {
      private int next;

      @Override
      public boolean hasNext() {
        return next < inMemory.size() + inFile;
      }

      @Override
      public RecordBatch next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        int number = next++;
        if (number < inMemory.size() || in == null) {
          return inMemory.get(number);
        }
        try {
          return RecordBatch.readFrom(in);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    };
  }

  @Override
  public void close() throws IOException {
    if (out != null) {
      out.close();
    }
    if (in != null) {
      in.close();
    }
    if (file != null) {
      Files.deleteIfExists(file);
    }
  }
}
