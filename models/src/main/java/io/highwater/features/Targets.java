package io.highwater.features;

import io.highwater.contract.Detector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** What of a detector's target is predicted: all of it, or what is not known beforehand. */
public final class Targets {
  private Targets() {}

  /**
   * The part that is known beforehand.
   *
   * @return 0 where the contract names none or the row has none
   */
  public static double[] known(VectorSchemaRoot batch, Detector detector, int[] rows) {
    String column = detector.knownPart();
    if (column == null) {
      return new double[rows.length];
    }
    double[] known = Numbers.read(RowChoice.column(batch, column), rows);
    for (int i = 0; i < known.length; i++) {
      known[i] = known[i] > 0 ? known[i] : 0;
    }
    return known;
  }

  /**
   * What models are trained on and predict: the target without its known part, not below 0.
   *
   * @return NaN where the row has no target
   */
  public static double[] unknown(VectorSchemaRoot batch, Detector detector, int[] rows) {
    double[] known = known(batch, detector, rows);
    double[] targets = Numbers.read(RowChoice.column(batch, detector.target()), rows);
    for (int i = 0; i < targets.length; i++) {
      // A maximum with NaN is NaN.
      targets[i] = Math.max(0, targets[i] - known[i]);
    }
    return targets;
  }

  /** What is predicted, as text: two that differ are different models. */
  public static String definition(Detector detector) {
    return detector.knownPart() == null
        ? detector.target()
        : detector.target() + " - " + detector.knownPart();
  }
}
