package io.highwater.contract;

import java.util.List;

/**
 * A contract that cannot be used. The message has one line for each problem: {@code
 * file:line:column: what, found value, expected what}.
 */
public final class InvalidContractException extends Exception {
  private static final long serialVersionUID = 1L;

  private final List<String> problems;

  InvalidContractException(List<String> problems) {
    super(String.join("\n", problems));
    this.problems = List.copyOf(problems);
  }

  /** The lines of the message, in the order of the file. */
  public List<String> problems() {
    return problems;
  }
}
