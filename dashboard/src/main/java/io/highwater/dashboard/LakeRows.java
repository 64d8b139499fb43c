package io.highwater.dashboard;

import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Adds Parquet files to the tables of a lake that the dashboard itself writes. */
final class LakeRows {
  private LakeRows() {}

  /**
   * Adds the rows as one file, which is there whole or not at all, and on disk when this returns.
   *
   * @param columns names and types as CREATE TABLE takes them
   * @param rows all of one hour; {@link Instant} for a TIMESTAMP
   */
  static void add(
      Path lake,
      LakeHour hour,
      String columns,
      List<? extends List<? extends @Nullable Object>> rows)
      throws IOException {
    Path folder = Files.createDirectories(lake.resolve(hour.directory()));
    Path unfinished = folder.resolve("." + hour.table() + "-" + UUID.randomUUID() + ".part");
    try {
      write(unfinished, columns, rows);
      String digest = LakeNames.digest(List.of(Files.readAllBytes(unfinished)));
      try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(
          unfinished,
          folder.resolve(LakeNames.stream(hour.table(), digest, LakeNames.PARQUET)),
          StandardCopyOption.ATOMIC_MOVE);
    } catch (SQLException e) {
      throw new IOException(
          "the rows of %s cannot be written to %s: %s"
              .formatted(hour.table(), folder, StoreFile.firstLine(e)),
          e);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private static void write(
      Path file, String columns, List<? extends List<? extends @Nullable Object>> rows)
      throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE new_rows (" + columns + ")");
      int width = rows.get(0).size();
      try (PreparedStatement insert =
          connection.prepareStatement(
              "INSERT INTO new_rows VALUES ("
                  + String.join(", ", Collections.nCopies(width, "?"))
                  + ")")) {
        for (List<? extends @Nullable Object> row : rows) {
          for (int i = 0; i < width; i++) {
            Object value = row.get(i);
            insert.setObject(
                i + 1,
                value instanceof Instant instant
                    ? LocalDateTime.ofInstant(instant, ZoneOffset.UTC)
                    : value);
          }
          insert.addBatch();
        }
        insert.executeBatch();
      }
      statement.execute(
          "COPY new_rows TO '"
              + file.toString().replace("'", "''")
              + "' (FORMAT parquet, COMPRESSION zstd)");
    }
  }
}
