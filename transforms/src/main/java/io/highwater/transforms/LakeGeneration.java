package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import io.highwater.lake.Replacement;
import io.highwater.record.TimeRange;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What a bounded run writes, and what it replaces: the files that were in its hours when it began.
 * What a stream adds meanwhile stays, beside what the run wrote.
 *
 * <p>The run's files do not count until {@link #publish}, which writes one marker an hour and
 * table. Each hour changes in one step; of several hours and tables, one after the other. Who dies
 * in between has replaced some hours, and a run of the same input replaces all.
 */
public final class LakeGeneration {
  private static final List<Table> TABLES =
      List.of(Table.EVENTS, Table.ROLLUPS, Table.OUTLIERS, Table.REJECTED);
  private static final int INPUT_DIGITS = 8;

  private final Contract contract;
  private final LakeFolder lake;
  private final String name;
  private final Map<Table, Map<Long, List<String>>> before;

  private LakeGeneration(
      Contract contract, LakeFolder lake, String name, Map<Table, Map<Long, List<String>>> before) {
    this.contract = contract;
    this.lake = lake;
    this.name = name;
    this.before = before;
  }

  /**
   * Begins a generation with a look at what is there.
   *
   * @param now names the generation; another one than that of any run before
   * @param input says what the run reads. Rejected rows are filed under the time at which they came
   *     in, beside those of other runs; those of an earlier run of the same input are replaced
   */
  public static LakeGeneration begin(Contract contract, String lake, Instant now, String input)
      throws IOException {
    LakeFolder folder = new LakeFolder(lake);
    Map<Table, Map<Long, List<String>>> before = new EnumMap<>(Table.class);
    for (Table table : TABLES) {
      before.put(table, folder.namesByHour(contract, table));
    }
    String digest = LakeNames.digest(List.of(input.getBytes(StandardCharsets.UTF_8)));
    String name = now.toEpochMilli() + "_" + digest.substring(0, INPUT_DIGITS);
    return new LakeGeneration(contract, folder, name, before);
  }

  /**
   * For a run that reads a lake's events: it replaces just the files that it reads, whatever came
   * to be there between two looks.
   */
  public LakeGeneration withEventsOf(List<LakeFile> files) {
    Map<Table, Map<Long, List<String>>> reading = new EnumMap<>(before);
    Map<Long, List<String>> events = new TreeMap<>();
    for (LakeFile file : files) {
      events.computeIfAbsent(file.hour().epochHour(), unused -> new ArrayList<>()).add(file.name());
    }
    reading.put(Table.EVENTS, events);
    return new LakeGeneration(contract, lake, name, reading);
  }

  /** What the run's files carry in their names. */
  public String name() {
    return name;
  }

  Notes notes() {
    return new Notes(contract, lake, name);
  }

  /**
   * Makes the run's files count. Replaces the hours that the run has rows in, and if it was asked
   * for a range of time, all hours of that range.
   *
   * @param times the range that the run was asked for, of whole hours; {@link TimeRange#ALL} if
   *     none
   * @return how many hours of events were replaced
   */
  public int publish(TimeRange times) throws IOException {
    Map<Table, Map<Long, List<String>>> written = notes().read();
    int eventHours = 0;
    for (Table table : TABLES) {
      Map<Long, List<String>> in = written.getOrDefault(table, Map.of());
      Set<Long> hours = new TreeSet<>(in.keySet());
      // Also where there was an outlier and now is none.
      Set<Long> withEvents = written.getOrDefault(Table.EVENTS, Map.of()).keySet();
      for (long hour : requireNonNull(before.get(table)).keySet()) {
        boolean isAskedFor =
            table == Table.REJECTED
                || (table == Table.OUTLIERS && withEvents.contains(hour))
                || (!times.equals(TimeRange.ALL) && times.contains(startMillis(table, hour)));
        if (isAskedFor && !replaced(table, hour).isEmpty()) {
          hours.add(hour);
        }
      }
      for (long hour : hours) {
        List<String> names = in.getOrDefault(hour, List.of());
        List<String> out = new ArrayList<>(replaced(table, hour));
        out.removeAll(names);
        Replacement replacement = new Replacement(name, names, out);
        lake.write(contract, table, hour, replacement.markerName(), replacement.toJson());
      }
      eventHours += table == Table.EVENTS ? hours.size() : 0;
    }
    notes().delete();
    return eventHours;
  }

  private long startMillis(Table table, long epochHour) {
    return new LakeHour(contract.id(), table.folder(), epochHour).start().toEpochMilli();
  }

  /** The files that the run replaces; of rejected rows, those of the same input. */
  private List<String> replaced(Table table, long hour) {
    List<String> names = requireNonNull(before.get(table)).getOrDefault(hour, List.of());
    if (table != Table.REJECTED) {
      return names;
    }
    String input = inputOf(name);
    return names.stream()
        .filter(
            file -> {
              String generation = LakeNames.generationOf(file);
              return generation != null && inputOf(generation).equals(input);
            })
        .toList();
  }

  private static String inputOf(String generation) {
    return generation.substring(generation.indexOf('_') + 1);
  }

  /** Which files the run's workers wrote; a file of names an hour and table, beside the tables. */
  record Notes(Contract contract, LakeFolder lake, String generation) implements Serializable {
    void write(Table table, long epochHour, List<String> names) throws IOException {
      lake.writeNote(
          contract,
          generation,
          table.folder() + "@" + epochHour + ".json",
          new Replacement(generation, names, List.of()).toJson());
    }

    Map<Table, Map<Long, List<String>>> read() throws IOException {
      Map<Table, Map<Long, List<String>>> names = new EnumMap<>(Table.class);
      for (Map.Entry<String, byte[]> note : lake.readNotes(contract, generation).entrySet()) {
        String[] parts = note.getKey().replace(".json", "").split("@", 2);
        names
            .computeIfAbsent(
                Table.valueOf(parts[0].toUpperCase(Locale.ROOT)), unused -> new TreeMap<>())
            .put(Long.parseLong(parts[1]), Replacement.fromJson(note.getValue()).in());
      }
      return names;
    }

    void delete() throws IOException {
      lake.deleteNotes(contract, generation);
    }
  }
}
