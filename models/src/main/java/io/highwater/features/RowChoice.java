package io.highwater.features;

import io.highwater.contract.Detector;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Which rows of a batch a detector learns from, scores, and may flag. Immutable. */
public final class RowChoice {
  private final Detector detector;

  private RowChoice(Detector detector) {
    this.detector = detector;
  }

  public static RowChoice of(Detector detector) {
    return new RowChoice(detector);
  }

  /** Rows that can be scored: they have a target, and nothing says that they never are. */
  public int[] scorable(VectorSchemaRoot rows) {
    return choose(rows, Double.NEGATIVE_INFINITY, detector.neverScored());
  }

  /** Rows that are learned from: those of {@link #scorable} that can be flagged at any target. */
  public int[] trainable(VectorSchemaRoot rows) {
    return choose(rows, Double.NEGATIVE_INFINITY, detector.neverScored(), detector.neverFlagged());
  }

  /** Rows that a policy may flag: those of {@link #trainable} from the least target on. */
  public int[] candidates(VectorSchemaRoot rows) {
    return choose(rows, detector.minimumTarget(), detector.neverScored(), detector.neverFlagged());
  }

  @SafeVarargs
  private int[] choose(VectorSchemaRoot rows, double minimum, List<String>... refused) {
    double[] targets = Numbers.read(column(rows, detector.target()));
    boolean[] isRefused = new boolean[targets.length];
    for (List<String> columns : refused) {
      for (String name : columns) {
        markTrue(column(rows, name), isRefused);
      }
    }
    int[] chosen = new int[targets.length];
    int count = 0;
    for (int row = 0; row < targets.length; row++) {
      // A missing target is NaN, which is not at or above anything.
      if (targets[row] >= minimum && !isRefused[row]) {
        chosen[count++] = row;
      }
    }
    return Arrays.copyOf(chosen, count);
  }

  private static void markTrue(FieldVector column, boolean[] marks) {
    if (!(column instanceof BitVector flags)) {
      throw new IllegalArgumentException(
          "column '"
              + column.getName()
              + "' is "
              + column.getField().getType()
              + ", not a boolean");
    }
    for (int row = 0; row < marks.length; row++) {
      if (!flags.isNull(row) && flags.get(row) == 1) {
        marks[row] = true;
      }
    }
  }

  static FieldVector column(VectorSchemaRoot rows, String name) {
    FieldVector column = rows.getVector(name);
    if (column == null) {
      throw new IllegalArgumentException("the batch has no column '" + name + "'");
    }
    return column;
  }
}
