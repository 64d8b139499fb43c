package io.highwater.rollup;

import java.io.IOException;
import java.math.BigInteger;

/**
 * A sum without rounding, of 64-bit integers or of doubles: {@code significand * 2^exponent}. As
 * nothing is rounded, neither the order of the values nor how they were cut into batches changes
 * it; only the conversion to a number rounds, once. Covers every double; the size grows with the
 * distance between the greatest and the least bit, about 16 bytes for milliseconds or megabytes.
 * Immutable; the significand is odd or zero, so that equal sums are equal objects.
 *
 * <p>Infinities and NaN take part as in IEEE 754: {@code nonFinite} says which were seen.
 */
record ExactSum(BigInteger significand, int exponent, int nonFinite) {
  static final int SAW_POSITIVE_INFINITY = 1;
  static final int SAW_NEGATIVE_INFINITY = 2;
  static final int SAW_NAN = 4;

  static final ExactSum ZERO = new ExactSum(BigInteger.ZERO, 0, 0);

  /** Enough for any sum of 2^200 doubles; more in what is read means that it is damaged. */
  private static final int MAX_SIGNIFICAND_BYTES = 300;

  ExactSum {
    int zeros = significand.signum() == 0 ? 0 : significand.getLowestSetBit();
    exponent = significand.signum() == 0 ? 0 : exponent + zeros;
    significand = zeros == 0 ? significand : significand.shiftRight(zeros);
  }

  static ExactSum of(long value) {
    return new ExactSum(BigInteger.valueOf(value), 0, 0);
  }

  ExactSum plus(ExactSum other) {
    int least = Math.min(exponent, other.exponent);
    return new ExactSum(
        significand
            .shiftLeft(exponent - least)
            .add(other.significand.shiftLeft(other.exponent - least)),
        least,
        nonFinite | other.nonFinite);
  }

  ExactSum minus(ExactSum other) {
    // What is not finite counts as it does in other: no use is made of the sign of an infinity.
    return plus(new ExactSum(other.significand.negate(), other.exponent, other.nonFinite));
  }

  /** NaN where one of the two is not finite. */
  ExactSum times(ExactSum other) {
    return new ExactSum(
        significand.multiply(other.significand),
        exponent + other.exponent,
        (nonFinite | other.nonFinite) == 0 ? 0 : SAW_NAN);
  }

  /** The sum of integers; beyond the range of a long, the nearest long. */
  long toLong() {
    // A sum of integers has no negative exponent.
    if (significand.bitLength() + exponent > 63) {
      return significand.signum() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
    return significand.longValue() << exponent;
  }

  /** The nearest double, ties to even; beyond the range of a double, an infinity. */
  double toDouble() {
    boolean positive = (nonFinite & SAW_POSITIVE_INFINITY) != 0;
    boolean negative = (nonFinite & SAW_NEGATIVE_INFINITY) != 0;
    if ((nonFinite & SAW_NAN) != 0 || (positive && negative)) {
      return Double.NaN;
    }
    if (positive || negative) {
      return positive ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
    }
    BigInteger magnitude = significand.abs();
    int surplus = Math.max(0, magnitude.bitLength() - 62);
    long top = magnitude.shiftRight(surplus).longValue();
    if (surplus > 0) {
      // The significand is odd, so bits are cut off: a sticky bit makes the rounding below right.
      top |= 1;
    }
    // The cast rounds to 53 bits, scaling is exact: a sum of doubles is a multiple of the least
    // double, so it has no more than 53 bits where doubles are subnormal.
    double rounded = Math.scalb((double) top, exponent + surplus);
    return significand.signum() < 0 ? -rounded : rounded;
  }

  void writeTo(Encoder out) {
    out.writeByte(nonFinite);
    out.writeSigned(exponent);
    out.writeBytes(significand.toByteArray());
  }

  static ExactSum readFrom(Decoder in) throws IOException {
    int nonFinite = in.readByte();
    long exponent = in.readSigned();
    byte[] bytes = in.readBytes();
    if (exponent != (short) exponent || bytes.length == 0 || bytes.length > MAX_SIGNIFICAND_BYTES) {
      throw new IOException(
          "a sum of " + bytes.length + " bytes and exponent " + exponent + " is damaged");
    }
    return new ExactSum(new BigInteger(bytes), (int) exponent, nonFinite);
  }
}
