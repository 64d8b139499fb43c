package io.highwater.trainer;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.both;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.onnx.OnnxModel;
import io.highwater.record.KeyHasher;
import io.highwater.record.RowSelection;
import io.highwater.record.WarehouseRows;
import io.highwater.registry.Manifest;
import io.highwater.registry.ModelRegistry;
import io.highwater.registry.ServedModel;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelTrainerTest {
  private static final Contract CONTRACT = WarehouseRows.contract();
  private static final long MILLIS_PER_DAY = 86_400_000;
  private static final double BUDGET = 0.05;
  private static final TrainingSettings SETTINGS = new TrainingSettings(14, 20_000, BUDGET, 1);

  private final BufferAllocator allocator = new RootAllocator();

  @TempDir Path directory;

  @AfterEach
  void hasGivenBackItsMemory() {
    allocator.close();
  }

  /** Queries whose time follows from their joins and megabytes, but for chance. */
  private VectorSchemaRoot rows(int days, int rowsADay) {
    int count = days * rowsADay;
    VectorSchemaRoot rows = WarehouseRows.sorted(3, count, MILLIS_PER_DAY / rowsADay, allocator);
    Random random = new Random(5);
    BigIntVector joins = (BigIntVector) rows.getVector("num_joins");
    Float8Vector compile = (Float8Vector) rows.getVector("compile_duration_ms");
    BigIntVector execution = (BigIntVector) rows.getVector("execution_duration_ms");
    BigIntVector ids = (BigIntVector) rows.getVector("query_id");
    for (int row = 0; row < count; row++) {
      double millis = Math.exp(5 + joins.get(row) + 0.5 * random.nextGaussian());
      execution.set(row, (long) millis);
      ids.set(row, row);
      if (!compile.isNull(row)) {
        compile.set(row, Math.min(20, millis));
      }
    }
    return rows;
  }

  private static void multiply(VectorSchemaRoot rows, int fromDay, int toDay, double factor) {
    BigIntVector execution = (BigIntVector) rows.getVector("execution_duration_ms");
    TimeStampMicroVector times = (TimeStampMicroVector) rows.getVector(WarehouseRows.EVENT_TIME);
    for (int row = 0; row < rows.getRowCount(); row++) {
      long day = (times.get(row) / 1_000 - WarehouseRows.START_MILLIS) / MILLIS_PER_DAY;
      if (day >= fromDay && day < toDay) {
        execution.set(row, (long) (execution.get(row) * factor));
      }
    }
  }

  private TrainingResult train(VectorSchemaRoot rows) throws Exception {
    return ModelTrainer.of(CONTRACT, SETTINGS)
        .train(new MemoryHistory(rows, 1_000, false, allocator), null);
  }

  @Test
  void givesTheSameModelHoweverTheEventsAreCut() throws Exception {
    try (VectorSchemaRoot rows = rows(6, 1_000)) {
      TrainingResult first = train(rows);
      TrainingResult second =
          ModelTrainer.of(CONTRACT, SETTINGS)
              .train(new MemoryHistory(rows, 17, true, allocator), null);
      assertThat(second.model().meanGraph(), is(first.model().meanGraph()));
      assertThat(second.model().p90Graph(), is(first.model().p90Graph()));
      assertThat(second.model().forestGraph(), is(first.model().forestGraph()));
      assertThat(second.model().manifest().toString(), is(first.model().manifest().toString()));
    }
  }

  @Test
  void learnsFromNothingThatItIsJudgedBy() throws Exception {
    try (VectorSchemaRoot rows = rows(14, 500)) {
      TrainingResult before = train(rows);
      multiply(rows, 13, 14, 30);
      TrainingResult slowNewest = train(rows);
      Manifest manifest = slowNewest.model().manifest();
      assertThat(slowNewest.model().meanGraph(), is(before.model().meanGraph()));
      assertThat(slowNewest.model().p90Graph(), is(before.model().p90Graph()));
      assertThat(slowNewest.model().forestGraph(), is(before.model().forestGraph()));
      assertThat(manifest.calibration(), is(before.model().manifest().calibration()));
      assertThat(manifest.heldOut().coverage(), is(lessThan(0.2)));

      multiply(rows, 11, 13, 30);
      TrainingResult slowCalibration = train(rows);
      assertThat(slowCalibration.model().meanGraph(), is(before.model().meanGraph()));
      assertThat(slowCalibration.model().p90Graph(), is(before.model().p90Graph()));
      assertThat(
          slowCalibration.model().manifest().calibration().p90Shift(),
          is(greaterThan(manifest.calibration().p90Shift() + 1)));
    }
  }

  @Test
  void alertsOnAboutTheBudgetedShareOfADayThatItHasNotSeen() throws Exception {
    try (VectorSchemaRoot rows = rows(14, 3_000)) {
      TrainingResult result = train(rows);
      assertThat(result.newestRows(), is(3_000L));
      assertThat(result.alertShare(), is(closeTo(BUDGET, BUDGET / 4)));
      assertThat(result.model().manifest().heldOut().coverage(), is(closeTo(0.9, 0.02)));
      assertThat(
          "a stricter budget has a higher threshold",
          result.thresholdAt(BUDGET / 10),
          is(greaterThan(result.thresholdAt(BUDGET))));
    }
  }

  @Test
  void learnsNothingFromOutliersThatPeopleConfirmed() throws Exception {
    try (VectorSchemaRoot rows = rows(6, 1_000)) {
      byte[] hashes = KeyHasher.of(CONTRACT).hash(rows);
      Set<String> ids = new TreeSet<>();
      int[] others = new int[rows.getRowCount()];
      int count = 0;
      for (int row = 0; row < rows.getRowCount(); row++) {
        if (row % 50 == 7) {
          int start = row * KeyHasher.HASH_BYTES;
          ids.add(HexFormat.of().formatHex(hashes, start, start + KeyHasher.HASH_BYTES));
        } else {
          others[count++] = row;
        }
      }
      TrainingResult told =
          ModelTrainer.of(CONTRACT, SETTINGS)
              .without(new ConfirmedOutliers(ids))
              .train(new MemoryHistory(rows, 1_000, false, allocator), null);
      try (VectorSchemaRoot withoutThem = RowSelection.take(rows, others, count, allocator)) {
        TrainingResult expected = train(withoutThem);
        assertThat(told.model().meanGraph(), is(expected.model().meanGraph()));
        assertThat(told.model().p90Graph(), is(expected.model().p90Graph()));
        assertThat(told.model().forestGraph(), is(expected.model().forestGraph()));
        assertThat(
            told.model().manifest().calibration().p90Shift(),
            is(expected.model().manifest().calibration().p90Shift()));
      }
      assertThat(train(rows).model().meanGraph(), is(not(told.model().meanGraph())));
    }
  }

  @Test
  void makesAModelOfThreeDays() throws Exception {
    try (VectorSchemaRoot rows = rows(3, 2_000)) {
      Manifest manifest = train(rows).model().manifest();
      assertThat(manifest.training().from(), is("2024-03-01T00:00:00Z"));
      assertThat(manifest.heldOut().day(), is("2024-03-03"));
      assertThat(manifest.heldOut().coverage(), is(both(greaterThan(0.8)).and(lessThan(0.97))));
    }
  }

  @Test
  void refusesTooFewRowsInOneLine() {
    try (VectorSchemaRoot rows = rows(5, 40)) {
      TrainingRefusedException refused =
          assertThrows(TrainingRefusedException.class, () -> train(rows));
      assertThat(
          refused.getMessage(),
          containsString("rows to learn from, from 2024-03-02T00:00:00Z to 2024-03-03T00:00:00Z"));
    }
  }

  @Test
  void keepsAChampionThatIsBetter() throws Exception {
    ModelRegistry registry = ModelRegistry.of(directory, CONTRACT.id());
    try (VectorSchemaRoot rows = rows(8, 1_000)) {
      registry.publish(train(rows).model(), Instant.parse("2024-03-09T00:00:00Z"), 10);
      try (ServedModel served = ServedModel.open(directory, CONTRACT, OnnxModel::open);
          ServedModel.Lease champion = Objects.requireNonNull(served.lease())) {
        ModelTrainer trainer = ModelTrainer.of(CONTRACT, SETTINGS);
        TrainingResult again =
            trainer.train(new MemoryHistory(rows, 1_000, false, allocator), champion.model());
        assertThat(again.model().manifest().gate().reason(), containsString("is not worse"));
        assertThat(again.model().manifest().gate().accepted(), is(true));

        multiply(rows, 0, 7, 30);
        TrainingResult worse =
            trainer.train(new MemoryHistory(rows, 1_000, false, allocator), champion.model());
        assertThat(worse.model().manifest().gate().accepted(), is(false));
        String version = registry.publish(worse.model(), Instant.parse("2024-03-10T00:00:00Z"), 10);
        assertThat(registry.servedVersion(), is(not(version)));
        assertThat(registry.manifest(version).gate().reason(), containsString("loses more"));
      }
    }
  }
}
