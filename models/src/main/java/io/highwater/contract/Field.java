package io.highwater.contract;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One field of the source records.
 *
 * @param required a record whose value is missing or null is rejected
 * @param minimum inclusive; for {@link FieldType#INTEGER} and {@link FieldType#NUMBER}
 * @param maximum inclusive; for {@link FieldType#INTEGER} and {@link FieldType#NUMBER}
 * @param maxLength in characters (Unicode code points); for {@link FieldType#STRING}
 * @param allowedValues for {@link FieldType#STRING}; empty when any value is allowed
 * @param nullAs what a missing or null value becomes; null when it stays null
 */
public record Field(
    String name,
    FieldType type,
    boolean required,
    @Nullable Double minimum,
    @Nullable Double maximum,
    @Nullable Integer maxLength,
    List<String> allowedValues,
    @Nullable Double nullAs)
    implements Serializable {
  public Field {
    allowedValues = List.copyOf(allowedValues);
  }
}
