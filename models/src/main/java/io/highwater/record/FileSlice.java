package io.highwater.record;

import java.io.Serializable;

/**
 * Rows of a file that are read together.
 *
 * @param name the file's
 * @param number the file's among those that a run reads; of two rows with the same key, that of the
 *     lower number comes first
 * @param firstRow the number of the first row, from 0
 * @param endRow the number behind that of the last row; {@link Long#MAX_VALUE} for the end of the
 *     file
 * @param bytes about how much of the file it is
 */
public record FileSlice(String name, int number, long firstRow, long endRow, long bytes)
    implements Serializable {
  public static FileSlice whole(String name, int number, long bytes) {
    return new FileSlice(name, number, 0, Long.MAX_VALUE, bytes);
  }
}
