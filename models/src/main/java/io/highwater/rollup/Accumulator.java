package io.highwater.rollup;

import io.highwater.contract.Measure;
import io.highwater.contract.RollUp;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A roll-up's measures of some rows of one key and window. Immutable. Merging is associative and
 * commutative exactly, sums of doubles included: any cut of the rows into batches, merged in any
 * order, gives equal accumulators.
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
    Aggregate[] aggregates = new Aggregate[rollUp.measures().size()];
    for (int i = 0; i < aggregates.length; i++) {
      aggregates[i] =
          rollUp.measures().get(i).function() == Measure.Function.COUNT
              ? new Aggregate.Count(0)
              : Aggregate.NOTHING;
    }
    return new Accumulator(0, aggregates);
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
   * timestamps (microseconds since the epoch), Double, Boolean or String; null where no row had a
   * value, as in SQL. A sum of integers beyond 64 bits is the nearest long, a sum of numbers is the
   * exact sum rounded once to the nearest double (beyond its range, an infinity).
   */
  public @Nullable Object[] results() {
    @Nullable Object[] results = new Object[aggregates.length];
    for (int i = 0; i < results.length; i++) {
      results[i] = aggregates[i].result();
    }
    return results;
  }

  /** Writes what {@link #readFrom} reads; equal accumulators give equal bytes. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeLong(rowCount);
    out.writeShort(aggregates.length);
    for (Aggregate aggregate : aggregates) {
      aggregate.writeTo(out);
    }
  }

  /** Reads what {@link #writeTo} wrote. */
  public static Accumulator readFrom(DataInput in) throws IOException {
    long rowCount = in.readLong();
    Aggregate[] aggregates = new Aggregate[in.readUnsignedShort()];
    for (int i = 0; i < aggregates.length; i++) {
      aggregates[i] = Aggregate.readFrom(in);
    }
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
    return "Accumulator" + Arrays.toString(results());
  }
}
