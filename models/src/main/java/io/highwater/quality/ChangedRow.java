package io.highwater.quality;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A row that would change, as an example of many. Which ones become examples follows from their
 * keys, and not from the order in which they come.
 *
 * @param hash of the key
 * @param key its values as text, in the order of the key's fields
 * @param eventMicros microseconds since the epoch
 * @param cells the values that differ
 */
record ChangedRow(String hash, List<String> key, long eventMicros, List<Cell> cells) {
  static final int SAMPLE_SIZE = 20;

  private static final Comparator<ChangedRow> ORDER =
      Comparator.comparing(ChangedRow::hash)
          .thenComparing(ChangedRow::eventMicros)
          .thenComparing(row -> row.cells().toString());

  ChangedRow {
    key = List.copyOf(key);
    cells = List.copyOf(cells);
  }

  /** A value as text, before and after. */
  record Cell(String column, @Nullable String from, @Nullable String to) {}

  static List<ChangedRow> sample(List<ChangedRow> left, List<ChangedRow> right) {
    List<ChangedRow> rows = new ArrayList<>(left);
    rows.addAll(right);
    rows.sort(ORDER);
    return List.copyOf(rows.subList(0, Math.min(rows.size(), SAMPLE_SIZE)));
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeUTF(hash);
    out.writeInt(key.size());
    for (String value : key) {
      out.writeUTF(value);
    }
    out.writeLong(eventMicros);
    out.writeInt(cells.size());
    for (Cell cell : cells) {
      out.writeUTF(cell.column());
      Changes.writeText(cell.from(), out);
      Changes.writeText(cell.to(), out);
    }
  }

  static ChangedRow readFrom(DataInput in) throws IOException {
    String hash = in.readUTF();
    List<String> key = new ArrayList<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      key.add(in.readUTF());
    }
    long eventMicros = in.readLong();
    List<Cell> cells = new ArrayList<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      cells.add(new Cell(in.readUTF(), Changes.readText(in), Changes.readText(in)));
    }
    return new ChangedRow(hash, key, eventMicros, cells);
  }
}
