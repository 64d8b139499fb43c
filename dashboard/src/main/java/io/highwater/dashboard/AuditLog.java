package io.highwater.dashboard;

import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeTable;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.router.Endpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who asked for what, in the lake's table {@value #TABLE}: a row a request to a route that is not
 * open to all, refused ones too; answers that say that nothing is new are left out. Without tokens
 * only what changes something is written down. Rows are in the lake a minute later at most, and at
 * {@link #close}; a killed process takes that minute with it.
 */
final class AuditLog implements AutoCloseable {
  static final String TABLE = "audit";

  private static final Logger log = LoggerFactory.getLogger(AuditLog.class);

  private static final String COLUMNS =
      "requested_at TIMESTAMP, who VARCHAR, role VARCHAR, method VARCHAR, path VARCHAR, query VARCHAR,"
          + " status INTEGER, remote VARCHAR, millis DOUBLE";
  private static final Duration WRITTEN_EVERY = Duration.ofMinutes(1);
  private static final int ROWS_PER_FILE = 1_000;

  /** How many wait for a lake that cannot be written to; then the oldest go. */
  private static final int MAX_WAITING = 100_000;

  private static final int MAX_TEXT = 2_000;

  private final DashboardConfig config;
  private final boolean everything;
  private final InstantSource clock;
  private final LakeTable table;
  private final Deque<Entry> waiting = new ArrayDeque<>();
  private final ScheduledExecutorService writer =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "audit-log");
            thread.setDaemon(true);
            return thread;
          });

  /** Held while rows are on their way from memory to the lake, so that readers see them once. */
  private final Object writing = new Object();

  /**
   * A request.
   *
   * @param who null where no token was sent that is known and not expired
   */
  record Entry(
      Instant at,
      @Nullable String who,
      @Nullable String role,
      String method,
      String path,
      @Nullable String query,
      int status,
      String remote,
      double millis) {
    List<@Nullable Object> values() {
      return Arrays.asList(at, who, role, method, path, query, status, remote, millis);
    }
  }

  /**
   * @param everything whether reading is written down too
   */
  AuditLog(DashboardConfig config, boolean everything, InstantSource clock) {
    this.config = config;
    this.everything = everything;
    this.clock = clock;
    this.table = LakeTable.of(config.lake(), config.contract(), TABLE);
  }

  void start() {
    writer.scheduleWithFixedDelay(
        this::writeAndReport,
        WRITTEN_EVERY.toMillis(),
        WRITTEN_EVERY.toMillis(),
        TimeUnit.MILLISECONDS);
  }

  /** Takes note of a request that has been answered. */
  void note(Context context, double millis) {
    Endpoint endpoint = context.endpoints().matchedHttpEndpoint();
    if (endpoint == null
        || Access.needed(endpoint.method, endpoint.path) == null
        || context.statusCode() == 304
        || !(everything || !endpoint.method.equals(HandlerType.GET))) {
      return;
    }
    note(
        new Entry(
            clock.instant().truncatedTo(ChronoUnit.MICROS),
            Access.nameOf(context),
            Access.roleOf(context),
            endpoint.method.name(),
            SafeText.shorten(context.path(), MAX_TEXT),
            context.queryString() == null
                ? null
                : SafeText.shorten(context.queryString(), MAX_TEXT),
            context.statusCode(),
            context.ip(),
            millis));
  }

  void note(Entry entry) {
    int rows;
    synchronized (waiting) {
      waiting.add(entry);
      rows = waiting.size();
      if (rows > MAX_WAITING) {
        waiting.remove();
      }
    }
    if (rows % ROWS_PER_FILE == 0 && !writer.isShutdown()) {
      writer.execute(this::writeAndReport);
    }
  }

  /** How many are not in the lake yet. */
  int waiting() {
    synchronized (waiting) {
      return waiting.size();
    }
  }

  /**
   * The newest requests, the newest first; those too that are not in the lake yet.
   *
   * @throws SQLException if a file of the lake is damaged
   */
  List<Map<String, @Nullable Object>> newest(int limit) throws SQLException {
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    synchronized (writing) {
      synchronized (waiting) {
        waiting.descendingIterator().forEachRemaining(entry -> rows.add(told(entry)));
      }
      List<LakeFile> files = new ArrayList<>(table.files());
      files.sort(Comparator.comparingLong((LakeFile file) -> file.hour().epochHour()).reversed());
      long hour = Long.MAX_VALUE;
      try (Connection connection = DriverManager.getConnection("jdbc:duckdb:")) {
        for (LakeFile file : files) {
          // Of an hour, all files: which of them is the newest their names do not say.
          if (rows.size() >= limit && file.hour().epochHour() < hour) {
            break;
          }
          hour = file.hour().epochHour();
          rows.addAll(
              Rows.all(
                  connection,
                  "SELECT requested_at, who, role, method, path, query, status, remote, millis"
                      + " FROM read_parquet(?, hive_partitioning=false) ORDER BY requested_at DESC LIMIT ?",
                  List.of(file.path().toString(), limit)));
        }
      }
    }
    rows.sort(Comparator.comparing(AuditLog::timeOf).reversed());
    return rows.subList(0, Math.min(limit, rows.size()));
  }

  private static Instant timeOf(Map<String, @Nullable Object> row) {
    return row.get("requested_at") instanceof Instant at ? at : Instant.MIN;
  }

  private static Map<String, @Nullable Object> told(Entry entry) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("requested_at", entry.at());
    row.put("who", entry.who());
    row.put("role", entry.role());
    row.put("method", entry.method());
    row.put("path", safe(entry.path()));
    row.put("query", entry.query() == null ? null : safe(entry.query()));
    row.put("status", entry.status());
    row.put("remote", entry.remote());
    row.put("millis", entry.millis());
    return row;
  }

  private static String safe(String text) {
    return SafeText.shorten(SafeText.escape(text), Rows.MAX_TEXT);
  }

  /**
   * Writes what waits to the lake.
   *
   * @throws IOException if that cannot be done; the rows wait on
   */
  void write() throws IOException {
    synchronized (writing) {
      Map<Long, List<Entry>> hours = new TreeMap<>();
      synchronized (waiting) {
        for (Entry entry : waiting) {
          hours
              .computeIfAbsent(
                  LakeHour.epochHour(entry.at().toEpochMilli()), h -> new ArrayList<>())
              .add(entry);
        }
      }
      for (Map.Entry<Long, List<Entry>> hour : hours.entrySet()) {
        LakeRows.add(
            config.lake(),
            new LakeHour(config.contract(), TABLE, hour.getKey()),
            COLUMNS,
            hour.getValue().stream().map(Entry::values).toList());
        synchronized (waiting) {
          Set<Entry> written = Collections.newSetFromMap(new IdentityHashMap<>());
          written.addAll(hour.getValue());
          waiting.removeIf(written::contains);
        }
      }
    }
  }

  private void writeAndReport() {
    try {
      write();
    } catch (IOException | UncheckedIOException e) {
      log.error("{} requests wait to be written down, which is tried again", waiting(), e);
    }
  }

  /** Writes what waits. */
  @Override
  public void close() {
    writer.shutdown();
    writeAndReport();
  }
}
