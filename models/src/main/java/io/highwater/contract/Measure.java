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
    String name, Function function, @Nullable String column, @Nullable Condition where)
    implements Serializable {

  /** Nulls take no part in any of them, as in SQL. */
  public enum Function {
    COUNT,
    SUM,
    MIN,
    MAX,
    /** The value of the row with the greatest event time; of several, the greatest value. */
    LAST
  }

  /**
   * Holds for rows whose {@code column} has the value {@code equalTo}, or, where that is null,
   * whose boolean {@code column} is true.
   */
  public record Condition(String column, @Nullable String equalTo) implements Serializable {}
}
