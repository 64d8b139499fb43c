package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is a timestamp and what is not, through the parser. */
class TimestampsTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  @ParameterizedTest
  @CsvSource({
    "2024-03-01T00:00:00, 2024-03-01T00:00:00",
    "2024-03-01 23:59:59, 2024-03-01T23:59:59",
    "2024-03-01T00:00:00Z, 2024-03-01T00:00:00",
    "2024-03-01T00:00:00.1, 2024-03-01T00:00:00.100",
    "2024-03-01T00:00:00.12345, 2024-03-01T00:00:00.123450",
    "2024-03-01T00:00:00.123456, 2024-03-01T00:00:00.123456",
    "2024-03-01T00:00:00.123456999Z, 2024-03-01T00:00:00.123456",
    "1969-12-31T23:59:59.999999999, 1969-12-31T23:59:59.999999",
    "2024-03-01T01:30:00+01:30, 2024-03-01T00:00:00",
    "2024-02-29T19:00:00-0500, 2024-03-01T00:00:00",
    "2024-03-01 02:00:00.5+02, 2024-03-01T00:00:00.500",
    "2024-03-01T00:00:00-00:00, 2024-03-01T00:00:00",
    "2024-02-29T00:00:00, 2024-02-29T00:00:00",
    "2000-02-29T00:00:00, 2000-02-29T00:00:00",
    "1900-01-01T00:00:00, 1900-01-01T00:00:00",
    "2199-12-31T23:59:59.999999, 2199-12-31T23:59:59.999999"
  })
  void readsTimestamps(String written, LocalDateTime expected) {
    long micros = ChronoUnit.MICROS.between(LocalDateTime.of(1970, 1, 1, 0, 0), expected);
    assertEquals(micros, value('"' + written + '"'));
  }

  @Test
  void readsEveryDayOfThreeCenturies() {
    RawMessages.Builder raw =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "queries", RawMessages.Format.JSON);
    LocalDateTime first = LocalDateTime.of(1900, 1, 1, 12, 34, 56);
    int days = (int) ChronoUnit.DAYS.between(first, LocalDateTime.of(2200, 1, 1, 12, 34, 56));
    for (int day = 0; day < days; day++) {
      raw.add(
          0,
          0,
          0,
          message('"' + first.plusDays(day).toString() + '"').getBytes(StandardCharsets.UTF_8));
    }
    Cells cells = Cells.parse(CONTRACT, allocator, raw.build());
    for (int day = 0; day < days; day++) {
      assertEquals(
          first.plusDays(day).toEpochSecond(ZoneOffset.UTC) * 1_000_000, cells.row(day).get(5));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "2024",
        "2024-03-01",
        "2024-03-01T00:00",
        "2024-3-1T00:00:00",
        "2024-02-30T00:00:00",
        "2023-02-29T00:00:00",
        "1900-02-29T00:00:00",
        "2024-04-31T00:00:00",
        "2024-00-01T00:00:00",
        "2024-13-01T00:00:00",
        "2024-01-00T00:00:00",
        "2024-01-32T00:00:00",
        "2024-03-01T24:00:00",
        "2024-03-01T00:60:00",
        "2024-03-01T00:00:60",
        "1899-12-31T23:59:59",
        "2200-01-01T00:00:00",
        "0000-01-01T00:00:00",
        "9999-12-31T23:59:59",
        "2024-03-01T00:00:00.",
        "2024-03-01T00:00:00.Z",
        "2024-03-01T00:00:00.1234567890",
        "2024-03-01T00:00:00,5",
        "2024-03-01t00:00:00",
        "2024-03-01T00:00:00z",
        "2024-03-01T00:00:00 Z",
        "2024-03-01T00:00:00+",
        "2024-03-01_00:00:00",
        "2024-03-01T00:00:00+1",
        "2024-03-01T00:00:00+01:0",
        "2024-03-01T00:00:00+01:60",
        "2024-03-01T00:00:00+19:00",
        "2024-03-01T00:00:00+18:01",
        "2024-03-01T00:00:00+010",
        "2024-03-01T00:00:00+01:00x",
        "2024/03/01T00:00:00",
        "2024-03-01T00.00.00",
        " 2024-03-01T00:00:00",
        "2024-03-01T00:00:00 ",
        "+2024-03-01T00:00:00",
        "20a4-03-01T00:00:00",
        "2024-03-01T0/:00:00",
        "1709251200000",
        "yesterday"
      })
  void refusesOtherTimestamps(String written) {
    Rejection rejection = rejection('"' + written + '"');
    assertEquals(ErrorCode.INVALID_TIMESTAMP, rejection.code());
    assertEquals('"' + written + '"', rejection.value());
    assertTrue(rejection.reason().contains("expected a date and time"), rejection.reason());
  }

  @ParameterizedTest
  @CsvSource({
    "1709251200123, 1709251200123",
    "0, 0",
    "-1, -1",
    "1.709251200123e12, 1709251200123",
    "1709251200123.0, 1709251200123",
    "-2208988800000, -2208988800000",
    "7258118399999, 7258118399999"
  })
  void readsEpochMillis(String written, long millis) {
    assertEquals(millis * 1000, value(written));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"0.5", "-2208988800001", "7258118400000", "1709251200123456", "1e300", "1e-1"})
  void refusesOtherNumbersAsTimestamps(String written) {
    assertEquals(ErrorCode.INVALID_TIMESTAMP, rejection(written).code());
  }

  @ParameterizedTest
  @ValueSource(strings = {"true", "[]", "{\"$date\": 0}"})
  void refusesWhatIsNeitherTextNorNumberAsTimestamp(String written) {
    assertEquals(ErrorCode.WRONG_TYPE, rejection(written).code());
  }

  private @Nullable Object value(String json) {
    return Cells.parseJson(CONTRACT, allocator, message(json)).row(0).get(5);
  }

  private Rejection rejection(String json) {
    return Cells.parseJson(CONTRACT, allocator, message(json)).rejection(0);
  }

  private static String message(String json) {
    return "{\"arrival_timestamp\": " + json + "}";
  }
}
