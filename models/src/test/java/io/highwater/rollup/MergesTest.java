package io.highwater.rollup;

import static java.util.Objects.requireNonNull;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Function;
import io.highwater.contract.Measure.Settings;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Many small parts, merged in random order and written in between, beside one pass over all. */
class MergesTest {
  private static final double[] EXTREMES = {
    0.0,
    -0.0,
    1,
    -1,
    0.1,
    Double.MIN_VALUE,
    -Double.MIN_VALUE,
    Double.MAX_VALUE,
    -Double.MAX_VALUE,
    0x1p53 + 2,
    0x1p63,
    -0x1p63,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY,
    Double.NaN
  };

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 50, 800})
  void quantilesOfFewValuesAreThoseOfOnePass(int size) throws IOException {
    for (int seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      double[] values = new double[size];
      for (int i = 0; i < size; i++) {
        values[i] =
            seed % 2 == 0 ? random.nextInt(1000) : EXTREMES[random.nextInt(EXTREMES.length)];
      }
      List<Aggregate> parts = new ArrayList<>();
      for (int start = 0; start < size; ) {
        int end = Math.min(size, start + 1 + random.nextInt(100));
        parts.add(Quantiles.of(Arrays.copyOfRange(values, start, end)));
        start = end;
      }
      Aggregate merged = merge(parts, random);
      assertThat(merged, equalTo(Quantiles.of(values.clone())));
      Arrays.sort(values);
      assertThat(quantile(merged, 0.5), is(values[(size + 1) / 2 - 1]));
      assertThat(quantile(merged, 1), is(values[size - 1]));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {801, 1600, 5_000, 200_000})
  void quantilesOfManySmallPartsAreWithinTheirError(int size) throws IOException {
    Random random = new Random(size);
    double[] values = new double[size];
    List<Aggregate> parts = new ArrayList<>();
    for (int start = 0; start < size; ) {
      int end = Math.min(size, start + 1 + random.nextInt(100));
      for (int i = start; i < end; i++) {
        values[i] = Math.floor(Math.exp(6 + 2.5 * random.nextGaussian()));
      }
      parts.add(Quantiles.of(Arrays.copyOfRange(values, start, end)));
      start = end;
    }
    Arrays.sort(values);
    // As in a stream, one part after the other into one window; and as in a tree.
    for (Aggregate merged : List.of(chain(parts), merge(parts, random))) {
      for (double at : new double[] {0.01, 0.5, 0.95, 0.99}) {
        double quantile = quantile(merged, at);
        long below = Arrays.stream(values).filter(value -> value < quantile).count();
        long notAbove = Arrays.stream(values).filter(value -> value <= quantile).count();
        double error = Math.max((double) below / size - at, at - (double) notAbove / size);
        // Three times what 99 % of all quantiles are within.
        assertThat(at + " of " + size, error, lessThan(3 * 0.0035));
      }
    }
  }

  @Test
  void nanCountsAsTheGreatestValueInSketchesToo() throws IOException {
    double[] values = new double[5_000];
    Arrays.fill(values, 0, 2_000, Double.NaN);
    Aggregate some = Quantiles.of(values);
    assertThat(quantile(some, 0.5), is(0.0));
    assertThat(quantile(some, 0.99), is(Double.POSITIVE_INFINITY));
    double[] nothingElse = new double[900];
    Arrays.fill(nothingElse, Double.NaN);
    assertThat(quantile(copy(Quantiles.of(nothingElse)), 0.5), is(Double.POSITIVE_INFINITY));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 40, 512, 513, 1_100, 20_000})
  void distinctIsThatOfOnePass(int different) throws IOException {
    for (boolean hashes : new boolean[] {false, true}) {
      Random random = new Random(different);
      long[] pool = new long[different];
      for (int i = 0; i < different; i++) {
        pool[i] = hashes ? random.nextLong() : i;
      }
      pool[0] = hashes ? Long.MIN_VALUE : 0;
      pool[different / 2] = hashes ? Long.MAX_VALUE : different / 2;
      List<Aggregate> parts = new ArrayList<>();
      for (int i = 0; i < different; i += 20) {
        long[] part = new long[random.nextInt(20)];
        Arrays.setAll(part, j -> pool[random.nextInt(different)]);
        parts.add(Distinct.of(part));
        parts.add(Distinct.of(Arrays.copyOfRange(pool, i, Math.min(different, i + 20))));
      }
      Distinct onePass = Distinct.of(pool.clone());
      for (Aggregate merged : List.of(chain(parts), merge(parts, random))) {
        assertThat(count(merged), is(count(onePass)));
        if (different <= Distinct.EXACT_VALUES) {
          assertThat(merged, equalTo(onePass));
          assertThat(count(merged), is((long) different));
        } else {
          assertThat(Math.abs(count(merged) - different), lessThan(different / 20L));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 300, 512, 640, 3_000})
  void frequentValuesAreThoseOfOnePassOrWithinTheirError(int different) throws IOException {
    Random random = new Random(different);
    Map<String, Long> exact = new TreeMap<>();
    List<Aggregate> parts = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      Map<String, Long> part = new HashMap<>();
      for (int j = 0; j <= i % 30; j++) {
        double skewed = random.nextDouble();
        String value = "größe 🌊" + (int) (different * skewed * skewed * skewed);
        part.merge(value, 1L, Long::sum);
        exact.merge(value, 1L, Long::sum);
      }
      parts.add(frequent(part));
    }
    long all = exact.values().stream().mapToLong(Long::longValue).sum();
    for (Aggregate merged : List.of(chain(parts), merge(parts, random))) {
      if (exact.size() <= FrequentValues.CAPACITY) {
        assertThat(merged, equalTo(frequent(exact)));
      }
      FrequentValues frequent = (FrequentValues) merged;
      assertThat(frequent.undercount(), lessThanOrEqualTo(all / (FrequentValues.CAPACITY + 1)));
      Map<String, Long> estimates = new HashMap<>();
      for (int i = 0; i < frequent.values().length; i++) {
        assertThat(frequent.counts()[i], greaterThan(0L));
        estimates.put(frequent.values()[i], frequent.counts()[i]);
      }
      exact.forEach(
          (value, count) -> {
            long missing = count - estimates.getOrDefault(value, 0L);
            assertThat(value, missing >= 0 && missing <= frequent.undercount());
          });
    }
  }

  @Test
  void namesTheMostFrequentAndOfEqualsTheLeast() {
    Aggregate frequent = frequent(Map.of("e", 5L, "a", 1L, "d", 5L, "b", 7L, "c", 5L, "f", 9L));
    assertThat(
        frequent.result(asking(null, 4)),
        is(
            "[{\"value\":\"f\",\"count\":9},{\"value\":\"b\",\"count\":7},"
                + "{\"value\":\"c\",\"count\":5},{\"value\":\"d\",\"count\":5}]"));
    assertThat(frequent.result(asking(null, 0)), is("[]"));
  }

  @Test
  void writesEveryNumber() throws IOException {
    long[] ascending = {
      Long.MIN_VALUE, -129, -128, -64, -1, 0, 1, 63, 64, 127, 128, 16_384, 1L << 62, Long.MAX_VALUE
    };
    Encoder out = new Encoder();
    for (long value : ascending) {
      out.writeSigned(value);
      out.writeUnsigned(value);
    }
    out.writeAscending(ascending);
    out.writeAscending(new long[] {Long.MIN_VALUE, Long.MAX_VALUE});
    for (double value : EXTREMES) {
      out.writeDouble(value);
    }
    out.writeText("größe 🌊".repeat(1000));
    Decoder in = new Decoder(out.toByteArray());
    for (long value : ascending) {
      assertThat(in.readSigned(), is(value));
      assertThat(in.readUnsigned(), is(value));
    }
    assertThat(in.readAscending(), is(ascending));
    assertThat(in.readAscending(), is(new long[] {Long.MIN_VALUE, Long.MAX_VALUE}));
    for (double value : EXTREMES) {
      assertThat(in.readDouble(), is(value));
    }
    assertThat(in.readText(), is("größe 🌊".repeat(1000)));
    in.requireEnd();
  }

  @Test
  void refusesWhatIsCutOffAndWhatIsTooMuch() {
    ExactSum sum = ExactSum.of(12_345);
    for (Aggregate aggregate :
        List.of(
            Quantiles.of(new double[] {1, 2.5, 3}),
            Quantiles.of(new double[2_000]),
            Distinct.of(new long[] {5, 900, 70_000}),
            frequent(Map.of("a", 2L, "b", 1_000L)),
            new Correlation(3, sum, sum, sum, sum, sum),
            new ByValue(new TreeMap<>(Map.of("copy", new Aggregate.Count(2)))),
            new Aggregate.Last(7, "x"))) {
      byte[] bytes = bytes(aggregate);
      for (int length = 0; length < bytes.length; length++) {
        Decoder in = new Decoder(Arrays.copyOf(bytes, length));
        assertThrows(EOFException.class, () -> Aggregate.readFrom(in), aggregate.toString());
      }
      assertThrows(
          IOException.class, new Decoder(Arrays.copyOf(bytes, bytes.length + 1))::requireEnd);
    }
    byte[] endless = new byte[20];
    Arrays.fill(endless, (byte) 0xFF);
    assertThrows(IOException.class, () -> new Decoder(endless).readUnsigned());
  }

  /** One after the other into one. */
  private static Aggregate chain(List<Aggregate> parts) throws IOException {
    Aggregate all = Aggregate.NOTHING;
    for (Aggregate part : parts) {
      all = all.merge(copy(part));
    }
    return copy(all);
  }

  /** Random pairs, until one is left. */
  private static Aggregate merge(List<Aggregate> parts, Random random) throws IOException {
    List<Aggregate> left = new ArrayList<>(parts);
    while (left.size() > 1) {
      Aggregate one = left.remove(random.nextInt(left.size()));
      int at = random.nextInt(left.size());
      left.set(at, copy(one).merge(left.get(at)));
    }
    return copy(left.get(0));
  }

  /** Written and read. */
  private static Aggregate copy(Aggregate aggregate) throws IOException {
    byte[] bytes = bytes(aggregate);
    Decoder in = new Decoder(bytes);
    Aggregate read = Aggregate.readFrom(in);
    in.requireEnd();
    assertThat(read, equalTo(aggregate));
    assertThat(bytes(read), equalTo(bytes));
    return read;
  }

  private static byte[] bytes(Aggregate aggregate) {
    Encoder out = new Encoder();
    aggregate.writeTo(out);
    return out.toByteArray();
  }

  private static double quantile(Aggregate aggregate, double at) {
    return (Double) requireNonNull(aggregate.result(asking(at, null)));
  }

  private static long count(Aggregate distinct) {
    return (Long) requireNonNull(distinct.result(asking(null, null)));
  }

  private static Measure asking(@Nullable Double at, @Nullable Integer k) {
    return new Measure("asked", Function.COUNT, null, null, new Settings(at, k, null, null, null));
  }

  static FrequentValues frequent(Map<String, Long> counts) {
    TreeMap<String, Long> ascending = new TreeMap<>(counts);
    return FrequentValues.of(
        ascending.keySet().toArray(String[]::new),
        ascending.values().stream().mapToLong(Long::longValue).toArray());
  }
}
