package io.highwater.features;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.Detector;
import io.highwater.contract.Feature;
import io.highwater.contract.InvalidContractException;
import io.highwater.record.WarehouseRows;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FeatureSetTest {
  private static final Contract CONTRACT = WarehouseRows.contract();
  private static final Detector DETECTOR = Objects.requireNonNull(CONTRACT.detector());
  private static final FeatureSet FEATURES = FeatureSet.of(CONTRACT, DETECTOR);
  private static final List<String> TYPES =
      List.of(
          "select", "insert", "update", "delete", "copy", "unload", "ctas", "analyze", "vacuum",
          "other");

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void hasGivenBackItsMemory() {
    allocator.close();
  }

  private static FloatBuffer room(int rows, FeatureSet features) {
    return ByteBuffer.allocateDirect(4 * rows * features.columns())
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer();
  }

  private static float[] filled(VectorSchemaRoot batch, int[] rows, Encodings encodings) {
    FloatBuffer out = room(rows.length, FEATURES);
    FEATURES.fill(batch, rows, encodings, out);
    float[] values = new float[out.capacity()];
    out.get(values);
    return values;
  }

  private static float number(@Nullable Object value) {
    return value == null ? Float.NaN : (float) ((Number) value).doubleValue();
  }

  private static float flag(boolean value) {
    return value ? 1 : 0;
  }

  private static int listed(@Nullable Object value) {
    return value == null
        ? 0
        : (int) Arrays.stream(value.toString().split(",")).filter(part -> !part.isBlank()).count();
  }

  /** Written from the reference's list of features, not from the contract. */
  private static float[] naive(VectorSchemaRoot batch, int row, float[] usual) {
    @Nullable Object compile = batch.getVector("compile_duration_ms").getObject(row);
    @Nullable Object clusterSize = batch.getVector("cluster_size").getObject(row);
    @Nullable Object permanent = batch.getVector("num_permanent_tables_accessed").getObject(row);
    @Nullable Object writes = batch.getVector("write_table_ids").getObject(row);
    LocalDateTime time = (LocalDateTime) batch.getVector("arrival_timestamp").getObject(row);
    int type = TYPES.indexOf(String.valueOf(batch.getVector("query_type").getObject(row)));
    float count = usual[2];
    return new float[] {
      usual[0],
      usual[1],
      count,
      count == 0 ? 0 : count < 3 ? 1 : count < 30 ? 2 : 3,
      type < 0 ? Float.NaN : type,
      compile == null ? Float.NaN : (float) Math.log1p((Double) compile),
      flag(compile == null),
      flag(compile != null && (Double) compile == 0),
      number(clusterSize),
      flag(clusterSize == null),
      number(permanent),
      number(batch.getVector("num_external_tables_accessed").getObject(row)),
      number(batch.getVector("num_system_tables_accessed").getObject(row)),
      flag(permanent != null && (Long) permanent == 0),
      number(batch.getVector("num_joins").getObject(row)),
      number(batch.getVector("num_scans").getObject(row)),
      number(batch.getVector("num_aggregations").getObject(row)),
      listed(batch.getVector("read_table_ids").getObject(row)),
      listed(writes),
      flag(writes != null && !writes.toString().isEmpty()),
      time.getHour(),
      time.getDayOfWeek().getValue()
    };
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void areThoseOfANaiveReadingOfTheRows(long seed) {
    EncodingsBuilder builder = new EncodingsBuilder(DETECTOR, CONTRACT.eventTime(), 100_000);
    try (VectorSchemaRoot past = WarehouseRows.sorted(seed, 20_000, 100, allocator);
        VectorSchemaRoot batch =
            WarehouseRows.unsorted(seed + 50, 2_000, 9L * 86_400_000, allocator)) {
      builder.add(past, RowChoice.of(DETECTOR).trainable(past));
      VarCharVector writes = (VarCharVector) batch.getVector("write_table_ids");
      String[] lists = {"", "7", "7,8", " 7 ,, 8,", ",", "1,2,3," + "4,".repeat(500)};
      for (int row = 0; row < 2_000; row += 3) {
        writes.setSafe(row, lists[row % lists.length].getBytes(StandardCharsets.UTF_8));
      }
      Encodings encodings = builder.build();
      int[] rows = RowChoice.of(DETECTOR).scorable(batch);
      SubjectValues usual = SubjectValues.of(batch, DETECTOR.subject(), rows, encodings);
      float[] expected = new float[rows.length * FEATURES.columns()];
      for (int i = 0; i < rows.length; i++) {
        float[] of = {usual.medians()[i], usual.spreads()[i], usual.counts()[i]};
        float[] row = naive(batch, rows[i], of);
        assertThat(row.length, is(FEATURES.columns()));
        System.arraycopy(row, 0, expected, i * row.length, row.length);
      }

      assertThat(filled(batch, rows, encodings), equalTo(expected));
    }
  }

  @Test
  void aRowsNumbersDoNotDependOnTheRowsBesideIt() {
    try (VectorSchemaRoot batch = WarehouseRows.sorted(3, 50, 1000, allocator)) {
      float[] together = filled(batch, new int[] {41, 7, 13}, Encodings.empty());
      float[] alone = filled(batch, new int[] {7}, Encodings.empty());

      int width = FEATURES.columns();
      assertThat(Arrays.copyOfRange(together, width, 2 * width), equalTo(alone));
    }
  }

  /** As in the roll-ups' lists, so that two columns of one name say the same. */
  @Test
  void choosesRowsByWhatTheContractSays() {
    try (VectorSchemaRoot batch = WarehouseRows.sorted(6, 3_000, 1000, allocator)) {
      batch.getVector("execution_duration_ms").setNull(11);
      List<Integer> scorable = new ArrayList<>();
      List<Integer> trainable = new ArrayList<>();
      List<Integer> candidates = new ArrayList<>();
      for (int row = 0; row < 3_000; row++) {
        @Nullable Object target = batch.getVector("execution_duration_ms").getObject(row);
        if (target != null && !Boolean.TRUE.equals(batch.getVector("was_cached").getObject(row))) {
          scorable.add(row);
          if (!Boolean.TRUE.equals(batch.getVector("was_aborted").getObject(row))) {
            trainable.add(row);
            if ((Long) target >= 1000) {
              candidates.add(row);
            }
          }
        }
      }
      RowChoice choice = RowChoice.of(DETECTOR);
      assertThat(Arrays.stream(choice.scorable(batch)).boxed().toList(), equalTo(scorable));
      assertThat(Arrays.stream(choice.trainable(batch)).boxed().toList(), equalTo(trainable));
      assertThat(Arrays.stream(choice.candidates(batch)).boxed().toList(), equalTo(candidates));
    }
  }

  @Test
  void selectsTheFeaturesOfAModelThatWasTrainedBeforeOthersCame() {
    List<String> names = List.of("joins", "usual_median");
    List<String> definitions =
        List.of(
            "value(num_joins)",
            "usualMedian(execution_duration_ms by instance_id, feature_fingerprint)");

    FeatureSet selected = FEATURES.select(names, definitions);

    try (VectorSchemaRoot batch = WarehouseRows.sorted(3, 5, 1000, allocator)) {
      FloatBuffer out = room(1, selected);
      selected.fill(batch, new int[] {2}, Encodings.empty(), out);
      assertThat(out.get(0), is(number(batch.getVector("num_joins").getObject(2))));
      assertThat(out.get(1), is(Float.NaN));
    }
  }

  @Test
  void aMissingOrChangedFeatureIsNamed() {
    IllegalArgumentException missing =
        assertThrows(
            IllegalArgumentException.class,
            () -> FEATURES.select(List.of("weight"), List.of("value(weight_kg)")));
    IllegalArgumentException changed =
        assertThrows(
            IllegalArgumentException.class,
            () -> FEATURES.select(List.of("joins"), List.of("log1p(num_joins)")));

    assertThat(
        missing.getMessage(), equalTo("the contract has no feature 'weight' (value(weight_kg))"));
    assertThat(
        changed.getMessage(),
        equalTo(
            "feature 'joins' is value(num_joins) in the contract, and was log1p(num_joins) in"
                + " training"));
  }

  /** Order and values of a category, target and subject are part of what a model learned. */
  @Test
  void definitionsTellFeaturesApart() throws InvalidContractException {
    assertThat(
        FEATURES.definitions().get(4),
        equalTo("category(query_type in " + String.join(", ", TYPES) + ")"));
    assertThat(FEATURES.definitions().get(17), equalTo("listLength(read_table_ids by ,)"));
    assertThat(FEATURES.definitions().stream().distinct().count(), is((long) FEATURES.columns()));
    assertThat(
        FEATURES.names(),
        equalTo(
            Objects.requireNonNull(ContractLoader.load("warehouse-queries").detector())
                .features()
                .stream()
                .map(Feature::name)
                .toList()));
  }

  @Test
  void aKnownPartIsNotLearned() {
    Detector withKnownPart =
        new Detector(
            DETECTOR.target(),
            "compile_duration_ms",
            DETECTOR.subject(),
            List.of(),
            List.of(),
            0,
            0.001,
            DETECTOR.features(),
            List.of(),
            List.of());
    try (VectorSchemaRoot batch = WarehouseRows.sorted(3, 4, 1000, allocator)) {
      int[] rows = {0, 1, 2, 3};
      double[][] values = {{500, 200}, {500, 600}, {500, Double.NaN}, {Double.NaN, 200}};
      for (int row = 0; row < 4; row++) {
        BigIntVector target = (BigIntVector) batch.getVector("execution_duration_ms");
        Float8Vector compile = (Float8Vector) batch.getVector("compile_duration_ms");
        if (Double.isNaN(values[row][0])) {
          target.setNull(row);
        } else {
          target.setSafe(row, (long) values[row][0]);
        }
        if (Double.isNaN(values[row][1])) {
          compile.setNull(row);
        } else {
          compile.setSafe(row, values[row][1]);
        }
      }
      assertThat(
          Targets.unknown(batch, withKnownPart, rows),
          equalTo(new double[] {300, 0, 500, Double.NaN}));
      assertThat(
          Targets.known(batch, withKnownPart, rows), equalTo(new double[] {200, 600, 0, 200}));
      assertThat(
          Targets.unknown(batch, DETECTOR, rows),
          equalTo(new double[] {500, 500, 500, Double.NaN}));
      EncodingsBuilder builder = new EncodingsBuilder(withKnownPart, CONTRACT.eventTime(), 10);
      builder.add(batch, new int[] {0});
      assertThat(builder.build().all().usual(0).medianTarget(), closeTo(300, 5));
      assertThat(
          FeatureSet.of(CONTRACT, withKnownPart).definitions().get(0),
          equalTo(
              "usualMedian(execution_duration_ms - compile_duration_ms by instance_id,"
                  + " feature_fingerprint)"));
    }
  }
}
