package io.highwater.transforms;

import static java.util.Objects.requireNonNull;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.record.KeyHasher;
import io.highwater.record.RecentKeys;
import io.highwater.record.RecordBatch;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.state.Timer;
import org.apache.beam.sdk.state.ValueState;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.Reify;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.util.SerializableUtils;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.OutputBuilder;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.sdk.values.TimestampedValue;
import org.apache.beam.sdk.values.TupleTag;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class DeduplicateRecordsTest {
  private static final Instant T = Instant.parse("2024-03-01T00:00:00Z");
  private static final Duration HORIZON = Duration.ofMinutes(10);
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final Contract contract = TestContracts.jobs();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  private record Job(String cluster, long id, Instant startedAt) {}

  /** A batch, at the least of its event times, as ReadKafka puts batches out. */
  private RecordBatch batch(List<Job> jobs) {
    return Batches.events(
        contract,
        jobs.stream()
            .map(
                job ->
                    Batches.row(
                        job.cluster, job.id, job.startedAt, 5L, 1.5, "topic", 0, job.id, "fast"))
            .toArray(Object[][]::new));
  }

  private TimestampedValue<RecordBatch> element(Job... jobs) {
    return element(List.of(jobs));
  }

  private TimestampedValue<RecordBatch> element(List<Job> jobs) {
    RecordBatch batch = batch(jobs);
    return TimestampedValue.of(batch, new org.joda.time.Instant(batch.minEventMillis()));
  }

  private static org.joda.time.Instant at(Instant instant) {
    return new org.joda.time.Instant(instant.toEpochMilli());
  }

  private PCollectionTuple deduplicate(TestStream<RecordBatch> stream) {
    return pipeline.apply(stream).apply(DeduplicateRecords.of(contract, HORIZON));
  }

  private static void assertDuplicates(PCollectionTuple deduplicated, long expected) {
    PAssert.that(deduplicated.get(DeduplicateRecords.DUPLICATES))
        .satisfies(
            counts -> {
              long sum = 0;
              for (long count : counts) {
                sum += count;
              }
              assertEquals(expected, sum);
              return null;
            });
  }

  @Test
  void keepsEachRowOnceThatIsDeliveredEightyTimes() {
    List<Job> deliveries = new ArrayList<>();
    List<String> once = new ArrayList<>();
    for (int id = 0; id < 300; id++) {
      Job job = new Job(id % 2 == 0 ? "a" : "größe", id / 2, T.plusSeconds(id));
      deliveries.addAll(Collections.nCopies(80, job));
      once.add(job.cluster + "|" + job.id);
    }
    Collections.shuffle(deliveries, new Random(1));
    TestStream.Builder<RecordBatch> stream =
        TestStream.create(BatchCoders.recordBatch()).advanceWatermarkTo(at(T));
    // Each element is a bundle of its own.
    for (int start = 0; start < deliveries.size(); ) {
      int end = Math.min(deliveries.size(), start + 1 + new Random(start).nextInt(2_000));
      stream = stream.addElements(element(deliveries.subList(start, end)));
      start = end;
    }

    PCollectionTuple deduplicated = deduplicate(stream.advanceWatermarkToInfinity());

    PAssert.that(deduplicated.get(DeduplicateRecords.UNIQUE))
        .satisfies(Rows.are(List.of("cluster", "job_id"), once.toArray(String[]::new)));
    assertDuplicates(deduplicated, 300 * 79);
    pipeline.run().waitUntilFinish();
  }

  @Test
  void countsAKeyAgainThatIsUsedAgainAfterTheHorizon() {
    Instant later = T.plus(HORIZON.multipliedBy(2));
    PCollectionTuple deduplicated =
        deduplicate(
            TestStream.create(BatchCoders.recordBatch())
                .advanceWatermarkTo(at(T))
                .addElements(element(new Job("a", 1, T)))
                // Within the horizon, and stamped anew.
                .addElements(element(new Job("a", 1, T.plus(MINUTE.multipliedBy(9)))))
                .addElements(element(new Job("a", 1, later)))
                .advanceWatermarkTo(at(later))
                .addElements(element(new Job("a", 1, later)))
                // Too late to be looked at.
                .addElements(element(new Job("a", 1, T)))
                .advanceWatermarkToInfinity());

    PAssert.that(deduplicated.get(DeduplicateRecords.UNIQUE))
        .satisfies(
            Rows.are(
                List.of("job_id", "started_at"),
                "1|2024-03-01T00:00",
                "1|2024-03-01T00:20",
                "1|2024-03-01T00:00"));
    assertDuplicates(deduplicated, 2);
    pipeline.run().waitUntilFinish();
  }

  @Test
  void putsRowsOutAtTheTimeThatTheyCameInAt() {
    PCollectionTuple deduplicated =
        deduplicate(
            TestStream.create(BatchCoders.recordBatch())
                .advanceWatermarkTo(at(T))
                .addElements(element(new Job("a", 1, T.plus(MINUTE))))
                .advanceWatermarkTo(at(T.plus(MINUTE)))
                .addElements(element(new Job("a", 2, T.plus(MINUTE.multipliedBy(2)))))
                .advanceWatermarkToInfinity());

    PCollection<TimestampedValue<RecordBatch>> timestamped =
        deduplicated.get(DeduplicateRecords.UNIQUE).apply(Reify.timestamps());
    PAssert.that(timestamped)
        .satisfies(
            batches -> {
              List<org.joda.time.Instant> times = new ArrayList<>();
              for (TimestampedValue<RecordBatch> batch : batches) {
                assertEquals(batch.getValue().minEventMillis(), batch.getTimestamp().getMillis());
                times.add(batch.getTimestamp());
              }
              assertThat(
                  times,
                  containsInAnyOrder(at(T.plus(MINUTE)), at(T.plus(MINUTE.multipliedBy(2)))));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  @Test
  void isForStreams() {
    PCollection<RecordBatch> bounded = pipeline.apply(Create.empty(BatchCoders.recordBatch()));
    assertThrows(
        IllegalStateException.class, () -> bounded.apply(DeduplicateRecords.of(contract, HORIZON)));
  }

  @Test
  void forgetsKeysWhenTheWatermarkHasPassedThemAndHoldsNothing() {
    DropWorker worker = new DropWorker();
    worker.watermark = at(T);
    List<Job> jobs =
        LongStream.range(0, 1_000)
            .mapToObj(id -> new Job("a", id, T.plusSeconds(id % 300)))
            .toList();
    assertThat(worker.bundle(jobs), is(ids(jobs)));
    assertThat(worker.bundle(jobs), is(empty()));
    assertEquals(1_000, worker.keys().size());
    assertThat(worker.keys().byteSize(), is(lessThan(16_000L)));

    // Nothing has come since, and the first half is a horizon old: the timer forgets it.
    worker.advanceTo(T.plus(HORIZON).plus(HORIZON.dividedBy(4)));
    assertThat(worker.keys().size(), is(greaterThan(0)));
    assertThat(worker.keys().size(), is(lessThan(800)));
    worker.advanceTo(T.plus(HORIZON.multipliedBy(3)));
    assertEquals(null, worker.state.read());
    assertEquals(null, worker.timer.target);
    worker.close();
  }

  @Test
  void startsAFailedBundleAnewWithWhatItHadBefore() {
    DropWorker worker = new DropWorker();
    worker.watermark = at(T);
    List<Job> jobs = LongStream.range(0, 100).mapToObj(id -> new Job("a", id, T)).toList();
    worker.fn.startBundle();
    worker.process(jobs);
    // The runner throws the state of the failed bundle away and delivers it again.
    worker.state.clear();
    assertThat(worker.bundle(jobs), is(ids(jobs)));
    worker.fn.startBundle();
    worker.process(List.of(new Job("b", 1, T)));
    worker.close();
  }

  private static List<String> ids(List<Job> jobs) {
    return jobs.stream().map(job -> Long.toString(job.id)).toList();
  }

  /** One instance of DropFn and the state of one shard. */
  private final class DropWorker {
    final DeduplicateRecords.DropFn fn =
        SerializableUtils.ensureSerializable(new DeduplicateRecords.DropFn(contract, HORIZON));
    final HeapState state = new HeapState();
    final ManualTimer timer = new ManualTimer();
    org.joda.time.Instant watermark = BoundedWindow.TIMESTAMP_MIN_VALUE;
    private final List<RecordBatch> out = new ArrayList<>();

    DropWorker() {
      fn.setup();
    }

    /** The ids of the jobs that came out. */
    List<String> bundle(List<Job> jobs) {
      out.clear();
      fn.startBundle();
      process(jobs);
      fn.finishBundle(
          fn.new FinishBundleContext() {
            @Override
            public org.apache.beam.sdk.options.PipelineOptions getPipelineOptions() {
              throw new UnsupportedOperationException();
            }

            @Override
            public void output(
                RecordBatch batch, org.joda.time.Instant timestamp, BoundedWindow window) {
              out.add(batch);
            }

            @Override
            public <T> void output(
                TupleTag<T> tag, T value, org.joda.time.Instant timestamp, BoundedWindow window) {
              out.add((RecordBatch) value);
            }
          });
      assertEquals(0, fn.allocator().getAllocatedMemory());
      return Rows.of(out, "job_id");
    }

    void process(List<Job> jobs) {
      RecordBatch batch = batch(jobs);
      byte[] hashes;
      try (BufferAllocator allocator = new RootAllocator();
          VectorSchemaRoot rows = batch.open(allocator)) {
        hashes = KeyHasher.of(contract).hash(rows);
      }
      fn.process(KV.of(0, KV.of(batch, hashes)), at(T), state, timer, new Ignored());
    }

    RecentKeys keys() {
      return requireNonNull(state.read());
    }

    /** Moves the watermark, which fires the timer if it is due. */
    void advanceTo(Instant instant) {
      watermark = at(instant);
      if (timer.target != null && !timer.target.isAfter(watermark)) {
        timer.target = null;
        fn.forget(state, timer);
      }
    }

    /** Fails where Arrow memory was not given back. */
    void close() {
      fn.teardown();
    }

    private final class ManualTimer implements Timer {
      org.joda.time.@Nullable Instant target;
      private org.joda.time.Duration offset = org.joda.time.Duration.ZERO;

      @Override
      public void set(org.joda.time.Instant absolute) {
        target = absolute;
      }

      @Override
      public void setRelative() {
        target = watermark.plus(offset);
      }

      @Override
      public void clear() {
        target = null;
      }

      @Override
      public Timer offset(org.joda.time.Duration by) {
        offset = by;
        return this;
      }

      @Override
      public Timer align(org.joda.time.Duration period) {
        throw new UnsupportedOperationException();
      }

      @Override
      public Timer withOutputTimestamp(org.joda.time.Instant outputTime) {
        throw new UnsupportedOperationException();
      }

      @Override
      public Timer withNoOutputTimestamp() {
        return this;
      }

      @Override
      public org.joda.time.Instant getCurrentRelativeTime() {
        return watermark;
      }
    }
  }

  private static final class HeapState implements ValueState<RecentKeys> {
    private @Nullable RecentKeys value;

    @Override
    public void write(RecentKeys keys) {
      value = keys;
    }

    @Override
    public @Nullable RecentKeys read() {
      return value;
    }

    @Override
    public ValueState<RecentKeys> readLater() {
      return this;
    }

    @Override
    public void clear() {
      value = null;
    }
  }

  private static final class Ignored implements DoFn.MultiOutputReceiver {
    @Override
    public <T> DoFn.OutputReceiver<T> get(TupleTag<T> tag) {
      return new DoFn.OutputReceiver<>() {
        @Override
        public OutputBuilder<T> builder(T value) {
          throw new UnsupportedOperationException();
        }

        @Override
        public void output(T value) {}
      };
    }

    @Override
    public <T> DoFn.OutputReceiver<Row> getRowReceiver(TupleTag<T> tag) {
      throw new UnsupportedOperationException();
    }
  }
}
