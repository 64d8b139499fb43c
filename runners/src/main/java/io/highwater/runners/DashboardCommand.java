package io.highwater.runners;

import io.highwater.dashboard.DashboardConfig;
import io.highwater.dashboard.DashboardServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The page over a lake, in the foreground. */
@Command(
    name = "highwater dashboard",
    separator = "=",
    sortOptions = false,
    description = {
      "Follows a lake and serves the page and its API over it. It keeps what it shows in a DuckDB"
          + " file of its own; deleting that file loses nothing. It may be started, stopped and"
          + " killed at any time: no pipeline depends on it."
    },
    footer = {
      "",
      "Example:",
      "  highwater dashboard --lake=lake    then open http://localhost:8507",
      "",
      "Exit codes: 0 ended by SIGTERM or Ctrl-C, 1 failed, 2 wrong usage."
    })
public final class DashboardCommand implements Callable<Integer> {
  @Option(
      names = "--lake",
      required = true,
      paramLabel = "DIR",
      description = "The lake's folder; it may not be there yet.")
  private Path lake = Path.of("");

  @Option(
      names = "--contract",
      paramLabel = "ID",
      defaultValue = "warehouse-queries",
      description = "The id of the contract whose tables are shown. Default: ${DEFAULT-VALUE}.")
  private String contract = "";

  @Option(
      names = "--registry",
      paramLabel = "DIR",
      description = "The models' folder, to show which version is in service and how good it is.")
  private @Nullable Path registry;

  @Option(
      names = "--store",
      paramLabel = "FILE",
      description = "The hot store. Default: LAKE.dashboard.duckdb, beside the lake.")
  private @Nullable Path store;

  @Option(
      names = "--keepDays",
      paramLabel = "N",
      defaultValue = "8",
      description =
          "How many days of event time the store holds, counted back from the newest data."
              + " Default: ${DEFAULT-VALUE}.")
  private int keepDays;

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "8507",
      description = "0 for any free one. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      defaultValue = "127.0.0.1",
      description =
          "The address to listen on; every address but a loopback one lets others in. Default:"
              + " ${DEFAULT-VALUE}.")
  private String host = "";

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  @Override
  public Integer call() throws CommandFailedException, InterruptedException {
    DashboardConfig config;
    try {
      Path file = store == null ? DashboardConfig.defaultStore(lake) : store;
      config = new DashboardConfig(lake, contract, registry, file, keepDays, host, port);
    } catch (IllegalArgumentException e) {
      System.err.printf("highwater dashboard: --%s (see --help)%n", e.getMessage());
      return io.highwater.runners.Command.WRONG_USAGE;
    }
    try (DashboardServer server = DashboardServer.start(config);
        EndSignal signal = EndSignal.then(server::close)) {
      System.out.printf("ready on http://%s:%d%n", host, server.port());
      new CountDownLatch(1).await();
      return io.highwater.runners.Command.DONE;
    } catch (IOException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()));
    }
  }
}
