package io.highwater.record;

/**
 * Times of day with a date as text: {@code 2024-03-01T00:00:00.123456+01:00}. T or a space, 0 to 9
 * digits of fraction, a zone (Z, +hh:mm, +hhmm, +hh) or none, which means UTC. Digits beyond
 * microseconds are cut off, which moves the time towards the past by less than a microsecond. A
 * date alone is refused: taken as midnight it would put a whole day into one window. So are hour
 * 24, second 60 and years outside 1900 to 2199, which in a stream of events are mistakes.
 */
final class TimestampReader {
  /** What {@link #micros} returns for text that is not a timestamp. */
  static final long INVALID = Long.MIN_VALUE;

  static final String EXPECTED =
      "expected a date and time between the years 1900 and 2199 such as"
          + " 2024-03-01T12:30:00.123456Z (T or a space, up to 9 digits of fraction, UTC when no"
          + " zone is given), or milliseconds since 1970 as a whole number";

  private static final int MIN_YEAR = 1900;
  private static final int MAX_YEAR = 2199;
  private static final int[] DAYS_BEFORE_MONTH = {
    0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365
  };
  private static final long MIN_MILLIS = daysSinceEpoch(MIN_YEAR, 1, 1) * 86_400_000L;
  private static final long END_MILLIS = daysSinceEpoch(MAX_YEAR + 1, 1, 1) * 86_400_000L;

  private static final int[] POWERS_OF_TEN = {
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000
  };

  private TimestampReader() {}

  /** Milliseconds since the epoch in microseconds, or {@link #INVALID} outside 1900 to 2199. */
  static long microsOfEpochMillis(long millis) {
    return millis >= MIN_MILLIS && millis < END_MILLIS ? millis * 1000 : INVALID;
  }

  /**
   * @return microseconds since the epoch, or {@link #INVALID}
   */
  static long micros(byte[] text, int start, int end) {
    if (end - start < 19) {
      return INVALID;
    }
    int year = 100 * twoDigits(text, start) + twoDigits(text, start + 2);
    int month = twoDigits(text, start + 5);
    int day = twoDigits(text, start + 8);
    int hour = twoDigits(text, start + 11);
    int minute = twoDigits(text, start + 14);
    int second = twoDigits(text, start + 17);
    byte between = text[start + 10];
    if (text[start + 4] != '-'
        || text[start + 7] != '-'
        || (between != 'T' && between != ' ')
        || text[start + 13] != ':'
        || text[start + 16] != ':'
        || year < MIN_YEAR
        || year > MAX_YEAR
        || month < 1
        || month > 12
        || day < 1
        || day > daysInMonth(year, month)
        || hour > 23
        || minute > 59
        || second > 59
        // A pair that is not two digits is a large negative number.
        || (hour | minute | second) < 0) {
      return INVALID;
    }
    long micros =
        (daysSinceEpoch(year, month, day) * 86_400L + hour * 3_600L + minute * 60L + second)
            * 1_000_000L;
    int position = start + 19;
    if (position < end && text[position] == '.') {
      int firstDigit = ++position;
      int fraction = 0;
      while (position < end && text[position] >= '0' && text[position] <= '9') {
        if (position - firstDigit < 6) {
          fraction = fraction * 10 + text[position] - '0';
        }
        position++;
      }
      int digits = position - firstDigit;
      if (digits == 0 || digits > 9) {
        return INVALID;
      }
      micros += digits >= 6 ? fraction : (long) fraction * POWERS_OF_TEN[6 - digits];
    }
    return position == end ? micros : minusZone(micros, text, position, end);
  }

  private static long minusZone(long micros, byte[] text, int start, int end) {
    int length = end - start;
    if (text[start] == 'Z') {
      return length == 1 ? micros : INVALID;
    }
    if (text[start] != '+' && text[start] != '-') {
      return INVALID;
    }
    int minutes;
    if (length == 3) {
      minutes = 0;
    } else if (length == 5) {
      minutes = twoDigits(text, start + 3);
    } else if (length == 6 && text[start + 3] == ':') {
      minutes = twoDigits(text, start + 4);
    } else {
      return INVALID;
    }
    int hours = twoDigits(text, start + 1);
    int offset = hours * 60 + minutes;
    // No zone is further than 18 hours from UTC (java.time.ZoneOffset).
    if (hours < 0 || minutes < 0 || minutes > 59 || offset > 18 * 60) {
      return INVALID;
    }
    long offsetMicros = offset * 60_000_000L;
    return text[start] == '+' ? micros - offsetMicros : micros + offsetMicros;
  }

  /** Two digits as a number; a large negative one where they are not digits. */
  private static int twoDigits(byte[] text, int start) {
    int tens = text[start] - '0';
    int ones = text[start + 1] - '0';
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9) {
      return -1_000_000;
    }
    return tens * 10 + ones;
  }

  private static int daysInMonth(int year, int month) {
    return month == 2 && isLeap(year)
        ? 29
        : DAYS_BEFORE_MONTH[month] - DAYS_BEFORE_MONTH[month - 1];
  }

  private static boolean isLeap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  }

  /** For years from 1 on, in the Gregorian calendar. */
  private static long daysSinceEpoch(int year, int month, int day) {
    int before = year - 1;
    int days = before * 365 + before / 4 - before / 100 + before / 400;
    int leapDay = month > 2 && isLeap(year) ? 1 : 0;
    // 719,162 days lie between 0001-01-01 and 1970-01-01.
    return days + DAYS_BEFORE_MONTH[month - 1] + leapDay + day - 1 - 719_162L;
  }
}
