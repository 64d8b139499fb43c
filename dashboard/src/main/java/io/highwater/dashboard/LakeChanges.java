package io.highwater.dashboard;

import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeTable;
import io.highwater.lake.Replacement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What backfills, compactions and retention have replaced in a lake, as its markers tell. */
final class LakeChanges {
  private static final Pattern COMPACTION = Pattern.compile("compact_(\\d{1,15})");
  private static final Pattern BACKFILL = Pattern.compile("(\\d{1,15})_[0-9a-f]{8}");

  private LakeChanges() {}

  /**
   * What one run did to one table.
   *
   * @param at when the run began; null where the generation's name does not say
   * @param hours how many hours it replaced files in
   */
  record Change(
      @Nullable Instant at,
      String kind,
      String table,
      String generation,
      int hours,
      int filesIn,
      int filesOut) {
    Change plus(Replacement replacement) {
      return new Change(
          at,
          kind,
          table,
          generation,
          hours + 1,
          filesIn + replacement.in().size(),
          filesOut + replacement.out().size());
    }

    Map<String, @Nullable Object> toJson() {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("at", at);
      json.put("kind", kind);
      json.put("table", table);
      json.put("generation", generation);
      json.put("hours", hours);
      json.put("files_in", filesIn);
      json.put("files_out", filesOut);
      return json;
    }
  }

  /** The newest changes among what was last listed of the tables, the newest first. */
  static List<Change> newest(Collection<LakeTable> tables, int limit) {
    Map<List<String>, Change> changes = new LinkedHashMap<>();
    for (LakeTable table : tables) {
      for (Map.Entry<LakeHour, List<Replacement>> hour : table.replacements().entrySet()) {
        for (Replacement replacement : hour.getValue()) {
          Change none = none(hour.getKey().table(), replacement);
          changes.merge(
              List.of(none.kind(), none.table(), none.generation()),
              none.plus(replacement),
              (sum, unused) -> sum.plus(replacement));
        }
      }
    }
    List<Change> sorted = new ArrayList<>(changes.values());
    sorted.sort(
        Comparator.comparing(Change::at, Comparator.nullsFirst(Comparator.naturalOrder()))
            .reversed()
            .thenComparing(Change::table)
            .thenComparing(Change::kind)
            .thenComparing(Change::generation));
    return sorted.stream().limit(limit).toList();
  }

  /** A run's change to a table before its first hour is counted. */
  private static Change none(String table, Replacement replacement) {
    String generation = replacement.generation();
    Matcher compaction = COMPACTION.matcher(generation);
    Matcher backfill = BACKFILL.matcher(generation);
    String kind = "replacement";
    Instant at = null;
    if (compaction.matches()) {
      kind = replacement.in().isEmpty() ? "retention" : "compaction";
      at = Instant.ofEpochMilli(Long.parseLong(compaction.group(1)));
    } else if (backfill.matches()) {
      kind = "backfill";
      at = Instant.ofEpochMilli(Long.parseLong(backfill.group(1)));
    }
    return new Change(at, kind, table, generation, 0, 0, 0);
  }
}
