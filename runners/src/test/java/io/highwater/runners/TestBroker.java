package io.highwater.runners;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.utils.Utils;
import org.jspecify.annotations.Nullable;

/**
 * A real broker in a JVM of its own, on a free port of this machine. Closing it deletes its
 * directory, unless the caller brought one.
 *
 * <pre>{@code
 * try (TestBroker broker = TestBroker.start()) {
 *   ... broker.bootstrapServers() ...
 * }
 * }</pre>
 */
public final class TestBroker implements AutoCloseable {
  private static final String READY = "ready on ";
  private static final long STOP_SECONDS = 30;

  private final Process process;
  private final String bootstrapServers;
  private final @Nullable Path ownDirectory;

  private TestBroker(Process process, String bootstrapServers, @Nullable Path ownDirectory) {
    this.process = process;
    this.bootstrapServers = bootstrapServers;
    this.ownDirectory = ownDirectory;
  }

  /** A broker on a free port, in a temporary directory of its own. */
  public static TestBroker start() throws IOException {
    Path directory = Files.createTempDirectory("highwater-broker");
    return start(directory, directory, List.of("--port=0"));
  }

  /** A broker on a directory that stays. */
  public static TestBroker start(Path directory, String... options) throws IOException {
    return start(
        directory, null, List.of(options.length == 0 ? new String[] {"--port=0"} : options));
  }

  private static TestBroker start(Path directory, @Nullable Path ownDirectory, List<String> options)
      throws IOException {
    List<String> arguments = new ArrayList<>(options);
    arguments.add("--dir=" + directory);
    Process process =
        CommandProcess.of("broker", arguments)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    // Also when the tests' JVM is interrupted before close().
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    BufferedReader output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    @Nullable String line = output.readLine();
    if (line == null || !line.startsWith(READY)) {
      process.destroyForcibly();
      throw new IOException("the broker did not start; it printed " + line);
    }
    return new TestBroker(process, line.substring(READY.length()), ownDirectory);
  }

  /** {@code 127.0.0.1:PORT}. */
  public String bootstrapServers() {
    return bootstrapServers;
  }

  /**
   * Sends SIGTERM and waits for the end.
   *
   * @return the exit code
   */
  public int stop() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException("the broker did not stop in " + STOP_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    return process.exitValue();
  }

  /** Ends the broker at once, as a crash would. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() throws IOException {
    if (process.isAlive()) {
      stop();
    }
    if (ownDirectory != null) {
      Utils.delete(ownDirectory.toFile());
    }
  }
}
