package io.highwater.record;

import io.highwater.contract.Field;
import io.highwater.contract.FieldType;

/** The sentences for a field whose value is wrong. */
final class FieldErrors {
  private static final int SHOWN_LENGTH = 60;

  private FieldErrors() {}

  /**
   * @param value the value as it stands in the message, a string with its quotes
   */
  static Rejection wrongType(int row, Field field, String value) {
    return rejection(row, ErrorCode.WRONG_TYPE, field, value, expected(field.type()));
  }

  static Rejection outOfRange(int row, Field field, String value) {
    String expected =
        switch (field.type()) {
          case INTEGER ->
              "expected a whole number from " + Long.MIN_VALUE + " to " + Long.MAX_VALUE;
          case BOOLEAN -> expected(FieldType.BOOLEAN);
          case NUMBER, STRING, TIMESTAMP ->
              "expected a number from -" + Double.MAX_VALUE + " to " + Double.MAX_VALUE;
        };
    return rejection(row, ErrorCode.NUMBER_OUT_OF_RANGE, field, value, expected);
  }

  static Rejection invalidTimestamp(int row, Field field, String value) {
    return rejection(row, ErrorCode.INVALID_TIMESTAMP, field, value, TimestampReader.EXPECTED);
  }

  static Rejection missing(int row, Field field) {
    return new Rejection(
        row,
        ErrorCode.MISSING_REQUIRED,
        field.name(),
        null,
        field.name()
            + " is missing or null; it says when the event happened, so every record must have it");
  }

  static Rejection duplicate(int row, String name) {
    return new Rejection(
        row,
        ErrorCode.DUPLICATE_FIELD,
        name,
        null,
        shown(name) + " is there more than once; expected each field at most once");
  }

  static String shown(String text) {
    return text.length() <= SHOWN_LENGTH ? text : text.substring(0, SHOWN_LENGTH) + "…";
  }

  private static String expected(FieldType type) {
    return switch (type) {
      case INTEGER -> "expected a whole number";
      case NUMBER -> "expected a number";
      case BOOLEAN -> "expected true, false, 1 or 0";
      case STRING -> "expected text in quotes";
      case TIMESTAMP -> TimestampReader.EXPECTED;
    };
  }

  private static Rejection rejection(
      int row, ErrorCode code, Field field, String value, String expected) {
    return new Rejection(
        row, code, field.name(), value, field.name() + " is " + shown(value) + "; " + expected);
  }
}
