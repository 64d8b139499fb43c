package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That it agrees with the parser on random records is part of {@link JsonAgreementTest}. */
class EventTimeScannerTest {
  private static final long TIME_MILLIS = 1_709_251_200_123L;
  private static final String NAME = "\"arrival_timestamp\"";
  private static final String TIME = NAME + ": \"2024-03-01T00:00:00.123456\"";

  private final EventTimeScanner scanner = new EventTimeScanner(WarehouseContract.CONTRACT);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{" + TIME + "}",
        " \t\r\n{ \"a\" : 1 , " + TIME + " } ",
        "{\"a\": {" + NAME + ": 1}, " + TIME + "}",
        "{\"a\": [{" + NAME + ": 1}, [" + NAME + ", 1]], " + TIME + "}",
        "{\"a\": " + NAME + ", " + TIME + "}",
        "{\"a\": \"" + "{\\\"arrival_timestamp\\\": 1, \", " + TIME + "}",
        "{\"a\": \"\\\\\", " + TIME + "}",
        "{\"a\\\\\": 1, \"b\\\"\": \"}\", " + TIME + "}",
        "{\"arrival_timestamp2\": 1, \"xarrival_timestamp\": 2, \"\": 3, " + TIME + "}",
        "{\"a\": \"]}{[,:\", \"b\": [], \"c\": {}, \"d\": [[], {}], " + TIME + "}",
        "{\"\\u0061rrival_timest\\u0061mp\": \"2024-03-01\\u002000:00:00.123456\"}",
        "{\"arrival\\/timestamp\": 1, " + TIME + "}",
        "{" + NAME + ": \"2024-03-01 02:00:00.123999999+02:00\", \"b\": 0}",
        "{" + NAME + ": 1709251200123}",
        "{" + NAME + ":1709251200123.0,\"b\":0}",
        "{" + NAME + ": 1.709251200123e12 }",
        "{" + NAME + ": 1709251200123000000000000000000000000000000000e-33}"
      })
  void findsTheEventTimeThatTheParserFinds(String message) {
    byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
    assertEquals(TIME_MILLIS, scanner.scanMillis(bytes));
    try (BufferAllocator allocator = new RootAllocator()) {
      assertEquals(
          TIME_MILLIS,
          Cells.parseJson(WarehouseContract.CONTRACT, allocator, message).minEventMillis());
    }
    byte[] between = ("9\"}" + message + "9\"}").getBytes(StandardCharsets.UTF_8);
    assertEquals(TIME_MILLIS, scanner.scanMillis(between, 3, between.length - 3));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "{}",
        "[]",
        "null",
        "nonsense",
        "{\"",
        "{\"a",
        "{\"a\\",
        "{\"a\"",
        "{\"a\":",
        "{\"a\": \"",
        "{\"a\": [",
        "{\"a\": 1",
        "{\"a\": 1,",
        "{\"a\": 1}",
        "{" + NAME,
        "{" + NAME + ":",
        "{" + NAME + ": ",
        "{" + NAME + ": null}",
        "{" + NAME + ": true}",
        "{" + NAME + ": \"\"}",
        "{" + NAME + ": \"2024-03-01\"}",
        "{" + NAME + ": \"2024-03-01T0",
        "{" + NAME + ": \"2024-02-30T00:00:00\"}",
        "{" + NAME + ": 1e99}",
        "{" + NAME + ": 0.5}",
        "{" + NAME + ": -}",
        "{" + NAME + ": 1-2}",
        "{" + NAME + ": \"\\u12\"}",
        "{\"a\": {" + TIME + "}}",
        "[{" + TIME + "}]",
        "{\"a\": \"" + TIME,
        "{\"a\": 1} {" + TIME + "}",
        "{\"a\": {\"b\": 1, " + TIME + "}}",
        "{\"a\\u12\": 1}"
      })
  void findsNoneWhereThereIsNone(String message) {
    byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
    assertEquals(EventTimeScanner.NONE, scanner.scanMillis(bytes));
    byte[] between = (message + "\", " + TIME + "}").getBytes(StandardCharsets.UTF_8);
    assertEquals(EventTimeScanner.NONE, scanner.scanMillis(between, 0, bytes.length));
  }

  @Test
  void findsNoneInAMessageThatIsTooLargeToBeParsed() {
    String message = "{" + TIME + "}" + " ".repeat(RecordParser.MAX_MESSAGE_BYTES);
    assertEquals(
        EventTimeScanner.NONE, scanner.scanMillis(message.getBytes(StandardCharsets.UTF_8)));
  }
}
