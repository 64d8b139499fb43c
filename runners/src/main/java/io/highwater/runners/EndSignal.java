package io.highwater.runners;

/**
 * What happens on SIGTERM or Ctrl-C where they are the normal end of a command: the action, then
 * exit code 0 in place of the JVM's 143 or 130. Until it is closed.
 */
public final class EndSignal implements AutoCloseable {
  private final Thread hook;

  private EndSignal(Thread hook) {
    this.hook = hook;
  }

  public static EndSignal then(Runnable action) {
    Thread hook =
        new Thread(
            () -> {
              action.run();
              Runtime.getRuntime().halt(Command.DONE);
            },
            "end");
    Runtime.getRuntime().addShutdownHook(hook);
    return new EndSignal(hook);
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending: the hook runs.
    }
  }
}
