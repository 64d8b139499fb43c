package io.highwater.trainer;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Which hours serve which purpose, in the order of time, so that nothing is judged by what saw it
 * or its future. Each part begins where the one before it ends; hours are those since the epoch.
 *
 * @param from the first day: nothing is known before it, so that it only says what is usual for the
 *     days after it
 * @param learnFrom what trees are fitted to
 * @param stopFrom what says when there are enough trees
 * @param calibrateFrom what sets the 0.90 quantile's shift, the threshold and the forest
 * @param newestFrom what the gate judges by, and the report
 * @param to is not part of it
 */
public record TrainingSplit(
    long from, long learnFrom, long stopFrom, long calibrateFrom, long newestFrom, long to) {
  /** One that says what is usual, one to learn from, one to judge by. */
  public static final int MIN_DAYS = 3;

  private static final int HOURS_PER_DAY = 24;

  /** Of a day's hours; before it, a day has just begun. */
  private static final int HALF_DAY = 12;

  /** One day in so many is for early stopping, and two for calibration. */
  private static final int DAYS_PER_STOP = 14;

  private static final int DAYS_PER_CALIBRATION = 7;

  /**
   * Cuts a window. From five days on, parts are whole days (UTC): of 14 days one says what is
   * usual, nine are learned from, one is for early stopping, two are for calibration, and one is
   * the newest. With four, early stopping takes the last quarter of the second day; with three,
   * calibration and the newest part share the last day. A last day that is not half over is left
   * out where there are enough without it.
   *
   * @param hours that have events, ascending
   * @param windowDays at most so many days, the newest
   * @throws TrainingRefusedException where there are too few days, or a part would be empty
   */
  public static TrainingSplit of(List<Long> hours, int windowDays) throws TrainingRefusedException {
    TreeMap<Long, List<Long>> days = new TreeMap<>();
    for (long hour : hours) {
      days.computeIfAbsent(day(hour), unused -> new ArrayList<>()).add(hour);
    }
    if (days.size() > MIN_DAYS
        && Math.floorMod(hours.get(hours.size() - 1), HOURS_PER_DAY) < HALF_DAY) {
      days.pollLastEntry();
    }
    while (!days.isEmpty() && days.firstKey() <= days.lastKey() - windowDays) {
      days.pollFirstEntry();
    }
    int count = days.size();
    if (count < MIN_DAYS) {
      throw new TrainingRefusedException(
          "there are events of %d %s%s; training needs %d days at least"
              .formatted(count, count == 1 ? "day" : "days", text(days), MIN_DAYS));
    }
    List<Long> starts = days.keySet().stream().map(day -> day * HOURS_PER_DAY).toList();
    List<List<Long>> hoursOf = new ArrayList<>(days.values());
    long from = starts.get(0);
    long learn = starts.get(1);
    long to = starts.get(count - 1) + HOURS_PER_DAY;
    if (count == MIN_DAYS) {
      return new TrainingSplit(
          from, learn, cut(hoursOf.get(1), 0.75), starts.get(2), cut(hoursOf.get(2), 0.5), to);
    }
    int calibrate = count - 1 - Math.max(1, count / DAYS_PER_CALIBRATION);
    if (calibrate == 2) {
      return new TrainingSplit(
          from, learn, cut(hoursOf.get(1), 0.75), starts.get(2), starts.get(3), to);
    }
    int stop = calibrate - Math.max(1, count / DAYS_PER_STOP);
    return new TrainingSplit(
        from, learn, starts.get(stop), starts.get(calibrate), starts.get(count - 1), to);
  }

  /** The hour at which the rest of a day begins, so that neither part is empty. */
  private static long cut(List<Long> hours, double share) throws TrainingRefusedException {
    if (hours.size() < 2) {
      throw new TrainingRefusedException(
          "of %s there are events of one hour only; with so few days training needs more of it"
              .formatted(date(hours.get(0))));
    }
    return hours.get(Math.max(1, (int) (share * hours.size())));
  }

  private static String text(TreeMap<Long, List<Long>> days) {
    if (days.isEmpty()) {
      return "";
    }
    LocalDate first = LocalDate.ofEpochDay(days.firstKey());
    LocalDate last = LocalDate.ofEpochDay(days.lastKey());
    return days.size() == 1 ? " (" + first + ")" : " (" + first + " to " + last + ")";
  }

  private static long day(long hour) {
    return Math.floorDiv(hour, HOURS_PER_DAY);
  }

  /** The day of an hour. */
  static LocalDate date(long hour) {
    return LocalDate.ofEpochDay(day(hour));
  }
}
