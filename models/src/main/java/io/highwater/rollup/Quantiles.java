package io.highwater.rollup;

import io.highwater.contract.Measure;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import org.apache.datasketches.kll.KllDoublesSketch;
import org.apache.datasketches.memory.Memory;
import org.apache.datasketches.quantilescommon.QuantileSearchCriteria;

/**
 * The distribution of a column: all values while they are few, else a KLL sketch (Karnin, Lang,
 * Liberty, Optimal Quantile Approximation in Streams, 2016).
 *
 * <p>Up to {@value #EXACT_VALUES} values quantiles are exact, in whatever order they were merged.
 * Beyond, the rank of a quantile is within 0.35 % of what was asked for, with 99 % confidence
 * ({@code KllSketch.getNormalizedRankError}); as KLL draws random numbers, the same rows merged
 * again may give another value within that error. The 99th percentile is the reason for a k of 800:
 * with the usual 200 the error of 1.33 % would reach to the maximum.
 *
 * @param sorted all values, ascending; none where there is a sketch
 * @param sketch the serialized sketch, as a sketch changes when it is asked; empty where there is
 *     none
 */
record Quantiles(double[] sorted, byte[] sketch) implements Aggregate {
  static final int KIND = 7;

  static final int K = 800;

  /** As many as a KLL of this k keeps whole; 6.4 KB, where a sketch of a million has 19 KB. */
  static final int EXACT_VALUES = 800;

  private static final double[] NO_VALUES = {};
  private static final byte[] NO_SKETCH = {};

  /** Of at least one value; sorts the array and takes it over. */
  static Quantiles of(double[] values) {
    if (values.length > EXACT_VALUES) {
      KllDoublesSketch sketch = KllDoublesSketch.newHeapInstance(K);
      update(sketch, values);
      return of(sketch);
    }
    Arrays.sort(values);
    return new Quantiles(values, NO_SKETCH);
  }

  private static Quantiles of(KllDoublesSketch sketch) {
    return new Quantiles(NO_VALUES, sketch.toByteArray());
  }

  private static void update(KllDoublesSketch sketch, double[] values) {
    for (double value : values) {
      sketch.update(value);
    }
  }

  @Override
  public Aggregate merge(Aggregate other) {
    if (other instanceof Quantiles that) {
      return merge(that);
    }
    return Aggregate.mergeNothing(this, other);
  }

  private Quantiles merge(Quantiles that) {
    if (sketch.length < that.sketch.length) {
      return that.merge(this);
    }
    if (sketch.length == 0) {
      double[] values = Arrays.copyOf(sorted, sorted.length + that.sorted.length);
      System.arraycopy(that.sorted, 0, values, sorted.length, that.sorted.length);
      return of(values);
    }
    KllDoublesSketch merged = KllDoublesSketch.heapify(Memory.wrap(sketch));
    if (that.sketch.length == 0) {
      update(merged, that.sorted);
    } else {
      merged.merge(KllDoublesSketch.heapify(Memory.wrap(that.sketch)));
    }
    return of(merged);
  }

  /** The least value that at least the share {@code at} of all values does not exceed. */
  @Override
  public Double result(Measure measure) {
    Double at = measure.settings().at();
    if (at == null) {
      throw new IllegalArgumentException("measure '" + measure.name() + "' says no quantile");
    }
    if (sketch.length > 0) {
      return KllDoublesSketch.heapify(Memory.wrap(sketch))
          .getQuantile(at, QuantileSearchCriteria.INCLUSIVE);
    }
    // n - floor(n - at n) is ceil(at n) without going wrong where at n is barely above an integer.
    double rank = sorted.length - Math.floor(sorted.length - at * sorted.length);
    return sorted[(int) Math.max(1, rank) - 1];
  }

  @Override
  public void writeTo(DataOutput out) throws IOException {
    out.writeByte(KIND);
    out.writeInt(sorted.length);
    for (double value : sorted) {
      out.writeDouble(value);
    }
    out.writeInt(sketch.length);
    out.write(sketch);
  }

  static Quantiles readFrom(DataInput in) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > EXACT_VALUES) {
      throw new IOException("a distribution of " + length + " values is damaged");
    }
    double[] sorted = new double[length];
    for (int i = 0; i < length; i++) {
      sorted[i] = in.readDouble();
    }
    return new Quantiles(sorted, Aggregate.readBytes(in));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Quantiles that
        && Arrays.equals(sorted, that.sorted)
        && Arrays.equals(sketch, that.sketch);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(sorted) + Arrays.hashCode(sketch);
  }

  @Override
  public String toString() {
    return sketch.length == 0 ? "Quantiles" + Arrays.toString(sorted) : "Quantiles of a sketch";
  }
}
