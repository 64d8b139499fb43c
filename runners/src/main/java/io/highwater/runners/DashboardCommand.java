package io.highwater.runners;

import io.highwater.dashboard.AccessTokens;
import io.highwater.dashboard.DashboardConfig;
import io.highwater.dashboard.DashboardConfig.LiveTopic;
import io.highwater.dashboard.DashboardServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

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
      "  highwater dashboard --newToken=ops:operator:90",
      "",
      "Exit codes: 0 ended by SIGTERM or Ctrl-C, 1 failed, 2 wrong usage."
    })
public final class DashboardCommand implements Callable<Integer> {
  @Option(
      names = "--lake",
      paramLabel = "DIR",
      description = "The lake's folder; it may not be there yet. Required.")
  private @Nullable Path lake;

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

  @Option(
      names = "--auth",
      paramLabel = "FILE",
      description =
          "Lets in only who sends a token of this file, which has a line a token: name, role"
              + " (viewer, operator, admin), expiry (a time or never), SHA-256. A change of it"
              + " holds at once.")
  private @Nullable Path auth;

  @Option(
      names = "--newToken",
      paramLabel = "NAME:ROLE[:DAYS]",
      description =
          "Prints a new token and its line for the file of --auth, and ends. The token is not to"
              + " be seen again.")
  private @Nullable String newToken;

  @Option(
      names = "--bootstrapServers",
      paramLabel = "HOST:PORT",
      description = "The Kafka of --liveTopic.")
  private @Nullable String bootstrapServers;

  @Option(
      names = "--liveTopic",
      paramLabel = "TOPIC",
      description =
          "What the stream was told with its --liveTopic: panes, outliers and status are on the"
              + " page before they are in the lake.")
  private @Nullable String liveTopic;

  @Option(
      names = "--consumerConfig",
      paramLabel = "FILE",
      description = "Properties file with further settings of the Kafka client, such as passwords.")
  private @Nullable Path consumerConfig;

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  @Override
  public Integer call() throws CommandFailedException, InterruptedException {
    DashboardConfig config;
    try {
      if (newToken != null) {
        AccessTokens.NewToken made = AccessTokens.create(newToken, Instant.now());
        System.out.printf("token: %s%nline:  %s%n", made.secret(), made.line());
        return io.highwater.runners.Command.DONE;
      }
      config = config();
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

  private DashboardConfig config() {
    if (lake == null) {
      throw new ParameterException(new CommandLine(this), "Missing required option: '--lake=DIR'");
    }
    if (liveTopic != null && bootstrapServers == null) {
      throw OptionsCommand.wrong(this, "--liveTopic", liveTopic, "--bootstrapServers with it");
    }
    if (bootstrapServers != null && liveTopic == null) {
      throw OptionsCommand.wrong(
          this, "--bootstrapServers", bootstrapServers, "--liveTopic with it");
    }
    return new DashboardConfig(
        lake,
        contract,
        registry,
        store == null ? DashboardConfig.defaultStore(lake) : store,
        keepDays,
        host,
        port,
        auth,
        liveTopic == null || bootstrapServers == null
            ? null
            : new LiveTopic(bootstrapServers, liveTopic, consumerConfig));
  }
}
