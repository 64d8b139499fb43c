package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.record.SourcedBatch;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.junit.jupiter.api.Test;

/** ParseRecords, ValidateRecords, ClassifyRecords: what each keeps and what it rejects. */
class ValidateRecordsTest {
  private final Contract contract = TestContracts.jobs();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  private static byte[] job(long id, long runMillis, String megabytes) {
    return TestContracts.job("größe", id, "2024-03-01T00:00:00", runMillis, megabytes);
  }

  private static byte[] good(long id) {
    return job(id, 2000, "1.5");
  }

  /** Fails in ValidateRecords. */
  private static byte[] outOfRange(long id) {
    return job(id, -1, "1.5");
  }

  /** Fails in ClassifyRecords. */
  private static byte[] ruledOut(long id) {
    return job(id, 0, "5000");
  }

  private static byte[] unreadable(long id) {
    return ("{" + id).getBytes(UTF_8);
  }

  private PCollection<SourcedBatch> parsed(byte[]... messages) {
    return pipeline
        .apply(Create.of(Batches.messages(messages)).withCoder(BatchCoders.rawBatch()))
        .apply(ParseRecords.of(contract));
  }

  private PCollection<SourcedBatch> validate(PCollection<SourcedBatch> batches) {
    return batches.apply(ValidateRecords.of(contract));
  }

  private PCollectionTuple classify(PCollection<SourcedBatch> validated) {
    return validated.apply(ClassifyRecords.of(contract));
  }

  /** Asserts that these rows, in this order, are in one batch. */
  private static void assertRows(
      PCollection<RecordBatch> batches, List<String> columns, String... expected) {
    String[] names = columns.toArray(String[]::new);
    PAssert.thatSingleton(batches)
        .satisfies(
            batch -> {
              assertThat(Rows.of(List.of(batch), names), contains(expected));
              assertEquals(expected.length, batch.rowCount());
              return null;
            });
  }

  /** Asserts that these rows, in this order, were rejected so far. */
  private static void assertRejected(
      PCollection<SourcedBatch> batches, List<String> columns, String... expected) {
    String[] names = columns.toArray(String[]::new);
    PAssert.thatSingleton(batches)
        .satisfies(
            batch -> {
              assertThat(Rows.of(batch.rejected(), names), contains(expected));
              return null;
            });
  }

  /** Asserts that these jobs, in this order, are in one batch, each beside its own message. */
  private static void assertJobs(PCollection<SourcedBatch> batches, Long... ids) {
    PAssert.thatSingleton(batches)
        .satisfies(
            batch -> {
              List<Long> found = new ArrayList<>();
              try (BufferAllocator allocator = new RootAllocator();
                  VectorSchemaRoot rows = batch.records().open(allocator)) {
                BigIntVector jobs = (BigIntVector) rows.getVector("job_id");
                IntVector rawRows = (IntVector) rows.getVector(RecordSchemas.RAW_ROW);
                for (int row = 0; row < rows.getRowCount(); row++) {
                  found.add(jobs.get(row));
                  assertEquals(
                      new String(good(jobs.get(row)), UTF_8),
                      new String(batch.raw().message(rawRows.get(row)), UTF_8));
                }
              }
              assertEquals(List.of(ids), found);
              return null;
            });
  }

  private static String text(byte[] message) {
    return new String(message, UTF_8);
  }

  @Test
  void passesABatchWithoutABadRowAsItIs() {
    PCollection<SourcedBatch> parsed = parsed(unreadable(1), good(2), good(3));
    PCollection<SourcedBatch> validated = validate(parsed);

    PAssert.that(PCollectionList.of(parsed).and(validated).apply(Flatten.pCollections()))
        .satisfies(
            both -> {
              List<SourcedBatch> batches = new ArrayList<>();
              both.forEach(batches::add);
              assertEquals(2, batches.size());
              assertEquals(batches.get(0), batches.get(1));
              return null;
            });
    assertRejected(validated, List.of("stage", "_offset"), "ParseRecords|0");
    assertJobs(validated, 2L, 3L);
    pipeline.run().waitUntilFinish();
  }

  @Test
  void keepsOrderAndMessagesWhereRowsFailInEachStep() {
    PCollection<SourcedBatch> validated =
        validate(
            parsed(
                outOfRange(1),
                good(2),
                unreadable(3),
                ruledOut(4),
                good(5),
                outOfRange(6),
                ruledOut(7),
                good(8)));
    PCollectionTuple classified = classify(validated);

    PAssert.that(classified.get(ClassifyRecords.REJECTED))
        .satisfies(
            batches -> {
              assertThat(
                  Rows.of(batches, "stage", "code", "_offset", "raw"),
                  containsInAnyOrder(
                      "ParseRecords|MALFORMED_JSON|2|" + text(unreadable(3)),
                      "ValidateRecords|OUT_OF_RANGE|0|" + text(outOfRange(1)),
                      "ValidateRecords|OUT_OF_RANGE|5|" + text(outOfRange(6)),
                      "ClassifyRecords|RULE_VIOLATED|3|" + text(ruledOut(4)),
                      "ClassifyRecords|RULE_VIOLATED|6|" + text(ruledOut(7))));
              return null;
            });
    assertRows(
        classified.get(ClassifyRecords.CLASSIFIED),
        List.of("job_id", "_offset", "cluster", "pace"),
        "2|1|größe|slow",
        "5|4|größe|slow",
        "8|7|größe|slow");
    pipeline.run().waitUntilFinish();
  }

  @Test
  void keepsTheRowsThatPassBesideTheirMessages() {
    PCollection<SourcedBatch> validated =
        validate(parsed(outOfRange(1), good(2), unreadable(3), good(4), outOfRange(5), good(6)));

    assertJobs(validated, 2L, 4L, 6L);
    pipeline.run().waitUntilFinish();
  }

  @Test
  void rejectsABatchWhoseRowsAllFail() {
    PCollection<SourcedBatch> validated = validate(parsed(outOfRange(1), outOfRange(2)));
    PCollectionTuple classified = classify(validated);

    assertJobs(validated);
    PAssert.that(classified.get(ClassifyRecords.CLASSIFIED)).empty();
    assertRows(
        classified.get(ClassifyRecords.REJECTED),
        List.of("raw"),
        text(outOfRange(1)),
        text(outOfRange(2)));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void putsOutNoEventsWhereAllRowsAreRuledOut() {
    PCollectionTuple classified = classify(validate(parsed(ruledOut(1), ruledOut(2))));

    PAssert.that(classified.get(ClassifyRecords.CLASSIFIED)).empty();
    assertRows(
        classified.get(ClassifyRecords.REJECTED),
        List.of("raw", "reason"),
        text(ruledOut(1)) + "|a job that scans takes some time",
        text(ruledOut(2)) + "|a job that scans takes some time");
    pipeline.run().waitUntilFinish();
  }

  @Test
  void takesABatchOfOneRow() {
    PCollection<SourcedBatch> validated = validate(parsed(good(1)));
    PCollectionTuple classified = classify(validated);

    assertJobs(validated, 1L);
    assertRows(classified.get(ClassifyRecords.CLASSIFIED), List.of("job_id", "pace"), "1|slow");
    PAssert.that(classified.get(ClassifyRecords.REJECTED)).empty();
    pipeline.run().waitUntilFinish();
  }

  @Test
  void takesABatchWithoutRows() {
    RawBatch none = Batches.messages();
    SourcedBatch empty = new SourcedBatch(emptyRecords(), none, List.of());
    PCollection<SourcedBatch> batches =
        pipeline.apply(Create.of(empty).withCoder(BatchCoders.sourcedBatch()));
    PCollection<SourcedBatch> validated = validate(batches);
    PCollectionTuple classified = classify(validated);

    PAssert.that(classified.get(ClassifyRecords.CLASSIFIED)).empty();
    PAssert.that(classified.get(ClassifyRecords.REJECTED)).empty();
    pipeline.run().waitUntilFinish();
  }

  @Test
  void parsesABatchWithoutMessagesToNothing() {
    PAssert.that(
            pipeline
                .apply(Create.of(Batches.messages()).withCoder(BatchCoders.rawBatch()))
                .apply(ParseRecords.of(contract)))
        .empty();
    pipeline.run().waitUntilFinish();
  }

  private RecordBatch emptyRecords() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root =
            VectorSchemaRoot.create(RecordSchemas.parsed(contract), allocator)) {
      root.setRowCount(0);
      return RecordBatch.copyOf(contract, root, contract.eventTime());
    }
  }
}
