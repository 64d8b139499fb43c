package io.highwater.quality;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.record.ErrorCode;
import io.highwater.record.ParsedBatches;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RejectedRecords;
import io.highwater.record.Rejection;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class QualityTableTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void hasGivenBackItsMemory() {
    allocator.close();
  }

  private static @Nullable Object[] row(long id, String time, @Nullable Object... others) {
    @Nullable Object[] row = new Object[10];
    row[0] = id;
    row[1] = Instant.parse(time).toEpochMilli() * 1000;
    System.arraycopy(others, 0, row, 2, others.length);
    return row;
  }

  private QualityReport accepted() {
    List<@Nullable Object[]> rows = new ArrayList<>();
    rows.add(row(7, "2024-03-01T08:00:00Z", 1.5, 0.25, 3L, "note\n\u001b[31mred", "a", true));
    rows.add(row(8, "2024-03-01T08:00:30Z", 2.0, null, 3L, null, "b", true));
    rows.add(row(9, "2024-03-01T08:00:10Z", 1e9, null, 4L, "größer", "a", false));
    rows.add(row(10, "2024-03-01T11:30:00Z", 0.0, null, 3L, "x".repeat(80), "a", null));
    QualityMeter meter = QualityMeter.of(RandomReadings.CONTRACT);
    try (VectorSchemaRoot batch = ParsedBatches.of(RandomReadings.CONTRACT, rows, allocator)) {
      meter.addAccepted(batch);
    }
    return meter.report();
  }

  private static Rejection rejection(
      int row, ErrorCode code, @Nullable String field, @Nullable String value, String reason) {
    return new Rejection(row, code, field, value, reason);
  }

  private QualityReport rejected(RawBatch raw, String stage, Rejection... rejections) {
    QualityMeter meter = QualityMeter.of(RandomReadings.CONTRACT);
    try (VectorSchemaRoot rows =
        RejectedRecords.batch(RandomReadings.CONTRACT, stage, raw, List.of(rejections), allocator)
            .open(allocator)) {
      meter.addRejected(rows);
    }
    return meter.report();
  }

  private static RawBatch raw(RawBatch.SourceKind kind, String source, int from) {
    RawMessages.Builder builder = RawBatch.builder(kind, source, RawMessages.Format.JSON);
    for (int row = 0; row < 4; row++) {
      builder.add(2, from + row, 0, "{}".getBytes(UTF_8));
    }
    return builder.build();
  }

  private List<QualityReport> parts() {
    RawBatch first = raw(RawBatch.SourceKind.FILE, "/data/in/first.csv", 0);
    RawBatch second = raw(RawBatch.SourceKind.FILE, "/data/in/first.csv", 4);
    RawBatch topic = raw(RawBatch.SourceKind.KAFKA, "readings", 40);
    return new ArrayList<>(
        List.of(
            accepted(),
            rejected(
                first,
                "ValidateRecords",
                rejection(2, ErrorCode.OUT_OF_RANGE, "level", "-5", "level is -5; at least 0")),
            rejected(
                second,
                "ValidateRecords",
                rejection(0, ErrorCode.OUT_OF_RANGE, "level", "-7", "level is -7; at least 0"),
                rejection(1, ErrorCode.OUT_OF_RANGE, "sensor", "-1", "sensor is -1; at least 0")),
            rejected(
                topic,
                "ParseRecords",
                rejection(3, ErrorCode.DUPLICATE_FIELD, "x\u0007", null, "x is there twice"),
                rejection(1, ErrorCode.DUPLICATE_FIELD, "y", null, "y is there twice")),
            rejected(
                first,
                "ClassifyRecords",
                rejection(1, ErrorCode.RULE_VIOLATED, null, "a=1", "A is above B."),
                rejection(3, ErrorCode.RULE_VIOLATED, null, "c=1", "C is above D.")),
            QualityReport.ofDuplicates(RandomReadings.CONTRACT, 1),
            QualityReport.ofUnknownFields(RandomReadings.CONTRACT, 12),
            QualityReport.ofUnreadableFile(
                RandomReadings.CONTRACT, "/data/in/second.parquet", "its footer is missing")));
  }

  private static QualityReport merged(List<QualityReport> parts) {
    return parts.stream()
        .reduce(QualityReport.empty(RandomReadings.CONTRACT), QualityReport::merge);
  }

  @Test
  void fitsATerminal() {
    String table = merged(parts()).toTable();

    table.lines().forEach(line -> assertThat(line, line.length(), lessThanOrEqualTo(100)));
    assertThat(table, equalTo(EXPECTED));
  }

  private static final String EXPECTED =
      """
      Data quality of readings 2.1.0

      rows read       11
        accepted       4  36.36 %
        rejected       7  63.64 %
        duplicates     1  25.00 %  of the accepted, by their key
      unknown fields  12           values outside the contract
      files not read   1

      happened_at   2024-03-01T08:00:00Z to 2024-03-01T11:30:00Z, 2 minutes with events
      order         33.33 % of rows are before the row ahead of them, by up to 20.000 s
      longest gaps  2024-03-01 08:01 to 2024-03-01 11:30, 3.5 h

      column       complete  distinct             least          greatest  most frequent
      id              100 %         4                 7                10
      happened_at     100 %         4  2024-03-01 08:00  2024-03-01 11:30
      level           100 %         4                 0        1000000000
      step          25.00 %         1              0.25              0.25
      sensor          100 %         2                 3                 4  3 75 %, 4 25 %
      note          75.00 %         3           6 chars          80 chars
      kind            100 %         2           1 chars           1 chars  a 75 %, b 25 %
      ok            75.00 %         2             false              true  true 67 %, false 33 %
      seen              0 %         0
      never             0 %         0

      rejected         rows    share  for example
      DUPLICATE_FIELD     2  18.18 %  y is there twice
                                        readings, partition 2, offset 41
      OUT_OF_RANGE        2  18.18 %  level is -5; at least 0
                                        row 2 of first.csv
      RULE_VIOLATED       1   9.09 %  A is above B.
                                        row 1 of first.csv
      RULE_VIOLATED       1   9.09 %  C is above D.
                                        row 3 of first.csv
      OUT_OF_RANGE        1   9.09 %  sensor is -1; at least 0
                                        row 5 of first.csv

      file not read   reason
      second.parquet  its footer is missing
      """;

  @Test
  void countsRejectedRowsByWhatIsWrongWithThem() throws IOException {
    JsonNode kinds = new ObjectMapper().readTree(merged(parts()).toJson()).path("rejected");

    List<String> found = new ArrayList<>();
    for (JsonNode kind : kinds) {
      found.add(
          "%s %s %s %s %s"
              .formatted(
                  kind.path("code").asText(),
                  kind.path("field"),
                  kind.path("rows"),
                  kind.at("/example/reason").asText(),
                  kind.at("/example/row").asText(kind.at("/example/offset").asText())));
    }
    assertThat(
        found,
        equalTo(
            List.of(
                "DUPLICATE_FIELD null 2 y is there twice 41",
                "OUT_OF_RANGE \"level\" 2 level is -5; at least 0 2",
                "RULE_VIOLATED null 1 A is above B. 1",
                "RULE_VIOLATED null 1 C is above D. 3",
                "OUT_OF_RANGE \"sensor\" 1 sensor is -1; at least 0 5")));
  }

  @Test
  void givesTheSameExamplesInAnyOrder() {
    QualityReport inOrder = merged(parts());
    for (int seed = 0; seed < 10; seed++) {
      List<QualityReport> shuffled = parts();
      Collections.shuffle(shuffled, new Random(seed));
      assertThat(merged(shuffled).toJson(), equalTo(inOrder.toJson()));
    }
  }

  @Test
  void refusesWhatIsNoReport() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> QualityTable.of("no report"));
    assertThat(refused.getMessage(), startsWith("not a report"));
  }
}
