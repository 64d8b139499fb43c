package io.highwater.rollup;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Condition;
import io.highwater.contract.RollUp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * Aggregates a batch by bucket of event time and key: the first, by far the larger part of a
 * roll-up. Stateless, so threads may share one.
 */
public final class PartialAggregator {
  private static final long MICROS_PER_MILLI = 1000;

  private final String eventTime;
  private final RollUp rollUp;
  private final long bucketMicros;
  private final List<Measure> kept;

  private PartialAggregator(Contract contract, Duration bucket) {
    eventTime = contract.eventTime();
    rollUp = contract.rollUp();
    kept = Slots.of(rollUp).kept();
    bucketMicros = Math.multiplyExact(bucket.toMillis(), MICROS_PER_MILLI);
    for (Measure measure : rollUp.measures()) {
      check(contract, measure);
    }
  }

  /**
   * For the contract's roll-up.
   *
   * @param bucket the length of the windows that the partials are for, or a divisor of it: the
   *     larger, the fewer partials a batch gives
   * @throws IllegalArgumentException where a measure does not fit its columns' types
   */
  public static PartialAggregator of(Contract contract, Duration bucket) {
    return new PartialAggregator(contract, bucket);
  }

  private static void check(Contract contract, Measure measure) {
    if (measure.function() != Measure.Function.COUNT) {
      requireNumbers(contract, measure, columnOf(measure));
    }
    if (measure.function() == Measure.Function.CORRELATION) {
      requireNumbers(contract, measure, withOf(measure));
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
   * One partial for each (bucket, key) that occurs, in no particular order. A row whose key is null
   * belongs to the key null, as in SQL.
   *
   * @param events rows of {@link io.highwater.record.RecordSchemas#events}; not changed
   * @throws IllegalArgumentException where a row has no event time
   */
  public List<Partial> aggregate(VectorSchemaRoot events) {
    if (events.getRowCount() == 0) {
      return List.of();
    }
    Batch batch = new Batch(events);
    Column.Longs times = batch.longs(eventTime);
    Groups groups = new Groups(events.getRowCount());
    long[] buckets = bucketStarts(times);
    groups.splitBy(new Column.Longs(buckets));
    for (String key : rollUp.keys()) {
      groups.splitBy(batch.column(key));
    }
    long[] rowCounts = new long[groups.count];
    for (int group : groups.ids) {
      rowCounts[group]++;
    }
    Aggregate[][] aggregates = new Aggregate[groups.count][kept.size()];
    for (int i = 0; i < kept.size(); i++) {
      Aggregate[] ofMeasure = aggregate(kept.get(i), batch, times, groups);
      for (int group = 0; group < groups.count; group++) {
        aggregates[group][i] = ofMeasure[group];
      }
    }
    List<Partial> partials = new ArrayList<>(groups.count);
    for (int group = 0; group < groups.count; group++) {
      int row = groups.firstRows[group];
      partials.add(
          new Partial(
              Math.floorDiv(buckets[row], MICROS_PER_MILLI),
              bucketMicros / MICROS_PER_MILLI,
              keyOf(batch, row),
              new Accumulator(rowCounts[group], aggregates[group])));
    }
    return partials;
  }

  private long[] bucketStarts(Column.Longs times) {
    long[] starts = new long[times.values.length];
    long start = 0;
    for (int row = 0; row < starts.length; row++) {
      if (times.valid[row] == 0) {
        throw new IllegalArgumentException(
            "row " + row + " has no '" + eventTime + "'; expected an event time in every row");
      }
      long micros = times.values[row];
      long since = micros - start;
      // Rows of one batch are mostly of one bucket, and a division is slow.
      if (since < 0 || since >= bucketMicros) {
        start = Math.floorDiv(micros, bucketMicros) * bucketMicros;
      }
      starts[row] = start;
    }
    return starts;
  }

  private RollUpKey keyOf(Batch batch, int row) {
    @Nullable Object[] values = new Object[rollUp.keys().size()];
    for (int i = 0; i < values.length; i++) {
      Column column = batch.column(rollUp.keys().get(i));
      values[i] = column.valid[row] == 0 ? null : column.value(row);
    }
    return RollUpKey.of(values);
  }

  /** One a group. */
  private static Aggregate[] aggregate(
      Measure measure, Batch batch, Column.Longs times, Groups groups) {
    String by = measure.settings().by();
    if (by != null) {
      return byValue(measure, batch, batch.column(by), groups);
    }
    return switch (measure.function()) {
      case COUNT -> counts(batch.where(measure.where()), groups);
      case SUM -> sums(batch.column(columnOf(measure)), batch.taken(measure), groups);
      case MIN, MAX, LAST -> chosen(measure, batch, times, groups);
      case QUANTILE -> quantiles(batch.numbers(columnOf(measure)), batch.taken(measure), groups);
      case DISTINCT -> distinct(batch.column(columnOf(measure)), batch.taken(measure), groups);
      case TOP -> top(measure, batch, groups);
      case CORRELATION -> correlations(measure, batch, groups);
    };
  }

  /** Counts or sums of the groups' parts by another column, as {@link ByValue}. */
  private static Aggregate[] byValue(Measure measure, Batch batch, Column by, Groups groups) {
    Groups parts = new Groups(groups);
    parts.splitBy(by);
    long[] rows = rowCounts(batch.taken(measure), parts);
    Aggregate[] ofParts =
        measure.function() == Measure.Function.COUNT
            ? counts(batch.where(measure.where()), parts)
            : sums(batch.column(columnOf(measure)), batch.taken(measure), parts);
    List<SortedMap<String, Aggregate>> ofGroups = new ArrayList<>();
    for (int group = 0; group < groups.count; group++) {
      ofGroups.add(new TreeMap<>());
    }
    for (int part = 0; part < parts.count; part++) {
      int row = parts.firstRows[part];
      if (rows[part] > 0 && by.valid[row] != 0) {
        ofGroups.get(groups.ids[row]).put(by.value(row).toString(), ofParts[part]);
      }
    }
    return ofGroups.stream()
        .map(values -> values.isEmpty() ? Aggregate.NOTHING : new ByValue(values))
        .toArray(Aggregate[]::new);
  }

  private static long[] rowCounts(byte[] taken, Groups groups) {
    int[] ids = groups.ids;
    long[] counts = new long[groups.count];
    for (int row = 0; row < ids.length; row++) {
      counts[ids[row]] += taken[row];
    }
    return counts;
  }

  private static Aggregate[] quantiles(double[] values, byte[] taken, Groups groups) {
    long[] counts = rowCounts(taken, groups);
    double[][] ofGroups = new double[groups.count][];
    for (int group = 0; group < groups.count; group++) {
      ofGroups[group] = new double[(int) counts[group]];
    }
    int[] filled = new int[groups.count];
    for (int row = 0; row < taken.length; row++) {
      if (taken[row] != 0) {
        int group = groups.ids[row];
        ofGroups[group][filled[group]++] = values[row];
      }
    }
    Aggregate[] aggregates = new Aggregate[groups.count];
    for (int group = 0; group < groups.count; group++) {
      aggregates[group] =
          ofGroups[group].length == 0 ? Aggregate.NOTHING : Quantiles.of(ofGroups[group]);
    }
    return aggregates;
  }

  private static Aggregate[] distinct(Column column, byte[] taken, Groups groups) {
    Groups values = new Groups(groups);
    values.splitBy(column);
    long[] rows = rowCounts(taken, values);
    int[] counts = new int[groups.count];
    for (int value = 0; value < values.count; value++) {
      counts[groups.ids[values.firstRows[value]]] += rows[value] > 0 ? 1 : 0;
    }
    long[][] ofGroups = new long[groups.count][];
    for (int group = 0; group < groups.count; group++) {
      ofGroups[group] = new long[counts[group]];
    }
    for (int value = 0; value < values.count; value++) {
      int row = values.firstRows[value];
      if (rows[value] > 0) {
        int group = groups.ids[row];
        ofGroups[group][--counts[group]] = column.bits(row);
      }
    }
    return Arrays.stream(ofGroups).map(Distinct::of).toArray(Aggregate[]::new);
  }

  private static Aggregate[] top(Measure measure, Batch batch, Groups groups) {
    Column column = batch.column(columnOf(measure));
    // Lists repeat: each is cut into its values once a batch.
    Groups texts = new Groups(groups);
    texts.splitBy(column);
    long[] rows = rowCounts(batch.taken(measure), texts);
    List<Map<String, Long>> counts = new ArrayList<>();
    for (int group = 0; group < groups.count; group++) {
      counts.add(new HashMap<>());
    }
    String separator = measure.settings().separator();
    for (int text = 0; text < texts.count; text++) {
      if (rows[text] > 0) {
        int row = texts.firstRows[text];
        long times = rows[text];
        Map<String, Long> ofGroup = counts.get(groups.ids[row]);
        forEachPart(
            column.value(row).toString(), separator, part -> ofGroup.merge(part, times, Long::sum));
      }
    }
    return counts.stream()
        .map(values -> values.isEmpty() ? Aggregate.NOTHING : FrequentValues.of(values))
        .toArray(Aggregate[]::new);
  }

  /** The parts of a list without the spaces around them; empty ones are none. */
  private static void forEachPart(
      String list, @Nullable String separator, Consumer<String> consumer) {
    if (separator == null) {
      consumer.accept(list);
      return;
    }
    int start = 0;
    while (start <= list.length()) {
      int end = list.indexOf(separator, start);
      end = end < 0 ? list.length() : end;
      String part = list.substring(start, end).strip();
      if (!part.isEmpty()) {
        consumer.accept(part);
      }
      start = end + separator.length();
    }
  }

  private static Aggregate[] correlations(Measure measure, Batch batch, Groups groups) {
    byte[] taken = batch.taken(measure).clone();
    byte[] validWith = batch.column(withOf(measure)).valid;
    for (int row = 0; row < taken.length; row++) {
      taken[row] &= validWith[row];
    }
    double[] x = batch.numbers(columnOf(measure));
    double[] y = batch.numbers(withOf(measure));
    @Nullable ExactSum[] sumsOfX = BatchSums.ofDoubles(x, taken, groups.ids, groups.count);
    @Nullable ExactSum[] sumsOfY = BatchSums.ofDoubles(y, taken, groups.ids, groups.count);
    @Nullable ExactSum[] sumsOfXx = BatchSums.ofProducts(x, x, taken, groups.ids, groups.count);
    @Nullable ExactSum[] sumsOfYy = BatchSums.ofProducts(y, y, taken, groups.ids, groups.count);
    @Nullable ExactSum[] sumsOfXy = BatchSums.ofProducts(x, y, taken, groups.ids, groups.count);
    long[] rows = rowCounts(taken, groups);
    Aggregate[] aggregates = new Aggregate[groups.count];
    for (int group = 0; group < groups.count; group++) {
      aggregates[group] =
          rows[group] == 0
              ? Aggregate.NOTHING
              : new Correlation(
                  rows[group],
                  requireNonNull(sumsOfX[group]),
                  requireNonNull(sumsOfY[group]),
                  requireNonNull(sumsOfXx[group]),
                  requireNonNull(sumsOfYy[group]),
                  requireNonNull(sumsOfXy[group]));
    }
    return aggregates;
  }

  private static Aggregate[] counts(byte[] taken, Groups groups) {
    long[] counts = rowCounts(taken, groups);
    Aggregate[] aggregates = new Aggregate[groups.count];
    for (int group = 0; group < groups.count; group++) {
      aggregates[group] = new Aggregate.Count(counts[group]);
    }
    return aggregates;
  }

  private static Aggregate[] sums(Column column, byte[] taken, Groups groups) {
    Aggregate[] aggregates = new Aggregate[groups.count];
    Arrays.fill(aggregates, Aggregate.NOTHING);
    if (column instanceof Column.Longs longs) {
      @Nullable ExactSum[] sums = BatchSums.ofLongs(longs.values, taken, groups.ids, groups.count);
      for (int group = 0; group < groups.count; group++) {
        ExactSum sum = sums[group];
        if (sum != null) {
          aggregates[group] = new Aggregate.IntegerSum(sum);
        }
      }
    } else if (column instanceof Column.Doubles doubles) {
      @Nullable ExactSum[] sums =
          BatchSums.ofDoubles(doubles.values, taken, groups.ids, groups.count);
      for (int group = 0; group < groups.count; group++) {
        ExactSum sum = sums[group];
        if (sum != null) {
          aggregates[group] = new Aggregate.NumberSum(sum);
        }
      }
    }
    return aggregates;
  }

  /** The functions whose result is the value of one row. */
  private static Aggregate[] chosen(
      Measure measure, Batch batch, Column.Longs times, Groups groups) {
    Column column = batch.column(columnOf(measure));
    byte[] taken = batch.taken(measure);
    int[] chosen = new int[groups.count];
    Arrays.fill(chosen, -1);
    for (int row = 0; row < taken.length; row++) {
      if (taken[row] != 0) {
        int group = groups.ids[row];
        int rival = chosen[group];
        if (rival < 0 || isBetter(measure.function(), column, times.values, row, rival)) {
          chosen[group] = row;
        }
      }
    }
    Aggregate[] aggregates = new Aggregate[groups.count];
    for (int group = 0; group < groups.count; group++) {
      int row = chosen[group];
      if (row < 0) {
        aggregates[group] = Aggregate.NOTHING;
        continue;
      }
      Object value = column.value(row);
      aggregates[group] =
          switch (measure.function()) {
            case MIN -> new Aggregate.Least(value);
            case MAX -> new Aggregate.Greatest(value);
            case LAST -> new Aggregate.Last(times.values[row], value);
            case COUNT, SUM, QUANTILE, DISTINCT, TOP, CORRELATION ->
                throw new IllegalStateException(measure.toString());
          };
    }
    return aggregates;
  }

  private static boolean isBetter(
      Measure.Function function, Column column, long[] times, int row, int rival) {
    if (function == Measure.Function.LAST && times[row] != times[rival]) {
      return times[row] > times[rival];
    }
    int order = column.compare(row, rival);
    return function == Measure.Function.MIN ? order < 0 : order > 0;
  }

  private static String columnOf(Measure measure) {
    String column = measure.column();
    if (column == null) {
      throw new IllegalArgumentException(
          "measure '" + measure.name() + "' (" + measure.function() + ") names no column");
    }
    return column;
  }

  private static String withOf(Measure measure) {
    String with = measure.settings().with();
    if (with == null) {
      throw new IllegalArgumentException(
          "measure '" + measure.name() + "' correlates '" + measure.column() + "' with no column");
    }
    return with;
  }

  /** The batch's columns and conditions, each read once. */
  private static final class Batch {
    private final VectorSchemaRoot events;
    private final Map<String, Column> columns = new HashMap<>();
    private final Map<Condition, byte[]> conditions = new HashMap<>();
    private final byte[] all;

    Batch(VectorSchemaRoot events) {
      this.events = events;
      all = new byte[events.getRowCount()];
      Arrays.fill(all, (byte) 1);
    }

    Column column(String name) {
      return columns.computeIfAbsent(name, this::read);
    }

    Column.Longs longs(String name) {
      if (column(name) instanceof Column.Longs longs) {
        return longs;
      }
      throw new IllegalArgumentException("column '" + name + "' is not a timestamp");
    }

    /** The values of a column of numbers; of no meaning in rows that have none. */
    double[] numbers(String name) {
      if (column(name) instanceof Column.Doubles doubles) {
        return doubles.values;
      }
      if (column(name) instanceof Column.Longs longs) {
        return Arrays.stream(longs.values).asDoubleStream().toArray();
      }
      throw new IllegalArgumentException("column '" + name + "' is not one of numbers");
    }

    /** 1 for rows that meet the condition, else 0. */
    byte[] where(@Nullable Condition condition) {
      return condition == null ? all : conditions.computeIfAbsent(condition, this::evaluate);
    }

    /** 1 for rows that meet the measure's condition and have a value in its column, else 0. */
    byte[] taken(Measure measure) {
      if (measure.column() == null) {
        return where(measure.where());
      }
      byte[] valid = column(columnOf(measure)).valid;
      if (measure.where() == null) {
        return valid;
      }
      byte[] taken = where(measure.where()).clone();
      for (int row = 0; row < taken.length; row++) {
        taken[row] &= valid[row];
      }
      return taken;
    }

    private Column read(String name) {
      FieldVector vector = events.getVector(name);
      if (vector == null) {
        throw new IllegalArgumentException("the batch has no column '" + name + "'");
      }
      return Column.of(vector);
    }

    private byte[] evaluate(Condition condition) {
      byte[] taken = new byte[events.getRowCount()];
      Column column = column(condition.column());
      String wanted = condition.equalTo();
      if (wanted != null) {
        column.whereEqual(wanted, taken);
      } else if (column instanceof Column.Booleans booleans) {
        booleans.whereTrue(taken);
      } else {
        throw new IllegalArgumentException("'" + condition.column() + "' is not a boolean");
      }
      return taken;
    }
  }
}
