package io.highwater.dashboard;

import io.highwater.dashboard.OutlierQueries.OutlierKey;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Appends what people say of outliers to the lake's table feedback: a Parquet file each, in the
 * hour in which it was said, there whole or not at all. It lies in the lake, as the hot store may
 * be deleted at any time.
 */
final class Feedback {
  static final List<String> VERDICTS = List.of("right", "wrong");
  static final int MAX_NOTE_LENGTH = 500;

  private static final String TABLE = "feedback";

  private final Path lake;
  private final String contract;
  private final InstantSource clock;

  Feedback(Path lake, String contract, InstantSource clock) {
    this.lake = lake;
    this.contract = contract;
    this.clock = clock;
  }

  /** What was said, when and by whom. */
  record Said(Instant at, String who, String verdict, @Nullable String note) {}

  /**
   * Writes one row: feedback_id, created_at, outlier_id, event_time, instance_id, query_id,
   * verdict, note, who; the key columns are those of the outliers table.
   *
   * @throws IOException if the lake cannot be written to; nothing is there then
   */
  Said say(OutlierKey outlier, String who, String verdict, @Nullable String note)
      throws IOException, SQLException {
    Said said = new Said(clock.instant().truncatedTo(ChronoUnit.MICROS), who, verdict, note);
    Path folder =
        Files.createDirectories(
            lake.resolve(LakeHour.of(contract, TABLE, said.at().toEpochMilli()).directory()));
    String feedbackId = UUID.randomUUID().toString();
    Path unfinished = folder.resolve("." + TABLE + "-" + feedbackId + ".part");
    try {
      write(unfinished, feedbackId, outlier, said);
      String digest = LakeNames.digest(List.of(Files.readAllBytes(unfinished)));
      Files.move(
          unfinished,
          folder.resolve(LakeNames.stream(TABLE, digest, LakeNames.PARQUET)),
          StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
    return said;
  }

  private static void write(Path file, String feedbackId, OutlierKey outlier, Said said)
      throws SQLException {
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          """
          CREATE TABLE feedback (
            feedback_id VARCHAR, created_at TIMESTAMP, outlier_id VARCHAR, event_time TIMESTAMP,
            instance_id BIGINT, query_id BIGINT, verdict VARCHAR, note VARCHAR, who VARCHAR)
          """);
      try (PreparedStatement insert =
          connection.prepareStatement(
              "INSERT INTO feedback VALUES (?, ?, ?, ?, try_cast(? AS BIGINT), ?, ?, ?, ?)")) {
        int column = 1;
        for (Object value :
            Arrays.asList(
                feedbackId,
                timestamp(said.at()),
                outlier.outlierId(),
                timestamp(outlier.eventTime()),
                outlier.instance(),
                outlier.queryId(),
                said.verdict(),
                said.note(),
                said.who())) {
          insert.setObject(column++, value);
        }
        insert.execute();
      }
      statement.execute(
          "COPY feedback TO '" + file.toString().replace("'", "''") + "' (FORMAT parquet)");
    }
  }

  private static LocalDateTime timestamp(Instant instant) {
    return LocalDateTime.ofInstant(instant, ZoneOffset.UTC);
  }
}
