package io.highwater.features;

import java.util.Arrays;

/** Numbers keys in the order in which they come: open addressing, half full at most. */
final class KeyTable {
  private static final int NONE = -1;

  private long[] keys;
  private int[] slots;
  private int shift;
  private int size;

  KeyTable(int expectedKeys) {
    keys = new long[Math.max(8, expectedKeys)];
    slots = new int[Integer.highestOneBit(4 * keys.length - 1)];
    Arrays.fill(slots, NONE);
    shift = Long.SIZE - Integer.numberOfTrailingZeros(slots.length);
  }

  int size() {
    return size;
  }

  long key(int number) {
    return keys[number];
  }

  /** The number of a key; -1 where there is none. */
  int find(long key) {
    return slots[slotOf(key)];
  }

  /** The number of a key, which is {@link #size} as it was where the key is new. */
  int findOrAdd(long key) {
    int slot = slotOf(key);
    if (slots[slot] != NONE) {
      return slots[slot];
    }
    if (2 * (size + 1) > slots.length) {
      grow();
      slot = slotOf(key);
    }
    if (size == keys.length) {
      keys = Arrays.copyOf(keys, 2 * size);
    }
    keys[size] = key;
    slots[slot] = size;
    return size++;
  }

  private int slotOf(long key) {
    int slot = (int) ((key * 0x9E37_79B9_7F4A_7C15L) >>> shift);
    while (slots[slot] != NONE && keys[slots[slot]] != key) {
      slot = (slot + 1) & (slots.length - 1);
    }
    return slot;
  }

  private void grow() {
    slots = new int[2 * slots.length];
    Arrays.fill(slots, NONE);
    shift--;
    for (int number = 0; number < size; number++) {
      slots[slotOf(keys[number])] = number;
    }
  }
}
