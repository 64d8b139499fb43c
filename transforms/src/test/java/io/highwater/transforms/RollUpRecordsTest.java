package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.status.StatusCounts;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TimestampedValue;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

  /** A minute behind the present and a day behind it. */
  @ParameterizedTest
  @CsvSource({"1, 1", "1440, 0"})
  void takesItsTimeWhileItCatchesUp(long minutesBehind, long shownEarly) {
    org.joda.time.Duration present =
        new org.joda.time.Duration(
            BoundedWindow.TIMESTAMP_MIN_VALUE, new Instant(T + minutesBehind * MINUTE));
    TestStream<RecordBatch> stream =
        stream()
            .advanceProcessingTime(present)
            .advanceWatermarkTo(new Instant(T))
            .addElements(batch(T + MINUTE))
            .advanceProcessingTime(org.joda.time.Duration.standardSeconds(1))
            .addElements(batch(T + 2 * MINUTE))
            .advanceWatermarkToInfinity();

    PCollection<RecordBatch> rollUps =
        pipeline
            .apply(stream)
            .apply(RollUpRecords.of(contract, 1).withPaneDelay(Duration.ofMillis(50)))
            .get(RollUpRecords.ROLLUPS);

    List<String> expected = new ArrayList<>();
    for (String length : List.of("600000", "3600000")) {
      if (shownEarly > 0) {
        expected.add("2024-03-01T00:00|%s|a|0|false|1".formatted(length));
      }
      expected.add("2024-03-01T00:00|%s|a|%d|true|2".formatted(length, shownEarly));
    }
    PAssert.that(rollUps).satisfies(Rows.are(COLUMNS, expected.toArray(String[]::new)));
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

  @Test
  void countsLateAndTooLateRowsNotBatches() {
    TestStream<RecordBatch> stream =
        stream()
            .advanceWatermarkTo(new Instant(T))
            .addElements(batch("a", T + MINUTE, T + 2 * MINUTE), batch("b", T + MINUTE))
            .advanceWatermarkTo(new Instant(T + 12 * MINUTE))
            .addElements(
                batch("a", T + 3 * MINUTE, T + 3 * MINUTE, T + 4 * MINUTE),
                batch("b", T + 5 * MINUTE, T + 13 * MINUTE))
            .advanceWatermarkTo(new Instant(T + 21 * MINUTE))
            .addElements(
                batch("a", T + 4 * MINUTE, T + 4 * MINUTE),
                batch("b", T + 4 * MINUTE, T + 15 * MINUTE),
                batch("b", T + 25 * MINUTE))
            .advanceWatermarkToInfinity();

    PCollectionTuple outputs = rollUpAndCount(stream);

    PAssert.that(outputs.get(RollUpRecords.LATE_ROWS))
        .containsInAnyOrder(
            StatusCounts.ofLate(3),
            StatusCounts.ofLate(1),
            StatusCounts.ofLate(1),
            StatusCounts.ofTooLate(2),
            StatusCounts.ofTooLate(1));
    PAssert.that(outputs.get(RollUpRecords.ROLLUPS)).satisfies(finalJobsOfShortestAre(10));
    pipeline.run().waitUntilFinish();
  }

  /** The last millisecond of the lateness, and the one after it. */
  @ParameterizedTest
  @CsvSource({"-1, 2, 0", "0, 1, 1"})
  void agreesWithTheMergeOnWhatIsTooLate(long afterLatenessMillis, long counted, long tooLate) {
    TestStream<RecordBatch> stream =
        stream()
            .advanceWatermarkTo(new Instant(T))
            .addElements(batch(T + MINUTE))
            .advanceWatermarkTo(new Instant(T + 20 * MINUTE + afterLatenessMillis))
            .addElements(batch(T + 2 * MINUTE))
            .advanceWatermarkToInfinity();

    PCollectionTuple outputs = rollUpAndCount(stream);

    PAssert.that(outputs.get(RollUpRecords.LATE_ROWS))
        .containsInAnyOrder(tooLate == 0 ? StatusCounts.ofLate(1) : StatusCounts.ofTooLate(1));
    PAssert.that(outputs.get(RollUpRecords.ROLLUPS)).satisfies(finalJobsOfShortestAre(counted));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void losesNoRowBetweenFinalPanesAndTooLateOnes() {
    Random random = new Random(11);
    TestStream.Builder<RecordBatch> stream = stream();
    long rows = 0;
    long tooLate = 0;
    for (int minute = 0; minute < 120; minute += 6) {
      long watermark = T + minute * MINUTE;
      long[] times = new long[1 + random.nextInt(20)];
      for (int row = 0; row < times.length; row++) {
        times[row] = watermark + MINUTE * (random.nextInt(50) - 40) + random.nextInt(60_000);
        long endMillis = Math.floorDiv(times[row], 10 * MINUTE) * 10 * MINUTE + 10 * MINUTE;
        tooLate += endMillis + 10 * MINUTE <= watermark ? 1 : 0;
      }
      rows += times.length;
      stream =
          stream
              .advanceWatermarkTo(new Instant(watermark))
              .addElements(batch(random.nextBoolean() ? "a" : "b", times));
    }

    PCollectionTuple outputs = rollUpAndCount(stream.advanceWatermarkToInfinity());

    assertThat(tooLate, is(greaterThan(50L)));
    PAssert.that(outputs.get(RollUpRecords.LATE_ROWS)).satisfies(tooLateAre(tooLate));
    PAssert.that(outputs.get(RollUpRecords.ROLLUPS))
        .satisfies(finalJobsOfShortestAre(rows - tooLate));
    pipeline.run().waitUntilFinish();
  }

  private PCollection<RecordBatch> rollUp(TestStream<RecordBatch> stream) {
    return rollUpAndCount(stream).get(RollUpRecords.ROLLUPS);
  }

  private PCollectionTuple rollUpAndCount(TestStream<RecordBatch> stream) {
    return pipeline
        .apply(stream)
        .apply(RollUpRecords.of(contract, 1).withAllowedLateness(Duration.ofMinutes(10)));
  }

  private static SerializableFunction<Iterable<RecordBatch>, Void> finalJobsOfShortestAre(
      long expected) {
    return batches -> {
      long jobs = 0;
      for (RecordBatch batch : batches) {
        jobs += finalJobsOfShortest(batch);
      }
      assertThat(jobs, is(expected));
      return null;
    };
  }

  private static SerializableFunction<Iterable<StatusCounts>, Void> tooLateAre(long expected) {
    return counts -> {
      StatusCounts sum = StatusCounts.NOTHING;
      for (StatusCounts some : counts) {
        sum = sum.plus(some);
      }
      assertThat(sum.tooLate(), is(expected));
      return null;
    };
  }

  private static long finalJobsOfShortest(RecordBatch batch) {
    return Rows.of(List.of(batch), "window_millis", "is_final", "jobs").stream()
        .filter(row -> row.startsWith("600000|true|"))
        .mapToLong(row -> Long.parseLong(row.substring("600000|true|".length())))
        .sum();
  }

  private static TestStream.Builder<RecordBatch> stream() {
    return TestStream.create(BatchCoders.recordBatch());
  }

  /** One row of cluster a for each time, at the least of them, as ReadKafka puts batches out. */
  private TimestampedValue<RecordBatch> batch(long... eventMillis) {
    return batch("a", eventMillis);
  }

  private TimestampedValue<RecordBatch> batch(String cluster, long... eventMillis) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root =
            VectorSchemaRoot.create(RecordSchemas.events(contract), allocator)) {
      for (int row = 0; row < eventMillis.length; row++) {
        ((VarCharVector) root.getVector("cluster")).setSafe(row, utf8(cluster));
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
