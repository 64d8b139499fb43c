package io.highwater.features;

import java.util.Arrays;

/**
 * Counts of values on the scale ln(1 + target) in buckets of equal width, the buckets that have
 * any, ascending. A value is known to within half of the width, 1.6 % of the target; what is asked
 * of it does not depend on the order in which values came. Written as arrays without an object
 * around, as there may be a million.
 */
final class LogHistogram {
  /** The width of a bucket. */
  static final float WIDTH = 1f / 32;

  /** Up to ln(1 + target) = 32; beyond it all are in the last. */
  private static final int BUCKETS = 1024;

  private static final int COUNT_BITS = 48;
  private static final long COUNT_MASK = (1L << COUNT_BITS) - 1;

  static final long[] EMPTY = {};

  private LogHistogram() {}

  /** The same array or a larger one, with one value more. */
  static long[] add(long[] histogram, float value) {
    int bucket = Math.min(BUCKETS - 1, (int) (Math.max(0, value) / WIDTH));
    int low = 0;
    int high = histogram.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (bucket(histogram[middle]) < bucket) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low < histogram.length && bucket(histogram[low]) == bucket) {
      histogram[low]++;
      return histogram;
    }
    long[] larger = Arrays.copyOf(histogram, histogram.length + 1);
    System.arraycopy(histogram, low, larger, low + 1, histogram.length - low);
    larger[low] = ((long) bucket << COUNT_BITS) + 1;
    return larger;
  }

  /**
   * What the values say.
   *
   * @param histogram of at least one value
   */
  static Usual usual(long[] histogram) {
    long count = 0;
    for (long entry : histogram) {
      count += entry & COUNT_MASK;
    }
    int median = indexOf(histogram, (count + 1) / 2);
    int p95 = indexOf(histogram, (95 * count + 99) / 100);
    return new Usual(
        count, middle(histogram[median]), spread(histogram, median, count), middle(histogram[p95]));
  }

  /** The index of the bucket of the value that has the rank, counted from 1. */
  private static int indexOf(long[] histogram, long rank) {
    long seen = 0;
    int index = -1;
    while (seen < rank) {
      index++;
      seen += histogram[index] & COUNT_MASK;
    }
    return index;
  }

  private static float spread(long[] histogram, int median, long count) {
    int center = bucket(histogram[median]);
    int left = median - 1;
    int right = median;
    long seen = 0;
    int distance = 0;
    while (seen < (count + 1) / 2) {
      int toLeft = left < 0 ? Integer.MAX_VALUE : center - bucket(histogram[left]);
      int toRight =
          right == histogram.length ? Integer.MAX_VALUE : bucket(histogram[right]) - center;
      distance = Math.min(toLeft, toRight);
      seen += histogram[toLeft < toRight ? left-- : right++] & COUNT_MASK;
    }
    return distance * WIDTH;
  }

  private static int bucket(long entry) {
    return (int) (entry >>> COUNT_BITS);
  }

  private static float middle(long entry) {
    return (bucket(entry) + 0.5f) * WIDTH;
  }
}
