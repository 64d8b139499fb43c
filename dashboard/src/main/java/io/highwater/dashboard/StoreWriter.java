package io.highwater.dashboard;

import io.highwater.dashboard.HotStore.Query;
import io.highwater.status.StatusRows;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;

/** Moves lake files into an open store, a ledger entry with the rows of each; of one thread. */
final class StoreWriter implements AutoCloseable {
  /** The newest rejected rows that are kept; counts are kept of all. */
  static final int REJECTED_KEPT = 10_000;

  /** The newest of the pipeline's reports that are kept: half a day of one every five seconds. */
  private static final int STATUS_KEPT = 10_000;

  /** More do not ask at once for long: each asks on a processor. */
  private static final int IDLE_READERS = 8;

  private static final Duration ARRIVALS_KEPT = Duration.ofDays(1);

  private final DuckDBConnection connection;
  private final StagedFiles staged;
  private final DerivedRows derived;
  private final ConcurrentLinkedDeque<Connection> idleReaders = new ConcurrentLinkedDeque<>();
  private final Map<String, LoadedFile> ledger = new HashMap<>();
  private long nextFileId;
  private @Nullable Instant newestLoad;

  /** A file in the ledger. */
  record LoadedFile(long fileId, String path, long bytes, long modifiedMillis) {
    boolean isOf(FoundFile file) {
      return bytes == file.bytes() && modifiedMillis == file.modifiedMillis();
    }
  }

  /** A file of the lake as it is now; its path is below the contract's directory. */
  record FoundFile(String table, String path, long epochHour, long bytes, long modifiedMillis) {}

  /** A file whose rows wait in the staging tables. */
  record StagedFile(long fileId, FoundFile found, StagedFiles.Content content) {}

  StoreWriter(DuckDBConnection connection) throws SQLException {
    this.connection = connection;
    this.staged = new StagedFiles(connection);
    this.derived = new DerivedRows(connection);
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT file_id, path, bytes, modified_millis, loaded_at FROM loaded_files")) {
      while (rows.next()) {
        LoadedFile file =
            new LoadedFile(rows.getLong(1), rows.getString(2), rows.getLong(3), rows.getLong(4));
        ledger.put(file.path(), file);
        nextFileId = Math.max(nextFileId, file.fileId() + 1);
        Instant loadedAt = rows.getObject(5, LocalDateTime.class).toInstant(ZoneOffset.UTC);
        if (newestLoad == null || loadedAt.isAfter(newestLoad)) {
          newestLoad = loadedAt;
        }
      }
    }
  }

  /** Asks over a connection of its own, in one transaction: all that it sees is of one commit. */
  <T extends @Nullable Object> T read(Query<T> query) throws SQLException {
    Connection reader = idleReaders.pollFirst();
    if (reader == null) {
      reader = KeptStatements.over(connection.duplicate());
      reader.setAutoCommit(false);
    }
    boolean answered = false;
    try {
      T answer = query.ask(reader);
      reader.rollback();
      answered = true;
      return answer;
    } finally {
      if (answered && idleReaders.size() < IDLE_READERS) {
        idleReaders.addFirst(reader);
      } else {
        reader.close();
      }
    }
  }

  /** The ledger: what is loaded, by path. */
  Map<String, LoadedFile> loaded() {
    return ledger;
  }

  @Nullable Instant newestLoad() {
    return newestLoad;
  }

  /**
   * Reads a file into the staging tables.
   *
   * @throws SQLException or IOException if it cannot be read; nothing of it is staged then
   */
  StagedFile stage(FoundFile file, Path absolute) throws SQLException, IOException {
    long fileId = nextFileId++;
    return new StagedFile(fileId, file, staged.read(file.table(), absolute, fileId));
  }

  /**
   * Takes the rows of some files out and moves those of the staged ones in, in one transaction.
   *
   * @throws SQLException if nothing was changed; the store must be opened again then
   */
  void commit(Collection<LoadedFile> removed, Collection<StagedFile> added, Instant now)
      throws SQLException {
    connection.setAutoCommit(false);
    DerivedRows.Touched touched = derived.touched(idsOf(removed));
    if (!removed.isEmpty()) {
      remove(removed);
    }
    if (!added.isEmpty()) {
      try (Statement statement = connection.createStatement()) {
        for (String table : StagedFiles.TABLES) {
          statement.execute("INSERT INTO " + table + " FROM staged_" + table);
        }
      }
      enter(added, now);
      trim(now);
    }
    derived.update(touched);
    connection.commit();
    connection.setAutoCommit(true);
    staged.clear();
    removed.forEach(file -> ledger.remove(file.path(), file));
    for (StagedFile file : added) {
      FoundFile found = file.found();
      ledger.put(
          found.path(),
          new LoadedFile(file.fileId(), found.path(), found.bytes(), found.modifiedMillis()));
      newestLoad = now;
    }
  }

  private Array idsOf(Collection<LoadedFile> files) throws SQLException {
    return connection.createArrayOf(
        "BIGINT", files.stream().map(LoadedFile::fileId).toArray(Object[]::new));
  }

  private void remove(Collection<LoadedFile> removed) throws SQLException {
    Array ids = idsOf(removed);
    for (String table : StoreFile.TABLES_BY_FILE) {
      try (PreparedStatement delete =
          connection.prepareStatement(
              "DELETE FROM " + table + " WHERE file_id IN (SELECT unnest(?::BIGINT[]))")) {
        delete.setArray(1, ids);
        delete.execute();
      }
    }
  }

  private void enter(Collection<StagedFile> added, Instant now) throws SQLException {
    try (PreparedStatement entry =
            connection.prepareStatement("INSERT INTO loaded_files VALUES (?, ?, ?, ?, ?, ?, ?)");
        PreparedStatement arrival =
            connection.prepareStatement("INSERT INTO arrivals VALUES (?, ?)")) {
      for (StagedFile file : added) {
        FoundFile found = file.found();
        Instant newest = file.content().newest();
        entry.setLong(1, file.fileId());
        entry.setString(2, found.path());
        entry.setLong(3, found.bytes());
        entry.setLong(4, found.modifiedMillis());
        entry.setObject(5, timestamp(now));
        entry.setLong(6, file.content().rows());
        entry.setObject(7, newest == null ? null : timestamp(newest));
        entry.execute();
        // Rows arrive as Arrow; Parquet events are a compaction of rows that had arrived. When the
        // file appeared in the lake and not when it was loaded: a rebuilt store tells the same.
        if (found.table().equals("events") && found.path().endsWith(".arrow")) {
          Instant modified = Instant.ofEpochMilli(found.modifiedMillis());
          arrival.setObject(1, timestamp(modified.isAfter(now) ? now : modified));
          arrival.setLong(2, file.content().rows());
          arrival.execute();
        }
      }
    }
  }

  /** Keeps the bounded tables bounded; they may grow to twice their size between two trims. */
  private void trim(Instant now) throws SQLException {
    keepNewest("rejected", "received_at", REJECTED_KEPT);
    keepNewest("events", "event_time", StagedFiles.EVENTS_KEPT);
    keepNewest("status", StatusRows.REPORTED_AT, STATUS_KEPT);
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM arrivals WHERE arrived_at < ?")) {
      delete.setObject(1, timestamp(now.minus(ARRIVALS_KEPT)));
      delete.execute();
    }
  }

  private void keepNewest(String table, String time, int rows) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      try (ResultSet count = statement.executeQuery("SELECT count(*) FROM " + table)) {
        count.next();
        if (count.getLong(1) <= 2L * rows) {
          return;
        }
      }
      statement.execute(
          "DELETE FROM %1$s WHERE rowid NOT IN (SELECT rowid FROM %1$s ORDER BY %2$s DESC LIMIT %3$d)"
              .formatted(table, time, rows));
    }
  }

  private static LocalDateTime timestamp(Instant instant) {
    return LocalDateTime.ofInstant(instant, ZoneOffset.UTC);
  }

  @Override
  public void close() throws SQLException {
    for (Connection reader : idleReaders) {
      reader.close();
    }
    connection.close();
  }
}
