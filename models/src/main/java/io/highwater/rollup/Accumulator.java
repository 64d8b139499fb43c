package io.highwater.rollup;

import io.highwater.contract.Measure;
import io.highwater.contract.RollUp;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A roll-up's measures of some rows of one key and window. Immutable. Merging is associative and
 * commutative exactly, sums of doubles included: any cut of the rows into batches, merged in any
 * order, gives equal accumulators. Sketches do so up to some hundred values; beyond, their results
 * are within a stated error (docs/measures.md).
 */
public final class Accumulator {
  private final long rowCount;
  private final Aggregate[] aggregates;

  /** Takes the array over. */
  Accumulator(long rowCount, Aggregate[] aggregates) {
    this.rowCount = rowCount;
    this.aggregates = aggregates;
  }

  /** Of no rows: counts are 0, all else is null. */
  public static Accumulator empty(RollUp rollUp) {
    List<Measure> kept = Slots.of(rollUp).kept();
    Aggregate[] aggregates = new Aggregate[kept.size()];
    for (int i = 0; i < aggregates.length; i++) {
      aggregates[i] = emptyOf(kept.get(i));
    }
    return new Accumulator(0, aggregates);
  }

  private static Aggregate emptyOf(Measure measure) {
    if (measure.settings().by() != null) {
      return Aggregate.NOTHING;
    }
    return switch (measure.function()) {
      case COUNT -> new Aggregate.Count(0);
      case DISTINCT -> Distinct.NONE;
      case SUM, MIN, MAX, LAST, QUANTILE, TOP, CORRELATION -> Aggregate.NOTHING;
    };
  }

  /** Of the rows of both; neither changes. */
  public Accumulator merge(Accumulator other) {
    if (aggregates.length != other.aggregates.length) {
      throw new IllegalArgumentException(
          "cannot merge "
              + aggregates.length
              + " measures with "
              + other.aggregates.length
              + "; expected accumulators of one roll-up");
    }
    Aggregate[] merged = new Aggregate[aggregates.length];
    for (int i = 0; i < merged.length; i++) {
      merged[i] = aggregates[i].merge(other.aggregates[i]);
    }
    return new Accumulator(rowCount + other.rowCount, merged);
  }

  /** How many rows this is of, whatever the measures make of them. */
  public long rowCount() {
    return rowCount;
  }

  /**
   * One a measure, in the contract's order: Long for counts, integers, sums of integers and
   * timestamps (microseconds since the epoch), Double, Boolean or String (also for JSON); null
   * where no row had a value, as in SQL. A sum of integers beyond 64 bits is the nearest long, a
   * sum of numbers is the exact sum rounded once to the nearest double (beyond its range, an
   * infinity).
   *
   * @param rollUp what the accumulator was made for
   */
  public List<@Nullable Object> results(RollUp rollUp) {
    int[] slots = Slots.of(rollUp).ofMeasure();
    List<Aggregate.Results> ofSlots = Arrays.stream(aggregates).map(Aggregate::results).toList();
    List<@Nullable Object> results = new ArrayList<>(slots.length);
    for (int i = 0; i < slots.length; i++) {
      results.add(ofSlots.get(slots[i]).of(rollUp.measures().get(i)));
    }
    return Collections.unmodifiableList(results);
  }

  /** Writes what {@link #readFrom} reads; equal accumulators give equal bytes. */
  public void writeTo(DataOutput out) throws IOException {
    Encoder encoder = new Encoder();
    encoder.writeUnsigned(rowCount);
    encoder.writeUnsigned(aggregates.length);
    for (Aggregate aggregate : aggregates) {
      aggregate.writeTo(encoder);
    }
    encoder.writeTo(out);
  }

  /** Reads what {@link #writeTo} wrote. */
  public static Accumulator readFrom(DataInput in) throws IOException {
    Decoder decoder = Decoder.readFrom(in);
    long rowCount = decoder.readUnsigned();
    Aggregate[] aggregates = new Aggregate[decoder.readLength()];
    for (int i = 0; i < aggregates.length; i++) {
      aggregates[i] = Aggregate.readFrom(decoder);
    }
    decoder.requireEnd();
    return new Accumulator(rowCount, aggregates);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Accumulator that
        && rowCount == that.rowCount
        && Arrays.equals(aggregates, that.aggregates);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(aggregates) + Long.hashCode(rowCount);
  }

  @Override
  public String toString() {
    return "Accumulator" + Arrays.toString(aggregates);
  }
}
