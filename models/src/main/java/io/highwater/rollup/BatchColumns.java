package io.highwater.rollup;

import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Condition;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/** The batch's columns and conditions, each read once. */
final class BatchColumns {
  private record ListColumn(String name, @Nullable String separator) {}

  private final VectorSchemaRoot events;
  private final Map<String, Column> columns = new HashMap<>();
  private final Map<Condition, byte[]> conditions = new HashMap<>();
  private final Map<String, double[]> numbers = new HashMap<>();
  private final Map<ListColumn, ValueLists> lists = new HashMap<>();
  private final byte[] all;

  BatchColumns(VectorSchemaRoot events) {
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
    return numbers.computeIfAbsent(name, this::toNumbers);
  }

  private double[] toNumbers(String name) {
    if (column(name) instanceof Column.Doubles doubles) {
      return doubles.values;
    }
    if (column(name) instanceof Column.Longs longs) {
      return Arrays.stream(longs.values).asDoubleStream().toArray();
    }
    throw new IllegalArgumentException("column '" + name + "' is not one of numbers");
  }

  /** A column of lists; of one text each where there is no separator. */
  ValueLists lists(String name, @Nullable String separator) {
    return lists.computeIfAbsent(
        new ListColumn(name, separator), unused -> ValueLists.of(column(name), separator));
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
    byte[] valid = column(GroupAggregates.columnOf(measure)).valid;
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
