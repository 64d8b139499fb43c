package io.highwater.lake;

import io.highwater.contract.Contract;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes few large Parquet files of the many small files of a contract's closed hours, removes days
 * that are to be kept no longer, and deletes what was replaced some minutes ago.
 *
 * <p>An hour's files are replaced at one moment, by its marker; killed at any time it leaves each
 * hour as it was or as it is to be, and the next run clears up. Streams may write to the same hours
 * and readers read them meanwhile.
 *
 * <p>An hour is closed when the table has files two hours later, or when no stream has written to
 * it for two minutes. Event time goes on at any speed in a replay, so the wall clock alone is no
 * measure; and the last hours of a stream that has ended have no later ones. Nothing but work
 * depends on it: what is written to an hour after it was compacted counts beside it, and the next
 * run merges it.
 */
public final class Compaction {
  private static final Logger log = LoggerFactory.getLogger(Compaction.class);

  /** A file of 64 MiB or more is not written again. */
  private static final long FILE_BYTES = 128L << 20;

  private static final int HOURS_BEHIND = 2;

  /**
   * A stream writes every few seconds while it has rows of an hour, of its status once a minute.
   */
  private static final Duration QUIET = Duration.ofMinutes(2);

  /** An event from farther ahead is the work of a wrong clock and does not say what is newest. */
  private static final Duration FUTURE_TOLERATED = Duration.ofDays(1);

  private static final String GENERATION_PREFIX = "compact_";
  private static final String WORK_FOLDER = "_compacting";

  private final Path lake;
  private final String contract;
  private final List<FileLayout> layouts;
  private final @Nullable Integer retainDays;
  private final InstantSource clock;
  private final long fileBytes;

  /**
   * What a run has done.
   *
   * @param hours whose files were replaced, each of one table
   * @param hoursOpen that have files to compact and are not closed
   * @param hoursFailed that were left as they are; the log says why
   * @param hoursRemoved by {@code retainDays}
   * @param filesIn that were replaced
   * @param filesOut that took their place
   * @param rows in them
   * @param filesDeleted that were replaced some time ago, or left by a run that was killed
   */
  public record Result(
      int hours,
      int hoursOpen,
      int hoursFailed,
      int hoursRemoved,
      long filesIn,
      long filesOut,
      long bytesIn,
      long bytesOut,
      long rows,
      long filesDeleted,
      long bytesDeleted) {}

  /** Is told how far a run is, after each hour. */
  @FunctionalInterface
  public interface Progress {
    void at(int hours, int ofHours, long bytes, long ofBytes);
  }

  private Compaction(
      Path lake,
      String contract,
      List<FileLayout> layouts,
      @Nullable Integer retainDays,
      InstantSource clock,
      long fileBytes) {
    this.lake = lake;
    this.contract = contract;
    this.layouts = layouts;
    this.retainDays = retainDays;
    this.clock = clock;
    this.fileBytes = fileBytes;
  }

  /** Compacts, and removes no days. */
  public static Compaction of(Path lake, Contract contract) {
    return new Compaction(
        lake, contract.id(), FileLayout.of(contract), null, InstantSource.system(), FILE_BYTES);
  }

  /**
   * Removes from every table the days that are more than {@code days} before the newest day of
   * events. Events, roll-ups: days of event time. Rejected rows and the stream's status lie under
   * when they were received and reported, and the same days are removed of them: they are kept as
   * long as events of that time are, and never less.
   */
  public Compaction withRetainDays(int days) {
    if (days < 0) {
      throw new IllegalArgumentException("retainDays is " + days + ", expected 0 or more");
    }
    return new Compaction(lake, contract, layouts, days, clock, fileBytes);
  }

  Compaction withClock(InstantSource newClock) {
    return new Compaction(lake, contract, layouts, retainDays, newClock, fileBytes);
  }

  Compaction withFileBytes(long bytes) {
    return new Compaction(lake, contract, layouts, retainDays, clock, bytes);
  }

  static boolean isOfCompaction(String name) {
    @Nullable String generation = LakeNames.generationOf(name);
    return generation != null && generation.startsWith(GENERATION_PREFIX);
  }

  /**
   * Runs once over all tables.
   *
   * @throws LakeLock.HeldException if another job is replacing files of this lake
   * @throws IOException if the lake cannot be listed or written to; one hour that cannot be
   *     compacted is logged and left as it is
   */
  public Result run(Progress progress) throws IOException {
    try (LakeLock lock = LakeLock.acquire(lake, contract, "compact")) {
      Path work = lake.resolve(contract).resolve(WORK_FOLDER);
      FileTree.delete(work);
      Files.createDirectories(work);
      try (ParquetMerge merge = ParquetMerge.open(work, fileBytes)) {
        return new Run(merge, clock.instant()).run(progress);
      } catch (SQLException e) {
        throw new IOException("DuckDB cannot be opened: " + e.getMessage(), e);
      } finally {
        FileTree.delete(work);
      }
    }
  }

  /** A table as a run found it. */
  private record Found(FileLayout layout, LakeTable table) {
    Map<LakeHour, List<LakeFile>> filesByHour() {
      Map<LakeHour, List<LakeFile>> hours = new LinkedHashMap<>();
      for (LakeFile file : table.files()) {
        hours.computeIfAbsent(file.hour(), unused -> new ArrayList<>()).add(file);
      }
      return hours;
    }
  }

  /** Files of an hour that are to become others. */
  private record Work(FileLayout layout, LakeHour hour, List<LakeFile> files, long bytes) {}

  private final class Run {
    private final ParquetMerge merge;
    private final Instant now;
    private final String generation;
    private final List<Found> tables = new ArrayList<>();

    /** With a marker that cannot be read: what counts there is not known for sure. */
    private final Set<LakeHour> damaged = new HashSet<>();

    private int hours;
    private int hoursOpen;
    private int hoursFailed;
    private int hoursRemoved;
    private long filesIn;
    private long filesOut;
    private long bytesIn;
    private long bytesOut;
    private long rows;

    Run(ParquetMerge merge, Instant now) {
      this.merge = merge;
      this.now = now;
      this.generation = GENERATION_PREFIX + now.toEpochMilli();
    }

    Result run(Progress progress) throws IOException {
      list();
      if (retainDays != null) {
        removeDaysBefore(retainDays);
      }
      List<Work> works = new ArrayList<>();
      for (Found found : tables) {
        works.addAll(plan(found));
      }
      long ofBytes = works.stream().mapToLong(Work::bytes).sum();
      long bytes = 0;
      for (int i = 0; i < works.size(); i++) {
        compact(works.get(i));
        bytes += works.get(i).bytes();
        progress.at(i + 1, works.size(), bytes, ofBytes);
      }
      LakeSweep sweep = sweep();
      return new Result(
          hours,
          hoursOpen,
          hoursFailed,
          hoursRemoved,
          filesIn,
          filesOut,
          bytesIn,
          bytesOut,
          rows,
          sweep.files(),
          sweep.bytes());
    }

    private void list() {
      for (FileLayout layout : layouts) {
        LakeTable table = LakeTable.of(lake, contract, layout.table());
        tables.add(new Found(layout, table));
        for (LakeHour hour : table.hours()) {
          Path folder = lake.resolve(hour.directory());
          if (table.damagedMarkers().stream().anyMatch(marker -> marker.startsWith(folder))) {
            damaged.add(hour);
            hoursFailed++;
          }
        }
      }
    }

    /** Empties hours, each at one moment; their files are deleted when readers have gone on. */
    private void removeDaysBefore(int days) throws IOException {
      Map<LakeHour, List<LakeFile>> events = tables.get(0).filesByHour();
      OptionalLong newest = newestHour(events.keySet());
      if (newest.isEmpty()) {
        return;
      }
      long firstKept = (Math.floorDiv(newest.getAsLong(), 24L) - days) * 24;
      for (Found found : tables) {
        for (Map.Entry<LakeHour, List<LakeFile>> hour : found.filesByHour().entrySet()) {
          if (hour.getKey().epochHour() < firstKept && !damaged.contains(hour.getKey())) {
            HourFolder.of(lake, hour.getKey())
                .publish(new Replacement(generation, List.of(), names(hour.getValue())));
            hoursRemoved++;
          }
        }
      }
    }

    /** The closed hours that have more files than they need. */
    private List<Work> plan(Found found) throws IOException {
      Map<LakeHour, List<LakeFile>> filesByHour = found.filesByHour();
      OptionalLong newest = newestHour(filesByHour.keySet());
      List<Work> works = new ArrayList<>();
      for (Map.Entry<LakeHour, List<LakeFile>> entry : filesByHour.entrySet()) {
        LakeHour hour = entry.getKey();
        List<LakeFile> files = new ArrayList<>();
        long bytes = 0;
        for (LakeFile file : entry.getValue()) {
          long size = Files.size(file.path());
          if (file.isArrow() || size < fileBytes / 2) {
            files.add(file);
            bytes += size;
          }
        }
        boolean needed = files.size() > 1 || files.stream().anyMatch(LakeFile::isArrow);
        if (!needed || damaged.contains(hour)) {
          continue;
        }
        if (newest.isPresent() && hour.epochHour() <= newest.getAsLong() - HOURS_BEHIND
            || isQuiet(files)) {
          works.add(new Work(found.layout(), hour, files, bytes));
        } else {
          hoursOpen++;
        }
      }
      return works;
    }

    /** The latest of them that is not the work of a wrong clock. */
    private OptionalLong newestHour(Set<LakeHour> hoursOfTable) {
      long farthest = LakeHour.epochHour(now.plus(FUTURE_TOLERATED).toEpochMilli());
      return hoursOfTable.stream()
          .mapToLong(LakeHour::epochHour)
          .filter(hour -> hour <= farthest)
          .max();
    }

    /** Whether no stream has written one of the files lately; a generation is whole. */
    private boolean isQuiet(List<LakeFile> files) throws IOException {
      for (LakeFile file : files) {
        if (LakeNames.generationOf(file.name()) == null
            && Files.getLastModifiedTime(file.path()).toInstant().isAfter(now.minus(QUIET))) {
          return false;
        }
      }
      return true;
    }

    private void compact(Work work) {
      try {
        ParquetMerge.Merged merged = merge.merge(work.layout(), work.files());
        HourFolder folder = HourFolder.of(lake, work.hour());
        List<String> out = names(work.files());
        List<String> in = new ArrayList<>();
        long bytes = 0;
        for (Path file : merged.files()) {
          String name = LakeNames.generation(generation, digest(out, in.size()), LakeNames.PARQUET);
          bytes += Files.size(file);
          folder.moveIn(file, name);
          in.add(name);
        }
        folder.publish(new Replacement(generation, in, out));
        hours++;
        filesIn += out.size();
        filesOut += in.size();
        bytesIn += work.bytes();
        bytesOut += bytes;
        rows += merged.rows();
      } catch (IOException | SQLException e) {
        hoursFailed++;
        log.error(
            "{} cannot be compacted and stays as it is: {}",
            work.hour().directory(),
            String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        log.debug("{}", work.hour().directory(), e);
      }
    }

    /** The rows of a file follow from the files that they come from, and its number. */
    private static String digest(List<String> out, int number) {
      List<byte[]> parts = new ArrayList<>();
      out.forEach(name -> parts.add(name.getBytes(StandardCharsets.UTF_8)));
      parts.add(new byte[] {(byte) (number >> 8), (byte) number});
      return LakeNames.digest(parts);
    }

    private LakeSweep sweep() throws IOException {
      LakeSweep sweep = new LakeSweep(now);
      for (Found found : tables) {
        for (LakeHour hour : found.table().hours()) {
          if (!damaged.contains(hour)) {
            sweep.sweep(HourFolder.of(lake, hour));
          }
        }
      }
      return sweep;
    }

    private static List<String> names(List<LakeFile> files) {
      return files.stream().map(LakeFile::name).toList();
    }
  }
}
