package io.highwater.detect;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Values of columns as a person reads them; the unit is the one that the column's name has. */
final class Amounts {
  private static final double SECOND = 1_000;
  private static final double MINUTE = 60 * SECOND;
  private static final double HOUR = 60 * MINUTE;
  private static final double GIGABYTE = 1_000;

  private Amounts() {}

  /** Whether the column is a duration in milliseconds. */
  static boolean isDuration(String column) {
    return column.endsWith("_ms");
  }

  static String text(String column, @Nullable Object value) {
    if (value == null) {
      return "none";
    }
    if (!(value instanceof Number number)) {
      return value.toString();
    }
    double amount = number.doubleValue();
    if (isDuration(column)) {
      return duration(amount);
    }
    if (column.startsWith("mbytes_") || column.endsWith("_mb")) {
      return amount >= GIGABYTE ? plain(amount / GIGABYTE) + " GB" : plain(amount) + " MB";
    }
    return plain(amount);
  }

  private static String duration(double millis) {
    if (millis < SECOND) {
      return plain(millis) + " ms";
    }
    if (millis < 2 * MINUTE) {
      return plain(millis / SECOND) + " s";
    }
    if (millis < 2 * HOUR) {
      return plain(millis / MINUTE) + " min";
    }
    return plain(millis / HOUR) + " h";
  }

  /** Three digits, or all before the point where there are more. */
  static String plain(double value) {
    if (Math.abs(value) >= 1_000) {
      return String.format(Locale.ROOT, "%,.0f", value);
    }
    BigDecimal rounded = new BigDecimal(value).round(new MathContext(3, RoundingMode.HALF_UP));
    return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
  }
}
