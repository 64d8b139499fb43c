package io.highwater.quality;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.duckdb.DuckDBConnection;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds reports against DuckDB's SQL over the same rows. */
class QualityReportTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void hasGivenBackItsMemory() {
    allocator.close();
  }

  private QualityReport report(RandomReadings readings, int rowsPerBatch) {
    QualityMeter meter = QualityMeter.of(RandomReadings.CONTRACT);
    for (int from = 0; from < readings.rows.size(); from += rowsPerBatch) {
      add(meter, readings, from, rowsPerBatch);
    }
    return meter.report();
  }

  private void add(QualityMeter meter, RandomReadings readings, int from, int rowsPerBatch) {
    int to = Math.min(from + rowsPerBatch, readings.rows.size());
    try (VectorSchemaRoot batch = readings.batch(from, to, allocator)) {
      meter.addAccepted(batch);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 100", "2, 37, 8", "3, 400, 100", "4, 600, 1000", "5, 20000, 4096"})
  void saysWhatSqlSaysOfTheSameRows(long seed, int rowCount, int rowsPerBatch) throws Exception {
    RandomReadings readings = new RandomReadings(seed, rowCount);
    JsonNode report = JSON.readTree(report(readings, rowsPerBatch).toJson());

    try (DuckDBConnection sql = readings.load(rowsPerBatch)) {
      assertThat(report.at("/rows/accepted").asLong(), is((long) rowCount));
      for (JsonNode column : report.path("columns")) {
        isThatOf(sql, column);
      }
      isInTheOrderOf(sql, report.path("event_time"));
      hasTheGapsOf(sql, report.path("event_time"));
    }
  }

  private static void isThatOf(DuckDBConnection sql, JsonNode column) throws SQLException {
    String name = column.path("column").asText();
    FieldType type = RandomReadings.CONTRACT.typeOf(name);
    String shown =
        switch (type) {
          case STRING -> "left(%s, 64)";
          case TIMESTAMP -> "epoch_us(%s)";
          default -> "%s";
        };
    String length = type == FieldType.STRING ? "coalesce(%s(length(" + name + ")), 0)" : "0";
    String expected =
        RandomReadings.query(
                sql,
                "SELECT count(%1$s), count(%1$s) / count(*), %2$s, %3$s, %4$s, %5$s FROM readings"
                    .formatted(
                        name,
                        shown.formatted("min(" + name + ")"),
                        shown.formatted("max(" + name + ")"),
                        length.formatted("min"),
                        length.formatted("max")))
            .get(0);
    String found =
        String.join(
            "|",
            column.path("values").asText(),
            column.path("complete_share").asText(),
            text(type, column.path("least")),
            text(type, column.path("greatest")),
            column.path("least_length").asText("0"),
            column.path("greatest_length").asText("0"));
    assertThat(name, found, equalTo(expected));

    long distinct =
        Long.parseLong(
            RandomReadings.query(sql, "SELECT count(DISTINCT " + name + ") FROM readings").get(0));
    assertThat(name, column.path("distinct_is_exact").asBoolean(), is(distinct <= 512));
    // 1.6 % is the standard error of the sketch.
    double error = distinct <= 512 ? 0 : 3 * 0.016 * distinct;
    assertThat(name, column.path("distinct").asDouble(), closeTo(distinct, error));
    hasTheFrequentValuesOf(sql, column, shown.formatted(name), type, distinct <= 512);
  }

  private static void hasTheFrequentValuesOf(
      DuckDBConnection sql, JsonNode column, String shown, FieldType type, boolean isExact)
      throws SQLException {
    String name = column.path("column").asText();
    List<Long> counts = new ArrayList<>();
    for (JsonNode value : column.path("most_frequent")) {
      counts.add(value.path("rows").asLong());
      assertThat(
          name,
          RandomReadings.query(
              sql,
              "SELECT count(*) FROM readings WHERE %s IS NOT NULL GROUP BY %s HAVING any_value(%s) = CAST('%s' AS %s)"
                  .formatted(
                      name,
                      name,
                      shown,
                      text(type, value.path("value")),
                      type == FieldType.TIMESTAMP ? "BIGINT" : type.sqlType())),
          equalTo(List.of(value.path("rows").asText())));
    }
    List<String> expected =
        RandomReadings.query(
            sql,
            "SELECT count(*) FROM readings WHERE %1$s IS NOT NULL GROUP BY %1$s ORDER BY 1 DESC LIMIT 5"
                .formatted(name));
    assertThat(
        name, counts, equalTo(isExact ? expected.stream().map(Long::valueOf).toList() : List.of()));
  }

  /** As DuckDB writes it. */
  private static String text(FieldType type, JsonNode value) {
    if (value.isNull()) {
      return "null";
    }
    if (type == FieldType.TIMESTAMP) {
      Instant time = Instant.parse(value.asText());
      return Long.toString(time.getEpochSecond() * 1_000_000 + time.getNano() / 1000);
    }
    return value.asText();
  }

  private static void isInTheOrderOf(DuckDBConnection sql, JsonNode time) throws SQLException {
    List<String> expected =
        RandomReadings.query(
            sql,
            """
            SELECT count(before), count(*) FILTER (happened_at < before),
              coalesce(max(epoch_us(before) - epoch_us(happened_at)) FILTER (happened_at < before), 0)
            FROM (SELECT happened_at, lag(happened_at) OVER (PARTITION BY batch ORDER BY row) AS before
                  FROM readings)""");
    JsonNode order = time.path("order");
    assertThat(
        "%d|%d|%d"
            .formatted(
                order.path("rows_compared").asLong(),
                order.path("rows_back").asLong(),
                Math.round(1e6 * order.path("greatest_step_back_seconds").asDouble())),
        equalTo(expected.get(0)));
  }

  private static void hasTheGapsOf(DuckDBConnection sql, JsonNode time) throws SQLException {
    List<String> expected =
        RandomReadings.query(
            sql,
            """
            WITH minutes AS (SELECT DISTINCT epoch(date_trunc('minute', happened_at))::BIGINT // 60 AS minute
                             FROM readings),
              steps AS (SELECT lag(minute) OVER (ORDER BY minute) + 1 AS first, minute FROM minutes)
            SELECT first, minute FROM steps WHERE minute > first
            ORDER BY minute - first DESC, first LIMIT 5""");
    List<String> found = new ArrayList<>();
    for (JsonNode gap : time.path("longest_gaps")) {
      long from = Instant.parse(gap.path("from").asText()).getEpochSecond() / 60;
      long to = Instant.parse(gap.path("to").asText()).getEpochSecond() / 60;
      assertThat(gap.path("minutes").asLong(), is(to - from));
      found.add(from + "|" + to);
    }
    assertThat(found, equalTo(expected));
    assertThat(
        RandomReadings.query(
            sql, "SELECT count(DISTINCT date_trunc('minute', happened_at)) FROM readings"),
        equalTo(List.of(time.path("minutes_with_events").asText())));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void isTheSameHoweverTheBatchesAreSpreadAndMerged(long seed) throws IOException {
    Random random = new Random(seed);
    RandomReadings readings = new RandomReadings(seed, 300 + 700 * (int) seed);
    int rowsPerBatch = 1 + random.nextInt(200);
    List<QualityMeter> meters = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(20); i++) {
      meters.add(QualityMeter.of(RandomReadings.CONTRACT));
    }
    List<Integer> starts = new ArrayList<>();
    for (int from = 0; from < readings.rows.size(); from += rowsPerBatch) {
      starts.add(from);
    }
    Collections.shuffle(starts, random);
    for (int from : starts) {
      add(meters.get(random.nextInt(meters.size())), readings, from, rowsPerBatch);
    }
    List<QualityReport> parts = new ArrayList<>();
    for (QualityMeter meter : meters) {
      parts.add(random.nextBoolean() ? copy(meter.report()) : meter.report());
    }
    while (parts.size() > 1) {
      QualityReport left = parts.remove(random.nextInt(parts.size()));
      parts.add(left.merge(parts.remove(random.nextInt(parts.size()))));
    }

    assertThat(parts.get(0), equalTo(report(readings, rowsPerBatch)));
  }

  private static QualityReport copy(QualityReport report) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    report.writeTo(new DataOutputStream(bytes));
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()));
    QualityReport copy = QualityReport.readFrom(RandomReadings.CONTRACT, in);
    assertThat(in.available(), is(0));
    return copy;
  }

  @Test
  void doesNotChangeWhenItIsMergedOrItsMeterGoesOn() {
    RandomReadings readings = new RandomReadings(7, 2000);
    QualityMeter meter = QualityMeter.of(RandomReadings.CONTRACT);
    add(meter, readings, 0, 1000);
    QualityReport first = meter.report();
    String before = first.toJson();

    add(meter, readings, 1000, 1000);
    QualityReport all = meter.report();
    first.merge(all);

    assertThat(first.toJson(), equalTo(before));
    assertThat(all.toJson(), not(equalTo(before)));
  }

  @Test
  void saysWhatAMissingValueCountsAs() throws IOException {
    JsonNode report = JSON.readTree(report(new RandomReadings(1, 5), 5).toJson());

    List<String> counting = new ArrayList<>();
    for (JsonNode column : report.path("columns")) {
      if (!column.path("missing_counts_as").isNull()) {
        counting.add(column.path("column").asText() + " " + column.path("missing_counts_as"));
      }
    }
    assertThat(counting, equalTo(List.of("level 0.0")));
  }

  @Test
  void hasAColumnForEachFieldAlsoWithoutRows() throws IOException {
    JsonNode report = JSON.readTree(QualityReport.empty(RandomReadings.CONTRACT).toJson());

    List<String> columns = new ArrayList<>();
    report.path("columns").forEach(column -> columns.add(column.path("column").asText()));
    assertThat(
        columns,
        containsInAnyOrder(
            RandomReadings.CONTRACT.fields().stream().map(Field::name).toArray(String[]::new)));
    assertThat(report.at("/rows/read").asLong(), is(0L));
    assertThat(report.at("/rows/duplicates").isNull(), is(true));
    assertThat(report.at("/event_time/least").isNull(), is(true));
  }

  @Test
  void addsUpWhatIsCountedElsewhere() throws IOException {
    QualityReport report =
        QualityReport.empty(RandomReadings.CONTRACT)
            .merge(QualityReport.ofDuplicates(RandomReadings.CONTRACT, 3))
            .merge(QualityReport.ofUnreadableFile(RandomReadings.CONTRACT, "b.csv", "is empty"))
            .merge(QualityReport.ofDuplicates(RandomReadings.CONTRACT, 4))
            .merge(QualityReport.ofUnknownFields(RandomReadings.CONTRACT, 5))
            .merge(QualityReport.ofUnreadableFile(RandomReadings.CONTRACT, "a.csv", "no header"));

    JsonNode json = JSON.readTree(copy(report).toJson());
    assertThat(json.at("/rows/duplicates").asLong(), is(7L));
    assertThat(json.at("/unknown_fields").asLong(), is(5L));
    assertThat(
        json.path("unreadable_files").toString(),
        equalTo(
            "{\"count\":2,\"files\":[{\"file\":\"a.csv\",\"reason\":\"no header\"},"
                + "{\"file\":\"b.csv\",\"reason\":\"is empty\"}]}"));
  }
}
