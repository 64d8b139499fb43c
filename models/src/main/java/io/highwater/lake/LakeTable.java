package io.highwater.lake;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of a table that count: whoever reads the lake asks here. Hidden and unfinished files do
 * not count; a generation's files count once its marker names them; what any marker names as out
 * does not count, whenever it was written. A damaged marker is as if it were not there.
 *
 * <p>Cheap to ask again: a folder is listed only when its modification time has changed. Threads
 * may share one.
 */
public final class LakeTable {
  private static final Logger log = LoggerFactory.getLogger(LakeTable.class);

  private final String contract;
  private final String table;
  private final ListedFolder folder;
  private final Map<String, Day> days = new HashMap<>();

  private LakeTable(Path lakeRoot, String contract, String table) {
    LakeHour.checkName("contract", contract);
    LakeHour.checkName("table", table);
    this.contract = contract;
    this.table = table;
    this.folder = new ListedFolder(lakeRoot.resolve(contract).resolve(table));
  }

  /** A table that may not be there yet; it is empty then. */
  public static LakeTable of(Path lakeRoot, String contract, String table) {
    return new LakeTable(lakeRoot, contract, table);
  }

  /** All files, by hour and then by name. */
  public List<LakeFile> files() {
    return filesBetween(Long.MIN_VALUE, Long.MAX_VALUE);
  }

  /** The files of one hour by name, {@code epochHour} in hours since the epoch. */
  public List<LakeFile> files(long epochHour) {
    return filesBetween(epochHour, epochHour);
  }

  /** The files of this hour and of all later ones, by hour and then by name. */
  public List<LakeFile> filesSince(long epochHour) {
    return filesBetween(epochHour, Long.MAX_VALUE);
  }

  /** The files of the hours from {@code first} to {@code last}, both inclusive. */
  public synchronized List<LakeFile> filesBetween(long first, long last) {
    List<LakeFile> files = new ArrayList<>();
    try {
      List<String> names = folder.list();
      days.keySet().retainAll(names);
      TreeMap<Long, Day> inRange = new TreeMap<>();
      for (String name : names) {
        Long midnight = epochHourOfDate(name);
        if (midnight != null && midnight <= last && midnight + 23 >= first) {
          Day day = days.computeIfAbsent(name, n -> new Day(midnight, folder.path().resolve(n)));
          inRange.put(midnight, day);
        }
      }
      for (Day day : inRange.values()) {
        for (Hour hour : day.hours()) {
          if (hour.hour.epochHour() >= first && hour.hour.epochHour() <= last) {
            files.addAll(hour.files());
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return files;
  }

  /** All hours that have a folder, in their order, whether any of their files count or not. */
  synchronized List<LakeHour> hours() {
    filesBetween(Long.MIN_VALUE, Long.MAX_VALUE);
    return days.values().stream()
        .flatMap(day -> day.hours.values().stream())
        .map(hour -> hour.hour)
        .sorted(Comparator.comparingLong(LakeHour::epochHour))
        .toList();
  }

  /** The markers among what was last listed that cannot be read. */
  public synchronized List<Path> damagedMarkers() {
    return days.values().stream()
        .flatMap(day -> day.hours.values().stream())
        .flatMap(hour -> hour.damaged.stream().map(hour.folder.path()::resolve))
        .sorted()
        .toList();
  }

  /** What the markers among what was last listed say, by hour. */
  public synchronized Map<LakeHour, List<Replacement>> replacements() {
    Map<LakeHour, List<Replacement>> replacements = new HashMap<>();
    for (Day day : days.values()) {
      for (Hour hour : day.hours.values()) {
        if (!hour.markers.isEmpty()) {
          replacements.put(hour.hour, List.copyOf(hour.markers.values()));
        }
      }
    }
    return replacements;
  }

  private static @Nullable Long epochHourOfDate(String name) {
    Matcher matcher = LakeHour.DATE.matcher(name);
    if (!matcher.matches()) {
      return null;
    }
    try {
      return LakeHour.epochHour(LocalDate.parse(matcher.group(1)), 0);
    } catch (DateTimeException e) {
      return null;
    }
  }

  private final class Day {
    private final long midnight;
    private final ListedFolder folder;
    private final Map<String, Hour> hours = new HashMap<>();

    Day(long midnight, Path path) {
      this.midnight = midnight;
      this.folder = new ListedFolder(path);
    }

    /** In their order. */
    List<Hour> hours() throws IOException {
      List<String> names = folder.list();
      hours.keySet().retainAll(names);
      List<Hour> sorted = new ArrayList<>();
      for (String name : names) {
        Matcher matcher = LakeHour.HOUR.matcher(name);
        if (matcher.matches()) {
          long epochHour = midnight + Integer.parseInt(matcher.group(1));
          sorted.add(
              hours.computeIfAbsent(
                  name,
                  n ->
                      new Hour(
                          new LakeHour(contract, table, epochHour), folder.path().resolve(n))));
        }
      }
      return sorted;
    }
  }

  private static final class Hour {
    private final LakeHour hour;
    private final ListedFolder folder;
    private final Map<String, Replacement> markers = new HashMap<>();
    private final Set<String> damaged = new TreeSet<>();
    private @Nullable List<String> names;
    private List<LakeFile> files = List.of();

    Hour(LakeHour hour, Path path) {
      this.hour = hour;
      this.folder = new ListedFolder(path);
    }

    List<LakeFile> files() throws IOException {
      List<String> listed = folder.list();
      if (damaged.isEmpty() && listed.equals(names)) {
        return files;
      }
      readMarkers(listed);
      Ledger ledger = Ledger.of(markers.values());
      Set<String> missing = ledger.missing(listed);
      // A listing can miss a file that a marker in it names, if both came while it was made. A
      // listing begun after that has the file.
      while (!missing.isEmpty()) {
        listed = folder.listAgain();
        readMarkers(listed);
        ledger = Ledger.of(markers.values());
        Set<String> stillMissing = ledger.missing(listed);
        if (!Collections.disjoint(missing, stillMissing)) {
          log.warn("{} has lost the files {} that its markers name", folder.path(), stillMissing);
          break;
        }
        missing = stillMissing;
      }
      List<LakeFile> counting = new ArrayList<>();
      for (String name : ledger.counting(listed)) {
        counting.add(new LakeFile(hour, name, folder.path().resolve(name)));
      }
      names = listed;
      files = List.copyOf(counting);
      return files;
    }

    /** A marker never changes, so each is read once; a damaged one again, as it may be mended. */
    private void readMarkers(List<String> listed) throws IOException {
      markers.keySet().retainAll(listed);
      damaged.retainAll(listed);
      for (String name : listed) {
        if (LakeNames.isMarker(name) && !markers.containsKey(name)) {
          Path path = folder.path().resolve(name);
          try {
            markers.put(name, Replacement.fromJson(Files.readAllBytes(path)));
            damaged.remove(name);
          } catch (IllegalArgumentException e) {
            if (damaged.add(name)) {
              log.error(
                  "{} is damaged ({}): until it is mended or deleted, its hour is read as if it were"
                      + " not there",
                  path,
                  e.getMessage());
            }
          } catch (NoSuchFileException e) {
            log.debug("{} went away with its hour", path, e);
          }
        }
      }
    }
  }
}
