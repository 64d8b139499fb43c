package io.highwater.lake;

import java.io.IOException;
import java.sql.SQLException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/**
 * Memory for reading Arrow files that may be damaged: a reader that comes upon damage frees nothing
 * of what it holds, so that each piece of work has an allocator of its own, which is gone with it.
 */
public final class ArrowMemory {
  /** A batch of 16,384 rows takes some MiB; a damaged length must not ask for all there is. */
  private static final long MAX_BYTES = 1L << 30;

  private ArrowMemory() {}

  /** Work on files. */
  @FunctionalInterface
  public interface Work<T> {
    T run(BufferAllocator allocator) throws IOException, SQLException;
  }

  /**
   * Does the work. Where it fails, what it leaves behind is said beside why; where it does not, it
   * leaves nothing behind.
   */
  public static <T> T use(Work<T> work) throws IOException, SQLException {
    BufferAllocator allocator = new RootAllocator(MAX_BYTES);
    T result;
    try {
      result = work.run(allocator);
    } catch (IOException | SQLException | RuntimeException e) {
      try {
        allocator.close();
      } catch (IllegalStateException leak) {
        e.addSuppressed(leak);
      }
      throw e;
    }
    allocator.close();
    return result;
  }
}
