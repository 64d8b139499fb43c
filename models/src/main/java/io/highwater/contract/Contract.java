package io.highwater.contract;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a stream's records look like and what is asked of them: the one place that knows the stream.
 *
 * @param eventTime the timestamp field that says when an event happened
 * @param outOfOrderBound how far behind the greatest event time of its partition a record may be
 *     without being late
 * @param key the fields that identify a record
 * @param fields in the order of the columns
 * @param derived computed after the checks, in the order of the columns
 * @param detector null where nothing is learned of the stream
 */
public record Contract(
    String id,
    String version,
    String eventTime,
    Duration outOfOrderBound,
    List<String> key,
    List<Field> fields,
    List<DerivedColumn> derived,
    List<RowRule> rules,
    RollUp rollUp,
    @Nullable Detector detector)
    implements Serializable {
  public Contract {
    key = List.copyOf(key);
    fields = List.copyOf(fields);
    derived = List.copyOf(derived);
    rules = List.copyOf(rules);
  }

  /** Of a stream of which nothing is learned. */
  public Contract(
      String id,
      String version,
      String eventTime,
      Duration outOfOrderBound,
      List<String> key,
      List<Field> fields,
      List<DerivedColumn> derived,
      List<RowRule> rules,
      RollUp rollUp) {
    this(id, version, eventTime, outOfOrderBound, key, fields, derived, rules, rollUp, null);
  }

  /** The type of a field or derived column, by name. */
  public FieldType typeOf(String column) {
    for (Field field : fields) {
      if (field.name().equals(column)) {
        return field.type();
      }
    }
    for (DerivedColumn derivedColumn : derived) {
      if (derivedColumn.name().equals(column)) {
        return derivedColumn.type();
      }
    }
    throw new IllegalArgumentException(
        "contract " + id + " has no column '" + column + "'; expected a field or a derived column");
  }
}
