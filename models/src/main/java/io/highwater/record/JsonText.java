package io.highwater.record;

import java.time.LocalDateTime;

/** Values as JSON writes them, for rows of other sources that become messages. */
final class JsonText {
  private JsonText() {}

  /** In quotes. */
  static void appendText(StringBuilder json, String text) {
    json.append('"');
    for (int index = 0; index < text.length(); index++) {
      char next = text.charAt(index);
      if (next == '"' || next == '\\') {
        json.append('\\').append(next);
      } else if (next < ' ') {
        json.append(String.format("\\u%04x", (int) next));
      } else {
        json.append(next);
      }
    }
    json.append('"');
  }

  /** NaN and infinity, which JSON does not have, as text. */
  static void appendDouble(StringBuilder json, double value) {
    if (Double.isFinite(value)) {
      json.append(value);
    } else {
      json.append('"').append(value).append('"');
    }
  }

  /** ISO 8601 with six digits of fraction, or nine where six do not say all. */
  static void appendTime(StringBuilder json, LocalDateTime time) {
    json.append('"').append(time.toLocalDate()).append('T');
    appendDigits(json, time.getHour(), 10).append(':');
    appendDigits(json, time.getMinute(), 10).append(':');
    appendDigits(json, time.getSecond(), 10).append('.');
    int nanos = time.getNano();
    if (nanos % 1_000 == 0) {
      appendDigits(json, nanos / 1_000, 100_000);
    } else {
      appendDigits(json, nanos, 100_000_000);
    }
    json.append('"');
  }

  /**
   * @param unit of the first digit
   */
  private static StringBuilder appendDigits(StringBuilder json, int value, int unit) {
    for (int next = unit; next > 0; next /= 10) {
      json.append((char) ('0' + value / next % 10));
    }
    return json;
  }
}
