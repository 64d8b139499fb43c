package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;

import io.highwater.contract.Contract;
import io.highwater.rollup.Accumulator;
import io.highwater.rollup.RollUpBatches;
import io.highwater.rollup.RollUpKey;
import io.highwater.rollup.RollUpRow;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LatestPanesTest {
  private static final long HOUR = 3_600_000;

  private final Contract contract = TestContracts.jobs();

  @Test
  void keepsOfEachWindowAndKeyWhatCounts() {
    List<RollUpRow> first =
        List.of(
            pane(0, HOUR, "a", 1, 5),
            pane(0, HOUR, "a", 1, 6),
            pane(0, HOUR, "b", 1, 9),
            pane(0, HOUR, null, 1, 0),
            pane(HOUR, HOUR, "a", 1, 0),
            pane(0, HOUR / 6, "a", 1, 2));
    List<RollUpRow> second =
        List.of(pane(0, HOUR, "a", 1, 4), pane(0, HOUR, "b", 2, 0), pane(0, HOUR, null, 1, 1));

    assertThat(
        kept(first, second),
        contains(
            "a of 0 for 3600000: 1, 6",
            "a of 3600000 for 3600000: 1, 0",
            "a of 0 for 600000: 1, 2",
            "b of 0 for 3600000: 2, 0",
            "null of 0 for 3600000: 1, 1"));
  }

  @SafeVarargs
  private List<String> kept(List<RollUpRow>... batches) {
    LatestPanes latest = new LatestPanes(contract);
    List<String> kept = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator()) {
      for (List<RollUpRow> batch : batches) {
        try (VectorSchemaRoot rows = open(batch, allocator)) {
          latest.add(rows);
        }
      }
      for (List<RollUpRow> batch : batches) {
        try (VectorSchemaRoot rows = open(batch, allocator)) {
          for (int row = 0; row < batch.size(); row++) {
            if (latest.contains(rows, row)) {
              RollUpRow pane = batch.get(row);
              kept.add(
                  "%s of %d for %d: %d, %d"
                      .formatted(
                          pane.key().values().get(0),
                          pane.windowStartMillis(),
                          pane.windowMillis(),
                          pane.runId(),
                          pane.paneIndex()));
            }
          }
        }
      }
    }
    return kept;
  }

  private VectorSchemaRoot open(List<RollUpRow> rows, BufferAllocator allocator) {
    try (RollUpBatches batches = RollUpBatches.of(contract, allocator)) {
      return batches.batch(rows).open(allocator);
    }
  }

  private RollUpRow pane(
      long startMillis, long lengthMillis, @Nullable String key, long runId, long index) {
    return new RollUpRow(
        startMillis,
        lengthMillis,
        RollUpKey.of((Object) key),
        runId,
        index,
        false,
        Accumulator.empty(contract.rollUp()).results(contract.rollUp()));
  }
}
