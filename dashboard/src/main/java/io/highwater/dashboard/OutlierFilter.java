package io.highwater.dashboard;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which outliers of a selection are asked for: those for which all conditions hold. */
final class OutlierFilter {
  private final StringBuilder sql = new StringBuilder();
  private final List<Object> values = new ArrayList<>();

  /**
   * Adds a condition, unless its value is null.
   *
   * @param condition SQL with one parameter
   */
  OutlierFilter and(String condition, @Nullable Object value) {
    if (value != null) {
      sql.append(" AND ").append(condition);
      values.add(value);
    }
    return this;
  }

  /** Whether it takes all of them. */
  boolean isEmpty() {
    return values.isEmpty();
  }

  /** The outliers, each once, as a FROM clause; {@link #parameters} go with it. */
  String outliers(Selection selection) {
    return selection.outliers() + sql;
  }

  /** May be added to. */
  List<Object> parameters(Selection selection) {
    List<Object> parameters = selection.parameters();
    parameters.addAll(values);
    return parameters;
  }
}
