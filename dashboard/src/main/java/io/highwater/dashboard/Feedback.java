package io.highwater.dashboard;

import io.highwater.dashboard.OutlierQueries.OutlierKey;
import io.highwater.lake.LakeHour;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Appends what people say of outliers to the lake's table feedback: a file each, in the hour in
 * which it was said. It lies in the lake, as the hot store may be deleted at any time.
 */
final class Feedback {
  static final List<String> VERDICTS = List.of("right", "wrong");
  static final int MAX_NOTE_LENGTH = 500;

  private static final String COLUMNS =
      "feedback_id VARCHAR, created_at TIMESTAMP, outlier_id VARCHAR, event_time TIMESTAMP,"
          + " instance_id BIGINT, query_id BIGINT, verdict VARCHAR, note VARCHAR, who VARCHAR";

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
      throws IOException {
    Said said = new Said(clock.instant().truncatedTo(ChronoUnit.MICROS), who, verdict, note);
    LakeRows.add(
        lake,
        LakeHour.of(contract, "feedback", said.at().toEpochMilli()),
        COLUMNS,
        List.of(
            Arrays.asList(
                UUID.randomUUID().toString(),
                said.at(),
                outlier.outlierId(),
                outlier.eventTime(),
                outlier.instanceId(),
                outlier.queryId(),
                said.verdict(),
                said.note(),
                said.who())));
    return said;
  }
}
