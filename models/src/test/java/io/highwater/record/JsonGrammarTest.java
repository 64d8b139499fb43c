package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is JSON by RFC 8259 and what is not, at the top level and in values that are ignored. */
class JsonGrammarTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;
  private static final String TIME = "\"arrival_timestamp\": \"2024-03-01T00:00:00\"";

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1",
        "-0",
        "0",
        "-1.5",
        "1e5",
        "1E+5",
        "1e-5",
        "0.10",
        "1e999",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0000\"",
        "\"\\uD83D\\uDE00\"",
        "\"\u007f\"",
        "\"é日😀\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[[[]]]",
        "[1, [2, {\"a\": []}], \"b\"]",
        "{\"a\": {\"a\": {}}, \"b\": [{}, {\"a\": 1}]}",
        "\t1\r\n",
        "{\"\": 0}"
      })
  void ignoresAnyValueOfAFieldThatTheContractDoesNotHave(String value) {
    Cells cells = parse("{\"other\":" + value + "," + TIME + "}");
    assertEquals(1_709_251_200_000_000L, cells.row(0).get(5));
    assertEquals(1, cells.unknownFields());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "+1",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "1_000",
        "1a",
        "--1",
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "nulll",
        "True",
        "tru",
        "TRUE",
        "undefined",
        "'a'",
        "\"",
        "\"a",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\uD800\"",
        "\"\\uDC00\"",
        "\"\\uD800\\u0041\"",
        "\"\\uD800x\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\u0000\"",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":1]",
        "/* c */ 1",
        "// c\n1",
        "1 // c",
        "\u00a01",
        "\u0000",
        "\uFEFF1",
        "1 2",
        "{} {}",
        "\\u0031"
      })
  void refusesWhatIsNotJsonAlsoWhereItIsIgnored(String value) {
    Rejection rejection = parse("{\"other\":" + value + "," + TIME + "}").rejection(0);
    assertEquals(ErrorCode.MALFORMED_JSON, rejection.code(), rejection.reason());
    assertTrue(rejection.reason().startsWith("not JSON at byte "), rejection.reason());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {`| not JSON at byte 1: expected a field name in quotes, found the end of the message
          {"a" 1} | not JSON at byte 5: expected ':' after a field name, found '1'
          {"a": 1; "b": 2} | not JSON at byte 7: expected ',' or '}' after a value, found ';'
          {"a": 1,} | not JSON at byte 8: expected a field name in quotes, found '}'
          {"a": 1} x | not JSON at byte 9: expected the end of the message after the object, found 'x'
          {"num_joins": 07} | not JSON at byte 15: expected ',' or '}' after a value, found '7'
          {"num_joins": -} | not JSON at byte 15: expected a digit, found '}'
          {"query_type": "sel | not JSON at byte 19: expected '"', found the end of the message
          {"query_type": truth} | not JSON at byte 18: expected true, found 't'
          """)
  void saysWhereAndWhatWasExpected(String message, String reason) {
    assertEquals(reason.trim(), parse(message.replace("`", "").trim()).rejection(0).reason());
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "[{}]", "1", "\"{}\"", "null", "true", " -1.5e3 "})
  void refusesJsonThatIsNotAnObject(String message) {
    Rejection rejection = parse(message).rejection(0);
    assertEquals(ErrorCode.NOT_AN_OBJECT, rejection.code());
    assertTrue(rejection.reason().contains(message.trim()), rejection.reason());
  }

  @ParameterizedTest
  @ValueSource(strings = {"[] 1", "1 2", "nul", "\"a", "\uFEFF{}", " ", "[1,]", "\u0000"})
  void refusesWhatIsNeitherAnObjectNorJson(String message) {
    assertEquals(ErrorCode.MALFORMED_JSON, parse(message).rejection(0).code());
  }

  @Test
  void namesAByteOrderMark() {
    assertTrue(parse("\uFEFF{}").rejection(0).reason().contains("byte order mark"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "80",
        "BF",
        "C0AF",
        "C1BF",
        "C380C3",
        "E08080",
        "E09FBF",
        "EDA080",
        "EDBFBF",
        "F08080AF",
        "F08FBFBF",
        "F4908080",
        "F5808080",
        "FF",
        "FE",
        "E282",
        "F09F98",
        "C3",
        "E28228"
      })
  void refusesWrongUtf8InFieldsAndInWhatIsIgnored(String hex) {
    byte[] wrong = HexFormat.of().parseHex(hex);
    for (String name : List.of("query_type", "other")) {
      for (String[] around :
          new String[][] {{"\"", "\""}, {"[\"abcdefgh", "ijklmnop\"]"}, {"{\"", "\": 1}"}}) {
        RawMessages.Builder builder =
            RawBatch.builder(RawBatch.SourceKind.KAFKA, "t", RawMessages.Format.JSON);
        byte[] head = ("{\"" + name + "\": " + around[0]).getBytes(StandardCharsets.UTF_8);
        byte[] tail = (around[1] + ", " + TIME + "}").getBytes(StandardCharsets.UTF_8);
        byte[] message = new byte[head.length + wrong.length + tail.length];
        System.arraycopy(head, 0, message, 0, head.length);
        System.arraycopy(wrong, 0, message, head.length, wrong.length);
        System.arraycopy(tail, 0, message, head.length + wrong.length, tail.length);
        builder.add(0, 0, 0, message);
        Rejection rejection = Cells.parse(CONTRACT, allocator, builder.build()).rejection(0);
        assertEquals(ErrorCode.INVALID_UTF8, rejection.code(), rejection.reason());
      }
    }
  }

  @Test
  void allowsThirtyTwoLevelsAndNoMore() {
    String open = "{\"a\":";
    for (String[] brackets : new String[][] {{"[", "]"}, {open, "}"}}) {
      String deepest = brackets[0].equals(open) ? "1" : "";
      String allowed = brackets[0].repeat(31) + deepest + brackets[1].repeat(31);
      String tooDeep = brackets[0].repeat(32) + deepest + brackets[1].repeat(32);
      Cells cells =
          parse(
              "{\"other\": " + allowed + "," + TIME + "}",
              "{\"other\": " + tooDeep + "," + TIME + "}",
              "{\"other\": " + brackets[0].repeat(100_000));
      assertEquals(1_709_251_200_000_000L, cells.row(0).get(5));
      assertEquals(ErrorCode.NESTING_TOO_DEEP, cells.rejection(1).code());
      assertEquals(ErrorCode.NESTING_TOO_DEEP, cells.rejection(2).code());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"num_joins\": 1, \"num_joins\": 1",
        "\"num_joins\": null, \"num_joins\": 1",
        "\"num_joins\": 1, \"num\\u005fjoins\": 1",
        "\"other\": 1, \"other\": 2",
        "\"oth\\\"er\": 1, \"oth\\\"er\": 2",
        "\"other\": {\"a\": 1, \"b\": 2, \"\\u0061\": 3}",
        "\"other\": [{\"a\": {\"b\": {}, \"b\": 0}}]"
      })
  void refusesANameThatIsThereTwice(String members) {
    // The second time round the names have been met before.
    for (int round = 0; round < 2; round++) {
      Rejection rejection = parse("{" + members + "," + TIME + "}").rejection(0);
      assertEquals(ErrorCode.DUPLICATE_FIELD, rejection.code(), rejection.reason());
    }
  }

  @Test
  void takesEqualNamesInDifferentObjectsForWhatTheyAre() {
    Cells cells =
        parse(
            "{\"other\": [{\"a\": 1}, {\"a\": 2}, {\"b\": {\"a\": 3}, \"a\": 4}], \"a\": 5,"
                + " \"more\": {\"num_joins\": 7, \"other\": 1}, "
                + TIME
                + "}");
    assertEquals(0L, cells.row(0).get(21));
    assertEquals(3, cells.unknownFields());
  }

  @Test
  void isNotConfusedByMoreUnknownNamesThanItRemembers() {
    StringBuilder message = new StringBuilder("{");
    for (int name = 0; name < 5_000; name++) {
      message.append("\"id-").append(name).append("\": ").append(name).append(',');
    }
    String all = message.append(TIME).toString();
    Cells cells = parse(all + "}", all + ", \"id-4999\": 0}", all + ", \"id-1\": 0}", all + "}");
    assertEquals(10_000, cells.unknownFields());
    assertEquals(ErrorCode.DUPLICATE_FIELD, cells.rejection(1).code());
    assertEquals(ErrorCode.DUPLICATE_FIELD, cells.rejection(2).code());
    assertEquals(2, cells.rows().size());
  }

  private Cells parse(String... messages) {
    return Cells.parseJson(CONTRACT, allocator, messages);
  }
}
