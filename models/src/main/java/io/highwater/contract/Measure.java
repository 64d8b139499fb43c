package io.highwater.contract;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * One aggregate of a roll-up.
 *
 * @param column what is aggregated: a field or a derived column; null for {@link Function#COUNT}
 * @param where which rows take part; null for all
 */
public record Measure(
    String name,
    Function function,
    @Nullable String column,
    @Nullable Condition where,
    Settings settings)
    implements Serializable {

  /** Without settings. */
  public Measure(
      String name, Function function, @Nullable String column, @Nullable Condition where) {
    this(name, function, column, where, Settings.NONE);
  }

  /**
   * The type of the result.
   *
   * @param columnType that of {@link #column}; of no meaning where there is none
   */
  public FieldType resultType(FieldType columnType) {
    if (settings.by() != null) {
      return FieldType.STRING;
    }
    return switch (function) {
      case COUNT, DISTINCT -> FieldType.INTEGER;
      case SUM, MIN, MAX, LAST -> columnType;
      case QUANTILE, CORRELATION -> FieldType.NUMBER;
      case TOP -> FieldType.STRING;
    };
  }

  /** Nulls take no part in any of them, as in SQL. */
  public enum Function {
    COUNT,
    SUM,
    MIN,
    MAX,
    /** The value of the row with the greatest event time; of several, the greatest value. */
    LAST,
    /** The least value that is not below {@link Settings#at} of all values. */
    QUANTILE,
    /** How many different values there are. */
    DISTINCT,
    /** The most frequent values with their counts, as JSON. */
    TOP,
    /** Pearson's r of {@code column} and {@link Settings#with}. */
    CORRELATION
  }

  /**
   * Holds for rows whose {@code column} has the value {@code equalTo}, or, where that is null,
   * whose boolean {@code column} is true.
   */
  public record Condition(String column, @Nullable String equalTo) implements Serializable {}

  /**
   * What only some functions take; null for the others.
   *
   * @param at which quantile, above 0 and below 1
   * @param k how many values the top has
   * @param separator cuts a text into the values that the top counts; null where it is one value
   * @param with the other column of a correlation
   * @param by of a count or a sum: one result for each value of this column, as a JSON object
   */
  public record Settings(
      @Nullable Double at,
      @Nullable Integer k,
      @Nullable String separator,
      @Nullable String with,
      @Nullable String by)
      implements Serializable {
    public static final Settings NONE = new Settings(null, null, null, null, null);
  }
}
