package io.highwater.trainer;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import io.highwater.features.Encodings;
import io.highwater.features.FeatureSet;
import io.highwater.features.Numbers;
import io.highwater.features.SplitMix64;
import io.highwater.features.SubjectValues;
import io.highwater.features.Targets;
import io.highwater.record.KeyHasher;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * A uniform sample of rows, without repetition: those with the least priorities, which are hashes
 * of their keys and the seed (bottom-k sampling: Cohen and Kaplan 2007). So the same rows give the
 * same sample in whatever order and batches they come. Memory is that of at most one and a half
 * times the rows that it may have. Not thread-safe.
 */
final class RowSample {
  /** Fewer rows are no sample. */
  static final int MIN_CAPACITY = 100;

  private static final int FIRST_ROOM = 4_096;

  private final Detector detector;
  private final String eventTime;
  private final FeatureSet features;
  private final KeyHasher hasher;
  private final int capacity;
  private final long seed;
  private final int columns;

  private int size;
  private long greatestPriority = Long.MAX_VALUE;
  private long trainableRows;
  private long allRows;
  private long[] priorities = new long[0];
  private long[] micros = new long[0];
  private float[] values = new float[0];
  private double[] actual = new double[0];
  private double[] known = new double[0];
  private double[] unknown = new double[0];
  private long[] subjects = new long[0];
  private long[] groups = new long[0];
  private float[] medians = new float[0];
  private float[] spreads = new float[0];
  private float[] counts = new float[0];

  /**
   * @param capacity the sample has at most so many rows
   */
  RowSample(Contract contract, Detector detector, FeatureSet features, int capacity, long seed) {
    this.detector = detector;
    this.eventTime = contract.eventTime();
    this.features = features;
    this.hasher = KeyHasher.of(contract);
    this.capacity = capacity;
    this.seed = SplitMix64.scramble(seed);
    this.columns = features.columns();
  }

  /** Counts a batch's rows, of any kind. */
  void count(VectorSchemaRoot batch) {
    allRows += batch.getRowCount();
  }

  /**
   * Offers rows.
   *
   * @param rows those that can be learned from
   * @param earlier what was usual before the day of the rows
   */
  void add(VectorSchemaRoot batch, int[] rows, Encodings earlier) {
    trainableRows += rows.length;
    ByteBuffer hashes = ByteBuffer.wrap(hasher.hash(batch));
    int[] chosen = new int[rows.length];
    long[] chosenPriorities = new long[rows.length];
    int count = 0;
    for (int row : rows) {
      long hash = hashes.getLong(row * KeyHasher.HASH_BYTES);
      long priority = SplitMix64.scramble(hash ^ seed) & Long.MAX_VALUE;
      if (priority <= greatestPriority) {
        chosen[count] = row;
        chosenPriorities[count++] = priority;
      }
    }
    append(batch, Arrays.copyOf(chosen, count), chosenPriorities, earlier);
    if (size > capacity + Math.max(capacity / 2, FIRST_ROOM)) {
      trim();
    }
  }

  private void append(VectorSchemaRoot batch, int[] rows, long[] rowPriorities, Encodings earlier) {
    makeRoom(size + rows.length);
    SubjectValues of = SubjectValues.of(batch, detector.subject(), rows, earlier);
    float[] filled = new float[rows.length * columns];
    features.fill(batch, rows, of, FloatBuffer.wrap(filled));
    System.arraycopy(filled, 0, values, size * columns, filled.length);
    System.arraycopy(rowPriorities, 0, priorities, size, rows.length);
    double[] targets = Numbers.read(batch.getVector(detector.target()), rows);
    System.arraycopy(targets, 0, actual, size, rows.length);
    System.arraycopy(Targets.known(batch, detector, rows), 0, known, size, rows.length);
    System.arraycopy(Targets.unknown(batch, detector, rows), 0, unknown, size, rows.length);
    System.arraycopy(of.subjects(), 0, subjects, size, rows.length);
    System.arraycopy(of.groups(), 0, groups, size, rows.length);
    System.arraycopy(of.medians(), 0, medians, size, rows.length);
    System.arraycopy(of.spreads(), 0, spreads, size, rows.length);
    System.arraycopy(of.counts(), 0, counts, size, rows.length);
    TimeStampMicroVector times = (TimeStampMicroVector) batch.getVector(eventTime);
    for (int i = 0; i < rows.length; i++) {
      micros[size + i] = times.get(rows[i]);
    }
    size += rows.length;
  }

  private void makeRoom(int wanted) {
    if (wanted <= actual.length) {
      return;
    }
    resize(Math.max(wanted, Math.max(FIRST_ROOM, actual.length + actual.length / 2)));
  }

  private void resize(int room) {
    priorities = Arrays.copyOf(priorities, room);
    micros = Arrays.copyOf(micros, room);
    values = Arrays.copyOf(values, room * columns);
    actual = Arrays.copyOf(actual, room);
    known = Arrays.copyOf(known, room);
    unknown = Arrays.copyOf(unknown, room);
    subjects = Arrays.copyOf(subjects, room);
    groups = Arrays.copyOf(groups, room);
    medians = Arrays.copyOf(medians, room);
    spreads = Arrays.copyOf(spreads, room);
    counts = Arrays.copyOf(counts, room);
  }

  /** Forgets all but the rows with the least priorities. */
  private void trim() {
    if (size <= capacity) {
      return;
    }
    long[] sorted = Arrays.copyOf(priorities, size);
    Arrays.sort(sorted);
    greatestPriority = sorted[capacity - 1];
    int kept = 0;
    for (int row = 0; row < size; row++) {
      // Rows with the same key have the same priority, and are all kept or not until the end.
      if (priorities[row] <= greatestPriority) {
        move(row, kept++);
      }
    }
    size = kept;
  }

  private void move(int from, int to) {
    if (from == to) {
      return;
    }
    priorities[to] = priorities[from];
    micros[to] = micros[from];
    System.arraycopy(values, from * columns, values, to * columns, columns);
    actual[to] = actual[from];
    known[to] = known[from];
    unknown[to] = unknown[from];
    subjects[to] = subjects[from];
    groups[to] = groups[from];
    medians[to] = medians[from];
    spreads[to] = spreads[from];
    counts[to] = counts[from];
  }

  /** The sample until now, in the order of event time; of no use afterwards. */
  SampledRows toRows() {
    trim();
    int[] order =
        IntStream.range(0, size)
            .boxed()
            .sorted(
                Comparator.<Integer>comparingLong(row -> micros[row])
                    .thenComparingLong(row -> priorities[row])
                    .thenComparingDouble(row -> actual[row]))
            .mapToInt(Integer::intValue)
            .limit(capacity)
            .toArray();
    float[] sorted = new float[order.length * columns];
    for (int i = 0; i < order.length; i++) {
      System.arraycopy(values, order[i] * columns, sorted, i * columns, columns);
    }
    values = new float[0];
    return new SampledRows(
        allRows,
        trainableRows,
        columns,
        pick(micros, order),
        sorted,
        new SubjectValues(
            pick(subjects, order),
            pick(groups, order),
            pick(medians, order),
            pick(spreads, order),
            pick(counts, order)),
        pick(actual, order),
        pick(known, order),
        pick(unknown, order));
  }

  private static double[] pick(double[] of, int[] order) {
    return Arrays.stream(order).mapToDouble(row -> of[row]).toArray();
  }

  private static long[] pick(long[] of, int[] order) {
    return Arrays.stream(order).mapToLong(row -> of[row]).toArray();
  }

  private static float[] pick(float[] of, int[] order) {
    float[] picked = new float[order.length];
    for (int i = 0; i < order.length; i++) {
      picked[i] = of[order[i]];
    }
    return picked;
  }
}
