package io.highwater.rollup;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Condition;
import io.highwater.contract.RollUp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * Aggregates a batch by window and key: the first, by far the larger part of a roll-up. Stateless,
 * so threads may share one.
 *
 * <p>Each length of windows has partials of its own: a batch of history gives few for an hour,
 * where the partials of its ten minutes would each have to be merged.
 */
public final class PartialAggregator {
  private static final long MICROS_PER_MILLI = 1000;

  private final String eventTime;
  private final RollUp rollUp;
  private final List<Duration> windows;
  private final List<Measure> kept;

  private PartialAggregator(Contract contract, List<Duration> windows) {
    eventTime = contract.eventTime();
    rollUp = contract.rollUp();
    this.windows = List.copyOf(windows);
    kept = Slots.of(rollUp).kept();
    for (Measure measure : rollUp.measures()) {
      check(contract, measure);
    }
  }

  /**
   * For all windows of the contract's roll-up.
   *
   * @throws IllegalArgumentException where a measure does not fit its columns' types
   */
  public static PartialAggregator of(Contract contract) {
    return new PartialAggregator(contract, contract.rollUp().windows());
  }

  /** For windows of one length alone. */
  public static PartialAggregator of(Contract contract, Duration window) {
    return new PartialAggregator(contract, List.of(window));
  }

  private static void check(Contract contract, Measure measure) {
    if (measure.function() != Measure.Function.COUNT) {
      requireNumbers(contract, measure, GroupAggregates.columnOf(measure));
    }
    if (measure.function() == Measure.Function.CORRELATION) {
      requireNumbers(contract, measure, GroupAggregates.withOf(measure));
    }
    String by = measure.settings().by();
    if (by != null) {
      contract.typeOf(by);
    }
    Condition where = measure.where();
    if (where != null && !fits(contract.typeOf(where.column()), where.equalTo())) {
      throw new IllegalArgumentException(
          "measure '"
              + measure.name()
              + "' compares '"
              + where.column()
              + "', a "
              + contract.typeOf(where.column()).logicalType()
              + ", with "
              + (where.equalTo() == null ? "true" : "'" + where.equalTo() + "'"));
    }
  }

  private static void requireNumbers(Contract contract, Measure measure, String column) {
    FieldType type = contract.typeOf(column);
    boolean needed =
        switch (measure.function()) {
          case SUM, QUANTILE, CORRELATION -> true;
          case COUNT, MIN, MAX, LAST, DISTINCT, TOP -> false;
        };
    if (needed && type != FieldType.INTEGER && type != FieldType.NUMBER) {
      throw new IllegalArgumentException(
          "measure '"
              + measure.name()
              + "' ("
              + measure.function()
              + ") takes '"
              + column
              + "', a "
              + type.logicalType()
              + "; expected an integer or a number");
    }
  }

  /** Whether a column of this type can have the value; null stands for true. */
  private static boolean fits(FieldType type, @Nullable String value) {
    if (value == null) {
      return type == FieldType.BOOLEAN;
    }
    try {
      switch (type) {
        case INTEGER -> Long.parseLong(value);
        case NUMBER -> Double.parseDouble(value);
        case STRING -> {}
        case BOOLEAN -> {
          return value.equals("true") || value.equals("false");
        }
        case TIMESTAMP -> {
          return false;
        }
      }
      return true;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  /**
   * One partial for each window and key that occurs, in no particular order. A row whose key is
   * null belongs to the key null, as in SQL.
   *
   * @param events rows of {@link io.highwater.record.RecordSchemas#events}; not changed
   * @throws IllegalArgumentException where a row has no event time
   */
  public List<Partial> aggregate(VectorSchemaRoot events) {
    if (events.getRowCount() == 0) {
      return List.of();
    }
    BatchColumns batch = new BatchColumns(events);
    Column.Longs times = batch.longs(eventTime);
    requireTimes(times);
    List<Partial> partials = new ArrayList<>();
    for (Duration window : windows) {
      aggregate(batch, times, window.toMillis(), partials);
    }
    return partials;
  }

  private void aggregate(
      BatchColumns batch, Column.Longs times, long windowMillis, List<Partial> partials) {
    Groups groups = new Groups(times.values.length);
    long[] starts = windowStarts(times.values, Math.multiplyExact(windowMillis, MICROS_PER_MILLI));
    groups.splitBy(new Column.Longs(starts));
    for (String key : rollUp.keys()) {
      groups.splitBy(batch.column(key));
    }
    long[] rowCounts = new long[groups.count];
    for (int group : groups.ids) {
      rowCounts[group]++;
    }
    Aggregate[][] aggregates = new Aggregate[groups.count][kept.size()];
    for (int i = 0; i < kept.size(); i++) {
      Aggregate[] ofMeasure = GroupAggregates.of(kept.get(i), batch, times, groups);
      for (int group = 0; group < groups.count; group++) {
        aggregates[group][i] = ofMeasure[group];
      }
    }
    for (int group = 0; group < groups.count; group++) {
      int row = groups.firstRows[group];
      partials.add(
          new Partial(
              Math.floorDiv(starts[row], MICROS_PER_MILLI),
              windowMillis,
              keyOf(batch, row),
              new Accumulator(rowCounts[group], aggregates[group])));
    }
  }

  private void requireTimes(Column.Longs times) {
    for (int row = 0; row < times.valid.length; row++) {
      if (times.valid[row] == 0) {
        throw new IllegalArgumentException(
            "row " + row + " has no '" + eventTime + "'; expected an event time in every row");
      }
    }
  }

  private static long[] windowStarts(long[] micros, long windowMicros) {
    long[] starts = new long[micros.length];
    long start = 0;
    for (int row = 0; row < starts.length; row++) {
      long since = micros[row] - start;
      // Rows of one batch are mostly of one window, and a division is slow.
      if (since < 0 || since >= windowMicros) {
        start = Math.floorDiv(micros[row], windowMicros) * windowMicros;
      }
      starts[row] = start;
    }
    return starts;
  }

  private RollUpKey keyOf(BatchColumns batch, int row) {
    @Nullable Object[] values = new Object[rollUp.keys().size()];
    for (int i = 0; i < values.length; i++) {
      Column column = batch.column(rollUp.keys().get(i));
      values[i] = column.valid[row] == 0 ? null : column.value(row);
    }
    return RollUpKey.of(values);
  }
}
