package io.highwater.rollup;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.highwater.contract.Measure;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Counts of the frequent values, by a Misra-Gries summary as merged in Agarwal and others,
 * Mergeable Summaries, 2012: of more than {@value #CAPACITY} values, the count of the first one
 * that has no place is taken off all, and those that have none left go.
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

  static FrequentValues of(Map<String, Long> counts) {
    return of(counts, 0);
  }

  private static FrequentValues of(Map<String, Long> counts, long undercount) {
    long cut = 0;
    if (counts.size() > CAPACITY) {
      long[] ascending = counts.values().stream().mapToLong(Long::longValue).sorted().toArray();
      cut = ascending[ascending.length - CAPACITY - 1];
    }
    TreeMap<String, Long> kept = new TreeMap<>();
    for (Map.Entry<String, Long> entry : counts.entrySet()) {
      if (entry.getValue() > cut) {
        kept.put(entry.getKey(), entry.getValue() - cut);
      }
    }
    return new FrequentValues(
        kept.keySet().toArray(new String[0]),
        kept.values().stream().mapToLong(Long::longValue).toArray(),
        undercount + cut);
  }

  @Override
  public Aggregate merge(Aggregate other) {
    if (other instanceof FrequentValues that) {
      Map<String, Long> sums = new TreeMap<>();
      addTo(sums);
      that.addTo(sums);
      return of(sums, undercount + that.undercount);
    }
    return Aggregate.mergeNothing(this, other);
  }

  private void addTo(Map<String, Long> sums) {
    for (int i = 0; i < values.length; i++) {
      sums.merge(values[i], counts[i], Long::sum);
    }
  }

  /** The most frequent values, of equally frequent ones the least, as a JSON list of objects. */
  @Override
  public @Nullable String result(Measure measure) {
    Integer k = measure.settings().k();
    if (k == null) {
      throw new IllegalArgumentException("measure '" + measure.name() + "' says no k");
    }
    return IntStream.range(0, values.length)
        .boxed()
        .sorted(Comparator.<Integer>comparingLong(i -> -counts[i]).thenComparing(i -> values[i]))
        .limit(k)
        .map(i -> "{\"value\":" + quote(values[i]) + ",\"count\":" + counts[i] + "}")
        .collect(Collectors.joining(",", "[", "]"));
  }

  /** As a JSON string. */
  static String quote(String text) {
    return '"' + String.valueOf(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
  }

  @Override
  public void writeTo(DataOutput out) throws IOException {
    out.writeByte(KIND);
    out.writeLong(undercount);
    out.writeShort(values.length);
    for (int i = 0; i < values.length; i++) {
      Scalars.write(values[i], out);
      out.writeLong(counts[i]);
    }
  }

  static FrequentValues readFrom(DataInput in) throws IOException {
    long undercount = in.readLong();
    int length = in.readUnsignedShort();
    String[] values = new String[length];
    long[] counts = new long[length];
    for (int i = 0; i < length; i++) {
      if (!(Scalars.read(in) instanceof String value)) {
        throw new IOException("a count without a text is damaged");
      }
      values[i] = value;
      counts[i] = in.readLong();
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
