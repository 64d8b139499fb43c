package io.highwater.detect;

import java.nio.FloatBuffer;

/**
 * A model that gives a number for each row, whatever the rows beside it. A duration model gives
 * milliseconds of at least 1, a forest a score between 0 and 1.
 */
public interface RowModel extends AutoCloseable {
  /**
   * Scores rows.
   *
   * @param rows float32[n, d] from the position to the limit
   * @param rowCount n
   * @param out is filled from 0 to n
   */
  void run(FloatBuffer rows, int rowCount, float[] out);

  @Override
  void close();
}
