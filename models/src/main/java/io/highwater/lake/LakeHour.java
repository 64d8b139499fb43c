package io.highwater.lake;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The folder of one table's files for one hour of event time.
 *
 * @param epochHour hours since 1970-01-01T00:00:00Z
 */
public record LakeHour(String contract, String table, long epochHour) {
  static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");
  static final Pattern DATE = Pattern.compile("date=(\\d{4}-\\d{2}-\\d{2})");
  static final Pattern HOUR = Pattern.compile("hour=([01]\\d|2[0-3])");

  private static final Pattern DIRECTORY =
      Pattern.compile("(" + NAME + ")/(" + NAME + ")/" + DATE + "/" + HOUR + "/?");
  private static final long MILLIS_PER_HOUR = 3_600_000;

  /** The first hour of year 0 and the last of year 9999: what a folder of four digits can name. */
  private static final long MIN_EPOCH_HOUR = LocalDate.of(0, 1, 1).toEpochDay() * 24;

  private static final long MAX_EPOCH_HOUR = LocalDate.of(9999, 12, 31).toEpochDay() * 24 + 23;

  public LakeHour {
    checkName("contract", contract);
    checkName("table", table);
    if (epochHour < MIN_EPOCH_HOUR || epochHour > MAX_EPOCH_HOUR) {
      throw new IllegalArgumentException(
          "epochHour is " + epochHour + ", expected one of the years 0 to 9999");
    }
  }

  /** The hour that an event of this time, in milliseconds since the epoch, belongs to. */
  public static LakeHour of(String contract, String table, long eventMillis) {
    return new LakeHour(contract, table, epochHour(eventMillis));
  }

  /** Hours since the epoch, rounded down. */
  public static long epochHour(long eventMillis) {
    return Math.floorDiv(eventMillis, MILLIS_PER_HOUR);
  }

  /**
   * Reads what {@link #directory} wrote.
   *
   * @throws IllegalArgumentException for any other text
   */
  public static LakeHour parse(String directory) {
    Matcher matcher = DIRECTORY.matcher(directory);
    if (matcher.matches()) {
      try {
        return new LakeHour(
            matcher.group(1),
            matcher.group(2),
            epochHour(LocalDate.parse(matcher.group(3)), Integer.parseInt(matcher.group(4))));
      } catch (DateTimeException e) {
        throw new IllegalArgumentException("no such day: '" + directory + "'", e);
      }
    }
    throw new IllegalArgumentException(
        "'" + directory + "' is not CONTRACT/TABLE/date=YYYY-MM-DD/hour=HH");
  }

  static long epochHour(LocalDate date, int hourOfDay) {
    return date.toEpochDay() * 24 + hourOfDay;
  }

  static void checkName(String parameter, String name) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          parameter
              + " is '"
              + name
              + "', expected letters, digits, '.', '_' and '-', the first a letter or a digit");
    }
  }

  /** CONTRACT/TABLE/date=YYYY-MM-DD/hour=HH, in UTC, relative to the lake. */
  public String directory() {
    LocalDate date = LocalDate.ofEpochDay(Math.floorDiv(epochHour, 24L));
    long hourOfDay = Math.floorMod(epochHour, 24L);
    return contract
        + "/"
        + table
        + "/date="
        + date
        + "/hour="
        + (hourOfDay < 10 ? "0" : "")
        + hourOfDay;
  }

  /** When the hour begins. */
  public Instant start() {
    return Instant.ofEpochSecond(epochHour * 3600);
  }
}
