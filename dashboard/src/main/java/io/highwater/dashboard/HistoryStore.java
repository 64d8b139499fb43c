package io.highwater.dashboard;

import io.highwater.dashboard.HistoryRange.Hours;
import io.highwater.dashboard.HotStore.Query;
import io.highwater.lake.FileTree;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeTable;
import io.javalin.http.ServiceUnavailableResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ranges of time that reach back before what the hot store holds, loaded from the lake when they
 * are asked for. One load runs at a time, in the background; the ranges asked for last are kept, in
 * files beside the store that are deleted with them.
 */
final class HistoryStore implements AutoCloseable {
  static final Duration LONGEST_RANGE = Duration.ofDays(31);
  static final Duration LONGEST_LOAD = Duration.ofMinutes(5);

  private static final int RANGES_KEPT = 4;

  /** How old what is known of the lake's files may become while a range is asked for. */
  private static final Duration RECHECK = Duration.ofSeconds(5);

  private static final Logger log = LoggerFactory.getLogger(HistoryStore.class);

  private final DashboardConfig config;
  private final HotStore store;
  private final Path folder;
  private final Duration longestLoad;
  private final LakeTable rollUps;
  private final ExecutorService loader =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "history");
            thread.setDaemon(true);
            return thread;
          });

  /** The one asked for last comes last. */
  private final LinkedHashMap<Hours, HistoryRange> ranges = new LinkedHashMap<>(16, 0.75f, true);

  /** When each was last listed, as of System.nanoTime; absent while it waits for that. */
  private final Map<HistoryRange, Long> listed = new HashMap<>();

  private long filesMade;

  private HistoryStore(DashboardConfig config, HotStore store, Path folder, Duration longestLoad) {
    this.config = config;
    this.store = store;
    this.folder = folder;
    this.longestLoad = longestLoad;
    this.rollUps = LakeTable.of(config.lake(), config.contract(), "rollups");
  }

  /**
   * Deletes what an earlier process left.
   *
   * @param store has its file open, so that no other process uses the folder beside it
   */
  static HistoryStore open(DashboardConfig config, HotStore store, Duration longestLoad)
      throws IOException {
    Path folder = config.store().resolveSibling(config.store().getFileName() + ".history");
    FileTree.delete(folder);
    return new HistoryStore(config, store, folder, longestLoad);
  }

  /**
   * The hours of a scope that reaches back before what the hot store holds, over hours that the
   * lake has roll-ups of; null for any other.
   *
   * @throws Problem if it does, and is too long
   */
  @Nullable Hours before(Scope scope) {
    Instant to = scope.to();
    if (to == null) {
      return null;
    }
    Instant from = to.minus(scope.length());
    long first = LakeHour.epochHour(from.toEpochMilli());
    long last = LakeHour.epochHour(to.toEpochMilli() - 1);
    long oldestHeld = store.oldestHour();
    if (first >= oldestHeld
        || rollUps.filesBetween(first, Math.min(last, oldestHeld - 1)).isEmpty()) {
      return null;
    }
    if (scope.length().compareTo(LONGEST_RANGE) > 0) {
      throw new Problem(
          "from",
          from.toString(),
          "a time at most "
              + LONGEST_RANGE.toDays()
              + " days before "
              + to
              + ", as the range begins before what the store holds");
    }
    return new Hours(first, last);
  }

  /**
   * Asks of a range.
   *
   * @throws HistoryLoading until it has been loaded
   * @throws ServiceUnavailableResponse if it could not be; the next call tries again
   */
  <T extends @Nullable Object> T read(Hours hours, Query<T> query) throws SQLException {
    HistoryRange range = range(hours);
    String failure = range.failure();
    if (failure != null) {
      drop(hours, range);
      throw new ServiceUnavailableResponse(failure);
    }
    return range.read(query);
  }

  /** The files of the lake that could not be read, by path: by the store and for these ranges. */
  synchronized List<SkippedFile> filesSkipped() {
    Map<String, SkippedFile> skipped = new TreeMap<>();
    for (HistoryRange range : ranges.values()) {
      range.skipped().forEach(file -> skipped.put(file.path(), file));
    }
    store.status().filesSkipped().forEach(file -> skipped.put(file.path(), file));
    return List.copyOf(skipped.values());
  }

  private synchronized HistoryRange range(Hours hours) throws SQLException {
    HistoryRange range = ranges.get(hours);
    if (range == null) {
      try {
        Files.createDirectories(folder);
      } catch (IOException e) {
        throw new SQLException("no file can be made in " + folder, e);
      }
      Iterator<HistoryRange> eldest = ranges.values().iterator();
      while (ranges.size() >= RANGES_KEPT) {
        release(eldest.next());
        eldest.remove();
      }
      range = new HistoryRange(config, hours, folder.resolve(filesMade++ + ".duckdb"));
      ranges.put(hours, range);
      load(range);
    } else {
      Long at = listed.get(range);
      if (at != null && System.nanoTime() - at > RECHECK.toNanos()) {
        listed.remove(range);
        load(range);
      }
    }
    return range;
  }

  private synchronized void drop(Hours hours, HistoryRange range) {
    if (ranges.remove(hours, range)) {
      release(range);
    }
  }

  private void load(HistoryRange range) {
    loader.execute(
        () -> {
          range.load(longestLoad);
          listedNow(range);
        });
  }

  private synchronized void listedNow(HistoryRange range) {
    if (ranges.containsValue(range)) {
      listed.put(range, System.nanoTime());
    }
  }

  private void release(HistoryRange range) {
    listed.remove(range);
    range.close();
    loader.execute(range::delete);
  }

  /** Ends a load within a file's time, and deletes what was loaded. */
  @Override
  public void close() {
    synchronized (this) {
      ranges.values().forEach(this::release);
      ranges.clear();
    }
    loader.shutdown();
    try {
      if (!loader.awaitTermination(10, TimeUnit.SECONDS)) {
        loader.shutdownNow();
      }
      FileTree.delete(folder);
    } catch (IOException e) {
      log.warn("{} was not deleted: {}", folder, StoreFile.firstLine(e));
    } catch (InterruptedException e) {
      loader.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
