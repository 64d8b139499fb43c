package io.highwater.trainer;

/** There is not enough to learn from. The message is one line that says what is missing. */
public final class TrainingRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  public TrainingRefusedException(String message) {
    super(message);
  }
}
