package io.highwater.dashboard;

import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Pages of the newest outliers, asked of the newest part of a range that fills them: to sort a week
 * of half a million takes ten times as long as to answer from its newest thousands.
 */
final class NewestOutliers {
  /** So many are looked at as fast as few. */
  private static final int LOOKED_AT_AT_ONCE = 4_000;

  private static final int MORE = 8;

  private NewestOutliers() {}

  /** Asks for a page of the outliers of a part of a selection. */
  @FunctionalInterface
  interface Question {
    List<Map<String, @Nullable Object>> page(Selection part) throws SQLException;
  }

  /** Whether rows are the same where the part that they were asked of begins earlier. */
  @FunctionalInterface
  interface Wholeness {
    boolean areWhole(List<Map<String, @Nullable Object>> rows, Instant from);
  }

  /**
   * A page of rows, those that ended last first.
   *
   * @param outliers how many there are
   * @param wanted how many rows the page has, if there are as many
   * @param offset how many come before it
   */
  static List<Map<String, @Nullable Object>> page(
      Selection selection,
      long outliers,
      long wanted,
      long offset,
      Question question,
      Wholeness wholeness)
      throws SQLException {
    if (wanted <= 0) {
      return List.of();
    }
    double share = (double) (LOOKED_AT_AT_ONCE + MORE * (offset + wanted)) / outliers;
    while (true) {
      Selection newest = share < 1 ? selection.newestPart(share) : selection;
      List<Map<String, @Nullable Object>> found = question.page(newest);
      if (share >= 1 || (found.size() == wanted && wholeness.areWhole(found, newest.from()))) {
        return found;
      }
      share *= MORE;
    }
  }
}
