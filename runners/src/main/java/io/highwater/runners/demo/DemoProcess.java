package io.highwater.runners.demo;

import io.highwater.runners.CommandFailedException;
import io.highwater.runners.CommandProcess;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A command of the demo in a JVM of its own, with its output in a file. */
final class DemoProcess {
  private static final Path SETSID = Path.of("/usr/bin/setsid");

  private final String command;
  private final Path output;
  private final Process process;

  private DemoProcess(String command, Path output, Process process) {
    this.command = command;
    this.output = output;
    this.process = process;
  }

  static DemoProcess start(Path logs, String command, String... arguments)
      throws CommandFailedException {
    Path output = logs.resolve(command + ".log");
    ProcessBuilder builder = CommandProcess.of(command, List.of(arguments));
    if (Files.isExecutable(SETSID)) {
      // A session of its own: Ctrl-C reaches the demo alone, which ends the others in order.
      List<String> line = new ArrayList<>(builder.command());
      line.add(0, SETSID.toString());
      builder.command(line);
    }
    builder.redirectErrorStream(true);
    builder.redirectInput(new File("/dev/null"));
    builder.redirectOutput(output.toFile());
    try {
      return new DemoProcess(command, output, builder.start());
    } catch (IOException e) {
      throw new CommandFailedException("cannot start " + command + ": " + e.getMessage(), e);
    }
  }

  /** Waits until the output has a line that starts so, and gives the rest of that line. */
  String awaitLine(String start, int seconds) throws CommandFailedException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (true) {
      for (String line : lines()) {
        if (line.startsWith(start)) {
          return line.substring(start.length());
        }
      }
      failIfDead();
      if (System.nanoTime() > deadline) {
        throw new CommandFailedException(
            "%s is not ready after %d s; see %s".formatted(command, seconds, output));
      }
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  /** Waits for the end of a command that is to succeed. */
  void awaitSuccess() throws CommandFailedException, InterruptedException {
    process.waitFor();
    failIfDead();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Fails with the last thing that a command said which ended with an error. */
  void failIfDead() throws CommandFailedException {
    if (!process.isAlive() && process.exitValue() != 0) {
      List<String> lines = lines();
      throw new CommandFailedException(
          "%s ended with %d: %s (all of it: %s)"
              .formatted(
                  command,
                  process.exitValue(),
                  lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1),
                  output));
    }
  }

  /** Asks it to end, waits, and ends it by force if it does not. */
  void stop(int seconds) {
    process.destroy();
    try {
      if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private List<String> lines() {
    try {
      return Files.readAllLines(output, StandardCharsets.UTF_8).stream()
          .filter(line -> !line.isBlank())
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
