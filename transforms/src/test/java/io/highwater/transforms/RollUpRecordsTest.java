package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TimestampedValue;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;

class RollUpRecordsTest {
  private static final long T = java.time.Instant.parse("2024-03-01T00:00:00Z").toEpochMilli();
  private static final long MINUTE = 60_000;
  private static final List<String> COLUMNS =
      List.of("window_start", "window_millis", "cluster", "pane_index", "is_final", "jobs");

  private final Contract contract = TestContracts.jobs();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @Test
  void countsRowsThatAreOnTimeAndLateButNotTooLate() {
    TestStream<RecordBatch> stream =
        stream()
            .advanceWatermarkTo(new Instant(T))
            .addElements(batch(T + MINUTE, T + 2 * MINUTE))
            .advanceWatermarkTo(new Instant(T + 12 * MINUTE))
            // Late: its window is over, its lateness is not.
            .addElements(batch(T + 3 * MINUTE))
            .advanceProcessingTime(org.joda.time.Duration.standardSeconds(6))
            .advanceWatermarkTo(new Instant(T + 21 * MINUTE))
            // Too late for ten minutes, in time for the hour.
            .addElements(batch(T + 4 * MINUTE))
            .advanceWatermarkToInfinity();

    PCollection<RecordBatch> rollUps = rollUp(stream);

    PAssert.that(rollUps)
        .satisfies(
            Rows.are(
                COLUMNS,
                "2024-03-01T00:00|600000|a|0|false|2",
                "2024-03-01T00:00|600000|a|1|false|3",
                "2024-03-01T00:00|600000|a|2|true|3",
                "2024-03-01T00:00|3600000|a|0|false|3",
                "2024-03-01T00:00|3600000|a|1|true|4"));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void saysFinalAlsoWhenNothingChangedAfterTheWindowsEnd() {
    TestStream<RecordBatch> stream =
        stream()
            .advanceWatermarkTo(new Instant(T))
            .addElements(batch(T + MINUTE))
            .advanceWatermarkTo(new Instant(T + 10 * MINUTE))
            .advanceWatermarkTo(new Instant(T + 20 * MINUTE))
            .advanceWatermarkToInfinity();

    PCollection<RecordBatch> rollUps = rollUp(stream);

    PAssert.that(rollUps)
        .satisfies(
            Rows.are(
                COLUMNS,
                "2024-03-01T00:00|600000|a|0|false|1",
                "2024-03-01T00:00|600000|a|1|true|1",
                "2024-03-01T00:00|3600000|a|0|true|1"));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void showsAnOpenWindowBeforeItsEnd() {
    TestStream<RecordBatch> stream =
        stream()
            .advanceWatermarkTo(new Instant(T))
            .addElements(batch(T + MINUTE))
            .advanceProcessingTime(org.joda.time.Duration.standardSeconds(6))
            .addElements(batch(T + 2 * MINUTE))
            .advanceWatermarkToInfinity();

    PCollection<RecordBatch> rollUps = rollUp(stream);

    PAssert.that(rollUps)
        .satisfies(
            Rows.are(
                COLUMNS,
                "2024-03-01T00:00|600000|a|0|false|1",
                "2024-03-01T00:00|600000|a|1|true|2",
                "2024-03-01T00:00|3600000|a|0|false|1",
                "2024-03-01T00:00|3600000|a|1|true|2"));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void splitsABatchThatReachesOverWindows() {
    TestStream<RecordBatch> stream =
        stream()
            .advanceWatermarkTo(new Instant(T))
            .addElements(batch(T + 9 * MINUTE, T + 11 * MINUTE, T + 61 * MINUTE))
            .advanceWatermarkToInfinity();

    PCollection<RecordBatch> rollUps = rollUp(stream);

    PAssert.that(rollUps)
        .satisfies(
            Rows.are(
                List.of("window_start", "window_millis", "is_final", "jobs"),
                "2024-03-01T00:00|600000|true|1",
                "2024-03-01T00:10|600000|true|1",
                "2024-03-01T01:00|600000|true|1",
                "2024-03-01T00:00|3600000|true|2",
                "2024-03-01T01:00|3600000|true|1"));
    pipeline.run().waitUntilFinish();
  }

  private PCollection<RecordBatch> rollUp(TestStream<RecordBatch> stream) {
    return pipeline
        .apply(stream)
        .apply(RollUpRecords.of(contract, 1).withAllowedLateness(Duration.ofMinutes(10)));
  }

  private static TestStream.Builder<RecordBatch> stream() {
    return TestStream.create(BatchCoders.recordBatch());
  }

  /** One row of cluster a for each time, at the least of them, as ReadKafka puts batches out. */
  private TimestampedValue<RecordBatch> batch(long... eventMillis) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root =
            VectorSchemaRoot.create(RecordSchemas.events(contract), allocator)) {
      for (int row = 0; row < eventMillis.length; row++) {
        ((VarCharVector) root.getVector("cluster")).setSafe(row, utf8("a"));
        ((BigIntVector) root.getVector("job_id")).setSafe(row, row);
        ((TimeStampMicroVector) root.getVector("started_at")).setSafe(row, eventMillis[row] * 1000);
        ((BigIntVector) root.getVector("run_ms")).setSafe(row, 5);
        ((VarCharVector) root.getVector("pace")).setSafe(row, utf8("fast"));
      }
      root.setRowCount(eventMillis.length);
      RecordBatch batch = RecordBatch.copyOf(contract, root, "started_at");
      return TimestampedValue.of(batch, new Instant(batch.minEventMillis()));
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
