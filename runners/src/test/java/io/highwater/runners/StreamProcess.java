package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** {@code stream} in a JVM of its own, which can be stopped and killed; closing kills it. */
final class StreamProcess implements AutoCloseable {
  private static final Duration END = Duration.ofSeconds(300);

  private final Process process;
  private final Path log;

  private StreamProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /**
   * @param log a file that takes its standard error
   */
  static StreamProcess start(Path log, List<String> arguments) throws IOException {
    Process process =
        CommandProcess.of("stream", arguments)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(log.toFile())
            .start();
    // Also when the tests' JVM is interrupted before close().
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    return new StreamProcess(process, log);
  }

  /** What it has said on standard error. */
  String log() throws IOException {
    return Files.readString(log);
  }

  /** Whether it is running; a test that waits for what it does need not wait for the dead. */
  boolean isAlive() {
    return process.isAlive();
  }

  /** The greatest resident set so far, as Linux says it; 0 for a process that has ended. */
  long peakMemoryMebibytes() throws IOException {
    List<String> status;
    try {
      status = Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"));
    } catch (NoSuchFileException ended) {
      return 0;
    }
    return status.stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1_024)
        .findFirst()
        .orElse(0);
  }

  /** Sends SIGTERM and waits for the end; gives the exit code. */
  int stop() throws IOException, InterruptedException {
    process.destroy();
    return awaitEnd();
  }

  /** Ends it at once, as a crash would. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Waits until it ends by itself, as it should. */
  void awaitSuccess() throws IOException, InterruptedException {
    int exit = awaitEnd();
    assertThat("exit code, after:\n" + log(), exit, is(0));
  }

  /** Waits until it ends by itself; gives the exit code. */
  int awaitEnd() throws IOException, InterruptedException {
    if (!process.waitFor(END.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("the stream did not end in " + END.toSeconds() + " s:\n" + log());
    }
    return process.exitValue();
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}
