package io.highwater.detect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where the slowest hundredth of a group begins, and where what is expected to be its slowest tenth
 * does.
 *
 * @param all of all groups together, for those that were not seen
 * @param groups by the hash of the group
 */
public record GroupRanks(Rank all, Map<Long, Rank> groups) {
  /** Needed for a group to have a slowest hundredth of its own. */
  static final int MIN_ROWS = 100;

  /**
   * In milliseconds.
   *
   * @param actualP99 a row that took so long or longer has a rank of at least 0.99
   * @param expectedP90 a row of which so long or less was expected has a rank of at most 0.90
   */
  public record Rank(double actualP99, double expectedP90) {}

  public GroupRanks {
    groups = Map.copyOf(groups);
  }

  Rank of(long group) {
    return groups.getOrDefault(group, all);
  }

  /**
   * Takes the ranks of rows.
   *
   * @param groups the rows' groups
   * @param actual what they took, in milliseconds
   * @param expected {@link Durations#expected} of them
   */
  public static GroupRanks of(long[] groups, double[] actual, double[] expected) {
    Map<Long, List<Integer>> rowsByGroup = new TreeMap<>();
    for (int row = 0; row < groups.length; row++) {
      rowsByGroup.computeIfAbsent(groups[row], group -> new ArrayList<>()).add(row);
    }
    Map<Long, Rank> ranks = new TreeMap<>();
    rowsByGroup.forEach(
        (group, rows) -> {
          if (rows.size() >= MIN_ROWS) {
            ranks.put(group, rank(pick(actual, rows), pick(expected, rows)));
          }
        });
    return new GroupRanks(rank(actual.clone(), expected.clone()), ranks);
  }

  private static double[] pick(double[] values, List<Integer> rows) {
    return rows.stream().mapToDouble(row -> values[row]).toArray();
  }

  private static Rank rank(double[] actual, double[] expected) {
    int size = actual.length;
    if (size == 0) {
      return new Rank(Double.MAX_VALUE, 0);
    }
    Arrays.sort(actual);
    Arrays.sort(expected);
    // The first place with a rank of at least 0.99, the last with one of at most 0.90.
    int p99 = (99 * size + 99) / 100 - 1;
    int p90 = Math.max(1, 9 * size / 10) - 1;
    return new Rank(actual[p99], expected[p90]);
  }
}
