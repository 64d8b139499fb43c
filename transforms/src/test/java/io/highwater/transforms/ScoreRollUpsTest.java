package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;

import io.highwater.contract.Contract;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordSchemas;
import io.highwater.rollup.Baseline;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
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
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TimestampedValue;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;

/** A job in each ten minutes, a little longer each time; one more, long and late, in one window. */
class ScoreRollUpsTest {
  private static final long T = java.time.Instant.parse("2024-03-01T00:00:00Z").toEpochMilli();
  private static final long MINUTE = 60_000;
  private static final int WINDOWS = 20;
  private static final int WINDOW_WITH_LATE_JOB = 14;
  private static final long LATE_JOB_MILLIS = 90_000;

  private final Contract contract = TestContracts.scoredJobs();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @Test
  void finalScoresOfAStreamTakeItsLateRowsIntoAccount() {
    TestStream.Builder<RecordBatch> stream = TestStream.create(BatchCoders.recordBatch());
    for (int window = 0; window < WINDOWS; window++) {
      stream =
          stream
              .advanceWatermarkTo(new Instant(start(window)))
              .addElements(element(job(window, onTimeMillis(window))));
      if (window == WINDOW_WITH_LATE_JOB + 2) {
        // By now the window after the late job's has been scored, but is not final.
        stream =
            stream
                .addElements(element(job(WINDOW_WITH_LATE_JOB, LATE_JOB_MILLIS)))
                .advanceProcessingTime(org.joda.time.Duration.standardSeconds(6));
      }
    }

    PCollection<RecordBatch> rollUps =
        pipeline
            .apply(stream.advanceWatermarkToInfinity())
            .apply(RollUpRecords.of(contract, 1).withAllowedLateness(Duration.ofMinutes(20)))
            .get(RollUpRecords.ROLLUPS);

    PAssert.that(rollUps).satisfies(haveFinalScores(expected(true)));
    PAssert.that(rollUps).satisfies(haveOnTimeScore(WINDOW_WITH_LATE_JOB + 1));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void aBatchGivesTheSameScoresAsAStream() {
    List<RecordBatch> batches = new ArrayList<>();
    batches.add(job(WINDOW_WITH_LATE_JOB, LATE_JOB_MILLIS));
    for (int window = WINDOWS - 1; window >= 0; window--) {
      batches.add(job(window, onTimeMillis(window)));
    }

    PCollection<RecordBatch> rollUps =
        pipeline
            .apply(Create.of(batches).withCoder(BatchCoders.recordBatch()))
            .apply(RollUpRecords.of(contract, 1))
            .get(RollUpRecords.ROLLUPS);

    PAssert.that(rollUps).satisfies(haveFinalScores(expected(true)));
    pipeline.run().waitUntilFinish();
  }

  /** Scores one window after the other, as if all had been known from the start. */
  private static List<String> expected(boolean withLateJob) {
    List<String> rows = new ArrayList<>();
    Baseline baseline = Baseline.none(1);
    for (int window = 0; window < WINDOWS; window++) {
      double mean = onTimeMillis(window);
      if (withLateJob && window == WINDOW_WITH_LATE_JOB) {
        mean = (mean + LATE_JOB_MILLIS) / 2;
      }
      Baseline.Scored scored = baseline.score(start(window), true, List.of(Math.log1p(mean)));
      Double score = scored.scores().get(0);
      String unusual = mean <= 1000 ? "false" : score == null ? "null" : "" + (score > 3);
      rows.add((start(window) - T) / MINUTE + "|" + score + "|" + mean + "|" + unusual);
      baseline = scored.next();
    }
    assertThat(rows.get(0), is("0|null|1000.0|false"));
    return rows;
  }

  private static SerializableFunction<Iterable<RecordBatch>, Void> haveFinalScores(
      List<String> expected) {
    return batches -> {
      List<String> actual = new ArrayList<>();
      for (String row :
          Rows.of(
              batches,
              "window_millis",
              "is_final",
              "window_start",
              "run_score",
              "mean_ms",
              "is_unusual")) {
        if (row.startsWith("600000|true|")) {
          actual.add(withMinutes(row.substring("600000|true|".length())));
        }
      }
      assertThat(actual, containsInAnyOrder(expected.toArray()));
      return null;
    };
  }

  /** Before the late job, the window after it was scored without it. */
  private static SerializableFunction<Iterable<RecordBatch>, Void> haveOnTimeScore(int window) {
    String before = expected(false).get(window);
    String after = expected(true).get(window);
    return batches -> {
      List<String> actual = new ArrayList<>();
      for (String row : Rows.of(batches, "window_start", "run_score", "mean_ms", "is_unusual")) {
        actual.add(withMinutes(row));
      }
      assertThat(before, is(not(after)));
      assertThat(actual, hasItem(before));
      assertThat(actual, hasItem(after));
      return null;
    };
  }

  /** The start of the window, in minutes since the first, in place of its date. */
  private static String withMinutes(String row) {
    String date = row.substring(0, row.indexOf('|'));
    long millis =
        java.time.LocalDateTime.parse(date).toInstant(java.time.ZoneOffset.UTC).toEpochMilli();
    return (millis - T) / MINUTE + row.substring(date.length());
  }

  private static long start(int window) {
    return T + window * 10 * MINUTE;
  }

  private static long onTimeMillis(int window) {
    return 1000 + 10L * window;
  }

  private static TimestampedValue<RecordBatch> element(RecordBatch batch) {
    return TimestampedValue.of(batch, new Instant(batch.minEventMillis()));
  }

  private RecordBatch job(int window, long runMillis) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root =
            VectorSchemaRoot.create(RecordSchemas.events(contract), allocator)) {
      ((VarCharVector) root.getVector("cluster")).setSafe(0, "a".getBytes(StandardCharsets.UTF_8));
      ((BigIntVector) root.getVector("job_id")).setSafe(0, window);
      ((TimeStampMicroVector) root.getVector("started_at")).setSafe(0, start(window) * 1000);
      ((BigIntVector) root.getVector("run_ms")).setSafe(0, runMillis);
      root.setRowCount(1);
      return RecordBatch.copyOf(contract, root, "started_at");
    }
  }
}
