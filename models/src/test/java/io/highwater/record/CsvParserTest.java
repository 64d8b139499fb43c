package io.highwater.record;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CsvParserTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;
  private static final List<String> HEADER =
      List.of("query_type", "num_joins", "was_cached", "mbytes_scanned", "arrival_timestamp");
  private static final String TIME = "2024-03-01 00:00:00";

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void closeAllocator() {
    allocator.close();
  }

  @Test
  void tellsNothingFromAnEmptyString() {
    Cells cells = parse(",,,," + TIME, "\"\",3,1,2.5," + TIME, "\"a \"\"b\"\",\n\",3.0,True,1e3,0");
    assertNull(cells.row(0).get(13));
    assertNull(cells.row(0).get(11));
    assertEquals(0L, cells.row(0).get(21));
    assertEquals(0.0, cells.row(0).get(19));
    assertNull(cells.row(0).get(2));
    assertEquals("", cells.row(1).get(13));
    assertEquals("a \"b\",\n", cells.row(2).get(13));
    assertEquals(3L, cells.row(2).get(21));
    assertEquals(true, cells.row(2).get(11));
    assertEquals(1000.0, cells.row(2).get(19));
    assertEquals(0L, cells.row(2).get(5));
  }

  @Test
  void takesALineBreakAtTheEndForTheEnd() {
    Cells cells = parse("a,1,1,1," + TIME + "\n", "a,1,1,1," + TIME + "\r\n");
    assertEquals(2, cells.rows().size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          a,1,1,1 | MALFORMED_CSV | the record has 4 columns; expected 5 as in the header
          a | MALFORMED_CSV | the record has 1 column; expected 5 as in the header
          a,1,1,1,T,6 | MALFORMED_CSV | the record has 6 columns; expected 5 as in the header
          a,1,1,1,"T | MALFORMED_CSV | not CSV at byte 28: expected a closing quote for the one at byte 8
          "a"b,1,1,1,T | MALFORMED_CSV | not CSV at byte 3: expected ',' or the end of the record after a closing quote
          a"b,1,1,1,T | MALFORMED_CSV | not CSV at byte 1: expected a value with a quote or a line break to be quoted
          a,x,1,1,T | WRONG_TYPE | num_joins is x; expected a whole number
          a,1.5,1,1,T | WRONG_TYPE | num_joins is 1.5; expected a whole number
          a,"",1,1,T | WRONG_TYPE | num_joins is ""; expected a whole number
          a,1 ,1,1,T | WRONG_TYPE | num_joins is 1 ; expected a whole number
          a,007,1,1,T | WRONG_TYPE | num_joins is 007; expected a whole number
          a,1,yes,1,T | WRONG_TYPE | was_cached is yes; expected true, false, 1 or 0
          a,1,2,1,T | WRONG_TYPE | was_cached is 2; expected true, false, 1 or 0
          a,1,1,nan,T | WRONG_TYPE | mbytes_scanned is nan; expected a number
          a,1,1,"1,5",T | WRONG_TYPE | mbytes_scanned is 1,5; expected a number
          a,1,1,1, | MISSING_REQUIRED | arrival_timestamp is missing or null; it says when the event happened, so every record must have it
          """)
  void saysWhatIsWrong(String record, ErrorCode code, String reason) {
    Rejection rejection = parse(record.replace("T", TIME)).rejection(0);
    assertEquals(reason, rejection.reason());
    assertEquals(code, rejection.code());
  }

  @Test
  void refusesNumbersAndTimesThatDoNotFit() {
    Cells cells =
        parse(
            "a,9223372036854775808,1,1," + TIME,
            "a,1,1,1e400," + TIME,
            "a,1,1,1,2024-02-30 00:00:00",
            "a,1,1,1,0.5");
    assertEquals(ErrorCode.NUMBER_OUT_OF_RANGE, cells.rejection(0).code());
    assertEquals(ErrorCode.NUMBER_OUT_OF_RANGE, cells.rejection(1).code());
    assertEquals(ErrorCode.INVALID_TIMESTAMP, cells.rejection(2).code());
    assertEquals(ErrorCode.INVALID_TIMESTAMP, cells.rejection(3).code());
  }

  @Test
  void checksUtf8AlsoInColumnsThatAreIgnored() {
    RawBatch raw =
        RawBatch.builder(
                RawBatch.SourceKind.FILE,
                "a.csv",
                RawMessages.Format.CSV,
                List.of("other", "arrival_timestamp"))
            .add(0, 0, 0, ("\u00e9," + TIME).getBytes(StandardCharsets.ISO_8859_1))
            .add(0, 1, 0, ("\u00e9," + TIME).getBytes(StandardCharsets.UTF_8))
            .build();
    Cells cells = Cells.parse(CONTRACT, allocator, raw);
    assertEquals(ErrorCode.INVALID_UTF8, cells.rejection(0).code());
    assertEquals(1_709_251_200_000_000L, cells.row(1).get(5));
    assertEquals(1, cells.unknownFields());
  }

  @Test
  void refusesRecordsUnderAHeaderThatNamesAFieldTwice() {
    RawBatch raw =
        RawBatch.builder(
                RawBatch.SourceKind.FILE,
                "a.csv",
                RawMessages.Format.CSV,
                List.of("num_joins", "num_joins", "arrival_timestamp"))
            .add(0, 0, 0, ("1,2," + TIME).getBytes(StandardCharsets.UTF_8))
            .build();
    Rejection rejection = Cells.parse(CONTRACT, allocator, raw).rejection(0);
    assertEquals(ErrorCode.DUPLICATE_FIELD, rejection.code());
    assertEquals("num_joins", rejection.field());
  }

  /** Whole files: cut into records by the reader, into values by the parser. */
  @Test
  void agreesWithANaiveReaderOnGeneratedFiles() throws IOException {
    int accepted = 0;
    RecordParser parser = new RecordParser(CONTRACT, allocator);
    for (int seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      List<String> header = new ArrayList<>(CONTRACT.fields().stream().map(Field::name).toList());
      header.remove(1 + random.nextInt(4));
      header.add("one, \"more\"");
      Collections.shuffle(header, random);
      String lineBreak = random.nextBoolean() ? "\n" : "\r\n";
      String file = csv(header, 1_000, seed, lineBreak);
      List<List<@Nullable String>> expectedRecords = NaiveRecords.splitCsv(file);
      int row = 1;
      try (FileRecords records =
          FileRecords.open(
              FileSlice.whole("f.csv", 0, 0),
              new ByteArrayInputStream(file.getBytes(StandardCharsets.UTF_8)),
              300,
              0)) {
        while (records.hasNext()) {
          RawMessages raw = (RawMessages) records.next();
          assertEquals(header, raw.columns());
          Cells cells;
          try (RecordParser.Result result = parser.parse(raw)) {
            cells = Cells.of(CONTRACT, result);
          }
          for (int rawRow = 0; rawRow < raw.size(); rawRow++) {
            assertEquals(row - 1, raw.offset(rawRow));
            NaiveRecords.Outcome expected =
                NaiveRecords.csv(CONTRACT, header, expectedRecords.get(row++));
            if (expected.row() == null) {
              cells.rejection(rawRow);
            } else {
              assertEquals(expected.row(), cells.row(rawRow));
              accepted++;
            }
          }
        }
      }
      assertEquals(1_001, row);
    }
    assertTrue(accepted > 15_000 && accepted < 20_000, accepted + " of 20,000 were accepted");
  }

  private static String csv(List<String> header, int rows, int seed, String lineBreak) {
    RandomRecords values = new RandomRecords(CONTRACT, seed, 0.001);
    StringBuilder file = new StringBuilder();
    for (String name : header) {
      file.append(file.isEmpty() ? "" : ",");
      file.append(name.contains(",") ? '"' + name.replace("\"", "\"\"") + '"' : name);
    }
    for (int row = 0; row < rows; row++) {
      file.append(lineBreak);
      for (int column = 0; column < header.size(); column++) {
        String name = header.get(column);
        Field field =
            CONTRACT.fields().stream()
                .filter(candidate -> candidate.name().equals(name))
                .findFirst()
                .orElse(CONTRACT.fields().get(13));
        file.append(column == 0 ? "" : ",").append(values.csvValue(field));
      }
    }
    return file.append(seed % 3 == 0 ? "" : lineBreak).toString();
  }

  private Cells parse(String... records) {
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.FILE, "a.csv", RawMessages.Format.CSV, HEADER);
    for (String record : records) {
      builder.add(0, builder.size(), 0, record.getBytes(StandardCharsets.UTF_8));
    }
    return Cells.parse(CONTRACT, allocator, builder.build());
  }
}
