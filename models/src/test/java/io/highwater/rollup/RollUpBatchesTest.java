package io.highwater.rollup;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.Contract;
import io.highwater.contract.Measure;
import io.highwater.record.WarehouseRows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The columns that the built-in contract derives from a row of the roll-ups. */
class RollUpBatchesTest {
  private static final Contract CONTRACT = WarehouseRows.contract();

  /** Ten minutes of five slots are 3,000,000 ms. */
  @Test
  void derivesLoadAndTheCompositeScore() {
    assertDerived(
        row(
            Map.of(
                "queries", 8L,
                "cached", 2L,
                "execution_ms", 4_500_000L,
                "queue_ms", 500_000L,
                "compile_ms", 900_000.0,
                "scanned_mb", 300.0,
                "spilled_mb", 100.0)),
        Map.of(
            "cache_hit_rate", 0.25,
            "utilization", 1.0,
            "oversubscription", 0.5,
            "queue_share", 0.1,
            "spill_share", 0.25,
            "overload_share", 1 / 3.0,
            "compile_share", 0.2,
            "composite_score", 100 * (1 - 0.04 - 0.075 - 0.2 / 3 - 0.02)));
  }

  @Test
  void nothingIsLostInAWindowOfCachedQueries() {
    assertDerived(
        row(Map.of("queries", 3L, "cached", 3L, "execution_ms", 600_000L)),
        Map.of(
            "cache_hit_rate", 1.0,
            "utilization", 0.2,
            "oversubscription", 0.0,
            "queue_share", 0.0,
            "spill_share", 0.0,
            "overload_share", 0.0,
            "compile_share", 0.0,
            "composite_score", 100.0));
  }

  @Test
  void isNullWhereThereIsNothingToDivideBy() {
    assertDerived(row(Map.of("queries", 0L, "cached", 0L)), Map.of("utilization", 0.0));
  }

  private static List<@Nullable Object> row(Map<String, Object> measures) {
    List<@Nullable Object> results = new ArrayList<>();
    for (Measure measure : CONTRACT.rollUp().measures()) {
      results.add(measures.get(measure.name()));
    }
    return results;
  }

  private static void assertDerived(List<@Nullable Object> results, Map<String, Double> expected) {
    RollUpRow row =
        new RollUpRow(0, 600_000, RollUpKey.of(7L), 1, 0, true, results)
            .withScores(Arrays.asList(1.5, null, 2.5, -3.5));
    try (BufferAllocator allocator = new RootAllocator();
        RollUpBatches batches = RollUpBatches.of(CONTRACT, allocator);
        VectorSchemaRoot root = batches.batch(List.of(row, row)).open(allocator)) {
      assertThat(root.getRowCount(), is(2));
      assertThat(root.getSchema(), is(RollUpSchema.of(CONTRACT)));
      assertThat(root.getVector("queue_score").getObject(1), is(1.5));
      assertThat(root.getVector("compile_score").isNull(1), is(true));
      assertThat(root.getVector("spill_score").getObject(1), is(-3.5));
      expected.forEach(
          (column, value) ->
              assertThat(
                  column, (Double) root.getVector(column).getObject(1), closeTo(value, 1e-12)));
      if (!expected.containsKey("cache_hit_rate")) {
        assertThat(root.getVector("cache_hit_rate").isNull(0), is(true));
      }
    }
  }
}
