package io.highwater.runners.generate;

/**
 * SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Written
 * out, because what java.util's generators return for a seed may differ from JDK to JDK; {@link
 * StrictMath} for the same reason.
 */
final class Randomness {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private long state;

  Randomness(long seed) {
    this.state = mix(seed);
  }

  /** A generator that depends on nothing but its three numbers. */
  static Randomness of(long seed, long first, long second) {
    return new Randomness(mix(mix(seed) + first) * 31 + second);
  }

  private static long mix(long value) {
    long z = value + GOLDEN_GAMMA;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  long nextLong() {
    state += GOLDEN_GAMMA;
    return mix(state);
  }

  /** From 0 to 1, 1 excluded. */
  double nextDouble() {
    return (nextLong() >>> 11) * 0x1.0p-53;
  }

  /** From {@code least} to {@code greatest}, both included. */
  int between(int least, int greatest) {
    return least + (int) (nextDouble() * (greatest - least + 1));
  }

  boolean chance(double probability) {
    return nextDouble() < probability;
  }

  /** Normal with mean 0 and standard deviation 1, by Box and Muller. */
  double nextGaussian() {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - nextDouble()));
    return radius * StrictMath.cos(2 * Math.PI * nextDouble());
  }

  /** Log-normal with this median; {@code sigma} is the standard deviation of the logarithm. */
  double logNormal(double median, double sigma) {
    return median * StrictMath.exp(sigma * nextGaussian());
  }

  /** An index of {@code cumulative}, whose last entry is the sum of all weights. */
  int pick(double[] cumulative) {
    double wanted = nextDouble() * cumulative[cumulative.length - 1];
    int low = 0;
    int high = cumulative.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (cumulative[middle] > wanted) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /**
   * Cumulative weights 1, 1/2^exponent, 1/3^exponent, ... (Zipf): the first is drawn most often.
   */
  static double[] zipf(int size, double exponent) {
    double[] cumulative = new double[size];
    double sum = 0;
    for (int rank = 0; rank < size; rank++) {
      sum += StrictMath.pow(rank + 1, -exponent);
      cumulative[rank] = sum;
    }
    return cumulative;
  }
}
