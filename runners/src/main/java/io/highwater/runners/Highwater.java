package io.highwater.runners;

import io.highwater.pipelines.UsageException;
import io.highwater.runners.demo.DemoCommand;
import io.highwater.runners.generate.GenerateCommand;
import io.highwater.runners.replay.ReplayCommand;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The one command: {@code highwater COMMAND [--option=value ...]}. */
public final class Highwater {
  private static final Map<String, Supplier<Command>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("demo", () -> OptionsCommand.of(DemoCommand::new));
    COMMANDS.put("broker", () -> Highwater::runBroker);
    COMMANDS.put("cluster", () -> OptionsCommand.of(ClusterCommand::new));
    COMMANDS.put("generate", () -> OptionsCommand.of(GenerateCommand::new));
    COMMANDS.put("replay", () -> OptionsCommand.of(ReplayCommand::new));
    COMMANDS.put("stream", StreamCommand::new);
    COMMANDS.put("backfill", BackfillCommand::new);
    COMMANDS.put("compact", () -> OptionsCommand.of(CompactCommand::new));
    COMMANDS.put("export", () -> OptionsCommand.of(ExportCommand::new));
    COMMANDS.put("train", TrainCommand::new);
    COMMANDS.put("models", () -> OptionsCommand.of(ModelsCommand::new));
    COMMANDS.put("dashboard", () -> OptionsCommand.of(DashboardCommand::new));
    COMMANDS.put("bench", () -> OptionsCommand.of(BenchCommand::new));
  }

  private Highwater() {}

  /** Ends the JVM with the command's exit code. */
  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  /**
   * @return 0 done, 1 failed, 2 wrong usage; what went wrong is on standard error
   */
  static int run(String[] arguments) {
    if (arguments.length == 0 || arguments[0].equals("--help") || arguments[0].equals("help")) {
      System.out.print(usage());
      return Command.DONE;
    }
    String name = arguments[0];
    @Nullable Supplier<Command> command = COMMANDS.get(name);
    if (command == null) {
      System.err.printf(
          "highwater: unknown command '%s'; expected one of %s%n",
          name, String.join(", ", COMMANDS.keySet()));
      return Command.WRONG_USAGE;
    }
    try {
      return command.get().run(Arrays.copyOfRange(arguments, 1, arguments.length));
    } catch (UsageException e) {
      System.err.printf("highwater %s: %s (see highwater %s --help)%n", name, e.getMessage(), name);
      return Command.WRONG_USAGE;
    } catch (CommandFailedException e) {
      System.err.printf("highwater %s: %s%n", name, e.getMessage());
      return Command.FAILED;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      System.err.printf("highwater %s: interrupted%n", name);
      return Command.FAILED;
    } catch (Exception e) { // Whatever a command did not foresee, with its stack trace.
      System.err.printf("highwater %s: failed unexpectedly%n", name);
      e.printStackTrace();
      return Command.FAILED;
    }
  }

  /** The broker's libraries are on a class path of their own. */
  private static int runBroker(String[] arguments) throws IOException, InterruptedException {
    Process broker = CommandProcess.of("broker", List.of(arguments)).inheritIO().start();
    Runtime.getRuntime().addShutdownHook(new Thread(broker::destroy, "broker-stop"));
    return broker.waitFor();
  }

  private static String usage() {
    try (InputStream text = Highwater.class.getResourceAsStream("usage.txt")) {
      if (text == null) {
        throw new IllegalStateException("the jar lacks its resource usage.txt");
      }
      return new String(text.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
