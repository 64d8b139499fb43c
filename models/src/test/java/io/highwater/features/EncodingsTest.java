package io.highwater.features;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.record.RowSelection;
import io.highwater.record.WarehouseRows;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.hamcrest.Matchers;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EncodingsTest {
  private static final Contract CONTRACT = WarehouseRows.contract();
  private static final Detector DETECTOR = Objects.requireNonNull(CONTRACT.detector());
  private static final long DAY_MILLIS = 86_400_000;

  @TempDir Path folder;

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void hasGivenBackItsMemory() {
    allocator.close();
  }

  /** One row as a person reads it. */
  private record Row(@Nullable String instance, @Nullable String subject, long micros, float log) {}

  private static List<Row> rowsOf(VectorSchemaRoot batch, int[] rows) {
    List<Row> read = new ArrayList<>();
    for (int row : rows) {
      Object instance = batch.getVector("instance_id").getObject(row);
      Object fingerprint = batch.getVector("feature_fingerprint").getObject(row);
      long execution = ((BigIntVector) batch.getVector("execution_duration_ms")).get(row);
      long micros = ((TimeStampMicroVector) batch.getVector("arrival_timestamp")).get(row);
      read.add(
          new Row(
              instance == null ? null : instance.toString(),
              instance == null || fingerprint == null ? null : instance + "/" + fingerprint,
              micros,
              (float) Math.log1p(execution)));
    }
    return read;
  }

  /** The middles of the buckets of the values, sorted. */
  private static List<Float> bucketed(List<Float> values) {
    List<Float> middles = new ArrayList<>();
    for (float value : values) {
      middles.add((float) (Math.floor(value * 32) + 0.5) / 32);
    }
    Collections.sort(middles);
    return middles;
  }

  private static Usual naiveUsual(List<Float> values) {
    List<Float> middles = bucketed(values);
    int half = (values.size() + 1) / 2 - 1;
    float median = middles.get(half);
    List<Float> distances = new ArrayList<>();
    middles.forEach(value -> distances.add(Math.abs(value - median)));
    Collections.sort(distances);
    int p95 = (int) Math.ceil(Math.round(values.size() * 95.0) / 100.0) - 1;
    return new Usual(values.size(), median, distances.get(half), middles.get(p95));
  }

  /** Shrunk median, shrunk spread, count of the subject, by plain loops over all rows before. */
  private static float[] naive(Row row, List<Row> earlier) {
    double median = Double.NaN;
    double spread = Double.NaN;
    long count = 0;
    List<List<Float>> levels = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (Row other : earlier) {
      levels.get(0).add(other.log);
      if (row.instance != null && row.instance.equals(other.instance)) {
        levels.get(1).add(other.log);
      }
      if (row.subject != null && row.subject.equals(other.subject)) {
        levels.get(2).add(other.log);
      }
    }
    for (int level = 0; level < 3; level++) {
      List<Float> values = levels.get(level);
      if (values.isEmpty()) {
        continue;
      }
      Usual usual = naiveUsual(values);
      double own = level == 0 ? 1 : usual.count() / (usual.count() + 8.0);
      median = own * usual.median() + (own == 1 ? 0 : (1 - own) * (float) median);
      spread = own * usual.spread() + (own == 1 ? 0 : (1 - own) * (float) spread);
      count = level == 2 ? usual.count() : 0;
    }
    return new float[] {(float) median, (float) spread, count};
  }

  private static List<float[]> looked(VectorSchemaRoot batch, int[] rows, Encodings encodings) {
    SubjectValues values = SubjectValues.of(batch, DETECTOR.subject(), rows, encodings);
    List<float[]> looked = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      looked.add(new float[] {values.medians()[i], values.spreads()[i], values.counts()[i]});
    }
    return looked;
  }

  private static void assertSame(List<float[]> actual, List<float[]> expected) {
    assertThat(
        actual.stream().map(Arrays::toString).toList(),
        equalTo(expected.stream().map(Arrays::toString).toList()));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void areThoseOfANaiveLoopOverAllRowsOfEarlierDays(long seed) {
    // Four days in batches that end within a day and reach over days.
    List<Row> seen = new ArrayList<>();
    Map<Long, List<Row>> byDay = new TreeMap<>();
    List<float[]> actual = new ArrayList<>();
    List<float[]> expected = new ArrayList<>();
    PrequentialEncodings encodings = PrequentialEncodings.of(CONTRACT, DETECTOR);
    try (VectorSchemaRoot all =
        WarehouseRows.sorted(seed, 1_200, 4 * DAY_MILLIS / 1_200, allocator)) {
      for (int start = 0; start < 1_200; start += 170) {
        int[] part = new int[Math.min(170, 1_200 - start)];
        for (int i = 0; i < part.length; i++) {
          part[i] = start + i;
        }
        try (VectorSchemaRoot batch = RowSelection.take(all, part, part.length, allocator)) {
          encodings.add(
              batch,
              RowChoice.of(DETECTOR).trainable(batch),
              (rows, ofDay, earlier) -> {
                List<Row> now = rowsOf(rows, ofDay);
                long day = now.get(0).micros / (DAY_MILLIS * 1000);
                List<Row> before = new ArrayList<>();
                byDay.forEach((of, rowsOfDay) -> before.addAll(of < day ? rowsOfDay : List.of()));
                now.forEach(row -> expected.add(naive(row, before)));
                actual.addAll(looked(rows, ofDay, earlier));
                byDay.computeIfAbsent(day, of -> new ArrayList<>()).addAll(now);
                seen.addAll(now);
              });
        }
      }
      assertThat(byDay.size(), is(4));
      assertSame(actual, expected);
      int[] trainable = RowChoice.of(DETECTOR).trainable(all);
      assertSame(
          looked(all, trainable, encodings.build()),
          rowsOf(all, trainable).stream().map(row -> naive(row, seen)).toList());
    }
  }

  @Test
  void medianAndP95AreWithinHalfABucketOfTheExactOnes() {
    Random random = new Random(5);
    long[] histogram = LogHistogram.EMPTY;
    float[] values = new float[999];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.abs(7 + 2 * random.nextGaussian());
      histogram = LogHistogram.add(histogram, values[i]);
    }
    Arrays.sort(values);
    Usual usual = LogHistogram.usual(histogram);

    assertThat(usual.count(), is(999L));
    assertThat((double) usual.median(), closeTo(values[499], 1 / 64.0));
    assertThat((double) usual.p95(), closeTo(values[949], 1 / 64.0));
  }

  @Test
  void aRowOfAnEarlierDayIsRefused() {
    PrequentialEncodings encodings = PrequentialEncodings.of(CONTRACT, DETECTOR);
    try (VectorSchemaRoot twoDays = WarehouseRows.sorted(1, 20, DAY_MILLIS / 10, allocator)) {
      int[] rows = RowChoice.of(DETECTOR).trainable(twoDays);
      encodings.add(twoDays, rows, (batch, ofDay, earlier) -> {});

      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> encodings.add(twoDays, rows, (batch, ofDay, earlier) -> {}));

      assertThat(e.getMessage(), containsString("expected days in order"));
    }
  }

  @Test
  void theOrderOfRowsMakesNoDifference() throws IOException {
    try (VectorSchemaRoot rows = WarehouseRows.sorted(9, 3_000, 1000, allocator)) {
      int[] forward = RowChoice.of(DETECTOR).trainable(rows);
      int[] backward = forward.clone();
      for (int i = 0; i < forward.length; i++) {
        backward[i] = forward[forward.length - 1 - i];
      }
      byte[][] files = new byte[2][];
      for (int i = 0; i < 2; i++) {
        EncodingsBuilder builder = new EncodingsBuilder(DETECTOR, CONTRACT.eventTime(), 10_000);
        builder.add(rows, i == 0 ? forward : backward);
        Path file = folder.resolve(i + ".arrow");
        EncodingsFile.write(builder.build(), file);
        files[i] = Files.readAllBytes(file);
      }
      assertThat(files[0], equalTo(files[1]));
    }
  }

  /** Keys 1 to 60; the first 20 come five times, the next 20 twice, the rest once. */
  @Test
  void keepsTheMostFrequentAndOfThoseAsRareTheLatest() {
    SubjectHistograms histograms = new SubjectHistograms(59);
    for (int times = 0; times < 5; times++) {
      for (long key = 1; key <= 60; key++) {
        if (times < (key <= 20 ? 5 : key <= 40 ? 2 : 1)) {
          // Of the keys that come once, low ones are the latest.
          histograms.add(key, 7, key, 1000 * times + (key > 40 ? 100 - key : key));
        }
      }
    }
    assertThat(histograms.isFull(), is(true));

    SubjectHistograms kept = histograms.trimmed();

    // Three quarters of 59: 44 keys.
    assertThat(kept.isFull(), is(false));
    long[] expected = new long[44];
    Arrays.setAll(expected, i -> i + 1);
    assertThat(kept.toTable().keys(), equalTo(expected));
    assertThat(kept.toTable().counts()[19], is(5L));
    assertThat(kept.toTable().counts()[20], is(2L));
    assertThat(kept.toTable().parents()[20], is(7L));
  }

  @Test
  void holdsNoMoreSubjectsThanItMay() {
    EncodingsBuilder builder = new EncodingsBuilder(DETECTOR, CONTRACT.eventTime(), 100);
    Map<String, Integer> counts = new HashMap<>();
    for (int seed = 0; seed < 5; seed++) {
      try (VectorSchemaRoot rows = WarehouseRows.sorted(seed, 4_000, 1, allocator)) {
        int[] trainable = RowChoice.of(DETECTOR).trainable(rows);
        builder.add(rows, trainable);
        rowsOf(rows, trainable).forEach(row -> counts.merge(row.subject + "", 1, Integer::sum));
      }
    }
    assertThat(counts.size(), Matchers.greaterThan(5_000));
    assertThat(builder.build().subjectCount(), lessThanOrEqualTo(100));
    assertThat(
        builder.build().all().usual(0).count(),
        is(counts.values().stream().mapToLong(i -> i).sum()));
  }

  private Encodings someEncodings() {
    EncodingsBuilder builder = new EncodingsBuilder(DETECTOR, CONTRACT.eventTime(), 100_000);
    try (VectorSchemaRoot rows = WarehouseRows.sorted(4, 3_000, 100, allocator)) {
      builder.add(rows, RowChoice.of(DETECTOR).trainable(rows));
    }
    return builder.build();
  }

  @Test
  void aFileGivesTheSameEncodings() throws IOException {
    Encodings encodings = someEncodings();
    Path file = folder.resolve("encodings.arrow");
    EncodingsFile.write(encodings, file);

    Encodings read = EncodingsFile.read(file);

    assertThat(read.subjectCount(), is(encodings.subjectCount()));
    try (VectorSchemaRoot rows = WarehouseRows.sorted(77, 5_000, 100, allocator)) {
      int[] all = RowChoice.of(DETECTOR).scorable(rows);
      assertSame(looked(rows, all, read), looked(rows, all, encodings));
    }
    Path second = folder.resolve("again.arrow");
    EncodingsFile.write(read, second);
    assertThat(Files.readAllBytes(second), equalTo(Files.readAllBytes(file)));
  }

  @Test
  void emptyEncodingsGoThroughAFileToo() throws IOException {
    Path file = folder.resolve("encodings.arrow");
    EncodingsFile.write(Encodings.empty(), file);

    assertThat(EncodingsFile.read(file).subjectCount(), is(0));
  }

  /** The manifest's digest finds the rest: a changed digit is a number too. */
  @Test
  void aDamagedFileIsRefusedInOneLineOrStillEncodings() throws IOException {
    Path file = folder.resolve("encodings.arrow");
    EncodingsFile.write(someEncodings(), file);
    byte[] bytes = Files.readAllBytes(file);
    Random random = new Random(8);
    for (int i = 0; i < 60; i++) {
      boolean cut = i % 3 == 0;
      byte[] broken = cut ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes.clone();
      if (!cut) {
        broken[random.nextInt(i % 3 == 1 ? 400 : bytes.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(file, broken);
      try {
        EncodingsFile.read(file);
        assertThat("a part of a file was read", !cut);
      } catch (IOException e) {
        assertThat(e.getMessage(), startsWith("encodings.arrow"));
        assertThat(e.getMessage(), not(containsString("\n")));
      }
    }
  }

  @Test
  void aFileOfOtherColumnsIsRefused() throws IOException {
    Path file = folder.resolve("encodings.arrow");
    Files.write(
        file,
        "no Arrow file, but long enough to hold its magic and footer"
            .getBytes(StandardCharsets.US_ASCII));

    IOException e = assertThrows(IOException.class, () -> EncodingsFile.read(file));

    assertThat(e.getMessage(), startsWith("encodings.arrow"));
  }

  @Test
  void rowsWithoutAFingerprintAreOfNoSubject() {
    try (VectorSchemaRoot rows = WarehouseRows.sorted(4, 10, 100, allocator)) {
      ((VarCharVector) rows.getVector("feature_fingerprint")).setNull(3);
      ((BigIntVector) rows.getVector("instance_id")).setNull(4);
      Subjects of = Subjects.of(rows, DETECTOR.subject(), new int[] {3, 4});

      assertThat(of.subjects(), equalTo(new long[] {0, 0}));
      assertThat(of.groups()[0] != 0, is(true));
      assertThat(of.groups()[1], is(0L));
    }
  }

  /** In files of models: another value would make every subject unknown. */
  @Test
  void hashesStay() {
    try (VectorSchemaRoot rows = WarehouseRows.sorted(4, 1, 100, allocator)) {
      ((BigIntVector) rows.getVector("instance_id")).set(0, 17);
      ((VarCharVector) rows.getVector("feature_fingerprint"))
          .setSafe(0, "abc".getBytes(StandardCharsets.US_ASCII));
      Subjects of = Subjects.of(rows, DETECTOR.subject(), new int[] {0});

      assertThat(
          Long.toHexString(of.groups()[0]) + " " + Long.toHexString(of.subjects()[0]),
          equalTo("dfd7c29615e5ffae 4ce20bbe1dc57fa4"));
    }
  }
}
