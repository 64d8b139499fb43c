package io.highwater.transforms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeHour;
import io.highwater.record.RecordBatch;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeduplicateHoursTest {
  private static final Instant T = Instant.parse("2024-03-01T00:00:00Z");
  private static final List<String> COLUMNS =
      List.of("cluster", "job_id", "started_at", "run_ms", "_topic", "_partition", "_offset");

  private final Contract contract = TestContracts.jobs();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  /** A row of a file; {@code run} tells it from others with its key. */
  private record Job(String cluster, long id, Instant startedAt, int file, long row, long run) {
    Object[] values() {
      return Batches.row(cluster, id, startedAt, run, 1.5, null, file, row, "fast");
    }

    String line() {
      return String.join(
          "|",
          cluster,
          Long.toString(id),
          startedAt.toString().replace("Z", "").replaceFirst(":00$", ""),
          Long.toString(run),
          "null|null|null");
    }
  }

  private PCollectionTuple deduplicate(List<List<Job>> batches) {
    List<RecordBatch> elements = new ArrayList<>();
    for (List<Job> batch : batches) {
      elements.add(
          Batches.events(contract, batch.stream().map(Job::values).toArray(Object[][]::new)));
    }
    return pipeline
        .apply(Create.of(elements).withCoder(BatchCoders.recordBatch()))
        .apply(DeduplicateHours.of(contract));
  }

  @Test
  void keepsTheFirstRowOfAKeyByItsPlaceInTheInput() {
    PCollectionTuple deduplicated =
        deduplicate(
            List.of(
                List.of(
                    new Job("a", 1, T.plusSeconds(20), 1, 0, 30),
                    new Job("a", 1, T.plusSeconds(10), 0, 9, 20),
                    new Job("b", 1, T.plusSeconds(10), 2, 9, 40)),
                List.of(new Job("a", 1, T.plusSeconds(30), 0, 8, 10))));

    PAssert.that(deduplicated.get(DeduplicateHours.UNIQUE))
        .satisfies(
            Rows.are(
                COLUMNS,
                new Job("a", 1, T.plusSeconds(30), 0, 8, 10).line(),
                new Job("b", 1, T.plusSeconds(10), 2, 9, 40).line()));
    PAssert.that(deduplicated.get(DeduplicateHours.DUPLICATES)).containsInAnyOrder(2L);
    pipeline.run().waitUntilFinish();
  }

  @Test
  void keepsAKeyInEachOfItsHours() {
    Job first = new Job("a", 1, T.plusSeconds(3_599), 0, 0, 10);
    Job second = new Job("a", 1, T.plusSeconds(3_601), 0, 1, 20);

    PAssert.that(deduplicate(List.of(List.of(first, second))).get(DeduplicateHours.UNIQUE))
        .satisfies(Rows.are(COLUMNS, first.line(), second.line()));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void keepsPositionsOfRowsThatWereInATopic() {
    RecordBatch batch =
        Batches.events(
            contract,
            Batches.row("a", 1L, T, 5L, 1.5, "topic", 3, 70L, "fast"),
            Batches.row("a", 2L, T, 5L, 1.5, null, 0, 71L, "fast"));

    PAssert.that(
            pipeline
                .apply(Create.of(batch).withCoder(BatchCoders.recordBatch()))
                .apply(DeduplicateHours.of(contract))
                .get(DeduplicateHours.UNIQUE))
        .satisfies(
            Rows.are(
                List.of("job_id", "_topic", "_partition", "_offset"),
                "1|topic|3|70",
                "2|null|null|null"));
    pipeline.run().waitUntilFinish();
  }

  /** Against a loop over a map. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void dropsWhatALoopDrops(long seed) {
    Random random = new Random(seed);
    int keys = seed % 2 == 0 ? 100 : 100_000;
    List<Job> jobs = new ArrayList<>();
    for (int i = 0; i < 30_000; i++) {
      Instant time = T.plusMillis(random.nextInt(3 * 3_600_000) / 1_000 * 1_000 + 1);
      jobs.add(new Job("c", random.nextInt(keys), time, i / 7_000, i % 7_000, i));
    }
    Map<String, Job> first = new HashMap<>();
    for (Job job : jobs) {
      first.putIfAbsent(job.id + "@" + LakeHour.epochHour(job.startedAt.toEpochMilli()), job);
    }
    List<Job> shuffled = new ArrayList<>(jobs);
    Collections.shuffle(shuffled, random);
    List<List<Job>> batches = new ArrayList<>();
    for (int from = 0; from < shuffled.size(); ) {
      int to = Math.min(shuffled.size(), from + 1 + random.nextInt(9_000));
      batches.add(shuffled.subList(from, to));
      from = to;
    }

    PCollectionTuple deduplicated = deduplicate(batches);

    List<String> expected = first.values().stream().map(job -> Long.toString(job.run)).toList();
    long dropped = jobs.size() - expected.size();
    PAssert.that(deduplicated.get(DeduplicateHours.UNIQUE))
        .satisfies(
            found -> {
              for (RecordBatch batch : found) {
                assertEquals(
                    LakeHour.epochHour(batch.minEventMillis()),
                    LakeHour.epochHour(batch.maxEventMillis()));
              }
              List<String> runs = new ArrayList<>(Rows.of(found, "run_ms"));
              Collections.sort(runs);
              List<String> sorted = new ArrayList<>(expected);
              Collections.sort(sorted);
              assertEquals(sorted, runs);
              return null;
            });
    PAssert.that(deduplicated.get(DeduplicateHours.DUPLICATES))
        .satisfies(
            counts -> {
              long sum = 0;
              for (long count : counts) {
                sum += count;
              }
              assertEquals(dropped, sum);
              return null;
            });
    pipeline.run().waitUntilFinish();
    assertTrue(dropped > 0);
  }
}
