package io.highwater.dashboard;

import io.highwater.dashboard.StoreWriter.FoundFile;
import io.highwater.dashboard.StoreWriter.LoadedFile;
import io.highwater.dashboard.StoreWriter.StagedFile;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest days of one contract's lake, in a DuckDB file that this process alone has open.
 *
 * <p>The store is a function of the lake: every poll lists the files that count, takes out what is
 * no longer among them (replaced, deleted or older than keepDays) and loads what is new, newest
 * hour first. A file's rows and its entry in the ledger are committed together, so that a crash
 * leaves a file loaded once or not at all. Whatever happens to the store's own file, it is built
 * again from the lake.
 *
 * <p>One thread polls; any number read, each over its own connection, and see whole commits.
 */
public final class HotStore implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HotStore.class);

  static final List<String> TABLES =
      List.of("rollups", "outliers", "feedback", "rejected", "events", "status");

  /** Their rows lie by when they were made, which says nothing of how new the events are. */
  private static final Set<String> BY_WALL_CLOCK = Set.of("feedback", "rejected", "status");

  /**
   * Data from farther ahead than this is the work of a wrong clock; it is loaded but does not
   * decide what the newest data is.
   */
  static final Duration FUTURE_TOLERATED = Duration.ofDays(1);

  private static final Duration POLL_INTERVAL = Duration.ofSeconds(1);

  /**
   * How long one poll loads before it lists again: what arrives during a long rebuild comes first.
   */
  private static final Duration LONGEST_LOAD = Duration.ofSeconds(1);

  /** A commit costs a sync of the disk, so small files share one. */
  private static final int FILES_PER_COMMIT = 64;

  /** Every how many polls the sizes of loaded files are looked at again; new ones always are. */
  private static final int RECHECK_POLLS = 30;

  private final DashboardConfig config;
  private final Map<String, LakeTable> tables = new LinkedHashMap<>();
  private final InstantSource clock;
  private final long openedMillis;
  private final ScheduledExecutorService poller =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "hot-store");
            thread.setDaemon(true);
            return thread;
          });

  /** Readers hold the read lock; the write lock is held only while the writer is replaced. */
  private final ReadWriteLock connectionLock = new ReentrantReadWriteLock();

  private StoreWriter writer;

  // Of the polling thread alone.
  private final Map<String, SkippedFile> skipped = new TreeMap<>();
  private long polls;
  private boolean broken;

  private volatile StoreStatus status;
  private volatile long oldestHour = Long.MIN_VALUE;
  private final AtomicLong commits = new AtomicLong();

  /**
   * What the last poll left.
   *
   * @param caughtUp whether every file of the lake has been loaded or skipped at least once
   * @param error why the last poll failed; null if it did not
   */
  public record StoreStatus(
      boolean lakeReachable,
      boolean caughtUp,
      int filesLoaded,
      int filesPending,
      List<SkippedFile> filesSkipped,
      @Nullable Instant newestLoad,
      @Nullable String error) {}

  /** A question to the store. */
  @FunctionalInterface
  interface Query<T extends @Nullable Object> {
    T ask(Connection connection) throws SQLException;
  }

  private HotStore(DashboardConfig config, InstantSource clock, StoreWriter writer) {
    this.config = config;
    this.clock = clock;
    this.writer = writer;
    for (String table : TABLES) {
      tables.put(table, LakeTable.of(config.lake(), config.contract(), table));
    }
    openedMillis = clock.millis();
    status =
        new StoreStatus(
            false, false, writer.loaded().size(), 0, List.of(), writer.newestLoad(), null);
  }

  /**
   * Opens the store, building it anew where it is missing or damaged; nothing is loaded yet.
   *
   * @throws IOException if another process has the store open, or its place cannot be written to
   */
  static HotStore open(DashboardConfig config, InstantSource clock) throws IOException {
    return new HotStore(config, clock, newWriter(config));
  }

  private static StoreWriter newWriter(DashboardConfig config) throws IOException {
    DuckDBConnection connection = StoreFile.open(config);
    try {
      return new StoreWriter(connection);
    } catch (SQLException e) {
      throw new IOException(
          "the store " + config.store() + " cannot be read: " + StoreFile.firstLine(e), e);
    }
  }

  /** Begins to follow the lake, about once a second. */
  void start() {
    poller.scheduleWithFixedDelay(
        this::pollAndReport, 0, POLL_INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
  }

  public StoreStatus status() {
    return status;
  }

  /** The first hour that is kept, in hours since the epoch. */
  long oldestHour() {
    return oldestHour;
  }

  /** The lake's tables that are followed. */
  Collection<LakeTable> lakeTables() {
    return tables.values();
  }

  /** Changes with every commit and with every start: the name of what readers see. */
  public String version() {
    return Long.toString(openedMillis, 36) + "-" + commits.get();
  }

  /** Asks over a connection of its own, in one transaction: all that it sees is of one commit. */
  <T extends @Nullable Object> T read(Query<T> query) throws SQLException {
    connectionLock.readLock().lock();
    try {
      return writer.read(query);
    } finally {
      connectionLock.readLock().unlock();
    }
  }

  /** May be called again. */
  @Override
  public void close() {
    poller.shutdown();
    try {
      // A load takes about LONGEST_LOAD; one that is cut off is done again at the next start.
      if (!poller.awaitTermination(10, TimeUnit.SECONDS)) {
        poller.shutdownNow();
      }
    } catch (InterruptedException e) {
      poller.shutdownNow();
      Thread.currentThread().interrupt();
    }
    connectionLock.writeLock().lock();
    try {
      writer.close();
    } catch (SQLException e) {
      log.warn("the store did not close: {}", StoreFile.firstLine(e));
    } finally {
      connectionLock.writeLock().unlock();
    }
  }

  private void pollAndReport() {
    try {
      do {
        poll();
      } while (status.filesPending() > 0 && status.error() == null && !poller.isShutdown());
    } catch (RuntimeException e) {
      // An exception would end the schedule; the next poll may do better.
      failed(e);
    }
  }

  /** Brings the store up to the lake, or, in a long load, a step closer to it. */
  void poll() {
    try {
      if (broken || !Files.exists(config.store())) {
        reopen();
      }
      follow();
    } catch (IOException | SQLException e) {
      failed(e);
      // What the ledger in memory says may not be what was committed.
      broken = broken || e instanceof SQLException;
    }
  }

  private void failed(Exception e) {
    StoreStatus last = status;
    if (!StoreFile.firstLine(e).equals(last.error())) {
      log.error("the lake cannot be followed, it is tried again every second", e);
    }
    status =
        new StoreStatus(
            last.lakeReachable(),
            last.caughtUp(),
            last.filesLoaded(),
            last.filesPending(),
            last.filesSkipped(),
            last.newestLoad(),
            StoreFile.firstLine(e));
  }

  private void follow() throws IOException, SQLException {
    Path root = config.lake().resolve(config.contract());
    if (!Files.isDirectory(root)) {
      // Not yet written, or a disk that is not mounted: what was loaded stays.
      report(Files.isDirectory(config.lake()), true, 0, null);
      return;
    }
    Listing listing = list(root);
    Set<String> listed = new HashSet<>(listing.files().keySet());
    for (Path marker : listing.damagedMarkers()) {
      String path = belowContract(root, marker);
      listed.add(path);
      skipped.computeIfAbsent(
          path,
          unused ->
              new SkippedFile(
                  path,
                  0,
                  0,
                  "is damaged; its hour is read as if it were not there",
                  clock.instant()));
    }
    skipped.keySet().retainAll(listed);
    boolean recheck = polls++ % RECHECK_POLLS == 0;
    List<LoadedFile> removed = new ArrayList<>();
    for (LoadedFile loaded : writer.loaded().values()) {
      if (!listing.files().containsKey(loaded.path())
          && !listing.unreadable().contains(tableOf(loaded.path()))) {
        removed.add(loaded);
      }
    }
    List<FoundFile> fresh = new ArrayList<>();
    for (Map.Entry<String, LakeFile> file : listing.files().entrySet()) {
      LoadedFile loaded = writer.loaded().get(file.getKey());
      if (loaded != null && !recheck) {
        continue;
      }
      FoundFile found = attributes(file.getKey(), file.getValue());
      if (found == null || isSkipped(found) || (loaded != null && loaded.isOf(found))) {
        continue;
      }
      fresh.add(found);
      if (loaded != null) {
        removed.add(loaded);
      }
    }
    fresh.sort(
        Comparator.comparingLong(FoundFile::epochHour)
            .reversed()
            .thenComparing(file -> TABLES.indexOf(tableOf(file.path())))
            .thenComparing(FoundFile::path));
    int done = load(root, removed, fresh);
    report(true, status.caughtUp() || done == fresh.size(), fresh.size() - done, listing.error());
  }

  private void report(
      boolean lakeReachable, boolean caughtUp, int filesPending, @Nullable String error) {
    status =
        new StoreStatus(
            lakeReachable,
            caughtUp,
            writer.loaded().size(),
            filesPending,
            List.copyOf(skipped.values()),
            writer.newestLoad(),
            error);
  }

  /**
   * The files that count and are not older than keepDays, by path below the contract.
   *
   * @param damagedMarkers whose hours are read as if they were not there
   * @param unreadable tables that could not be listed; what is loaded of them stays
   * @param error why they could not be
   */
  private record Listing(
      Map<String, LakeFile> files,
      List<Path> damagedMarkers,
      Set<String> unreadable,
      @Nullable String error) {}

  private Listing list(Path root) {
    Map<String, LakeFile> files = new HashMap<>();
    List<Path> damagedMarkers = new ArrayList<>();
    Set<String> unreadable = new HashSet<>();
    String error = null;
    long newest = 0;
    long farthest = LakeHour.epochHour(clock.instant().plus(FUTURE_TOLERATED).toEpochMilli());
    for (Map.Entry<String, LakeTable> table : tables.entrySet()) {
      List<LakeFile> counting;
      try {
        counting = table.getValue().files();
      } catch (UncheckedIOException e) {
        unreadable.add(table.getKey());
        error = StoreFile.firstLine(e);
        continue;
      }
      damagedMarkers.addAll(table.getValue().damagedMarkers());
      for (LakeFile file : counting) {
        files.put(belowContract(root, file.path()), file);
        long hour = file.hour().epochHour();
        if (!BY_WALL_CLOCK.contains(table.getKey()) && hour <= farthest) {
          newest = Math.max(newest, hour);
        }
      }
    }
    long oldest = newest - config.keepDays() * 24L;
    oldestHour = oldest;
    files.values().removeIf(file -> file.hour().epochHour() < oldest);
    return new Listing(files, damagedMarkers, unreadable, error);
  }

  static String belowContract(Path root, Path path) {
    return root.relativize(path).toString().replace('\\', '/');
  }

  private static String folderOf(String path) {
    return path.substring(0, path.lastIndexOf('/'));
  }

  private static String tableOf(String path) {
    return path.substring(0, path.indexOf('/'));
  }

  static @Nullable FoundFile attributes(String path, LakeFile file) throws IOException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file.path(), BasicFileAttributes.class);
      return new FoundFile(
          file.hour().table(),
          path,
          file.hour().epochHour(),
          attributes.size(),
          attributes.lastModifiedTime().toMillis());
    } catch (NoSuchFileException e) {
      return null; // Replaced or deleted since it was listed.
    }
  }

  private boolean isSkipped(FoundFile file) {
    SkippedFile skip = skipped.get(file.path());
    return skip != null && skip.isOf(file);
  }

  /**
   * Loads files until the time is up and says how many were loaded, skipped or gone. What takes the
   * place of loaded files of its hour comes in with the commit that takes those out.
   */
  private int load(Path root, List<LoadedFile> removed, List<FoundFile> fresh) throws SQLException {
    long deadline = System.nanoTime() + LONGEST_LOAD.toNanos();
    Map<String, List<LoadedFile>> removedByFolder = new HashMap<>();
    for (LoadedFile file : removed) {
      removedByFolder.computeIfAbsent(folderOf(file.path()), f -> new ArrayList<>()).add(file);
    }
    Map<String, List<LoadedFile>> replaced = new HashMap<>();
    for (FoundFile file : fresh) {
      @Nullable List<LoadedFile> loaded = removedByFolder.remove(folderOf(file.path()));
      if (loaded != null) {
        replaced.put(folderOf(file.path()), loaded);
      }
    }
    List<LoadedFile> toRemove = new ArrayList<>();
    removedByFolder.values().forEach(toRemove::addAll);
    int done = 0;
    do {
      List<StagedFile> batch = new ArrayList<>();
      String replacing = "";
      while (done < fresh.size()) {
        String folder = folderOf(fresh.get(done).path());
        if (!folder.equals(replacing)) {
          if (batch.size() >= FILES_PER_COMMIT || System.nanoTime() >= deadline) {
            break;
          }
          @Nullable List<LoadedFile> loaded = replaced.get(folder);
          if (loaded != null) {
            toRemove.addAll(loaded);
            replacing = folder;
          }
        }
        StagedFile file = stage(root, fresh.get(done++));
        if (file != null) {
          batch.add(file);
        }
      }
      if (!toRemove.isEmpty() || !batch.isEmpty()) {
        writer.commit(toRemove, batch, clock.instant());
        commits.incrementAndGet();
      }
      toRemove.clear();
    } while (done < fresh.size() && System.nanoTime() < deadline);
    return done;
  }

  private @Nullable StagedFile stage(Path root, FoundFile file) {
    Path path = root.resolve(file.path());
    try {
      StagedFile stagedFile = writer.stage(file, path);
      skipped.remove(file.path());
      return stagedFile;
    } catch (SQLException | IOException | RuntimeException e) {
      if (Files.exists(path)) {
        SkippedFile skip = SkippedFile.of(file, e, clock.instant());
        log.warn("{} is skipped until it changes: {}", file.path(), skip.reason());
        skipped.put(file.path(), skip);
      }
      return null;
    }
  }

  private void reopen() throws IOException {
    connectionLock.writeLock().lock();
    try {
      try {
        writer.close();
      } catch (SQLException e) {
        log.warn("the store did not close: {}", StoreFile.firstLine(e));
      }
      writer = newWriter(config);
      broken = false;
      skipped.clear();
      commits.incrementAndGet();
    } finally {
      connectionLock.writeLock().unlock();
    }
  }
}
