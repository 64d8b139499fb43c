package io.highwater.record;

import org.jspecify.annotations.Nullable;

/**
 * Why one row is rejected.
 *
 * @param row index in the raw batch
 * @param field null where no field is to blame
 * @param value the offending value as text, shortened; null where there is none
 * @param reason one sentence that says what was wrong and what was expected
 */
public record Rejection(
    int row, ErrorCode code, @Nullable String field, @Nullable String value, String reason) {
  /** Longer values are cut to this many characters; the whole record is kept beside them. */
  public static final int MAX_VALUE_LENGTH = 200;

  public Rejection {
    if (value != null && value.length() > MAX_VALUE_LENGTH) {
      value = value.substring(0, MAX_VALUE_LENGTH) + "…";
    }
  }

  /** The same of another row. */
  Rejection ofRow(int other) {
    return new Rejection(other, code, field, value, reason);
  }
}
