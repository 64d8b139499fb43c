package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.rollup.RollUpSchema;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * Which of some roll-ups count: of one window and key the one with the highest run and pane. A
 * stream shows windows many times a second; the lake need not keep what was outdated when it was
 * written.
 */
final class LatestPanes {
  private record Pane(long runId, long index) {
    boolean isBefore(Pane other) {
      return runId != other.runId ? runId < other.runId : index < other.index;
    }
  }

  private final List<String> keys;
  private final Map<List<@Nullable Object>, Pane> latest = new HashMap<>();

  LatestPanes(Contract contract) {
    keys = contract.rollUp().keys();
  }

  void add(VectorSchemaRoot rows) {
    for (int row = 0; row < rows.getRowCount(); row++) {
      latest.merge(
          windowAndKey(rows, row),
          pane(rows, row),
          (known, added) -> known.isBefore(added) ? added : known);
    }
  }

  /** Whether no row that was added outdates this one. */
  boolean contains(VectorSchemaRoot rows, int row) {
    return pane(rows, row).equals(latest.get(windowAndKey(rows, row)));
  }

  private List<@Nullable Object> windowAndKey(VectorSchemaRoot rows, int row) {
    List<@Nullable Object> values = new ArrayList<>(keys.size() + 2);
    values.add(((TimeStampMicroVector) rows.getVector(RollUpSchema.WINDOW_START)).get(row));
    values.add(integer(rows, RollUpSchema.WINDOW_MILLIS, row));
    for (String key : keys) {
      values.add(rows.getVector(key).getObject(row));
    }
    return values;
  }

  private static Pane pane(VectorSchemaRoot rows, int row) {
    return new Pane(
        integer(rows, RollUpSchema.RUN_ID, row), integer(rows, RollUpSchema.PANE_INDEX, row));
  }

  private static long integer(VectorSchemaRoot rows, String column, int row) {
    return ((BigIntVector) rows.getVector(column)).get(row);
  }
}
