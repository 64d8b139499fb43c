package io.highwater.record;

import java.nio.charset.StandardCharsets;

/**
 * Numbers by the grammar of RFC 8259, read from bytes without garbage where they are usual: up to
 * 18 digits for whole numbers, a significand below 2^53 with at most 22 digits of fraction for
 * doubles (there one division of two exact doubles rounds correctly, Clinger 1990). What is left
 * goes a slower way to the same result. Not thread-safe.
 *
 * <p>The array must go on behind the number with a byte that is no part of one.
 */
final class NumberReader {
  enum Outcome {
    READ,
    /** Not a number; {@link #end()} is the byte that is wrong. */
    MALFORMED,
    /** A number that is not whole. */
    NOT_WHOLE,
    /** A number that the type does not hold. */
    OUT_OF_RANGE
  }

  private static final int MAX_FAST_DIGITS = 18;
  private static final long MAX_EXACT_SIGNIFICAND = 1L << 53;
  private static final double[] POWERS_OF_TEN = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22
  };

  /** No message is long enough to bring a larger exponent back into the range of a double. */
  private static final int EXPONENT_CAP = 1 << 27;

  private int end;
  private long whole;
  private double number;

  /** The first byte behind the number last read. */
  int end() {
    return end;
  }

  /** The value that {@link #readWhole} read. */
  long whole() {
    return whole;
  }

  /** The value that {@link #readDouble} read. */
  double number() {
    return number;
  }

  /** Reads a number that is whole and fits 64 bits, also when written as 36.0 or 3.6e1. */
  Outcome readWhole(byte[] bytes, int start) {
    int position = start;
    boolean negative = bytes[position] == '-';
    if (negative) {
      position++;
    }
    int first = position;
    long value = 0;
    int digit = bytes[position] - '0';
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = bytes[++position] - '0';
    }
    int count = position - first;
    if (count > 0 && count <= MAX_FAST_DIGITS && (count == 1 || bytes[first] != '0')) {
      if (bytes[position] == '.' && bytes[position + 1] == '0') {
        position += 2;
      }
      if (!continuesNumber(bytes[position])) {
        end = position;
        whole = negative ? -value : value;
        return Outcome.READ;
      }
    }
    return readUnusualWhole(bytes, start);
  }

  /** Reads a number as the nearest double; one that rounds to infinity is out of range. */
  Outcome readDouble(byte[] bytes, int start) {
    int position = start;
    boolean negative = bytes[position] == '-';
    if (negative) {
      position++;
    }
    int first = position;
    long significand = 0;
    int digit = bytes[position] - '0';
    while (digit >= 0 && digit <= 9) {
      significand = significand * 10 + digit;
      digit = bytes[++position] - '0';
    }
    int digits = position - first;
    if (digits > 0 && (digits == 1 || bytes[first] != '0')) {
      int fractionDigits = 0;
      if (bytes[position] == '.') {
        int point = position;
        digit = bytes[++position] - '0';
        while (digit >= 0 && digit <= 9) {
          significand = significand * 10 + digit;
          digit = bytes[++position] - '0';
        }
        fractionDigits = position - point - 1;
        digits = fractionDigits == 0 ? Integer.MAX_VALUE : digits + fractionDigits;
      }
      if (digits <= MAX_FAST_DIGITS
          && significand <= MAX_EXACT_SIGNIFICAND
          && !continuesNumber(bytes[position])) {
        double magnitude = significand / POWERS_OF_TEN[fractionDigits];
        end = position;
        number = negative ? -magnitude : magnitude;
        return Outcome.READ;
      }
    }
    return readUnusualDouble(bytes, start);
  }

  /** Finds where a number ends, without its value. */
  Outcome skip(byte[] bytes, int start) {
    int position = start;
    if (bytes[position] == '-') {
      position++;
    }
    if (bytes[position] == '0') {
      position++;
    } else {
      position = skipDigits(bytes, position);
      if (position < 0) {
        return Outcome.MALFORMED;
      }
    }
    if (bytes[position] == '.') {
      position = skipDigits(bytes, position + 1);
      if (position < 0) {
        return Outcome.MALFORMED;
      }
    }
    if (bytes[position] == 'e' || bytes[position] == 'E') {
      position++;
      if (bytes[position] == '+' || bytes[position] == '-') {
        position++;
      }
      position = skipDigits(bytes, position);
      if (position < 0) {
        return Outcome.MALFORMED;
      }
    }
    end = position;
    return Outcome.READ;
  }

  private static boolean continuesNumber(byte next) {
    return next == '.' || next == 'e' || next == 'E' || (next >= '0' && next <= '9');
  }

  private int skipDigits(byte[] bytes, int start) {
    int position = start;
    while (isDigit(bytes[position])) {
      position++;
    }
    if (position == start) {
      end = position;
      return -1;
    }
    return position;
  }

  private static boolean isDigit(byte next) {
    return next >= '0' && next <= '9';
  }

  private Outcome readUnusualDouble(byte[] bytes, int start) {
    if (skip(bytes, start) == Outcome.MALFORMED) {
      return Outcome.MALFORMED;
    }
    number = Double.parseDouble(new String(bytes, start, end - start, StandardCharsets.ISO_8859_1));
    return Double.isInfinite(number) ? Outcome.OUT_OF_RANGE : Outcome.READ;
  }

  /**
   * The number as digits without zeros at either end, times a power of ten. BigDecimal would do,
   * but takes quadratic time and memory for what 1e999999999 or a megabyte of digits asks of it.
   */
  private Outcome readUnusualWhole(byte[] bytes, int start) {
    if (skip(bytes, start) == Outcome.MALFORMED) {
      return Outcome.MALFORMED;
    }
    boolean negative = bytes[start] == '-';
    int position = negative ? start + 1 : start;
    int firstNonZero = -1;
    int lastNonZero = -1;
    int digits = 0;
    int fractionDigits = 0;
    boolean inFraction = false;
    int digitsStart = position;
    for (; position < end && bytes[position] != 'e' && bytes[position] != 'E'; position++) {
      if (bytes[position] == '.') {
        inFraction = true;
        continue;
      }
      if (bytes[position] != '0') {
        firstNonZero = firstNonZero < 0 ? digits : firstNonZero;
        lastNonZero = digits;
      }
      digits++;
      fractionDigits += inFraction ? 1 : 0;
    }
    int digitsEnd = position;
    if (firstNonZero < 0) {
      whole = 0;
      return Outcome.READ;
    }
    long power = (long) exponent(bytes, digitsEnd) - fractionDigits + (digits - 1 - lastNonZero);
    if (power < 0) {
      return Outcome.NOT_WHOLE;
    }
    if (lastNonZero - firstNonZero + 1 + power > 19) {
      return Outcome.OUT_OF_RANGE;
    }
    // Negative throughout: the least 64-bit number has no positive counterpart.
    long value = 0;
    try {
      int index = 0;
      for (int at = digitsStart; at < digitsEnd && index <= lastNonZero; at++) {
        if (bytes[at] != '.') {
          value = Math.subtractExact(Math.multiplyExact(value, 10), bytes[at] - '0');
          index++;
        }
      }
      for (long remaining = power; remaining > 0; remaining--) {
        value = Math.multiplyExact(value, 10);
      }
      whole = negative ? value : Math.negateExact(value);
      return Outcome.READ;
    } catch (ArithmeticException e) {
      return Outcome.OUT_OF_RANGE;
    }
  }

  /** The exponent written from {@code start} on, if there is one, capped. */
  private int exponent(byte[] bytes, int start) {
    if (start == end) {
      return 0;
    }
    int position = start + 1;
    boolean negative = bytes[position] == '-';
    if (negative || bytes[position] == '+') {
      position++;
    }
    int value = 0;
    for (; position < end; position++) {
      value = Math.min(EXPONENT_CAP, value * 10 + bytes[position] - '0');
    }
    return negative ? -value : value;
  }
}
