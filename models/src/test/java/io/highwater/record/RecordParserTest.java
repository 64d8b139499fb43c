package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What values become, and what a rejection says. */
class RecordParserTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;
  private static final String TIME = "\"arrival_timestamp\": \"2024-03-01T00:00:00\"";
  private static final long TIME_MICROS = 1_709_251_200_000_000L;

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  @ParameterizedTest
  @CsvSource({
    "36, 36",
    "36.0, 36",
    "36.000, 36",
    "3.6e1, 36",
    "3600E-2, 36",
    "0.36e+2, 36",
    "-0, 0",
    "-0.0, 0",
    "0e5, 0",
    "0e999999999999, 0",
    "0.0e-999999999999, 0",
    "9223372036854775807, 9223372036854775807",
    "-9223372036854775808, -9223372036854775808",
    "9223372036854775807.0, 9223372036854775807",
    "9.223372036854775807e18, 9223372036854775807",
    "1e18, 1000000000000000000",
    "999999999999999999, 999999999999999999",
    "1000000000000000000000e-3, 1000000000000000000",
    "0.00000000000000000000000001e26, 1"
  })
  void readsWholeNumbersExactlyInWhateverFormTheyAre(String written, long expected) {
    assertEquals(expected, value("query_id", written));
  }

  @ParameterizedTest
  @CsvSource({
    "36.5, WRONG_TYPE",
    "1e-1, WRONG_TYPE",
    "1e-999999999999, WRONG_TYPE",
    "9223372036854775807.5, WRONG_TYPE",
    "9223372036854775808, NUMBER_OUT_OF_RANGE",
    "-9223372036854775809, NUMBER_OUT_OF_RANGE",
    "1e19, NUMBER_OUT_OF_RANGE",
    "99999999999999999999999999, NUMBER_OUT_OF_RANGE",
    "1e999999999999, NUMBER_OUT_OF_RANGE",
    "true, WRONG_TYPE",
    "'\"36\"', WRONG_TYPE",
    "[36], WRONG_TYPE",
    "{}, WRONG_TYPE"
  })
  void refusesWhatIsNotAWholeNumberOf64Bits(String written, ErrorCode code) {
    Rejection rejection = rejection("query_id", written);
    assertEquals(code, rejection.code());
    assertEquals("query_id", rejection.field());
    assertEquals(written, rejection.value());
    assertTrue(rejection.reason().startsWith("query_id is " + written), rejection.reason());
    assertTrue(rejection.reason().contains("; expected a whole number"), rejection.reason());
  }

  @Test
  void readsTenMillionDigitsOfExponentAndAMegabyteOfDigitsInNoTime() {
    String digits = "9".repeat(1_000_000);
    assertEquals(ErrorCode.NUMBER_OUT_OF_RANGE, rejection("query_id", digits).code());
    assertEquals(ErrorCode.WRONG_TYPE, rejection("query_id", "0." + digits).code());
    assertEquals(1L, value("query_id", "1" + "0".repeat(900_000) + "e-900000"));
    assertEquals(ErrorCode.NUMBER_OUT_OF_RANGE, rejection("mbytes_scanned", digits).code());
    assertEquals(1.0, value("mbytes_scanned", "0." + digits));
  }

  @Test
  void roundsEveryNumberAsParseDoubleDoes() {
    Random random = new Random(11);
    List<String> written =
        new ArrayList<>(
            List.of(
                "0",
                "-0",
                "0.0",
                "-0.0",
                "-0e5",
                "1",
                "0.1",
                "1e22",
                "1e23",
                "123456789012345678",
                "9007199254740992",
                "9007199254740993",
                "9007199254740993.0",
                "0.3",
                "2.2250738585072011e-308",
                "4.9e-324",
                "2e-324",
                "1.7976931348623157e308",
                "8.41e21",
                "9214843084008499",
                "0.500000000000000166533453693773481063544750213623",
                "5e-1",
                "100000000000000000",
                "900719925474099.3",
                "0.0000000000000000000001",
                "0.000000000000000001",
                "179769313486231580793728971405301" + "0".repeat(276)));
    for (int count = 0; count < 200_000; count++) {
      written.add(
          switch (random.nextInt(5)) {
            case 0 -> finite(Double.longBitsToDouble(random.nextLong()));
            case 1 -> random.nextInt() + "." + Math.abs((long) random.nextInt());
            case 2 -> (random.nextLong() >> random.nextInt(64)) + "." + random.nextInt(10);
            case 3 -> Long.toString(random.nextLong() >> random.nextInt(64));
            default -> random.nextInt(1000) + "." + String.format("%018d", random.nextInt(9999));
          });
    }
    RawMessages.Builder raw = builder();
    for (String number : written) {
      raw.add(0, 0, 0, bytes("{\"mbytes_scanned\": " + number + "," + TIME + "}"));
    }
    Cells cells = Cells.parse(CONTRACT, allocator, raw.build());
    for (int row = 0; row < written.size(); row++) {
      double expected = Double.parseDouble(written.get(row));
      Object actual = cells.row(row).get(19);
      // Boxed doubles are equal by their bits, so that the sign of zero counts.
      assertEquals((Object) expected, actual, written.get(row));
    }
  }

  private static String finite(double value) {
    return Double.isFinite(value) ? Double.toString(value) : "1.5";
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e309", "-1e309", "1.7976931348623159e308", "1e999999999999"})
  void refusesNumbersThatADoubleDoesNotHold(String written) {
    Rejection rejection = rejection("mbytes_scanned", written);
    assertEquals(ErrorCode.NUMBER_OUT_OF_RANGE, rejection.code());
    assertTrue(rejection.reason().contains("expected a number from -1.79"), rejection.reason());
  }

  @ParameterizedTest
  @CsvSource({
    "true, true",
    "false, false",
    "1, true",
    "0, false",
    "1.0, true",
    "0.0, false",
    "-0, false",
    "1e0, true",
    "10E-1, true",
    "0.000, false"
  })
  void readsBooleans(String written, boolean expected) {
    assertEquals(expected, value("was_cached", written));
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "-1", "0.5", "\"true\"", "\"1\"", "1e30", "[]", "{\"a\": true}"})
  void refusesOtherBooleans(String written) {
    Rejection rejection = rejection("was_cached", written);
    assertEquals(ErrorCode.WRONG_TYPE, rejection.code());
    assertEquals("was_cached is " + written + "; expected true, false, 1 or 0", rejection.reason());
  }

  @Test
  void keepsTextAsItIs() {
    assertEquals(
        " a\tb \u0000 é日😀 \" \\ / ",
        value("query_type", "\" a\\tb \\u0000 \\u00e9日\\ud83d\\uDE00 \\\" \\\\ \\/ \""));
    assertEquals("", value("query_type", "\"\""));
    String longText = "é".repeat(300_000);
    assertEquals(longText, value("query_type", '"' + longText + '"'));
    assertEquals(ErrorCode.WRONG_TYPE, rejection("query_type", "7").code());
    assertEquals("query_type is 7; expected text in quotes", rejection("query_type", "7").reason());
  }

  @Test
  void makesNullOfWhatIsMissingAndNullAsWhereTheContractSaysSo() {
    Cells cells = parse("{" + TIME + "}", "{" + TIME + ", \"num_joins\": null, \"user_id\": null}");
    for (int row = 0; row < 2; row++) {
      List<@Nullable Object> values = cells.row(row);
      for (int column = 0; column < values.size(); column++) {
        switch (column) {
          case 5 -> assertEquals(TIME_MICROS, values.get(column));
          case 19, 20 -> assertEquals(0.0, values.get(column));
          case 21, 22, 23 -> assertEquals(0L, values.get(column));
          default -> assertNull(values.get(column));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"arrival_timestamp\": null}", "{\"query_id\": 3}"})
  void refusesARecordWithoutItsEventTime(String message) {
    Rejection rejection = parse(message).rejection(0);
    assertEquals(ErrorCode.MISSING_REQUIRED, rejection.code());
    assertEquals("arrival_timestamp", rejection.field());
    assertTrue(rejection.reason().startsWith("arrival_timestamp is missing or null"));
  }

  @Test
  void refusesEmptyAndOversizedMessages() {
    String padding = " ".repeat(RecordParser.MAX_MESSAGE_BYTES - TIME.length() - 2);
    Cells cells = parse("", "{" + TIME + "}" + padding, "{" + TIME + "}" + padding + " ");
    assertEquals(ErrorCode.EMPTY_MESSAGE, cells.rejection(0).code());
    assertEquals(TIME_MICROS, cells.row(1).get(5));
    assertEquals(ErrorCode.MESSAGE_TOO_LARGE, cells.rejection(2).code());
    assertEquals(
        "the message has 1048577 bytes; expected at most 1048576", cells.rejection(2).reason());
  }

  @Test
  void rejectsForTheFirstWrongValueUnlessTheMessageIsNotJson() {
    Cells cells =
        parse(
            "{\"query_id\": \"x\", \"user_id\": 1.5, " + TIME + "}",
            "{\"query_id\": \"x\", \"user_id\": 1.5, " + TIME);
    assertEquals("query_id", cells.rejection(0).field());
    assertEquals(ErrorCode.MALFORMED_JSON, cells.rejection(1).code());
  }

  @Test
  void leavesNothingOfARejectedRowInTheNextOne() {
    String full = "{" + TIME + ", \"query_id\": 1, \"query_type\": \"select\", \"user_id\": 5";
    Cells cells =
        parse(
            full + "}",
            full + ", \"was_cached\": 1, \"num_scans\": 9, \"read_table_ids\": \"7\", oops",
            "{\"cluster_size\": null, \"user_id\": null, \"query_id\": true, " + TIME + "}",
            "{" + TIME + ", \"query_id\": 2, \"cluster_size\": 4}",
            full + ", \"read_table_ids\": \"8\", \"query_id\": 7}");
    assertEquals(2, cells.rows().size());
    List<@Nullable Object> after = cells.row(3);
    assertEquals(4L, after.get(1));
    assertNull(after.get(2));
    assertEquals(2L, after.get(4));
    assertNull(after.get(11));
    assertNull(after.get(13));
    assertNull(after.get(17));
    assertEquals(0L, after.get(22));
  }

  @Test
  void makesEqualBytesOfEqualRowsWhateverWasParsedBefore() {
    RawMessages.Builder clean = builder();
    RawMessages.Builder mixed = builder();
    RandomRecords records = new RandomRecords(CONTRACT, 5, 0);
    RandomRecords others = new RandomRecords(CONTRACT, 6, 0.3);
    RecordParser fresh = new RecordParser(CONTRACT, allocator);
    RecordParser used = new RecordParser(CONTRACT, allocator);
    RawMessages.Builder first = builder();
    for (int row = 0; row < 501; row++) {
      first.add(0, row, 0, bytes(others.json()));
      byte[] message = bytes(records.json());
      clean.add(0, row, 0, message);
      mixed.add(0, row, 0, message);
    }
    mixed.add(0, 501, 0, bytes("{\"instance_id\": 3, \"query_type\": \"select\""));
    used.parse(first.build()).close();
    try (RecordParser.Result a = fresh.parse(clean.build());
        RecordParser.Result b = used.parse(mixed.build())) {
      assertEquals(copy(a), copy(b));
    }
  }

  private static RecordBatch copy(RecordParser.Result result) {
    return RecordBatch.copyOf(
        "c", "1", result.root(), result.minEventMillis(), result.maxEventMillis());
  }

  @Test
  void carriesPositionAndEventTimesOfKafkaMessages() {
    RawBatch raw =
        builder()
            .add(2, 70, 0, bytes("{\"arrival_timestamp\": \"1969-12-31T23:59:59.999999\"}"))
            .add(2, 71, 0, bytes("nothing"))
            .add(4, 12, 0, bytes("{\"arrival_timestamp\": 1500}"))
            .build();
    try (RecordParser.Result result = new RecordParser(CONTRACT, allocator).parse(raw)) {
      VectorSchemaRoot root = result.root();
      assertEquals(RecordSchemas.parsed(CONTRACT), root.getSchema());
      assertEquals(2, root.getRowCount());
      assertEquals("queries", Cells.value(root.getVector(RecordSchemas.TOPIC), 1));
      assertEquals(4, Cells.value(root.getVector(RecordSchemas.PARTITION), 1));
      assertEquals(12L, Cells.value(root.getVector(RecordSchemas.OFFSET), 1));
      assertEquals(2, Cells.value(root.getVector(RecordSchemas.RAW_ROW), 1));
      assertEquals(-1, result.minEventMillis());
      assertEquals(1500, result.maxEventMillis());
    }
  }

  @Test
  void hasNoTopicForFilesAndNoEventTimesWithoutRows() {
    RawMessages.Builder file =
        RawBatch.builder(RawBatch.SourceKind.FILE, "a.jsonl", RawMessages.Format.JSON);
    RecordParser parser = new RecordParser(CONTRACT, allocator);
    try (RecordParser.Result result =
        parser.parse(file.add(3, 7, 0, bytes("{" + TIME + "}")).build())) {
      assertNull(Cells.value(result.root().getVector(RecordSchemas.TOPIC), 0));
      assertEquals(3, Cells.value(result.root().getVector(RecordSchemas.PARTITION), 0));
      assertEquals(7L, Cells.value(result.root().getVector(RecordSchemas.OFFSET), 0));
    }
    for (RawBatch empty : List.of(file.build(), file.add(0, 0, 0, bytes("x")).build())) {
      try (RecordParser.Result result = parser.parse(empty)) {
        assertEquals(0, result.root().getRowCount());
        assertEquals(empty.size(), result.rejections().size());
        assertEquals(Long.MAX_VALUE, result.minEventMillis());
        assertEquals(Long.MIN_VALUE, result.maxEventMillis());
      }
    }
  }

  @Test
  void refusesAContractWhoseEventTimeIsNoTimestamp() {
    Contract wrong =
        new Contract(
            "odd",
            "1",
            "n",
            CONTRACT.outOfOrderBound(),
            List.of(),
            List.of(new Field("n", FieldType.INTEGER, true, null, null, null, List.of(), null)),
            List.of(),
            List.of(),
            CONTRACT.rollUp());
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new RecordParser(wrong, allocator));
    assertEquals(
        "contract odd names 'n' as its event time; expected one of its timestamp fields",
        e.getMessage());
  }

  private @Nullable Object value(String field, String json) {
    return parse(message(field, json)).row(0).get(column(field));
  }

  private Rejection rejection(String field, String json) {
    return parse(message(field, json)).rejection(0);
  }

  private static String message(String field, String json) {
    String time = field.equals("arrival_timestamp") ? "" : ", " + TIME;
    return "{\"" + field + "\": " + json + time + "}";
  }

  private static int column(String name) {
    return CONTRACT.fields().stream().map(Field::name).toList().indexOf(name);
  }

  private Cells parse(String... messages) {
    return Cells.parseJson(CONTRACT, allocator, messages);
  }

  private static RawMessages.Builder builder() {
    return RawBatch.builder(RawBatch.SourceKind.KAFKA, "queries", RawMessages.Format.JSON);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
