package io.highwater.features;

import io.highwater.contract.Contract;
import io.highwater.contract.Detector;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Hands rows to training with the encodings of strictly earlier days (UTC).
 *
 * <p>Why days and not rows: a model is served with encodings that end where its training ended, so
 * a scored row never has those of the minutes before it. Two of three queries repeat what came
 * within the last minute; if training saw that, the models would learn to rely on what is not there
 * when they serve. Days are what a daily training serves with.
 *
 * <p>The rows of the first day have no past: they are handed over too, with empty encodings, and
 * are better not learned from. Not thread-safe.
 */
public final class PrequentialEncodings {
  private static final long MICROS_PER_DAY = 86_400_000_000L;

  /** Takes rows of one day. */
  @FunctionalInterface
  public interface DayRows {
    /**
     * @param rows those of the day, ascending
     * @param earlier the encodings of strictly earlier days
     */
    void accept(VectorSchemaRoot batch, int[] rows, Encodings earlier);
  }

  private final String eventTime;
  private final EncodingsBuilder builder;
  private Encodings earlier = Encodings.empty();
  private long day = Long.MIN_VALUE;

  PrequentialEncodings(Contract contract, Detector detector, int maxSubjects) {
    eventTime = contract.eventTime();
    builder = new EncodingsBuilder(detector, eventTime, maxSubjects);
  }

  /** Of at most a million subjects: the most frequent are kept, of those as rare the latest. */
  public static PrequentialEncodings of(Contract contract, Detector detector) {
    return new PrequentialEncodings(contract, detector, EncodingsBuilder.MAX_SUBJECTS);
  }

  /**
   * Hands rows over, then learns from them.
   *
   * @param batch of days not before the last one; within a day in any order
   * @param rows those of {@link RowChoice#trainable}
   * @throws IllegalArgumentException where a row is of an earlier day than one before it
   */
  public void add(VectorSchemaRoot batch, int[] rows, DayRows handler) {
    TimeStampMicroVector times = (TimeStampMicroVector) RowChoice.column(batch, eventTime);
    SortedMap<Long, int[]> rowsByDay = new TreeMap<>();
    int start = 0;
    while (start < rows.length) {
      long of = Math.floorDiv(times.get(rows[start]), MICROS_PER_DAY);
      int end = start + 1;
      while (end < rows.length && Math.floorDiv(times.get(rows[end]), MICROS_PER_DAY) == of) {
        end++;
      }
      rowsByDay.merge(of, Arrays.copyOfRange(rows, start, end), PrequentialEncodings::concat);
      start = end;
    }
    rowsByDay.forEach(
        (of, rowsOfDay) -> {
          advanceTo(of);
          handler.accept(batch, rowsOfDay, earlier);
          builder.add(batch, rowsOfDay);
        });
  }

  private void advanceTo(long next) {
    if (next < day) {
      throw new IllegalArgumentException(
          "a row of day " + next + " comes after rows of day " + day + ", expected days in order");
    }
    if (next > day) {
      earlier = builder.build();
      day = next;
    }
  }

  /** The encodings of all rows until now, to be served with the model. */
  public Encodings build() {
    return builder.build();
  }

  private static int[] concat(int[] left, int[] right) {
    int[] both = Arrays.copyOf(left, left.length + right.length);
    System.arraycopy(right, 0, both, left.length, right.length);
    return both;
  }
}
