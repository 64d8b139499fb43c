package io.highwater.transforms;

import static io.highwater.transforms.Batches.row;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.highwater.contract.Contract;
import io.highwater.detect.OutlierRows;
import io.highwater.lake.LakeFile;
import io.highwater.lake.Replacement;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import io.highwater.record.SourcedBatch;
import io.highwater.record.TimeRange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.FlatMapElements;
import org.apache.beam.sdk.values.TimestampedValue;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LakeGenerationTest {
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

  private LakeGeneration begin(int second) throws IOException {
    return LakeGeneration.begin(
        contract, folder.toString(), Instant.ofEpochSecond(second), "a.csv");
  }

  private void write(LakeGeneration generation, RecordBatch rows) {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    pipeline
        .apply(Create.of(rows).withCoder(BatchCoders.recordBatch()))
        .apply(
            WriteArrow.of(contract, Table.EVENTS, folder.toString())
                .withGeneration(generation.name()))
        .apply(PrepareGeneration.of(generation, Table.EVENTS));
    pipeline.run().waitUntilFinish();
  }

  private int backfill(int second, TimeRange times, RecordBatch rows) throws IOException {
    LakeGeneration generation = begin(second);
    write(generation, rows);
    return generation.publish(times);
  }

  private String backfill(int second, RecordBatch rows) throws IOException {
    LakeGeneration generation = begin(second);
    write(generation, rows);
    generation.publish(TimeRange.ALL);
    return generation.name();
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
  void countsNothingBeforeItIsPublished() throws IOException {
    stream(readings(7));

    write(begin(1), readings(1, 2));

    assertThat(rows(), contains(HOUR + "|7"));
  }

  @Test
  void replacesTheHoursThatItHasRowsIn() throws IOException {
    backfill(1, readings(1, 2, 11));
    String firstName = names().get(0);

    String second = backfill(2, readings(2, 3));

    assertThat(rows(), contains(HOUR + "|2", HOUR + "|3", "date=2024-03-01/hour=01|11"));
    Replacement marker = new TestLake(folder).marker("readings", "events", HOUR, second);
    assertEquals(List.of(names().get(0)), marker.in());
    assertEquals(List.of(firstName), marker.out());
  }

  @Test
  void emptiesTheHoursOfItsRangeThatItHasNoRowsIn() throws IOException {
    stream(readings(1, 11, 21, 31));
    TimeRange range =
        TimeRange.of(Instant.parse("2024-03-01T01:00:00Z"), Instant.parse("2024-03-01T03:00:00Z"));

    assertEquals(2, backfill(1, range, readings(12)));

    assertThat(
        rows(), contains(HOUR + "|1", "date=2024-03-01/hour=01|12", "date=2024-03-01/hour=03|31"));
  }

  @Test
  void replacesWhatTheStreamHadWrittenWhenItBegan() throws IOException {
    stream(readings(1, 2));
    LakeGeneration generation = begin(1);
    stream(readings(5));
    write(generation, readings(2));

    generation.publish(TimeRange.ALL);

    assertThat(rows(), containsInAnyOrder(HOUR + "|2", HOUR + "|5"));
  }

  @Test
  void addsWhatTheStreamWritesLater() throws IOException {
    backfill(1, readings(2));

    stream(readings(5));

    assertThat(rows(), containsInAnyOrder(HOUR + "|2", HOUR + "|5"));
  }

  @Test
  void replacesJustTheFilesOfTheLakeThatItRead() throws IOException {
    stream(readings(1));
    List<LakeFile> read = new TestLake(folder).files("readings", "events");
    stream(readings(5));
    LakeGeneration generation = begin(1).withEventsOf(read);
    write(generation, readings(2));

    generation.publish(TimeRange.ALL);

    assertThat(rows(), containsInAnyOrder(HOUR + "|2", HOUR + "|5"));
  }

  @Test
  void changesNothingWhenItIsPublishedAgain() throws IOException {
    stream(readings(1));
    LakeGeneration generation = begin(1);
    write(generation, readings(2));
    generation.publish(TimeRange.ALL);
    List<String> files = new TestLake(folder).everyFile();

    generation.publish(TimeRange.ALL);

    assertEquals(files, new TestLake(folder).everyFile());
    assertThat(rows(), contains(HOUR + "|2"));
  }

  @Test
  void emptiesOutliersOfTheHoursThatItHasEventsIn() throws IOException {
    LakeGeneration first = begin(1);
    write(first, readings(1, 11));
    writeOutliers(first, 1, 11);
    first.publish(TimeRange.ALL);

    backfill(2, readings(1));

    assertThat(
        new TestLake(folder).rows("readings", "outliers", "outlier_id"),
        contains("date=2024-03-01/hour=01|outlier 11"));
  }

  /** The readings of these numbers, as outliers. */
  private void writeOutliers(LakeGeneration generation, long... ids) {
    RecordBatch batch;
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot readings = readings(ids).open(allocator);
        VarCharVector outlierIds = new VarCharVector("outlier_id", allocator)) {
      List<FieldVector> columns = new ArrayList<>(readings.getFieldVectors());
      for (int row = 0; row < ids.length; row++) {
        outlierIds.setSafe(row, ("outlier " + ids[row]).getBytes(UTF_8));
      }
      outlierIds.setValueCount(ids.length);
      columns.add(outlierIds);
      for (Field column : OutlierRows.COLUMNS.subList(1, OutlierRows.COLUMNS.size())) {
        FieldVector none = column.createVector(allocator);
        none.allocateNew();
        none.setValueCount(ids.length);
        columns.add(none);
      }
      batch = RecordBatch.copyOf(contract, new VectorSchemaRoot(columns), contract.eventTime());
      columns
          .subList(columns.size() - OutlierRows.COLUMNS.size() + 1, columns.size())
          .forEach(FieldVector::close);
    }
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    pipeline
        .apply(Create.of(batch).withCoder(BatchCoders.recordBatch()))
        .apply(
            WriteParquet.of(contract, Table.OUTLIERS, folder.toString())
                .withGeneration(generation.name()))
        .apply(PrepareGeneration.of(generation, Table.OUTLIERS));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void leavesFilesOfOthersAlone() throws IOException {
    backfill(1, readings(1));
    Path hour = folder.resolve("readings/events").resolve(HOUR);
    Files.writeString(hour.resolve(".events-0123456789abcdef.arrow.part"), "half a file");
    Files.writeString(hour.resolve("notes.txt"), "of a person");
    String firstName = names().get(0);

    String second = backfill(2, readings(2));

    assertThat(rows(), contains(HOUR + "|2"));
    assertEquals(
        List.of(firstName), new TestLake(folder).marker("readings", "events", HOUR, second).out());
  }

  @Test
  void replacesRejectedRowsOfTheSameInputAndKeepsOthers() throws IOException {
    reject(1, "a.csv", 0, "1");
    reject(2, "b.csv", 0, "2");
    reject(3, "a.csv", 3_600_000, "3");

    assertThat(
        new TestLake(folder).rows("readings", "rejected", "code", "raw"),
        containsInAnyOrder(
            "date=1970-01-01/hour=00|NOT_AN_OBJECT|2", "date=1970-01-01/hour=01|NOT_AN_OBJECT|3"));
  }

  private void reject(int second, String input, long receivedAtMillis, String message)
      throws IOException {
    LakeGeneration generation =
        LakeGeneration.begin(contract, folder.toString(), Instant.ofEpochSecond(second), input);
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    pipeline
        .apply(
            Create.of(
                    (RawBatch)
                        RawBatch.builder(RawBatch.SourceKind.FILE, input, RawMessages.Format.JSON)
                            .add(0, 0, receivedAtMillis, message.getBytes(UTF_8))
                            .build())
                .withCoder(BatchCoders.rawBatch()))
        .apply(ParseRecords.of(contract))
        .apply(
            FlatMapElements.into(TypeDescriptor.of(RecordBatch.class)).via(SourcedBatch::rejected))
        .setCoder(BatchCoders.recordBatch())
        .apply(
            WriteParquet.of(contract, Table.REJECTED, folder.toString())
                .withGeneration(generation.name()))
        .apply(PrepareGeneration.of(generation, Table.REJECTED));
    pipeline.run().waitUntilFinish();
    generation.publish(TimeRange.ALL);
  }
}
