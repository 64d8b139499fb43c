package io.highwater.runners;

/** One command of {@code scripts/highwater}. */
public interface Command {
  int DONE = 0;
  int FAILED = 1;
  int WRONG_USAGE = 2;

  /**
   * Runs in the foreground until the command is done.
   *
   * @param arguments what follows the command's name
   * @return the exit code
   * @throws CommandFailedException to end with {@link #FAILED} and one line that says why
   */
  int run(String[] arguments) throws Exception;
}
