package io.highwater.quality;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Files that could not be read. Immutable.
 *
 * @param count how many there are
 * @param reasons of the first {@value #NAMED} by name
 */
record UnreadableFiles(long count, SortedMap<String, String> reasons) {
  private static final int NAMED = 100;
  private static final int REASON_CHARACTERS = 1000;

  static final UnreadableFiles NONE = new UnreadableFiles(0, new TreeMap<>());

  UnreadableFiles {
    reasons = Collections.unmodifiableSortedMap(reasons);
  }

  static UnreadableFiles of(String name, String reason) {
    return new UnreadableFiles(
        1, new TreeMap<>(Map.of(name, TextTable.fit(reason, REASON_CHARACTERS))));
  }

  UnreadableFiles merge(UnreadableFiles that) {
    TreeMap<String, String> merged = new TreeMap<>(reasons);
    that.reasons.forEach(
        (name, reason) ->
            merged.merge(name, reason, (left, right) -> left.compareTo(right) < 0 ? left : right));
    while (merged.size() > NAMED) {
      merged.pollLastEntry();
    }
    return new UnreadableFiles(count + that.count, merged);
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeLong(count);
    out.writeInt(reasons.size());
    for (Map.Entry<String, String> reason : reasons.entrySet()) {
      out.writeUTF(reason.getKey());
      out.writeUTF(reason.getValue());
    }
  }

  static UnreadableFiles readFrom(DataInput in) throws IOException {
    long count = in.readLong();
    SortedMap<String, String> reasons = new TreeMap<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      reasons.put(in.readUTF(), in.readUTF());
    }
    return new UnreadableFiles(count, reasons);
  }
}
