package io.highwater.dashboard;

import io.highwater.dashboard.HotStore.Query;
import io.highwater.dashboard.StoreWriter.FoundFile;
import io.highwater.dashboard.StoreWriter.LoadedFile;
import io.highwater.dashboard.StoreWriter.StagedFile;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Some hours of a lake in a DuckDB file of their own, with the tables of the hot store. One thread
 * loads; any number read, once all of it has been loaded.
 */
final class HistoryRange implements AutoCloseable {
  /** What scopes are asked of. Feedback lies by when it was given: all that came later is read. */
  private static final List<String> TABLES =
      List.of("rollups", "outliers", "feedback", "rejected", "events");

  private static final int FILES_PER_COMMIT = 64;
  private static final Logger log = LoggerFactory.getLogger(HistoryRange.class);

  private final DashboardConfig config;
  private final Hours hours;
  private final Path file;

  /** Readers hold the read lock; the write lock is held to close it. */
  private final ReadWriteLock lock = new ReentrantReadWriteLock();

  private @Nullable StoreWriter writer;
  private boolean closed;

  /** Files that could not be read, by path. */
  private final Map<String, SkippedFile> skipped = new ConcurrentSkipListMap<>();

  private volatile int filesLoaded;
  private volatile int filesTotal;
  private volatile boolean complete;
  private volatile @Nullable String failure;

  /** Hours since the epoch, both inclusive. */
  record Hours(long first, long last) {}

  /** Of a file that is not there yet. */
  HistoryRange(DashboardConfig config, Hours hours, Path file) {
    this.config = config;
    this.hours = hours;
    this.file = file;
  }

  /** What of it could not be read, by path. */
  Collection<SkippedFile> skipped() {
    return skipped.values();
  }

  /** Why it could not be loaded; null while it may be. */
  @Nullable String failure() {
    return failure;
  }

  /**
   * Asks over a connection of its own, in one transaction.
   *
   * @throws HistoryLoading as long as not all of it has been loaded
   */
  <T extends @Nullable Object> T read(Query<T> query) throws SQLException {
    lock.readLock().lock();
    try {
      if (!complete || closed || writer == null) {
        throw new HistoryLoading(filesLoaded, filesTotal);
      }
      return writer.read(query);
    } finally {
      lock.readLock().unlock();
    }
  }

  /**
   * Brings it up to the lake: the first time all of it, later what was replaced since. What it held
   * can be read meanwhile.
   *
   * @param longest after which it gives up
   */
  void load(Duration longest) {
    long deadline = System.nanoTime() + longest.toNanos();
    try {
      StoreWriter opened = open();
      if (opened == null) {
        return;
      }
      Map<String, FoundFile> found = find();
      List<LoadedFile> removed = new ArrayList<>();
      for (LoadedFile loaded : opened.loaded().values()) {
        FoundFile now = found.get(loaded.path());
        if (now == null || !loaded.isOf(now)) {
          removed.add(loaded);
        }
      }
      skipped.keySet().retainAll(found.keySet());
      List<FoundFile> fresh = new ArrayList<>();
      for (FoundFile candidate : found.values()) {
        LoadedFile loaded = opened.loaded().get(candidate.path());
        SkippedFile skip = skipped.get(candidate.path());
        if ((loaded == null || !loaded.isOf(candidate))
            && (skip == null || !skip.isOf(candidate))) {
          fresh.add(candidate);
        }
      }
      filesTotal = found.size();
      filesLoaded = found.size() - fresh.size();
      if (load(opened, removed, fresh, deadline)) {
        complete = true;
      } else {
        failure =
            "loading took longer than %d s, with %d of %d files loaded; ask for a shorter range"
                .formatted(longest.toSeconds(), filesLoaded, filesTotal);
      }
    } catch (IOException | SQLException | RuntimeException e) {
      log.error("{} cannot be loaded from the lake", hours, e);
      failure = "the range cannot be loaded from the lake: " + StoreFile.firstLine(e);
    }
  }

  /** Null where it has been closed. */
  private @Nullable StoreWriter open() throws IOException, SQLException {
    lock.writeLock().lock();
    try {
      if (writer == null && !closed) {
        writer = new StoreWriter(StoreFile.createTemporary(config, file));
      }
      return closed ? null : writer;
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** The files that count, by path below the contract. */
  private Map<String, FoundFile> find() throws IOException {
    Path root = config.lake().resolve(config.contract());
    Map<String, FoundFile> found = new TreeMap<>();
    for (String table : TABLES) {
      LakeTable lakeTable = LakeTable.of(config.lake(), config.contract(), table);
      List<LakeFile> counting =
          table.equals("feedback")
              ? lakeTable.filesSince(hours.first())
              : lakeTable.filesBetween(hours.first(), hours.last());
      for (LakeFile lakeFile : counting) {
        String path = HotStore.belowContract(root, lakeFile.path());
        FoundFile attributes = HotStore.attributes(path, lakeFile);
        if (attributes != null) {
          found.put(path, attributes);
        }
      }
    }
    return found;
  }

  /**
   * False where the time was not enough. The first time in steps, as nobody reads yet; later in one
   * commit, so that replaced files are never missing or there twice.
   */
  private boolean load(
      StoreWriter opened, List<LoadedFile> removed, List<FoundFile> fresh, long deadline)
      throws SQLException {
    fresh.sort(Comparator.comparingLong(FoundFile::epochHour).thenComparing(FoundFile::path));
    Path root = config.lake().resolve(config.contract());
    int batchSize = complete ? Math.max(1, fresh.size()) : FILES_PER_COMMIT;
    List<LoadedFile> toRemove = removed;
    int done = 0;
    while (done < fresh.size() || !toRemove.isEmpty()) {
      List<StagedFile> batch = new ArrayList<>();
      for (int end = Math.min(fresh.size(), done + batchSize); done < end; done++) {
        if (System.nanoTime() >= deadline || isClosed()) {
          return false;
        }
        StagedFile staged = stage(opened, fresh.get(done), root);
        if (staged != null) {
          batch.add(staged);
        }
        filesLoaded++;
      }
      opened.commit(toRemove, batch, Instant.now());
      toRemove = List.of();
    }
    return true;
  }

  private @Nullable StagedFile stage(StoreWriter opened, FoundFile fresh, Path root)
      throws SQLException {
    Path path = root.resolve(fresh.path());
    try {
      StagedFile staged = opened.stage(fresh, path);
      skipped.remove(fresh.path());
      return staged;
    } catch (SQLException | IOException | RuntimeException e) {
      if (String.valueOf(e.getMessage()).startsWith("Out of Memory")) {
        throw new SQLException("it does not fit into the memory that is set aside for it", e);
      }
      if (Files.exists(path)) {
        SkippedFile skip = SkippedFile.of(fresh, e, Instant.now());
        log.warn("{} is skipped until it changes: {}", fresh.path(), skip.reason());
        skipped.put(fresh.path(), skip);
      }
      return null;
    }
  }

  private boolean isClosed() {
    lock.readLock().lock();
    try {
      return closed;
    } finally {
      lock.readLock().unlock();
    }
  }

  /** May be called while it is being read, and again; not by the loading thread while it loads. */
  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      closed = true;
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Frees what it holds, after {@link #close}; of the loading thread. */
  void delete() {
    lock.writeLock().lock();
    try {
      if (writer != null) {
        writer.close();
        writer = null;
      }
      StoreFile.delete(file);
    } catch (SQLException | IOException e) {
      log.warn("{} was not deleted: {}", file, StoreFile.firstLine(e));
    } finally {
      lock.writeLock().unlock();
    }
  }
}
