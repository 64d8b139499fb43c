package io.highwater.pipelines;

import java.io.Serial;

/**
 * Something is wrong with what the user asked for; the message is one line that says what to do.
 */
public final class UsageException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  public UsageException(String message) {
    super(message);
  }

  /** For an option whose value cannot be used. */
  static UsageException option(String name, Object value, String expected) {
    return new UsageException("--" + name + " is '" + value + "'; expected " + expected);
  }
}
