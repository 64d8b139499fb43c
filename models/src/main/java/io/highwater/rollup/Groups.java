package io.highwater.rollup;

import java.util.Arrays;

/** Rows numbered by group; each further column splits the groups. */
final class Groups {
  /** The group of each row, from 0 in the order in which groups first occur. */
  int[] ids;

  /** One row of each group, its first. */
  int[] firstRows = {0};

  int count = 1;

  /** A copy, to be split further. */
  Groups(Groups other) {
    ids = other.ids;
    firstRows = other.firstRows;
    count = other.count;
  }

  /** All rows in one group. */
  Groups(int rowCount) {
    ids = new int[rowCount];
  }

  /** Rows with the same value, or none. */
  static Groups of(Column column) {
    Groups groups = new Groups(column.valid.length);
    groups.split(column);
    return groups;
  }

  /** Afterwards the rows of a group also have the same value in this column, or all none. */
  void splitBy(Column column) {
    split(column.codes());
  }

  private void split(Column column) {
    int[] parents = ids;
    int[] split = new int[parents.length];
    int[] newFirstRows = new int[16];
    int newCount = 0;
    // Open addressing; a slot holds a group's number + 1, so that 0 is free.
    int[] slots = new int[64];
    for (int row = 0; row < parents.length; row++) {
      // Sources often give runs of one key.
      if (row > 0 && parents[row] == parents[row - 1] && column.same(row, row - 1)) {
        split[row] = split[row - 1];
        continue;
      }
      int slot = slotOf(column, row, parents[row], slots.length);
      int group;
      while (true) {
        group = slots[slot] - 1;
        if (group < 0) {
          group = newCount++;
          if (newFirstRows.length < newCount) {
            newFirstRows = Arrays.copyOf(newFirstRows, 2 * newFirstRows.length);
          }
          newFirstRows[group] = row;
          slots[slot] = newCount;
          if (2 * newCount > slots.length) {
            slots = rehash(column, parents, newFirstRows, newCount, 4 * slots.length);
          }
          break;
        }
        int first = newFirstRows[group];
        if (parents[first] == parents[row] && column.same(first, row)) {
          break;
        }
        slot = (slot + 1) & (slots.length - 1);
      }
      split[row] = group;
    }
    ids = split;
    firstRows = newFirstRows;
    count = newCount;
  }

  private static int[] rehash(
      Column column, int[] parents, int[] firstRows, int count, int length) {
    int[] slots = new int[length];
    for (int group = 0; group < count; group++) {
      int row = firstRows[group];
      int slot = slotOf(column, row, parents[row], length);
      while (slots[slot] != 0) {
        slot = (slot + 1) & (length - 1);
      }
      slots[slot] = group + 1;
    }
    return slots;
  }

  private static int slotOf(Column column, int row, int parent, int length) {
    int hash = column.valid[row] == 0 ? 0 : column.hash(row);
    hash = (hash + 31 * parent) * 0x9E37_79B9;
    return (hash >>> 7) & (length - 1);
  }
}
