package io.highwater.detect;

import io.highwater.contract.Detector;
import io.highwater.features.Numbers;
import io.highwater.features.RowChoice;
import io.highwater.features.SubjectValues;
import io.highwater.features.Targets;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * Scores batches. A row's scores depend on the row and the model alone: they are the same in any
 * batch, and those of a candidate the same whether other rows are scored too. Holds direct buffers
 * of the size of the largest batch; not thread-safe.
 */
public final class Scoring {
  /** Which rows are scored. */
  public enum Rows {
    /** Those that a policy may flag. */
    CANDIDATES,
    /** All that can be. */
    ALL
  }

  private final Detector detector;
  private final RowChoice choice;
  private final Rows rowsToScore;
  private final Policy.Name policyName;
  private FloatBuffer features = room(0);
  private FloatBuffer forestInputs = room(0);
  private float[] predictions = new float[0];

  private Scoring(Detector detector, Rows rowsToScore, Policy.Name policyName) {
    this.detector = detector;
    this.choice = RowChoice.of(detector);
    this.rowsToScore = rowsToScore;
    this.policyName = policyName;
  }

  public static Scoring of(Detector detector, Rows rowsToScore, Policy.Name policyName) {
    return new Scoring(detector, rowsToScore, policyName);
  }

  /**
   * Scores a batch.
   *
   * @param batch with the contract's fields and derived columns; does not change
   */
  public Scores score(VectorSchemaRoot batch, ScoringModel model) {
    int[] candidates = choice.candidates(batch);
    int[] rows = rowsToScore == Rows.ALL ? choice.scorable(batch) : candidates;
    int count = rows.length;
    SubjectValues subjects = SubjectValues.of(batch, detector.subject(), rows, model.encodings());
    double[] actual = Numbers.read(batch.getVector(detector.target()), rows);
    double[] known = Targets.known(batch, detector, rows);
    double[] unknown = Targets.unknown(batch, detector, rows);
    features = atLeast(features, count * model.features().columns());
    model.features().fill(batch, rows, subjects, features);
    double[] mean = run(model.mean(), features, count, model.features().columns());
    double[] p90 = run(model.p90(), features, count, model.features().columns());
    double[] scores = new double[count];
    for (int i = 0; i < count; i++) {
      p90[i] = Durations.calibratedP90(p90[i], model.p90Shift());
      scores[i] = Durations.score(unknown[i], mean[i], p90[i]);
    }
    forestInputs = atLeast(forestInputs, count * model.forestInputs().columns());
    model.forestInputs().fill(features, subjects, unknown, mean, p90, forestInputs);
    double[] forest = run(model.forest(), forestInputs, count, model.forestInputs().columns());
    for (int i = 0; i < count; i++) {
      mean[i] += known[i];
      p90[i] += known[i];
    }
    @Nullable OutlierReason[] reasons = new OutlierReason[count];
    Policy policy = model.policy(policyName);
    int next = 0;
    for (int i = 0; i < count && next < candidates.length; i++) {
      // Both are ascending, and every candidate is among the rows.
      if (rows[i] == candidates[next]) {
        next++;
        reasons[i] =
            policy.judge(
                new Policy.Candidate(
                    actual[i],
                    Durations.expected(mean[i], p90[i]),
                    scores[i],
                    subjects.groups()[i],
                    subjects.counts()[i]));
      }
    }
    return new Scores(
        batch.getRowCount(),
        rows,
        subjects.subjects(),
        subjects.counts(),
        actual,
        mean,
        p90,
        scores,
        forest,
        reasons,
        model.version());
  }

  private double[] run(RowModel model, FloatBuffer inputs, int rowCount, int columns) {
    double[] values = new double[rowCount];
    if (rowCount == 0) {
      return values;
    }
    if (predictions.length < rowCount) {
      predictions = new float[rowCount];
    }
    inputs.clear().limit(rowCount * columns);
    model.run(inputs, rowCount, predictions);
    inputs.clear();
    for (int i = 0; i < rowCount; i++) {
      values[i] = predictions[i];
    }
    return values;
  }

  private static FloatBuffer atLeast(FloatBuffer buffer, int floats) {
    return buffer.capacity() >= floats ? buffer : room(floats);
  }

  private static FloatBuffer room(int floats) {
    return ByteBuffer.allocateDirect(Float.BYTES * floats)
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer();
  }
}
