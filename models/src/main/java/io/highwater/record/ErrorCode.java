package io.highwater.record;

/** Why a record was rejected. The names are written to the lake and do not change. */
public enum ErrorCode {
  /** The message has no bytes (a Kafka tombstone, an empty line). */
  EMPTY_MESSAGE,
  MESSAGE_TOO_LARGE,
  INVALID_UTF8,
  /** Not JSON by RFC 8259. */
  MALFORMED_JSON,
  /** JSON, but not an object. */
  NOT_AN_OBJECT,
  NESTING_TOO_DEEP,
  /** A CSV record with an open quote or another number of columns than its header. */
  MALFORMED_CSV,
  DUPLICATE_FIELD,
  WRONG_TYPE,
  /** The number does not fit the field's type. */
  NUMBER_OUT_OF_RANGE,
  INVALID_TIMESTAMP,
  MISSING_REQUIRED,
  /** The value is outside the range or length that the contract states. */
  OUT_OF_RANGE,
  VALUE_NOT_ALLOWED,
  /** A row rule of the contract does not hold. */
  RULE_VIOLATED,
  /**
   * An expression of the contract has no value for this record, such as a sum beyond 64 bits or a
   * cast of text that is no number.
   */
  EXPRESSION_FAILED
}
