package io.highwater.runners;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A part of a benchmark in a JVM of its own. */
final class RungProcess {
  private RungProcess() {}

  /**
   * Runs {@code bench} and shows what it prints before its result.
   *
   * @param command what it measures, whose heap it gets
   * @param log takes what it writes on standard error
   * @return the last line
   */
  static String run(Path log, String command, String... arguments)
      throws IOException, InterruptedException, CommandFailedException {
    List<String> words = new ArrayList<>(List.of(command));
    words.addAll(List.of(arguments));
    Process process =
        CommandProcess.of("bench", command, words).redirectError(log.toFile()).start();
    Thread stop = new Thread(process::destroyForcibly, "stop rung");
    Runtime.getRuntime().addShutdownHook(stop);
    String last = "";
    try (BufferedReader out =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        if (!last.isEmpty()) {
          System.out.println(last);
        }
        last = line;
      }
    }
    int exit = process.waitFor();
    Runtime.getRuntime().removeShutdownHook(stop);
    if (exit != Command.DONE) {
      throw new CommandFailedException(
          "%s ended with %d:%n%s".formatted(String.join(" ", words), exit, Files.readString(log)));
    }
    return last;
  }
}
