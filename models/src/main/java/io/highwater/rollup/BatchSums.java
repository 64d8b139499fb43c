package io.highwater.rollup;

import java.math.BigInteger;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Exact sums of a batch's groups, with no object a row: each group has limbs of 32 bits in longs, a
 * value is cut at the limbs' boundaries and added without carrying, and the carries are taken once
 * at the end. (Neal, Fast exact summation using small and large superaccumulators, 2015.) The upper
 * half of a long has room for 2^31 rows.
 */
final class BatchSums {
  private static final long LIMB = 0xFFFF_FFFFL;

  /** Limb i counts 2^(32 i - BIAS). */
  private static final int BIAS = 1088;

  private static final int UNIT_LIMB = BIAS / 32;

  /** A double's bits are its fraction * 2^(exponent - 1075), so this shift leads to its limb. */
  private static final int EXPONENT_SHIFT = BIAS - 1075;

  private static final int NON_FINITE_EXPONENT = 0x7FF;
  private static final long FRACTION = (1L << 52) - 1;

  private BatchSums() {}

  /**
   * Sums by group.
   *
   * @param taken 1 for rows that take part, else 0
   * @param groups the group of each row
   * @return one a group; null for one of which no row took part
   */
  static @Nullable ExactSum[] ofLongs(long[] values, byte[] taken, int[] groups, int groupCount) {
    long[] limbs = new long[2 * groupCount];
    boolean[] seen = new boolean[groupCount];
    for (int row = 0; row < groups.length; row++) {
      if (taken[row] != 0) {
        int group = groups[row];
        long value = values[row];
        seen[group] = true;
        limbs[2 * group] += value & LIMB;
        limbs[2 * group + 1] += value >> 32;
      }
    }
    @Nullable ExactSum[] sums = new ExactSum[groupCount];
    for (int group = 0; group < groupCount; group++) {
      sums[group] = seen[group] ? carry(limbs, 2 * group, 2, UNIT_LIMB, 0) : null;
    }
    return sums;
  }

  /** As {@link #ofLongs}. */
  static @Nullable ExactSum[] ofDoubles(
      double[] values, byte[] taken, int[] groups, int groupCount) {
    int least = NON_FINITE_EXPONENT;
    int greatest = 0;
    for (int row = 0; row < groups.length; row++) {
      // A zero may widen the range, which costs a few limbs and no branch.
      int exponent = exponentOf(Double.doubleToRawLongBits(values[row]));
      if (taken[row] != 0 && values[row] != 0) {
        least = Math.min(least, exponent);
        greatest = Math.max(greatest, exponent);
      }
    }
    int[] nonFinite = new int[groupCount];
    if (greatest == NON_FINITE_EXPONENT) {
      markNonFinite(values, taken, groups, nonFinite);
    }
    int lowestLimb = (least + EXPONENT_SHIFT) >> 5;
    int highestLimb = ((Math.max(least, greatest) + EXPONENT_SHIFT) >> 5) + 2;
    int width = highestLimb - lowestLimb + 1;
    long[] limbs = new long[Math.multiplyExact(width, groupCount)];
    boolean[] seen = new boolean[groupCount];
    for (int row = 0; row < groups.length; row++) {
      if (taken[row] == 0) {
        continue;
      }
      int group = groups[row];
      seen[group] = true;
      long bits = Double.doubleToRawLongBits(values[row]);
      int exponent = exponentOf(bits);
      if (bits << 1 == 0 || exponent == NON_FINITE_EXPONENT) {
        continue;
      }
      long fraction = bits & FRACTION;
      if ((bits << 1) >>> 53 != 0) {
        fraction |= FRACTION + 1;
      }
      int position = exponent + EXPONENT_SHIFT;
      int limb = width * group + (position >> 5) - lowestLimb;
      int shift = position & 31;
      long sign = bits >> 63;
      long low = (fraction << shift) & LIMB;
      long rest = fraction >>> (32 - shift);
      limbs[limb] += (low ^ sign) - sign;
      limbs[limb + 1] += ((rest & LIMB) ^ sign) - sign;
      limbs[limb + 2] += ((rest >>> 32) ^ sign) - sign;
    }
    @Nullable ExactSum[] sums = new ExactSum[groupCount];
    for (int group = 0; group < groupCount; group++) {
      sums[group] =
          seen[group] ? carry(limbs, width * group, width, lowestLimb, nonFinite[group]) : null;
    }
    return sums;
  }

  /**
   * Sums of left * right, as {@link #ofLongs}. A product of doubles and its rounding error, which a
   * fused multiplication gives, are the exact product (Dekker 1971; barring underflow).
   */
  static @Nullable ExactSum[] ofProducts(
      double[] left, double[] right, byte[] taken, int[] groups, int groupCount) {
    double[] products = new double[left.length];
    double[] errors = new double[left.length];
    boolean rounded = false;
    for (int row = 0; row < left.length; row++) {
      products[row] = left[row] * right[row];
      errors[row] = Math.fma(left[row], right[row], -products[row]);
      rounded |= errors[row] != 0;
    }
    @Nullable ExactSum[] sums = ofDoubles(products, taken, groups, groupCount);
    if (rounded) {
      @Nullable ExactSum[] rest = ofDoubles(errors, taken, groups, groupCount);
      for (int group = 0; group < groupCount; group++) {
        ExactSum sum = sums[group];
        ExactSum error = rest[group];
        if (sum != null && error != null) {
          sums[group] = sum.plus(error);
        }
      }
    }
    return sums;
  }

  /** The biased exponent; subnormal numbers have that of the least normal ones. */
  private static int exponentOf(long bits) {
    return Math.max(1, (int) (bits >>> 52) & NON_FINITE_EXPONENT);
  }

  private static void markNonFinite(double[] values, byte[] taken, int[] groups, int[] nonFinite) {
    for (int row = 0; row < groups.length; row++) {
      double value = values[row];
      if (taken[row] != 0 && !Double.isFinite(value)) {
        nonFinite[groups[row]] |=
            Double.isNaN(value)
                ? ExactSum.SAW_NAN
                : value > 0 ? ExactSum.SAW_POSITIVE_INFINITY : ExactSum.SAW_NEGATIVE_INFINITY;
      }
    }
  }

  private static ExactSum carry(
      long[] limbs, int offset, int width, int lowestLimb, int nonFinite) {
    int first = offset;
    int last = offset + width - 1;
    while (first <= last && limbs[first] == 0) {
      first++;
    }
    if (first > last) {
      return nonFinite == 0 ? ExactSum.ZERO : new ExactSum(BigInteger.ZERO, 0, nonFinite);
    }
    byte[] bigEndian = new byte[4 * (last - first + 1) + 8];
    int end = bigEndian.length;
    long carry = 0;
    for (int i = first; i <= last; i++) {
      long limb = limbs[i] + carry;
      end -= 4;
      putInt(bigEndian, end, (int) limb);
      carry = limb >> 32;
    }
    putInt(bigEndian, 4, (int) carry);
    Arrays.fill(bigEndian, 0, 4, (byte) (carry >> 63));
    int exponent = 32 * (lowestLimb + first - offset) - BIAS;
    return new ExactSum(new BigInteger(bigEndian), exponent, nonFinite);
  }

  private static void putInt(byte[] target, int at, int value) {
    target[at] = (byte) (value >> 24);
    target[at + 1] = (byte) (value >> 16);
    target[at + 2] = (byte) (value >> 8);
    target[at + 3] = (byte) value;
  }
}
