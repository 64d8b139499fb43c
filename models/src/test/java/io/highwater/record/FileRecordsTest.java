package io.highwater.record;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.ZstdOutputStream;
import io.highwater.contract.Contract;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FileRecordsTest {
  private static final Contract CONTRACT = WarehouseContract.CONTRACT;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "a.jsonl, true",
    "a.ndjson, true",
    "a.json, true",
    "a.csv, true",
    "a.parquet, true",
    "a.arrow, true",
    "a.csv.gz, true",
    "A.CSV.GZ, true",
    "a.json.zst, true",
    "dir/a.b.jsonl, true",
    "a.parquet.gz, false",
    "a.txt, false",
    "a.gz, false",
    "csv, false",
    "a.csv.bz2, false",
    "'', false"
  })
  void knowsWhatItCanRead(String name, boolean supported) {
    assertEquals(supported, FileRecords.isSupported(name));
  }

  @Test
  void namesTheEndingsThatItReads() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> read("a.txt", new byte[0], 10));
    assertEquals(
        "a.txt has an ending that cannot be read; expected one of .jsonl, .ndjson, .json, .csv"
            + " (each also followed by .gz or .zst), .parquet, .arrow",
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> read("a.jsonl", new byte[0], 0));
    assertThrows(IllegalArgumentException.class, () -> read("a.parquet", new byte[0], 10));
    assertEquals(
        "cannot read none.csv: there is no such file",
        assertThrows(IOException.class, () -> FileRecords.open(Path.of("none.csv"), 1, 0))
            .getMessage());
  }

  @Test
  void cutsLinesAndSkipsBlankOnes() throws IOException {
    String text = "\uFEFF{\"a\": 1}\r\n\n  \t\r\n{\"b\":\r2}\n\r\n [] \n{\"c\"";
    assertEquals(
        List.of("{\"a\": 1}", "{\"b\":\r2}", " [] ", "{\"c\""), messages("a.jsonl", text, 10));
    assertEquals(List.of(), messages("a.jsonl", "", 10));
    assertEquals(List.of(), messages("a.jsonl", "\uFEFF\n \n", 10));
  }

  @Test
  void cutsCsvOutsideOfQuotesOnly() throws IOException {
    String text =
        "\uFEFFa,\"b \"\"c\"\",\"\r\n1,\"x\ny\"\r\n\n\"\"\"\n\"\"\",\"\"\n2,mid\"quote\n3,\"open\n4,5\n";
    assertEquals(
        List.of("1,\"x\ny\"", "\"\"\"\n\"\"\",\"\"", "2,mid\"quote", "3,\"open\n4,5"),
        messages("a.csv", text, 10));
    RawMessages batch =
        (RawMessages) read("a.csv", text.getBytes(StandardCharsets.UTF_8), 10).get(0);
    assertEquals(List.of("a", "b \"c\","), batch.columns());
    assertEquals(RawMessages.Format.CSV, batch.format());
    assertEquals(List.of(), messages("a.csv", "", 10));
    assertEquals(List.of(), messages("a.csv", "a,b\n", 10));
    assertEquals(List.of(), messages("a.csv", "a,b", 10));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          a,b,a | cannot read a.csv: its header names 'a' more than once; expected each column once
          a,"b"c | cannot read a.csv: its header has a wrong quote at character 2; expected names separated by commas, each quoted as a whole or not at all
          "a | cannot read a.csv: its header has a wrong quote at character 0; expected names separated by commas, each quoted as a whole or not at all
          """)
  void refusesAWrongHeader(String header, String message) {
    IOException e = assertThrows(IOException.class, () -> messages("a.csv", header + "\n1", 10));
    assertEquals(message, e.getMessage());
  }

  @Test
  void numbersRecordsOverBatches() throws IOException {
    List<RawBatch> batches = read("a.jsonl", "1\n2\n\n3\n4\n5".getBytes(StandardCharsets.UTF_8), 2);
    assertEquals(3, batches.size());
    long number = 0;
    for (RawBatch batch : batches) {
      assertEquals("a.jsonl", batch.source());
      assertEquals(RawBatch.SourceKind.FILE, batch.sourceKind());
      assertEquals(RawMessages.Format.JSON, ((RawMessages) batch).format());
      for (int row = 0; row < batch.size(); row++) {
        assertEquals(number++, batch.offset(row));
        assertEquals(77, batch.timestampMillis(row));
        assertEquals(0, batch.partition(row));
      }
    }
    assertEquals(5, number);
  }

  @Test
  void endsWithAnExceptionOfItsOwnKind() throws IOException {
    try (FileRecords records =
        FileRecords.open(whole("a.jsonl"), new ByteArrayInputStream(new byte[] {'1'}), 5, 0)) {
      assertTrue(records.hasNext());
      records.next();
      assertFalse(records.hasNext());
      assertThrows(NoSuchElementException.class, records::next);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.jsonl", "a.csv", "a.json.gz", "a.csv.gz", "a.ndjson.zst", "a.csv.zst"})
  void readsTheSameRecordsHoweverTheStreamIsCut(String name) throws IOException {
    Random random = new Random(3);
    List<String> expected = new ArrayList<>();
    StringBuilder text = new StringBuilder(name.contains("csv") ? "a,b\r\n" : "");
    for (int row = 0; row < 3_000; row++) {
      // Some are longer than the reader's buffer.
      int length = row % 700 == 0 ? 400_000 : random.nextInt(900);
      String message =
          name.contains("csv")
              ? '"' + "v".repeat(length) + "\"\"\n," + row + "\","
              : "v".repeat(length) + "{" + row;
      expected.add(message);
      text.append(message).append(row % 2 == 0 ? "\n" : "\r\n");
    }
    byte[] bytes = compressed(name, text.toString().getBytes(StandardCharsets.UTF_8));
    try (FileRecords records =
        FileRecords.open(whole(name), new Trickle(bytes, random), 1_000, 0)) {
      List<String> actual = new ArrayList<>();
      records.forEachRemaining(
          batch -> {
            for (int row = 0; row < batch.size(); row++) {
              actual.add(new String(batch.message(row), StandardCharsets.UTF_8));
            }
          });
      assertEquals(expected.size(), actual.size());
      for (int row = 0; row < expected.size(); row++) {
        assertTrue(expected.get(row).equals(actual.get(row)), "record " + row);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.jsonl.gz", "a.jsonl.zst"})
  void readsConcatenatedMembersAlsoWhenNothingSeemsAvailable(String name) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(compressed(name, "1\n2\n".getBytes(StandardCharsets.UTF_8)));
    bytes.write(compressed(name, "3\n".getBytes(StandardCharsets.UTF_8)));
    try (FileRecords records =
        FileRecords.open(whole(name), new Trickle(bytes.toByteArray(), new Random(1)), 9, 0)) {
      assertEquals(3, records.next().size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.jsonl.gz", "a.jsonl.zst"})
  void failsOnACompressedFileThatIsCutShort(String name) throws IOException {
    byte[] bytes =
        compressed(name, "{\"a\": 1}\n".repeat(200_000).getBytes(StandardCharsets.UTF_8));
    UncheckedIOException e =
        assertThrows(
            UncheckedIOException.class,
            () -> read(name, Arrays.copyOf(bytes, bytes.length - 9), 100));
    assertThat(e.getMessage(), containsString("cannot read " + name + " after record "));
  }

  @Test
  void failsOnACompressedFileThatIsNone() {
    IOException e =
        assertThrows(IOException.class, () -> read("a.csv.gz", new byte[] {1, 2, 3, 4}, 10));
    assertThat(e.getMessage(), startsWith("cannot read a.csv.gz: "));
  }

  @Test
  void keepsALongRecordWholeAndRefusesOneWithoutEnd() throws IOException {
    byte[] longest = new byte[TextFileRecords.MAX_RECORD_BYTES];
    Arrays.fill(longest, (byte) 'x');
    longest[longest.length - 1] = '\n';
    assertEquals(longest.length - 1, read("a.jsonl", longest, 10).get(0).message(0).length);
    byte[] endless = new byte[TextFileRecords.MAX_RECORD_BYTES + 2];
    Arrays.fill(endless, (byte) 'x');
    UncheckedIOException e =
        assertThrows(UncheckedIOException.class, () -> read("a.jsonl", endless, 10));
    assertThat(
        e.getMessage(),
        containsString(
            "cannot read a.jsonl after record 0: a record has more than 16777216 bytes;"
                + " expected one JSON object on each line"));
  }

  @Test
  void readsTheSameCellsFromParquetAndCsv() throws IOException, SQLException {
    Path parquet = folder.resolve("it's [1] * hive=3.parquet");
    Path csv = folder.resolve("rows.csv");
    String rows =
        """
        SELECT i::INTEGER AS instance_id, CASE WHEN i % 3 > 0 THEN i % 7 END::SMALLINT AS cluster_size,
          i * 1000003 + 9007199254740993 AS query_id,
          TIMESTAMP '2024-03-01 00:00:00.000001' + INTERVAL (i * 61_000_007) MICROSECOND
            AS arrival_timestamp,
          ln(i + 1) * 1e6 AS compile_duration_ms, i * 1.0::DOUBLE AS queue_duration_ms,
          i % 2 = 0 AS was_aborted, (i % 5 = 0)::TINYINT AS was_cached,
          'naïve "' || i || E'", \\\\ \\n' AS query_type,
          CASE WHEN i % 4 > 0 THEN (i / 3)::DECIMAL(18, 4) END AS mbytes_scanned,
          [i, i] AS ignored
        FROM range(5000) t(i)
        """;
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE rows AS " + rows);
      copy(statement, "rows", parquet, "FORMAT parquet, ROW_GROUP_SIZE 2048");
      copy(statement, "rows", csv, "FORMAT csv");
    }
    List<List<@Nullable Object>> fromParquet = cells(parquet);
    assertEquals(5_000, fromParquet.size());
    assertEquals(9_007_199_254_740_993L, fromParquet.get(0).get(4));
    assertEquals("naïve \"7\", \\ \n", fromParquet.get(7).get(13));
    assertEquals(cells(csv), fromParquet);
  }

  @Test
  void turnsEveryTypeOfParquetIntoTheJsonOfAProducer() throws IOException, SQLException {
    Path parquet = folder.resolve("types.parquet");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      copy(
          statement,
          """
          (SELECT 18446744073709551615::UBIGINT AS "a""b", 12345678901234567890.50::DECIMAL(38, 2) AS d,
            0.1::FLOAT AS f, 'nan'::DOUBLE AS n, '-infinity'::DOUBLE AS i, 1e300::DOUBLE AS e,
            '2024-03-01 01:02:03.123456789'::TIMESTAMP_NS AS ns,
            TIMESTAMPTZ '2024-03-01 02:00:00+02' AS tz, TIMESTAMP '1969-12-31 23:59:59.5' AS old,
            'infinity'::TIMESTAMP AS never, DATE '2024-03-01' AS day,
            [1.5, NULL] AS list, {'a': {'b': 'c"'}} AS struct, ['nan'::DOUBLE] AS odd,
            'caf\\xC3\\xA9'::BLOB AS bytes, '\\xFF'::BLOB AS wrong, NULL::INTEGER AS nothing,
            NULL::VARCHAR AS silence, chr(1) || chr(9) AS control)
          """,
          parquet,
          "FORMAT parquet");
    }
    try (FileRecords records = FileRecords.open(parquet, 10, 0)) {
      assertEquals(
          """
          {"a\\"b": 18446744073709551615, "d": 12345678901234567890.50, "f": 0.10000000149011612, \
          "n": "NaN", "i": "-Infinity", "e": 1.0E300, "ns": "2024-03-01T01:02:03.123456", \
          "tz": "2024-03-01T00:00:00.000000", "old": "1969-12-31T23:59:59.500000", \
          "never": "+294247-01-10T04:00:54.775807", "day": "2024-03-01", "list": [1.5,null], \
          "struct": {"a":{"b":"c\\""}}, "odd": "[NaN]", "bytes": "café", "wrong": "\\\\xFF", \
          "nothing": null, "silence": null, "control": "\\u0001\\u0009"}""",
          new String(records.next().message(0), StandardCharsets.UTF_8));
    }
  }

  @Test
  void saysThatAParquetFileIsNone() throws IOException {
    Path file = folder.resolve("a.parquet");
    Files.writeString(file, "not parquet at all");
    IOException e = assertThrows(IOException.class, () -> FileRecords.open(file, 10, 0));
    assertThat(e.getMessage(), startsWith("cannot read " + file + ": "));
  }

  private static FileSlice whole(String name) {
    return FileSlice.whole(name, 0, 0);
  }

  private static void copy(Statement statement, String what, Path to, String options)
      throws SQLException {
    statement.execute(
        "COPY " + what + " TO '" + to.toString().replace("'", "''") + "' (" + options + ")");
  }

  private static List<List<@Nullable Object>> cells(Path file) throws IOException {
    List<List<@Nullable Object>> rows = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        FileRecords records = FileRecords.open(file, 700, 0)) {
      RecordParser parser = new RecordParser(CONTRACT, allocator);
      while (records.hasNext()) {
        RawBatch raw = records.next();
        try (RecordParser.Result result = parser.parse(raw)) {
          Cells cells = Cells.of(CONTRACT, result);
          for (int row = 0; row < raw.size(); row++) {
            assertEquals(rows.size(), raw.offset(row));
            rows.add(cells.row(row));
          }
        }
      }
    }
    return rows;
  }

  private static List<String> messages(String name, String text, int rowsPerBatch)
      throws IOException {
    List<String> messages = new ArrayList<>();
    for (RawBatch batch : read(name, text.getBytes(StandardCharsets.UTF_8), rowsPerBatch)) {
      for (int row = 0; row < batch.size(); row++) {
        messages.add(new String(batch.message(row), StandardCharsets.UTF_8));
      }
    }
    return messages;
  }

  private static List<RawBatch> read(String name, byte[] bytes, int rowsPerBatch)
      throws IOException {
    List<RawBatch> batches = new ArrayList<>();
    try (FileRecords records =
        FileRecords.open(whole(name), new ByteArrayInputStream(bytes), rowsPerBatch, 77)) {
      records.forEachRemaining(batches::add);
    }
    return batches;
  }

  private static byte[] compressed(String name, byte[] bytes) throws IOException {
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (OutputStream out =
        name.endsWith(".gz")
            ? new GZIPOutputStream(compressed)
            : name.endsWith(".zst") ? new ZstdOutputStream(compressed) : compressed) {
      out.write(bytes);
    }
    return compressed.toByteArray();
  }

  /** A stream as from a network: a few bytes at a time, nothing ever said to be available. */
  private static final class Trickle extends InputStream {
    private final InputStream bytes;
    private final Random random;

    Trickle(byte[] bytes, Random random) {
      this.bytes = new ByteArrayInputStream(bytes);
      this.random = random;
    }

    @Override
    public int read() throws IOException {
      return bytes.read();
    }

    @Override
    public int read(byte[] target, int start, int length) throws IOException {
      Objects.checkFromIndexSize(start, length, target.length);
      return bytes.read(target, start, Math.min(length, 1 + random.nextInt(5_000)));
    }
  }
}
