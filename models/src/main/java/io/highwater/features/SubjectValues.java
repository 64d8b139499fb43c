package io.highwater.features;

import java.util.List;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * What is known of the subjects of rows, by row.
 *
 * @param subjects their hashes; 0 where a row has none
 * @param groups likewise of their groups
 * @param medians shrunk, of ln(1 + target); NaN where nothing is known
 * @param spreads shrunk median absolute deviations, likewise
 * @param counts how many rows of the subject are known
 */
public record SubjectValues(
    long[] subjects, long[] groups, float[] medians, float[] spreads, float[] counts) {
  /**
   * Looks the rows' subjects up.
   *
   * @param columns of the subject
   */
  public static SubjectValues of(
      VectorSchemaRoot batch, List<String> columns, int[] rows, Encodings encodings) {
    Subjects of = Subjects.of(batch, columns, rows);
    float[] medians = new float[rows.length];
    float[] spreads = new float[rows.length];
    float[] counts = new float[rows.length];
    encodings.lookUp(of, medians, spreads, counts);
    return new SubjectValues(of.subjects(), of.groups(), medians, spreads, counts);
  }
}
