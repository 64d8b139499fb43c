package io.highwater.rollup;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Measure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The aggregates of one measure over the groups of a batch's rows. */
final class GroupAggregates {
  private GroupAggregates() {}

  /** One a group. */
  static Aggregate[] of(Measure measure, BatchColumns batch, Column.Longs times, Groups groups) {
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
      case TOP ->
          batch
              .lists(columnOf(measure), measure.settings().separator())
              .counts(batch.taken(measure), groups);
      case CORRELATION -> correlations(measure, batch, groups);
    };
  }

  /** Counts or sums of the groups' parts by another column, as {@link ByValue}. */
  private static Aggregate[] byValue(
      Measure measure, BatchColumns batch, Column by, Groups groups) {
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

  private static Aggregate[] correlations(Measure measure, BatchColumns batch, Groups groups) {
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
      Measure measure, BatchColumns batch, Column.Longs times, Groups groups) {
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

  static String columnOf(Measure measure) {
    String column = measure.column();
    if (column == null) {
      throw new IllegalArgumentException(
          "measure '" + measure.name() + "' (" + measure.function() + ") names no column");
    }
    return column;
  }

  static String withOf(Measure measure) {
    String with = measure.settings().with();
    if (with == null) {
      throw new IllegalArgumentException(
          "measure '" + measure.name() + "' correlates '" + measure.column() + "' with no column");
    }
    return with;
  }
}
