package io.highwater.runners;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** A broker in a process of its own, on a free port, for the time of a benchmark. */
final class BenchmarkBroker implements AutoCloseable {
  private final Process process;
  private final String address;

  private BenchmarkBroker(Process process, String address) {
    this.process = process;
    this.address = address;
  }

  static BenchmarkBroker start(Path folder) throws IOException, CommandFailedException {
    Process process =
        CommandProcess.of("broker", List.of("--port=0", "--dir=" + folder))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith("ready on ")) {
        return new BenchmarkBroker(process, line.substring("ready on ".length()));
      }
    }
    process.destroyForcibly();
    throw new CommandFailedException("the broker did not start");
  }

  /** HOST:PORT. */
  String address() {
    return address;
  }

  @Override
  public void close() throws InterruptedException {
    process.destroy();
    process.waitFor();
  }
}
