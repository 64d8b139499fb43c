package io.highwater.record;

/**
 * Ends the reading of a record that cannot be read any further. It never leaves the package, and
 * has no stack trace: wrong records are data, and a stream may be full of them.
 */
final class MalformedRecordException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;
  private final String reason;

  MalformedRecordException(ErrorCode code, String reason) {
    super(reason, null, false, false);
    this.code = code;
    this.reason = reason;
  }

  Rejection rejection(int row) {
    return new Rejection(row, code, null, null, reason);
  }
}
