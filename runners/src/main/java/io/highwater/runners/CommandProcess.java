package io.highwater.runners;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * Commands in JVMs of their own, started from Java as {@code scripts/highwater} starts them: with
 * the argument files (flags, class path, main class) and heap sizes that the build leaves in {@code
 * runners/target/launch}.
 */
public final class CommandProcess {
  private static final String ARGFILE = "highwater.argfile";
  private static final String BROKER_ARGFILE = "highwater.broker.argfile";

  private CommandProcess() {}

  /**
   * A process of the command, not started yet; its streams are pipes unless the caller says
   * otherwise.
   *
   * @param command as in {@code scripts/highwater COMMAND}
   * @throws IllegalStateException where the argument files are missing, because the build was not
   *     run
   */
  public static ProcessBuilder of(String command, List<String> arguments) {
    return of(command, command, arguments);
  }

  /**
   * @param heapOf the command whose heap it gets
   */
  static ProcessBuilder of(String command, String heapOf, List<String> arguments) {
    Path argfile = existing(ARGFILE);
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    @Nullable String heap = heapSizes(argfile).getProperty(heapOf);
    if (heap != null) {
      line.add("-Xmx" + heap);
    }
    @Nullable String extra = System.getenv("HIGHWATER_JAVA_OPTS");
    if (extra != null && !extra.isBlank()) {
      line.addAll(List.of(extra.strip().split("\\s+")));
    }
    if (command.equals("broker")) {
      line.add("@" + existing(BROKER_ARGFILE));
    } else {
      line.add("@" + argfile);
      line.add(command);
    }
    line.addAll(arguments);
    return new ProcessBuilder(line);
  }

  private static Path existing(String property) {
    @Nullable String file = System.getProperty(property);
    if (file == null || !Files.isReadable(Path.of(file))) {
      throw new IllegalStateException(
          "the system property %s is %s, which is no file of the build; start this with scripts/highwater or Maven"
              .formatted(property, file));
    }
    return Path.of(file);
  }

  private static Properties heapSizes(Path argfile) {
    Properties heapSizes = new Properties();
    try (Reader reader = Files.newBufferedReader(argfile.resolveSibling("heap.properties"))) {
      heapSizes.load(reader);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return heapSizes;
  }
}
