package io.highwater.transforms;

import static io.highwater.transforms.Batches.row;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.empty;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeHour;
import io.highwater.lake.Replacement;
import io.highwater.record.RecordBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TimestampedValue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublishGenerationTest {
  private static final String HOUR = "date=2024-03-01/hour=00";

  private final Contract contract = TestContracts.readings();

  @TempDir Path folder;

  private RecordBatch readings(long... ids) {
    Object[][] rows = new Object[ids.length][];
    for (int i = 0; i < ids.length; i++) {
      // An hour for every ten.
      rows[i] = row(ids[i], Instant.parse("2024-03-01T00:00:00Z").plusSeconds(360 * ids[i]));
    }
    return Batches.events(contract, rows);
  }

  private void write(Path lake, Table table, String generation, boolean publish, RecordBatch rows) {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollection<KV<Long, String>> files =
        pipeline
            .apply(Create.of(rows).withCoder(BatchCoders.recordBatch()))
            .apply(WriteArrow.of(contract, table, lake.toString()).withGeneration(generation));
    if (publish) {
      files.apply(PublishGeneration.of(contract, table, lake.toString(), generation));
    }
    pipeline.run().waitUntilFinish();
  }

  private void backfill(String generation, RecordBatch rows) {
    write(folder, Table.EVENTS, generation, true, rows);
  }

  private void stream(RecordBatch rows) {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    pipeline
        .apply(
            TestStream.create(BatchCoders.recordBatch())
                .addElements(TimestampedValue.of(rows, new org.joda.time.Instant(0)))
                .advanceWatermarkToInfinity())
        .apply(WriteArrow.of(contract, Table.EVENTS, folder.toString()));
    pipeline.run().waitUntilFinish();
  }

  private List<String> rows() {
    return new TestLake(folder).rows("readings", "events", "id");
  }

  private List<String> names() {
    return new TestLake(folder).names("readings", "events");
  }

  @Test
  void countsNothingBeforeItIsPublished() {
    write(folder, Table.EVENTS, "1", false, readings(1, 2));

    assertThat(rows(), empty());
  }

  @Test
  void replacesTheHoursThatItHasRowsFor() throws IOException {
    backfill("1", readings(1, 2, 11));
    String firstName = names().get(0);

    backfill("2", readings(2, 3));

    assertThat(rows(), contains(HOUR + "|2", HOUR + "|3", "date=2024-03-01/hour=01|11"));
    Replacement marker = new TestLake(folder).marker("readings", "events", HOUR, "2");
    assertEquals(List.of(names().get(0)), marker.in());
    assertEquals(List.of(firstName), marker.out());
    assertTrue(names().get(0).startsWith("g-2-") && names().get(1).startsWith("g-1-"));
  }

  @Test
  void replacesWhatTheStreamWrote() throws IOException {
    stream(readings(1, 2));
    String streamed = names().get(0);

    backfill("1", readings(2));

    assertThat(rows(), contains(HOUR + "|2"));
    assertEquals(
        List.of(streamed), new TestLake(folder).marker("readings", "events", HOUR, "1").out());
  }

  @Test
  void addsWhatTheStreamWritesLater() {
    backfill("1", readings(2));

    stream(readings(5));

    assertThat(rows(), containsInAnyOrder(HOUR + "|2", HOUR + "|5"));
  }

  @Test
  void changesNothingWhenItIsPublishedAgain() throws IOException {
    stream(readings(1));
    backfill("1", readings(2));
    Replacement marker = new TestLake(folder).marker("readings", "events", HOUR, "1");
    List<String> files = new TestLake(folder).everyFile();

    backfill("1", readings(2));

    assertEquals(marker, new TestLake(folder).marker("readings", "events", HOUR, "1"));
    assertEquals(files, new TestLake(folder).everyFile());
    assertThat(rows(), contains(HOUR + "|2"));
  }

  @Test
  void leavesFilesOfOthersAlone() throws IOException {
    backfill("1", readings(1));
    Path hour = folder.resolve("readings/events").resolve(HOUR);
    Files.writeString(hour.resolve(".events-0123456789abcdef.arrow.part"), "half a file");
    Files.writeString(hour.resolve("notes.txt"), "of a person");
    String firstName = names().get(0);

    backfill("2", readings(2));

    assertThat(rows(), contains(HOUR + "|2"));
    assertEquals(
        List.of(firstName), new TestLake(folder).marker("readings", "events", HOUR, "2").out());
  }

  @Test
  void addsRejectedRowsToThoseOfOtherRuns() throws IOException {
    for (String generation : List.of("1", "2")) {
      TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
      pipeline
          .apply(
              Create.of(Batches.messages(generation.getBytes(UTF_8)))
                  .withCoder(BatchCoders.rawBatch()))
          .apply(ParseRecords.of(contract))
          .get(ParseRecords.REJECTED)
          .apply(
              WriteParquet.of(contract, Table.REJECTED, folder.toString())
                  .withGeneration(generation))
          .apply(PublishGeneration.of(contract, Table.REJECTED, folder.toString(), generation));
      pipeline.run().waitUntilFinish();
    }

    assertThat(
        new TestLake(folder).rows("readings", "rejected", "code", "raw"),
        containsInAnyOrder(HOUR + "|NOT_AN_OBJECT|1", HOUR + "|NOT_AN_OBJECT|2"));
    assertThat(new TestLake(folder).marker("readings", "rejected", HOUR, "2").out(), empty());
  }

  @Test
  void namesTheHoursThatItPublished() throws IOException {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollection<Long> hours =
        pipeline
            .apply(Create.of(readings(1, 2, 21)).withCoder(BatchCoders.recordBatch()))
            .apply(WriteArrow.of(contract, Table.EVENTS, folder.toString()).withGeneration("1"))
            .apply(PublishGeneration.of(contract, Table.EVENTS, folder.toString(), "1"));

    long first = LakeHour.epochHour(Instant.parse("2024-03-01T00:00:00Z").toEpochMilli());
    PAssert.that(hours).containsInAnyOrder(first, first + 2);
    pipeline.run().waitUntilFinish();
    try (Stream<Path> walked = Files.walk(folder)) {
      assertEquals(
          2,
          walked.filter(file -> file.getFileName().toString().startsWith("_replaced-1")).count());
    }
  }
}
