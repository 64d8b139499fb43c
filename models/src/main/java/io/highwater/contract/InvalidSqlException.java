package io.highwater.contract;

/** An SQL expression that a contract may not use. The message is the reason, in one line. */
public final class InvalidSqlException extends Exception {
  private static final long serialVersionUID = 1L;

  InvalidSqlException(String reason) {
    super(reason);
  }
}
