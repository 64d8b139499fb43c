package io.highwater.runners;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cluster}: a Flink cluster of several processes on this machine. */
@Command(
    name = "highwater cluster",
    separator = "=",
    sortOptions = false,
    sortSynopsis = false,
    description = {
      "Runs a Flink cluster on this machine in the foreground, for development: a JobManager and"
          + " TaskManagers, each a process of its own. Streams run on it with"
          + " --flinkMaster=127.0.0.1:PORT.",
      "Prints `ready on 127.0.0.1:PORT` on standard output once it takes jobs. A TaskManager that"
          + " ends is started again."
    },
    footer = {
      "",
      "Example:",
      "  highwater cluster --port=8081 --slots=2",
      "",
      "Exit codes: 0 ended by SIGTERM or Ctrl-C, 1 failed, 2 wrong usage."
    })
final class ClusterCommand implements Callable<Integer> {
  private static final int MAX_PROCESSES = 64;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "8081",
      description = "Where it takes jobs; 0 takes a free one. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--taskManagers",
      paramLabel = "N",
      defaultValue = "1",
      description = "Processes that do the work, 2 GiB of heap each. Default: ${DEFAULT-VALUE}.")
  private int taskManagers;

  @Option(
      names = "--slots",
      paramLabel = "N",
      defaultValue = "2",
      description =
          "Of each TaskManager; all together at least the --parallelism of a stream."
              + " Default: ${DEFAULT-VALUE}.")
  private int slots;

  @Option(names = "--role", hidden = true)
  private LocalCluster.@Nullable Role role;

  @Option(names = "--rpcPort", hidden = true)
  private int rpcPort;

  @Option(names = "--temporary", hidden = true)
  private Path temporary = Path.of("");

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  @Override
  public Integer call() throws Exception {
    OptionsCommand.requireBetween(this, "--port", port, 0, 65_535);
    OptionsCommand.requireBetween(this, "--taskManagers", taskManagers, 1, MAX_PROCESSES);
    OptionsCommand.requireBetween(this, "--slots", slots, 1, MAX_PROCESSES);
    if (role != null) {
      LocalCluster.run(role, new LocalCluster.Ports(port, rpcPort), slots, temporary);
      return io.highwater.runners.Command.DONE;
    }
    try (LocalCluster cluster = LocalCluster.start(port, taskManagers, slots);
        EndSignal end = EndSignal.then(() -> close(cluster))) {
      System.out.println("ready on " + cluster.address());
      System.out.flush();
      throw new CommandFailedException("the JobManager ended with " + cluster.awaitEnd());
    }
  }

  private static void close(LocalCluster cluster) {
    try {
      cluster.close();
    } catch (Exception e) { // The process ends anyhow.
      System.err.println("highwater cluster: did not stop in order: " + e.getMessage());
    }
  }
}
