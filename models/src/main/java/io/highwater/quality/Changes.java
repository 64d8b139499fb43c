package io.highwater.quality;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How the rows of some hours, or of one instance in them, would change. Immutable.
 *
 * @param before rows that the lake has
 * @param after rows that would take their place
 * @param added rows of {@code after} whose key {@code before} does not have in their hour
 * @param removed the other way round
 * @param changed rows of both with a value that differs; one that goes to another instance counts
 *     for that
 * @param columns by the column that differs
 */
record Changes(
    long before,
    long after,
    long added,
    long removed,
    long changed,
    SortedMap<String, ColumnChanges> columns) {
  /** A column of more different changes than this says only how many rows change. */
  private static final int MAX_CHANGES = 1_000;

  static final Changes NONE = new Changes(0, 0, 0, 0, 0, new TreeMap<>());

  Changes {
    columns = Collections.unmodifiableSortedMap(columns);
  }

  /** What a value was, and what it would be. */
  record Change(@Nullable String from, @Nullable String to) implements Comparable<Change> {
    private static final Comparator<String> NULL_FIRST =
        Comparator.nullsFirst(Comparator.naturalOrder());

    @Override
    public int compareTo(Change other) {
      int order = NULL_FIRST.compare(from, other.from);
      return order != 0 ? order : NULL_FIRST.compare(to, other.to);
    }
  }

  /**
   * @param rows whose value in the column differs
   * @param changes the rows of each change; null where the column is no class, or has too many
   */
  record ColumnChanges(long rows, @Nullable SortedMap<Change, Long> changes) {
    ColumnChanges {
      changes =
          changes == null || changes.size() > MAX_CHANGES
              ? null
              : Collections.unmodifiableSortedMap(changes);
    }

    static ColumnChanges of(Change change, long rows) {
      return new ColumnChanges(rows, new TreeMap<>(Map.of(change, rows)));
    }

    ColumnChanges merge(ColumnChanges that) {
      if (changes == null || that.changes == null) {
        return new ColumnChanges(rows + that.rows, null);
      }
      SortedMap<Change, Long> merged = new TreeMap<>(changes);
      that.changes.forEach((change, count) -> merged.merge(change, count, Long::sum));
      return new ColumnChanges(rows + that.rows, merged);
    }
  }

  static Changes ofColumn(String column, ColumnChanges changes) {
    return new Changes(0, 0, 0, 0, 0, new TreeMap<>(Map.of(column, changes)));
  }

  Changes merge(Changes that) {
    SortedMap<String, ColumnChanges> merged = new TreeMap<>(columns);
    that.columns.forEach((column, changes) -> merged.merge(column, changes, ColumnChanges::merge));
    return new Changes(
        before + that.before,
        after + that.after,
        added + that.added,
        removed + that.removed,
        changed + that.changed,
        merged);
  }

  long unchanged() {
    return after - added - changed;
  }

  void putCounts(ObjectNode node) {
    node.put("before", before)
        .put("after", after)
        .put("added", added)
        .put("removed", removed)
        .put("changed", changed)
        .put("unchanged", unchanged());
  }

  /** Those of most rows first. */
  void putColumns(ArrayNode array) {
    List<Map.Entry<String, ColumnChanges>> byRows = new ArrayList<>(columns.entrySet());
    byRows.sort(Comparator.comparingLong(entry -> -entry.getValue().rows()));
    for (Map.Entry<String, ColumnChanges> column : byRows) {
      ObjectNode node =
          array.addObject().put("column", column.getKey()).put("rows", column.getValue().rows());
      SortedMap<Change, Long> changes = column.getValue().changes();
      if (changes == null) {
        node.putNull("changes");
        continue;
      }
      ArrayNode changesNode = node.putArray("changes");
      List<Map.Entry<Change, Long>> mostFirst = new ArrayList<>(changes.entrySet());
      mostFirst.sort(Comparator.comparingLong(entry -> -entry.getValue()));
      for (Map.Entry<Change, Long> change : mostFirst) {
        changesNode
            .addObject()
            .put("from", change.getKey().from())
            .put("to", change.getKey().to())
            .put("rows", change.getValue());
      }
    }
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeLong(before);
    out.writeLong(after);
    out.writeLong(added);
    out.writeLong(removed);
    out.writeLong(changed);
    out.writeInt(columns.size());
    for (Map.Entry<String, ColumnChanges> column : columns.entrySet()) {
      out.writeUTF(column.getKey());
      out.writeLong(column.getValue().rows());
      SortedMap<Change, Long> changes = column.getValue().changes();
      out.writeInt(changes == null ? -1 : changes.size());
      if (changes != null) {
        for (Map.Entry<Change, Long> change : changes.entrySet()) {
          writeText(change.getKey().from(), out);
          writeText(change.getKey().to(), out);
          out.writeLong(change.getValue());
        }
      }
    }
  }

  static Changes readFrom(DataInput in) throws IOException {
    long before = in.readLong();
    long after = in.readLong();
    long added = in.readLong();
    long removed = in.readLong();
    long changed = in.readLong();
    SortedMap<String, ColumnChanges> columns = new TreeMap<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      String column = in.readUTF();
      long rows = in.readLong();
      int size = in.readInt();
      SortedMap<Change, Long> changes = size < 0 ? null : new TreeMap<>();
      for (int i = 0; changes != null && i < size; i++) {
        changes.put(new Change(readText(in), readText(in)), in.readLong());
      }
      columns.put(column, new ColumnChanges(rows, changes));
    }
    return new Changes(before, after, added, removed, changed, columns);
  }

  static void writeText(@Nullable String text, DataOutput out) throws IOException {
    out.writeBoolean(text != null);
    if (text != null) {
      out.writeUTF(text);
    }
  }

  static @Nullable String readText(DataInput in) throws IOException {
    return in.readBoolean() ? in.readUTF() : null;
  }
}
