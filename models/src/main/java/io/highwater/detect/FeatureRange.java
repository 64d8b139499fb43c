package io.highwater.detect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What values a feature had in training; all but the share are NaN where it had none.
 *
 * @param definition how it is made
 * @param missingShare of the rows
 */
public record FeatureRange(
    String name,
    String definition,
    double missingShare,
    double min,
    double p01,
    double median,
    double p99,
    double max) {

  /**
   * The ranges of a matrix.
   *
   * @param rows float32[n, d], row after row
   */
  public static List<FeatureRange> of(List<String> names, List<String> definitions, float[] rows) {
    int columns = names.size();
    int rowCount = columns == 0 ? 0 : rows.length / columns;
    List<FeatureRange> ranges = new ArrayList<>();
    for (int column = 0; column < columns; column++) {
      float[] values = new float[rowCount];
      for (int row = 0; row < rowCount; row++) {
        values[row] = rows[row * columns + column];
      }
      // NaN is the greatest of all to a sort.
      Arrays.sort(values);
      int present = rowCount;
      while (present > 0 && Float.isNaN(values[present - 1])) {
        present--;
      }
      ranges.add(
          new FeatureRange(
              names.get(column),
              definitions.get(column),
              rowCount == 0 ? 0 : 1 - present / (double) rowCount,
              at(values, present, 0),
              at(values, present, 0.01),
              at(values, present, 0.5),
              at(values, present, 0.99),
              at(values, present, 1)));
    }
    return ranges;
  }

  /** The least value that is not below the share. */
  private static double at(float[] sorted, int size, double share) {
    if (size == 0) {
      return Double.NaN;
    }
    return sorted[Math.max(0, (int) Math.ceil(share * size) - 1)];
  }
}
