package io.highwater.lake;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.FieldType;
import io.highwater.record.Compression;
import io.highwater.record.RecordSchemas;
import io.highwater.record.WarehouseRows;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.TimeZone;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LakeFileReaderTest {
  /** One column of each type that the lake's tables have. */
  private static final String COLUMNS =
      """
      CASE WHEN i % 7 > 0 THEN i::BIGINT END AS id,
      i::INTEGER AS part,
      CASE WHEN i % 3 > 0 THEN i / 8 END AS level,
      CASE WHEN i % 5 > 0 THEN i % 2 = 0 END AS ok,
      CASE WHEN i % 11 > 0 THEN 'größe 🌊 ' || i END AS note,
      CASE WHEN i % 13 > 0 THEN encode('raw ' || i) END AS raw,
      CASE WHEN i % 4 > 0 THEN make_timestamp(1709251200000000 + i * 1000001) END AS local,
      to_timestamp(1709251200 + i) AS instant,
      (make_timestamp(1709251200000000 + i * 1000000))::TIMESTAMP_MS AS millis
      """;

  private static final LakeHour HOUR = new LakeHour("readings", "events", 474_792);

  @TempDir Path folder;

  private final BufferAllocator allocator = new RootAllocator();
  private String defaultZone = "";

  @BeforeEach
  void livesFarFromUtc() {
    defaultZone = TimeZone.getDefault().getID();
    TimeZone.setDefault(TimeZone.getTimeZone("Asia/Kolkata"));
  }

  @AfterEach
  void hasGivenBackItsMemory() {
    TimeZone.setDefault(TimeZone.getTimeZone(defaultZone));
    allocator.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2048, 16_384, 16_385, 100_000})
  void readsTheSameRowsOfParquetAndArrow(int rowCount) throws Exception {
    LakeFile parquet = parquet("rows.parquet", rowCount);
    LakeFile arrow = arrow("rows.arrow", parquet);

    List<String> expected = new ArrayList<>();
    for (long i = 0; i < rowCount; i++) {
      expected.add(expected(i));
    }
    assertThat(rows(parquet), equalTo(expected));
    assertThat(rows(arrow), equalTo(expected));
  }

  private static String expected(long i) {
    long micros = 1_709_251_200_000_000L;
    return Arrays.asList(
            i % 7 > 0 ? i : null,
            i,
            i % 3 > 0 ? i / 8.0 : null,
            i % 5 > 0 ? i % 2 == 0 : null,
            i % 11 > 0 ? "größe 🌊 " + i : null,
            i % 13 > 0 ? "raw " + i : null,
            i % 4 > 0 ? time(micros + i * 1_000_001) : null,
            time(micros + i * 1_000_000),
            time(micros + i * 1_000_000))
        .toString();
  }

  private static LocalDateTime time(long micros) {
    return LocalDateTime.ofEpochSecond(
        micros / 1_000_000, (int) (micros % 1_000_000) * 1000, ZoneOffset.UTC);
  }

  @Test
  void givesTimestampsWithoutAZone() throws Exception {
    try (LakeFileReader reader = LakeFileReader.open(parquet("rows.parquet", 1), allocator)) {
      for (String column : List.of("local", "instant", "millis")) {
        assertThat(
            reader.schema().findField(column).getType(), equalTo(FieldType.TIMESTAMP.arrowType()));
      }
    }
  }

  @Test
  void cutsLargeBatches() throws Exception {
    Path path = folder.resolve("large.arrow");
    List<Integer> sizes = new ArrayList<>();
    StringBuilder expected = new StringBuilder();
    StringBuilder read = new StringBuilder();
    try (VectorSchemaRoot rows = WarehouseRows.sorted(1, 40_000, 50, allocator)) {
      write(path, rows.getSchema(), List.of(ArrowFiles.encode(rows, Compression.ZSTD)));
      append(expected, rows);
    }
    try (LakeFileReader reader =
        LakeFileReader.open(new LakeFile(HOUR, "large.arrow", path), allocator)) {
      assertThat(reader.schema(), equalTo(RecordSchemas.events(WarehouseRows.contract())));
      while (reader.hasNext()) {
        VectorSchemaRoot batch = reader.next();
        sizes.add(batch.getRowCount());
        append(read, batch);
      }
      assertThrows(NoSuchElementException.class, reader::next);
    }
    assertThat(sizes, equalTo(List.of(16_384, 16_384, 7232)));
    assertThat(read.toString(), equalTo(expected.toString()));
  }

  private static void append(StringBuilder text, VectorSchemaRoot rows) {
    String all = rows.contentToTSVString();
    text.append(all, all.indexOf('\n'), all.length() - 1);
  }

  @Test
  void canBeClosedBeforeTheEnd() throws Exception {
    LakeFile parquet = parquet("rows.parquet", 40_000);
    for (LakeFile file : List.of(parquet, arrow("rows.arrow", parquet))) {
      try (LakeFileReader reader = LakeFileReader.open(file, allocator)) {
        assertThat(reader.next().getRowCount(), greaterThan(0));
      }
    }
  }

  @Test
  void readsAPathThatLooksLikeAPattern() throws Exception {
    Files.createDirectory(folder.resolve("it's [a] lake?"));

    assertThat(rows(parquet("it's [a] lake?/*.parquet", 3)).size(), is(3));
  }

  @ParameterizedTest
  @ValueSource(strings = {"rows.parquet", "rows.arrow"})
  void namesTheFileThatItCannotRead(String name) throws Exception {
    LakeFile missing = new LakeFile(HOUR, name, folder.resolve("none").resolve(name));
    assertThat(
        assertThrows(IOException.class, () -> LakeFileReader.open(missing, allocator).close())
            .getMessage(),
        containsString("cannot read " + missing.path()));

    LakeFile parquet = parquet("rows.parquet", 1000);
    LakeFile file = name.endsWith("arrow") ? arrow(name, parquet) : parquet;
    byte[] whole = Files.readAllBytes(file.path());
    Files.write(file.path(), Arrays.copyOf(whole, whole.length / 2));
    assertThat(
        assertThrows(IOException.class, () -> LakeFileReader.open(file, allocator).close())
            .getMessage(),
        containsString("cannot read " + file.path()));
  }

  @Test
  void findsOffsetsThatLeadOutOfABuffer() throws Exception {
    Path path = folder.resolve("damaged.arrow");
    try (VectorSchemaRoot rows = WarehouseRows.sorted(1, 10, 50, allocator)) {
      FieldVector text = rows.getVector("query_type");
      text.getOffsetBuffer().setInt(4 * 5, 1 << 20);
      write(path, rows.getSchema(), List.of(ArrowFiles.encode(rows, Compression.NONE)));
    }
    try (LakeFileReader reader =
        LakeFileReader.open(new LakeFile(HOUR, "damaged.arrow", path), allocator)) {
      assertThat(
          assertThrows(UncheckedIOException.class, reader::hasNext).getMessage(),
          containsString("cannot read " + path));
    }
  }

  private LakeFile parquet(String name, int rowCount) throws SQLException {
    Path path = folder.resolve(name);
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (SELECT %s FROM range(%d) t(i)) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 30000)"
              .formatted(COLUMNS, rowCount, path.toString().replace("'", "''")));
    }
    return new LakeFile(HOUR, name, path);
  }

  /** The rows of a Parquet file, as the lake writes them hot. */
  private LakeFile arrow(String name, LakeFile parquet) throws IOException {
    List<byte[]> messages = new ArrayList<>();
    Path path = folder.resolve(name);
    try (LakeFileReader reader = LakeFileReader.open(parquet, allocator)) {
      while (reader.hasNext()) {
        messages.add(ArrowFiles.encode(reader.next(), Compression.ZSTD));
      }
      write(path, reader.schema(), messages);
    }
    return new LakeFile(HOUR, name, path);
  }

  private static void write(Path path, Schema schema, List<byte[]> messages) throws IOException {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ArrowFiles.assemble(schema, messages, Channels.newChannel(file));
    Files.write(path, file.toByteArray());
  }

  private List<String> rows(LakeFile file) throws IOException {
    List<String> rows = new ArrayList<>();
    try (LakeFileReader reader = LakeFileReader.open(file, allocator)) {
      while (reader.hasNext()) {
        VectorSchemaRoot batch = reader.next();
        assertThat(batch.getSchema(), equalTo(reader.schema()));
        assertThat(batch.getRowCount(), lessThanOrEqualTo(LakeFileReader.MAX_BATCH_ROWS));
        for (int row = 0; row < batch.getRowCount(); row++) {
          List<Object> values = new ArrayList<>();
          for (FieldVector column : batch.getFieldVectors()) {
            Object value = column.getObject(row);
            values.add(value instanceof byte[] bytes ? new String(bytes, UTF_8) : value);
          }
          rows.add(values.toString());
        }
      }
    }
    return rows;
  }
}
