package io.highwater.detect;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.nullValue;

import io.highwater.detect.Policy.Candidate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyTest {
  private static final int GROUPS = 4;

  private static List<Candidate> candidates(long seed, int count) {
    Random random = new Random(seed);
    List<Candidate> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      double expected = Math.max(1, Math.exp(random.nextGaussian() * 2 + 9));
      // Different values: the ranks of the reference share places among equal ones.
      double actual = expected * Math.exp(random.nextGaussian());
      rows.add(
          new Candidate(
              actual,
              expected,
              Durations.logRatio(actual, expected),
              random.nextInt(GROUPS) - 1,
              random.nextInt(3)));
    }
    return rows;
  }

  /** The rank of a value among those of its group, as pandas.rank(pct=True) has it. */
  private static double rank(List<Candidate> rows, Candidate of, boolean actual) {
    int notAbove = 0;
    int size = 0;
    for (Candidate other : rows) {
      if (other.group() == of.group()) {
        size++;
        double left = actual ? other.actual() : other.expected();
        if (left <= (actual ? of.actual() : of.expected())) {
          notAbove++;
        }
      }
    }
    return notAbove / (double) size;
  }

  private static @Nullable OutlierReason naive(List<Candidate> rows, Candidate row) {
    if (row.actual() < 60_000) {
      return null;
    }
    if (row.actual() / row.expected() >= 10) {
      return OutlierReason.RATIO;
    }
    if (row.actual() - row.expected() >= 120_000) {
      return OutlierReason.DELTA;
    }
    boolean slow = rank(rows, row, true) >= 0.99;
    return slow && rank(rows, row, false) <= 0.90 ? OutlierReason.RANK : null;
  }

  private static GroupRanks ranksOf(List<Candidate> rows) {
    return GroupRanks.of(
        rows.stream().mapToLong(Candidate::group).toArray(),
        rows.stream().mapToDouble(Candidate::actual).toArray(),
        rows.stream().mapToDouble(Candidate::expected).toArray());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void theReferenceRuleIsThatOfANaiveLoop(long seed) {
    List<Candidate> rows = candidates(seed, 1_500);
    ReferencePolicy policy = new ReferencePolicy(ranksOf(rows));
    Map<OutlierReason, Integer> counts = new EnumMap<>(OutlierReason.class);
    for (Candidate row : rows) {
      OutlierReason expected = naive(rows, row);
      assertThat(row.toString(), policy.judge(row), equalTo(expected));
      if (expected != null) {
        counts.merge(expected, 1, Integer::sum);
      }
    }
    assertThat(counts.toString(), counts.size(), greaterThan(1));
  }

  @Test
  void ranksAreThoseOfANaiveLoopWhateverTheSizeOfAGroup() {
    for (int size = GroupRanks.MIN_ROWS; size < 320; size += 7) {
      List<Candidate> rows = new ArrayList<>();
      for (Candidate row : candidates(size, size)) {
        rows.add(new Candidate(row.actual(), row.expected(), 0, 5, 1));
      }
      GroupRanks.Rank rank = ranksOf(rows).of(5);
      for (Candidate row : rows) {
        assertThat(row.actual() >= rank.actualP99(), is(rank(rows, row, true) >= 0.99));
        assertThat(row.expected() <= rank.expectedP90(), is(rank(rows, row, false) <= 0.90));
      }
    }
  }

  /** Rows that only their rank makes outliers. */
  @Test
  void ranksAloneCanMakeAnOutlier() {
    List<Candidate> rows = new ArrayList<>();
    for (int i = 1; i <= 200; i++) {
      rows.add(new Candidate(60_000 + i, 59_000 + i, 0, 7, 1));
    }
    rows.set(199, new Candidate(60_200, 59_000, 0, 7, 1));
    ReferencePolicy policy = new ReferencePolicy(ranksOf(rows));

    assertThat(policy.judge(rows.get(199)), is(OutlierReason.RANK));
    assertThat(policy.judge(rows.get(198)), nullValue());
    assertThat(naive(rows, rows.get(199)), is(OutlierReason.RANK));
  }

  @Test
  void aGroupThatIsNotKnownHasTheRanksOfAll() {
    List<Candidate> rows = candidates(5, 500);
    GroupRanks ranks = ranksOf(rows);

    assertThat(ranks.of(99), equalTo(ranks.all()));
    assertThat(ranks.groups().size(), is(GROUPS));
  }

  @Test
  void theConformalRuleIsAThreshold() {
    ConformalPolicy policy = new ConformalPolicy(1.5);

    assertThat(policy.judge(new Candidate(9, 1, 1.5, 0, 4)), nullValue());
    assertThat(
        policy.judge(new Candidate(9, 1, Math.nextUp(1.5), 0, 4)),
        is(OutlierReason.SLOWER_THAN_PREDICTED));
    assertThat(policy.judge(new Candidate(9, 1, 2, 0, 0)), is(OutlierReason.SLOW_WITHOUT_HISTORY));
  }

  @Test
  void nothingIsAnOutlierWhileTheHeldOutRowsWereTooFew() {
    ConformalPolicy policy = new ConformalPolicy(Double.POSITIVE_INFINITY);

    assertThat(policy.judge(new Candidate(1e9, 1, 20, 0, 4)), nullValue());
  }
}
