package io.highwater.detect;

import io.highwater.record.RecordSchemas;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;

/**
 * The scores of a batch. Immutable by custom: its arrays are not changed.
 *
 * @param rowCount of the batch
 * @param rows those that were scored, ascending; the arrays below have a value for each
 * @param subjects the hashes of their subjects
 * @param usualCounts how many rows of the subject are known
 * @param actual the target, in milliseconds
 * @param predicted in milliseconds
 * @param predictedP90 calibrated, in milliseconds
 * @param durationScores {@link Durations#score}
 * @param forestScores between 0 and 1, high is odd
 * @param reasons null where the row is no outlier
 * @param modelVersion null where there was no model: then no row is scored
 */
public record Scores(
    int rowCount,
    int[] rows,
    long[] subjects,
    float[] usualCounts,
    double[] actual,
    double[] predicted,
    double[] predictedP90,
    double[] durationScores,
    double[] forestScores,
    @Nullable OutlierReason[] reasons,
    @Nullable String modelVersion) {
  /** Of a batch that no model has seen. */
  public static Scores none(int rowCount) {
    double[] no = {};
    return new Scores(
        rowCount,
        new int[0],
        new long[0],
        new float[0],
        no,
        no,
        no,
        no,
        no,
        new @Nullable OutlierReason[0],
        null);
  }

  /** The places in the arrays, not the rows of the batch, where the row is an outlier. */
  public int[] outliers() {
    int[] places = new int[rows.length];
    int count = 0;
    for (int i = 0; i < rows.length; i++) {
      if (reasons[i] != null) {
        places[count++] = i;
      }
    }
    return Arrays.copyOf(places, count);
  }

  /** {@link RecordSchemas#SCORES} of the batch, a value a row; the caller closes them. */
  public List<FieldVector> toVectors(BufferAllocator allocator) {
    List<FieldVector> vectors = new ArrayList<>();
    try {
      for (Field column : RecordSchemas.SCORES) {
        FieldVector vector = column.createVector(allocator);
        vectors.add(vector);
        vector.setInitialCapacity(rowCount);
        vector.allocateNew();
      }
      setNumbers(vectors.get(0), predicted);
      setNumbers(vectors.get(1), predictedP90);
      setNumbers(vectors.get(2), durationScores);
      setNumbers(vectors.get(3), forestScores);
      BitVector isOutlier = (BitVector) vectors.get(4);
      VarCharVector reason = (VarCharVector) vectors.get(5);
      VarCharVector version = (VarCharVector) vectors.get(6);
      byte[] versionText =
          Objects.requireNonNullElse(modelVersion, "").getBytes(StandardCharsets.UTF_8);
      for (int i = 0; i < rows.length; i++) {
        OutlierReason why = reasons[i];
        isOutlier.setSafe(rows[i], why == null ? 0 : 1);
        version.setSafe(rows[i], versionText);
        if (why != null) {
          reason.setSafe(rows[i], why.code().getBytes(StandardCharsets.UTF_8));
        }
      }
      vectors.forEach(vector -> vector.setValueCount(rowCount));
      return vectors;
    } catch (RuntimeException e) {
      vectors.forEach(FieldVector::close);
      throw e;
    }
  }

  private void setNumbers(FieldVector vector, double[] values) {
    Float8Vector numbers = (Float8Vector) vector;
    for (int i = 0; i < rows.length; i++) {
      numbers.setSafe(rows[i], values[i]);
    }
  }
}
