package io.highwater.rollup;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.highwater.contract.Measure;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Counts of the frequent values, by a Misra-Gries summary as merged in Agarwal and others,
 * Mergeable Summaries, 2012: when the values are far more than {@value #CAPACITY}, the count of the
 * first one that has no place is taken off all, and those that have none left go.
 *
 * <p>Up to {@value #CAPACITY} different values the counts are exact, in whatever order they were
 * merged. Beyond, a count is never too high, and too low by at most {@code undercount}, which is at
 * most 1/513 of all that was counted. It is small, immutable and draws no random numbers, which is
 * why it stands here in place of a library's sketch.
 *
 * @param values by their UTF-16, ascending
 * @param counts above zero
 */
record FrequentValues(String[] values, long[] counts, long undercount) implements Aggregate {
  static final int KIND = 9;
  static final int CAPACITY = 512;

  /** So many places more are taken before the counts are cut, as a cut costs more than a merge. */
  private static final int SPARE = 128;

  /**
   * Takes the arrays over.
   *
   * @param values different ones, ascending
   */
  static FrequentValues of(String[] values, long[] counts) {
    return of(values, counts, values.length, 0);
  }

  /** Of the first {@code size} elements; changes the arrays and takes them over. */
  private static FrequentValues of(String[] values, long[] counts, int size, long undercount) {
    if (size <= CAPACITY + SPARE) {
      return new FrequentValues(
          size == values.length ? values : Arrays.copyOf(values, size),
          size == counts.length ? counts : Arrays.copyOf(counts, size),
          undercount);
    }
    long[] ascending = Arrays.copyOf(counts, size);
    Arrays.sort(ascending);
    long cut = ascending[size - CAPACITY - 1];
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (counts[i] > cut) {
        values[kept] = values[i];
        counts[kept++] = counts[i] - cut;
      }
    }
    return new FrequentValues(
        Arrays.copyOf(values, kept), Arrays.copyOf(counts, kept), undercount + cut);
  }

  @Override
  public Aggregate merge(Aggregate other) {
    if (other instanceof FrequentValues that) {
      return that.values.length < values.length ? merge(that, this) : merge(this, that);
    }
    return Aggregate.mergeNothing(this, other);
  }

  /** Searches for each value of the smaller side, so that most of the larger is only copied. */
  private static FrequentValues merge(FrequentValues few, FrequentValues many) {
    String[] values = new String[few.values.length + many.values.length];
    long[] counts = new long[values.length];
    int size = 0;
    int copied = 0;
    for (int i = 0; i < few.values.length; i++) {
      int found = Arrays.binarySearch(many.values, copied, many.values.length, few.values[i]);
      int at = found < 0 ? -found - 1 : found;
      System.arraycopy(many.values, copied, values, size, at - copied);
      System.arraycopy(many.counts, copied, counts, size, at - copied);
      size += at - copied;
      values[size] = few.values[i];
      counts[size++] = few.counts[i] + (found < 0 ? 0 : many.counts[found]);
      copied = found < 0 ? at : at + 1;
    }
    int rest = many.values.length - copied;
    System.arraycopy(many.values, copied, values, size, rest);
    System.arraycopy(many.counts, copied, counts, size, rest);
    return of(values, counts, size + rest, few.undercount + many.undercount);
  }

  /** The most frequent values, of equally frequent ones the least, as a JSON list of objects. */
  @Override
  public @Nullable String result(Measure measure) {
    Integer k = measure.settings().k();
    if (k == null) {
      throw new IllegalArgumentException("measure '" + measure.name() + "' says no k");
    }
    int[] best = new int[Math.min(k, values.length)];
    int size = 0;
    for (int i = 0; i < values.length; i++) {
      if (size < best.length) {
        size++;
      } else if (size == 0 || counts[i] <= counts[best[size - 1]]) {
        continue;
      }
      int place = size - 1;
      while (place > 0 && counts[best[place - 1]] < counts[i]) {
        best[place] = best[place - 1];
        place--;
      }
      best[place] = i;
    }
    return Arrays.stream(best)
        .mapToObj(i -> "{\"value\":" + quote(values[i]) + ",\"count\":" + counts[i] + "}")
        .collect(Collectors.joining(",", "[", "]"));
  }

  /** As a JSON string. */
  static String quote(String text) {
    return '"' + String.valueOf(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
  }

  @Override
  public void writeTo(Encoder out) {
    out.writeByte(KIND);
    out.writeUnsigned(undercount);
    out.writeUnsigned(values.length);
    for (int i = 0; i < values.length; i++) {
      out.writeText(values[i]);
      out.writeUnsigned(counts[i]);
    }
  }

  static FrequentValues readFrom(Decoder in) throws IOException {
    long undercount = in.readUnsigned();
    int length = in.readLength();
    String[] values = new String[length];
    long[] counts = new long[length];
    for (int i = 0; i < length; i++) {
      values[i] = in.readText();
      counts[i] = in.readUnsigned();
    }
    return new FrequentValues(values, counts, undercount);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FrequentValues that
        && Arrays.equals(values, that.values)
        && Arrays.equals(counts, that.counts)
        && undercount == that.undercount;
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(values) + Arrays.hashCode(counts);
  }

  @Override
  public String toString() {
    return "FrequentValues" + Arrays.toString(values) + Arrays.toString(counts);
  }
}
