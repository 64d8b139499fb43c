package io.highwater.broker;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Properties;
import java.util.concurrent.Callable;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * A real Kafka of one node in the foreground, for development and tests. Prints {@code ready on
 * 127.0.0.1:PORT} on standard output once it answers; SIGTERM ends it in order, with exit code 0.
 * Topics, records and committed offsets outlive a restart on the same directory.
 */
@Command(
    name = "highwater broker",
    separator = "=",
    sortOptions = false,
    sortSynopsis = false,
    description = {
      "Runs a real single-node Kafka in the foreground, for development. It listens on this machine"
          + " only, makes topics when they are first used, and never deletes records by age.",
      "Prints `ready on 127.0.0.1:PORT` on standard output once it answers."
    },
    footer = {
      "",
      "Example:",
      "  highwater broker --port=9092 --dir=/var/tmp/highwater-broker",
      "",
      "Exit codes: 0 ended by SIGTERM or Ctrl-C, 1 failed, 2 wrong usage."
    })
public final class Broker implements Callable<Integer> {
  private static final int MAX_PARTITIONS = 1_000;
  private static final int USAGE_WIDTH = 100;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "9092",
      description = "Port to listen on; 0 takes a free one. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      defaultValue = "highwater-broker",
      description = "Where topics are kept; made if absent. Default: ${DEFAULT-VALUE}.")
  private Path directory = Path.of("highwater-broker");

  @Option(
      names = "--partitions",
      paramLabel = "N",
      defaultValue = "4",
      description = "Partitions of a topic that is made on first use. Default: ${DEFAULT-VALUE}.")
  private int partitions;

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  private Broker() {}

  /** A reason to end with exit code 1 that a user can act on. */
  private static final class CannotStartException extends Exception {
    private static final long serialVersionUID = 1L;

    CannotStartException(String message) {
      super(message);
    }
  }

  /** Runs until a signal ends the process. */
  public static void main(String[] args) {
    CommandLine command = new CommandLine(new Broker());
    command.setUsageHelpWidth(USAGE_WIDTH);
    command.setParameterExceptionHandler(
        (failure, arguments) -> {
          System.err.println(
              "highwater broker: " + explain(failure) + " (see highwater broker --help)");
          return ExitCode.USAGE;
        });
    System.exit(command.execute(args));
  }

  private static String explain(ParameterException failure) {
    if (failure.getArgSpec() instanceof OptionSpec option && failure.getValue() != null) {
      return "%s=%s: expected a whole number".formatted(option.longestName(), failure.getValue());
    }
    return String.valueOf(failure.getMessage());
  }

  @Override
  public Integer call() {
    requireBetween("--port", port, 0, 65_535);
    requireBetween("--partitions", partitions, 1, MAX_PARTITIONS);
    // Kafka prints to standard output now and then, which is for results.
    PrintStream out = System.out;
    System.setOut(System.err);
    try {
      run(out);
      return ExitCode.OK;
    } catch (CannotStartException e) {
      System.err.println("highwater broker: " + e.getMessage());
      return ExitCode.SOFTWARE;
    }
  }

  private void requireBetween(String option, int value, int least, int greatest) {
    if (value < least || value > greatest) {
      throw new ParameterException(
          new CommandLine(this),
          "%s=%d: expected a whole number from %d to %d".formatted(option, value, least, greatest));
    }
  }

  private void run(PrintStream out) throws CannotStartException {
    Path home = directory.toAbsolutePath().normalize();
    try (FileLock lock = lock(home)) {
      int boundPort = freePort(port);
      Properties settings = BrokerSettings.of(boundPort, freePort(0), home, partitions);
      formatIfNew(home);
      KafkaRaftServer server =
          new KafkaRaftServer(KafkaConfig.fromProps(settings, false), Time.SYSTEM);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, lock), "broker-stop"));
      server.startup();
      out.println("ready on 127.0.0.1:" + boundPort);
      out.flush();
      server.awaitShutdown();
    } catch (IOException e) {
      throw new CannotStartException("cannot use " + home + ": " + e.getMessage());
    } catch (RuntimeException e) {
      throw new CannotStartException("Kafka did not start: " + rootMessage(e));
    }
  }

  /** Ends the process with 0: a JVM that a signal ended would report 143. */
  private static void stop(KafkaRaftServer server, FileLock lock) {
    int code = ExitCode.OK;
    try {
      server.shutdown();
      lock.release();
    } catch (IOException | RuntimeException e) {
      System.err.println("highwater broker: did not stop in order: " + rootMessage(e));
      code = ExitCode.SOFTWARE;
    }
    Runtime.getRuntime().halt(code);
  }

  /** Holds the directory for this process; Kafka's own lock comes too late for a clear message. */
  private static FileLock lock(Path home) throws CannotStartException {
    try {
      Files.createDirectories(home);
      FileChannel channel =
          FileChannel.open(
              home.resolve(".highwater-broker"),
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE);
      @Nullable FileLock lock = channel.tryLock();
      if (lock == null) {
        throw new CannotStartException(home + " is in use by another broker; choose another --dir");
      }
      return lock;
    } catch (OverlappingFileLockException e) {
      throw new CannotStartException(home + " is in use by another broker; choose another --dir");
    } catch (IOException e) {
      throw new CannotStartException(
          "cannot write to %s (%s); choose another --dir".formatted(home, e));
    }
  }

  /**
   * @param wanted a port, or 0 for any that is free
   */
  private static int freePort(int wanted) throws CannotStartException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(
          new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), wanted));
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new CannotStartException(
          "cannot listen on 127.0.0.1:%d (%s); choose another --port"
              .formatted(wanted, e.getMessage()));
    }
  }

  private static void formatIfNew(Path home) throws CannotStartException {
    if (Files.exists(home.resolve("meta.properties"))) {
      return;
    }
    try {
      new Formatter()
          .setPrintStream(new PrintStream(OutputStream.nullOutputStream()))
          .setNodeId(BrokerSettings.NODE_ID)
          .setClusterId(Uuid.randomUuid().toString())
          .setControllerListenerName(BrokerSettings.CONTROLLER_LISTENER)
          .setMetadataLogDirectory(home.toString())
          .addDirectory(home.toString())
          .run();
    } catch (Exception e) { // Formatter.run declares it.
      throw new CannotStartException("cannot format %s (%s)".formatted(home, rootMessage(e)));
    }
  }

  private static String rootMessage(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.toString() : root.getMessage();
  }
}
