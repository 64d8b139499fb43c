package io.highwater.trainer;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class TrainingSplitTest {
  /** 2024-03-01. */
  private static final long START = 19_783 * 24L;

  private static List<Long> hours(long from, long to) {
    return LongStream.range(START + from, START + to).boxed().toList();
  }

  private static TrainingSplit of(
      long from, long learn, long stop, long cal, long newest, long to) {
    return new TrainingSplit(
        START + from, START + learn, START + stop, START + cal, START + newest, START + to);
  }

  @Test
  void cutsAFortnightIntoWholeDays() throws TrainingRefusedException {
    assertThat(
        TrainingSplit.of(hours(0, 14 * 24), 14), is(of(0, 24, 10 * 24, 11 * 24, 13 * 24, 14 * 24)));
  }

  @Test
  void takesTheNewestDaysOfALongHistory() throws TrainingRefusedException {
    assertThat(
        TrainingSplit.of(hours(0, 100 * 24), 14),
        is(of(86 * 24, 87 * 24, 96 * 24, 97 * 24, 99 * 24, 100 * 24)));
  }

  @Test
  void cutsDaysWhereThereAreFew() throws TrainingRefusedException {
    assertThat(TrainingSplit.of(hours(0, 5 * 24), 14), is(of(0, 24, 48, 72, 96, 120)));
    assertThat(TrainingSplit.of(hours(0, 4 * 24), 14), is(of(0, 24, 42, 48, 72, 96)));
    assertThat(TrainingSplit.of(hours(0, 3 * 24), 14), is(of(0, 24, 42, 48, 60, 72)));
  }

  @Test
  void leavesADayOutThatHasJustBegun() throws TrainingRefusedException {
    assertThat(TrainingSplit.of(hours(0, 5 * 24 + 3), 14), is(of(0, 24, 48, 72, 96, 120)));
    assertThat(
        "and takes it when it is half over",
        TrainingSplit.of(hours(0, 5 * 24 + 13), 14).newestFrom(),
        is(START + 120));
    assertThat(
        "or when there are too few without it",
        TrainingSplit.of(hours(0, 2 * 24 + 4), 14),
        is(of(0, 24, 42, 48, 50, 72)));
  }

  @Test
  void saysHowManyDaysAreMissing() {
    TrainingRefusedException refused =
        assertThrows(TrainingRefusedException.class, () -> TrainingSplit.of(hours(0, 2 * 24), 14));
    assertThat(
        refused.getMessage(),
        is(
            "there are events of 2 days (2024-03-01 to 2024-03-02); training needs 3 days at"
                + " least"));
    assertThat(
        assertThrows(TrainingRefusedException.class, () -> TrainingSplit.of(List.of(), 14))
            .getMessage(),
        is("there are events of 0 days; training needs 3 days at least"));
  }

  @Test
  void refusesADayOfOneHourThatWouldHaveToBeCut() {
    List<Long> hours = List.of(START, START + 24, START + 48, START + 49);
    assertThat(
        assertThrows(TrainingRefusedException.class, () -> TrainingSplit.of(hours, 14))
            .getMessage(),
        containsString("of 2024-03-02 there are events of one hour only"));
  }
}
