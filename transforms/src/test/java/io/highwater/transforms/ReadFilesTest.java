package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadFilesTest {
  private static final Contract CONTRACT = TestContracts.readings();
  private static final Instant RECEIVED_AT = Instant.parse("2024-03-02T00:00:00Z");

  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @TempDir Path folder;

  private String text(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content).toString();
  }

  private String gzip(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(content.getBytes(StandardCharsets.UTF_8));
    }
    return file.toString();
  }

  private PCollection<RawBatch> read(String... globs) throws IOException {
    return pipeline
        .apply(ReadFiles.of(CONTRACT, InputFile.match(List.of(globs)), RECEIVED_AT))
        .get(ReadFiles.RECORDS);
  }

  /** Asserts that the records, in any order, are these: file, format, header, number, message. */
  private void assertRecords(PCollection<RawBatch> batches, String... expected) {
    long receivedAt = RECEIVED_AT.toEpochMilli();
    PAssert.that(batches)
        .satisfies(
            read -> {
              List<String> lines = new ArrayList<>();
              for (RawBatch batch : read) {
                assertEquals(RawBatch.SourceKind.FILE, batch.sourceKind());
                String file = batch.source().substring(batch.source().lastIndexOf('/') + 1);
                for (int row = 0; row < batch.size(); row++) {
                  assertEquals(receivedAt, batch.timestampMillis(row));
                  lines.add(
                      String.join(
                          "|",
                          file,
                          batch instanceof RawMessages text
                              ? text.format() + "|" + String.join("+", text.columns())
                              : "COLUMNS|",
                          Long.toString(batch.offset(row)),
                          new String(batch.message(row), StandardCharsets.UTF_8)));
                }
              }
              assertThat(lines, containsInAnyOrder(expected));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  private String failure(String... globs) throws IOException {
    read(globs);
    RuntimeException thrown =
        assertThrows(RuntimeException.class, () -> pipeline.run().waitUntilFinish());
    StringBuilder messages = new StringBuilder();
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      messages.append(cause.getMessage()).append('\n');
    }
    return messages.toString();
  }

  @Test
  void readsTextFilesOfEachEnding() throws IOException {
    String csv = text("a.csv", "id,at,note\n1,5,\"x\ny\"\n\n2,5,größe\n");
    String jsonl = text("b.jsonl", "{\"id\":1}\n\n{\"id\":2}");
    String gzipped = gzip("c.jsonl.gz", "{\"id\":3}\nnot json\n");
    PCollection<RawBatch> batches = read(csv, jsonl, gzipped);

    assertEquals(IsBounded.BOUNDED, batches.isBounded());
    assertRecords(
        batches,
        "a.csv|CSV|id+at+note|0|1,5,\"x\ny\"",
        "a.csv|CSV|id+at+note|1|2,5,größe",
        "b.jsonl|JSON||0|{\"id\":1}",
        "b.jsonl|JSON||1|{\"id\":2}",
        "c.jsonl.gz|JSON||0|{\"id\":3}",
        "c.jsonl.gz|JSON||1|not json");
  }

  @Test
  void readsParquet() throws IOException {
    Path file = folder.resolve("a.parquet");
    TestLake.executeInDuckDb(
        "COPY (SELECT 7 AS id, TIMESTAMP '2024-03-01 00:00:00.5' AS at, NULL::DOUBLE AS level)"
            + " TO '"
            + file
            + "' (FORMAT parquet)");

    assertRecords(
        read(file.toString()),
        "a.parquet|COLUMNS||0|{\"id\": 7, \"at\": \"2024-03-01T00:00:00.500000\", \"level\": null}");
  }

  @Test
  void readsEveryFileThatAPatternMatches() throws IOException {
    text("day 1.csv", "id,at\n1,5\n");
    text("day 2.csv", "id,at\n2,5\n");
    text("other.csv", "id,at\n3,5\n");
    Files.createDirectory(folder.resolve("day 3.csv"));
    String glob = folder.resolve("day*.csv").toString();

    assertRecords(read(glob), "day 1.csv|CSV|id+at|0|1,5", "day 2.csv|CSV|id+at|0|2,5");
  }

  @Test
  void cutsALongFileIntoBatchesThatCountOn() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int row = 0; row < 40_000; row++) {
      lines.append('{').append(row).append("}\n");
    }

    PCollection<RawBatch> batches = read(text("long.jsonl", lines.toString()));

    PAssert.that(batches)
        .satisfies(
            read -> {
              boolean[] seen = new boolean[40_000];
              int count = 0;
              for (RawBatch batch : read) {
                count++;
                for (int row = 0; row < batch.size(); row++) {
                  int number = (int) batch.offset(row);
                  assertEquals(
                      "{" + number + "}", new String(batch.message(row), StandardCharsets.UTF_8));
                  assertEquals(false, seen[number]);
                  seen[number] = true;
                }
              }
              assertEquals(3, count);
              for (boolean one : seen) {
                assertEquals(true, one);
              }
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  @Test
  void readsAFileWithoutRecordsAsNone() throws IOException {
    assertRecords(read(text("a.csv", "id,at\n"), text("b.jsonl", "")));
  }

  @Test
  void refusesAFileThatIsNotThere() {
    String missing = folder.resolve("missing.csv").toString();

    assertThat(
        assertThrows(IOException.class, () -> read(missing)).getMessage(), containsString(missing));
  }

  @Test
  void failsOnACutFileRatherThanReadingHalfOfIt() throws IOException {
    Path whole = Path.of(gzip("cut.jsonl.gz", "{\"id\":1}\n".repeat(10_000)));
    byte[] bytes = Files.readAllBytes(whole);
    Files.write(whole, Arrays.copyOf(bytes, bytes.length - 12));

    assertThat(failure(whole.toString()), containsString("cut.jsonl.gz"));
  }

  @Test
  void failsOnWhatIsNoParquet() throws IOException {
    assertThat(failure(text("no.parquet", "id,at\n1,5\n")), containsString("no.parquet"));
  }

  @Test
  void refusesAnUnknownEnding() throws IOException {
    String sheet = text("a.xlsx", "id,at\n1,5\n");

    assertThat(
        assertThrows(IllegalArgumentException.class, () -> read(sheet)).getMessage(),
        containsString("a.xlsx has an ending that cannot be read"));
  }

  @Test
  void goesOnWithoutTheFilesThatItCannotRead() throws IOException {
    text("a.csv", "id,at\n1,2\n");
    text("b.parquet", "not parquet");
    text("c.csv", "number,at\n1,2\n");
    text("e.csv", "id,at\n5,6\n");
    Path cut = Path.of(gzip("d.csv.gz", "id,at\n" + "3,4\n".repeat(10_000)));
    byte[] bytes = Files.readAllBytes(cut);
    Files.write(cut, Arrays.copyOf(bytes, bytes.length - 12));
    PCollectionTuple read =
        pipeline.apply(
            ReadFiles.of(CONTRACT, InputFile.match(List.of(folder + "/*")), RECEIVED_AT)
                .withUnreadableSkipped());

    String root = folder.toString();
    PAssert.that(read.get(ReadFiles.UNREADABLE))
        .satisfies(
            files -> {
              List<String> reasons = new ArrayList<>();
              files.forEach(file -> reasons.add(file.reason().replace(root, "").split(";")[0]));
              reasons.sort(null);
              assertEquals(3, reasons.size());
              assertEquals("/c.csv has no column id", reasons.get(0));
              assertThat(reasons.get(1), startsWith("cannot read /b.parquet: "));
              assertThat(reasons.get(2), startsWith("cannot read /d.csv.gz"));
              return null;
            });
    PAssert.that(read.get(ReadFiles.RECORDS))
        .satisfies(
            batches -> {
              List<String> numbers = new ArrayList<>();
              for (RawBatch batch : batches) {
                if (!batch.source().endsWith("d.csv.gz")) {
                  numbers.add(
                      batch.source().substring(batch.source().length() - 5) + batch.partition(0));
                }
              }
              // A file's number is its place among all.
              assertThat(numbers, containsInAnyOrder("a.csv0", "e.csv4"));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  @Test
  void refusesNoGlobs() {
    assertEquals(
        "globs is empty; expected at least one",
        assertThrows(IllegalArgumentException.class, this::read).getMessage());
  }
}
