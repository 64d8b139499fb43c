package io.highwater.record;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Which of many rows are the first with their keys. Rows are numbered as they are added; 26 to 34
 * bytes of memory a row. Not thread-safe.
 */
public final class FirstOfKeys {
  private static final int FREE = -1;

  private long[] firstWords = new long[1_024];
  private int[] lastWords = new int[1_024];
  private long[] positions = new long[1_024];
  // The row of each key, by its hash; at most half full.
  private int[] table = free(2_048);
  private final BitSet dropped = new BitSet();
  private int rows;
  private long duplicates;

  /**
   * @param hashes of the rows' keys, {@link KeyHasher#HASH_BYTES} each
   * @param positionsOfRows of two rows with the same key, the one with the lower position is kept;
   *     of two with the same position, the one that was added first
   */
  public void add(byte[] hashes, long[] positionsOfRows) {
    int newRows = Math.addExact(rows, positionsOfRows.length);
    if (newRows > positions.length) {
      int capacity = Math.max(newRows, positions.length + positions.length / 2);
      firstWords = Arrays.copyOf(firstWords, capacity);
      lastWords = Arrays.copyOf(lastWords, capacity);
      positions = Arrays.copyOf(positions, capacity);
    }
    for (int i = 0; i < positionsOfRows.length; i++) {
      int start = i * KeyHasher.HASH_BYTES;
      firstWords[rows] = word(hashes, start, Long.BYTES);
      lastWords[rows] = (int) word(hashes, start + Long.BYTES, Integer.BYTES);
      positions[rows] = positionsOfRows[i];
      if (2L * rows >= table.length) {
        grow();
      }
      put(rows);
      rows++;
    }
  }

  private static long word(byte[] bytes, int start, int length) {
    long word = 0;
    for (int i = 0; i < length; i++) {
      word = word << 8 | bytes[start + i] & 0xFF;
    }
    return word;
  }

  private void put(int row) {
    int slot = slot(row);
    int other = table[slot];
    table[slot] = row;
    if (other != FREE) {
      duplicates++;
      boolean isFirst = positions[row] < positions[other];
      dropped.set(isFirst ? other : row);
      table[slot] = isFirst ? row : other;
    }
  }

  /** Where a row's key is, or is to be. A hash is evenly spread as it is. */
  private int slot(int row) {
    int slot = (int) firstWords[row] & table.length - 1;
    while (table[slot] != FREE
        && (firstWords[table[slot]] != firstWords[row]
            || lastWords[table[slot]] != lastWords[row])) {
      slot = slot + 1 & table.length - 1;
    }
    return slot;
  }

  private void grow() {
    int[] before = table;
    table = free(Math.multiplyExact(before.length, 2));
    for (int row : before) {
      if (row != FREE) {
        table[slot(row)] = row;
      }
    }
  }

  private static int[] free(int length) {
    int[] table = new int[length];
    Arrays.fill(table, FREE);
    return table;
  }

  /** How many of the rows so far are not the first with their keys. */
  public long duplicates() {
    return duplicates;
  }

  /** Of {@code count} rows from {@code first} on, those that are kept, counted from 0. */
  public int[] kept(int first, int count) {
    int[] kept = new int[count];
    int size = 0;
    for (int row = 0; row < count; row++) {
      if (!dropped.get(first + row)) {
        kept[size++] = row;
      }
    }
    return size == count ? kept : Arrays.copyOf(kept, size);
  }
}
