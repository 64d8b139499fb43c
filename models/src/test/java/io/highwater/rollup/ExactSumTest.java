package io.highwater.rollup;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExactSumTest {
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 30, 300, 1022})
  void equalsTheExactSumRoundedOnce(int exponents) {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      double[] values = new double[1 + random.nextInt(50)];
      BigDecimal exact = BigDecimal.ZERO;
      for (int i = 0; i < values.length; i++) {
        values[i] =
            Math.scalb(
                random.nextGaussian(),
                exponents == 0 ? 0 : random.nextInt(2 * exponents) - exponents);
        exact = exact.add(new BigDecimal(values[i]));
      }
      assertThat(sum(values).toDouble(), is(exact.doubleValue()));
    }
  }

  @Test
  void addsTheLeastDoublesExactly() {
    assertThat(sum(Double.MIN_VALUE, Double.MIN_VALUE).toDouble(), is(2 * Double.MIN_VALUE));
    assertThat(sum(Double.MIN_NORMAL, -Double.MIN_VALUE).toDouble(), is(0x0.fffffffffffffp-1022));
    assertThat(sum(1e300, Double.MIN_VALUE, -1e300).toDouble(), is(Double.MIN_VALUE));
  }

  @Test
  void roundsTiesToEvenAndSeesTheFarthestBit() {
    double tie = Math.scalb(1, -53);
    assertThat(sum(1, tie).toDouble(), is(1.0));
    assertThat(sum(1, tie, Double.MIN_VALUE).toDouble(), is(Math.nextUp(1.0)));
    assertThat(sum(-1, -tie, -Double.MIN_VALUE).toDouble(), is(-Math.nextUp(1.0)));
  }

  @Test
  void cancelsToZeroAndStaysEqualToIt() {
    assertThat(sum(0.1, -0.1), equalTo(ExactSum.ZERO));
    assertThat(sum(0.1).plus(sum(-0.1)), equalTo(ExactSum.ZERO));
    assertThat(sum(0.0, -0.0).toDouble(), is(0.0));
  }

  @Test
  void becomesInfiniteOnlyWhereTheWholeSumIsTooLarge() {
    double max = Double.MAX_VALUE;
    assertThat(sum(max, max).toDouble(), is(Double.POSITIVE_INFINITY));
    assertThat(sum(-max, -max).toDouble(), is(Double.NEGATIVE_INFINITY));
    assertThat(sum(max, max).plus(sum(-max)).toDouble(), is(max));
  }

  @Test
  void treatsInfinitiesAndNanAsIeee754() {
    double infinity = Double.POSITIVE_INFINITY;
    assertThat(sum(1, infinity).toDouble(), is(infinity));
    assertThat(sum(1, -infinity).toDouble(), is(-infinity));
    assertThat(sum(infinity).plus(sum(-infinity)).toDouble(), is(Double.NaN));
    assertThat(sum(1).plus(sum(Double.NaN)).toDouble(), is(Double.NaN));
    assertThat(sum(infinity), equalTo(sum(infinity)));
  }

  @Test
  void saturatesSumsOfIntegers() {
    assertThat(sum(Long.MAX_VALUE, 0).toLong(), is(Long.MAX_VALUE));
    assertThat(sum(Long.MIN_VALUE, 0).toLong(), is(Long.MIN_VALUE));
    assertThat(sum(Long.MAX_VALUE, 1).toLong(), is(Long.MAX_VALUE));
    assertThat(sum(Long.MIN_VALUE, -1).toLong(), is(Long.MIN_VALUE));
    assertThat(
        sum(Long.MAX_VALUE, Long.MAX_VALUE, -5L).plus(sum(Long.MIN_VALUE, 0)).toLong(),
        is(Long.MAX_VALUE - 6));
  }

  @Test
  void equalsBigIntegersForIntegers() {
    Random random = new Random(7);
    long[] values = random.longs(10_000).toArray();
    BigInteger exact =
        Arrays.stream(values)
            .mapToObj(BigInteger::valueOf)
            .reduce(BigInteger.ZERO, BigInteger::add);
    ExactSum sum = sum(values);
    assertThat(sum.significand().shiftLeft(sum.exponent()), equalTo(exact));
  }

  @Test
  void keepsGroupsApartAndLeavesOutWhatIsNotTaken() {
    int[] groups = {0, 1, 0, 1, 2, 0};
    byte[] taken = {1, 1, 0, 1, 0, 1};
    double[] doubles = {1, 2, Double.NaN, -4.5, 8, 0.25};
    @Nullable ExactSum[] sums = BatchSums.ofDoubles(doubles, taken, groups, 3);
    assertThat(sums[0], equalTo(sum(1, 0.25)));
    assertThat(sums[1], equalTo(sum(2, -4.5)));
    assertThat(sums[2], nullValue());
    long[] longs = {1, 2, 99, -4, 8, 16};
    @Nullable ExactSum[] longSums = BatchSums.ofLongs(longs, taken, groups, 3);
    assertThat(longSums[0], equalTo(sum(17L)));
    assertThat(longSums[1], equalTo(sum(-2L)));
    assertThat(longSums[2], nullValue());
  }

  @Test
  void survivesBeingWritten() throws IOException {
    for (ExactSum sum :
        new ExactSum[] {
          ExactSum.ZERO,
          sum(Double.MIN_VALUE, -Double.MAX_VALUE),
          sum(3.25, Double.NaN),
          sum(Long.MIN_VALUE, -7)
        }) {
      Encoder out = new Encoder();
      sum.writeTo(out);
      Decoder in = new Decoder(out.toByteArray());
      assertThat(ExactSum.readFrom(in), equalTo(sum));
      in.requireEnd();
    }
  }

  @Test
  void refusesDamagedBytes() {
    byte[] ofNoSignificand = {0, 0, 0};
    Decoder in = new Decoder(ofNoSignificand);
    assertThrows(IOException.class, () -> ExactSum.readFrom(in));
  }

  private static ExactSum sum(double... values) {
    return one(BatchSums.ofDoubles(values, taken(values.length), new int[values.length], 1));
  }

  private static ExactSum sum(long... values) {
    return one(BatchSums.ofLongs(values, taken(values.length), new int[values.length], 1));
  }

  private static ExactSum one(@Nullable ExactSum[] sums) {
    ExactSum sum = sums[0];
    if (sum == null) {
      throw new AssertionError("no value was summed");
    }
    return sum;
  }

  private static byte[] taken(int size) {
    byte[] taken = new byte[size];
    Arrays.fill(taken, (byte) 1);
    return taken;
  }
}
