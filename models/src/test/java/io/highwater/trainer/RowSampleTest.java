package io.highwater.trainer;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.features.Encodings;
import io.highwater.features.FeatureSet;
import io.highwater.features.RowChoice;
import io.highwater.record.WarehouseRows;
import java.util.Arrays;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RowSampleTest {
  private static final Contract CONTRACT = WarehouseRows.contract();
  private static final Detector DETECTOR = Objects.requireNonNull(CONTRACT.detector());
  private static final FeatureSet FEATURES = FeatureSet.of(CONTRACT, DETECTOR);
  private static final int ROWS = 60_000;

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void hasGivenBackItsMemory() {
    allocator.close();
  }

  private VectorSchemaRoot rows() {
    VectorSchemaRoot rows = WarehouseRows.sorted(7, ROWS, 1_000, allocator);
    BigIntVector ids = (BigIntVector) rows.getVector("query_id");
    for (int row = 0; row < ROWS; row++) {
      ids.set(row, row);
    }
    return rows;
  }

  private SampledRows sample(
      VectorSchemaRoot rows, int capacity, long seed, int batchRows, boolean backwards) {
    RowSample sample = new RowSample(CONTRACT, DETECTOR, FEATURES, capacity, seed);
    RowChoice choice = RowChoice.of(DETECTOR);
    new MemoryHistory(rows, batchRows, backwards, allocator)
        .read(
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            batch -> {
              sample.count(batch);
              sample.add(batch, choice.trainable(batch), Encodings.empty());
            });
    return sample.toRows();
  }

  @Test
  void isTheSameHoweverTheRowsAreCut() {
    try (VectorSchemaRoot rows = rows()) {
      SampledRows whole = sample(rows, 1_000, 1, 100_000, false);
      assertThat(whole.count(), is(1_000));
      assertThat(sample(rows, 1_000, 1, 7, true).digest(), is(whole.digest()));
      assertThat(sample(rows, 1_000, 2, 100_000, false).digest(), is(not(whole.digest())));
    }
  }

  @Test
  void takesAllRowsWhereThereIsRoom() {
    try (VectorSchemaRoot rows = rows()) {
      SampledRows all = sample(rows, ROWS, 1, 500, false);
      assertThat((long) all.count(), is(all.trainableRows()));
      assertThat(all.allRows(), is((long) ROWS));
      assertThat(all.representedRows(), is((long) ROWS));
      assertThat(sample(rows, ROWS, 2, 60_000, true).digest(), equalTo(all.digest()));
    }
  }

  /** Of a uniform sample each tenth of the time has a tenth, and each tenth of durations too. */
  @Test
  void isUniform() {
    try (VectorSchemaRoot rows = rows()) {
      SampledRows all = sample(rows, ROWS, 1, 5_000, false);
      double[] sorted = all.actual().clone();
      Arrays.sort(sorted);
      for (int seed = 1; seed <= 5; seed++) {
        SampledRows some = sample(rows, 10_000, seed, 5_000, false);
        int[] byTime = new int[10];
        int[] byDuration = new int[2];
        for (int row = 0; row < some.count(); row++) {
          long since = some.micros()[row] / 1_000 - WarehouseRows.START_MILLIS;
          byTime[(int) (since * 10 / (ROWS * 1_000L))]++;
          byDuration[some.actual()[row] < sorted[sorted.length / 2] ? 0 : 1]++;
        }
        for (int count : byTime) {
          // Five standard deviations of a binomial of 10,000 and 0.1, without repetition.
          assertThat((double) count, is(closeTo(1_000, 150)));
        }
        assertThat((double) byDuration[0], is(closeTo(5_000, 250)));
      }
    }
  }
}
