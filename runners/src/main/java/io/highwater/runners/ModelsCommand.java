package io.highwater.runners;

import io.highwater.registry.ModelRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code models}: what is in the registry, and which version serves. */
@Command(
    name = "highwater models",
    separator = "=",
    sortOptions = false,
    sortSynopsis = false,
    description = {
      "Shows the models of a registry, or changes which one serves. Running streams pick a change"
          + " up by themselves within seconds.",
      "list      all versions, the newest first, with the one in service",
      "show      the manifest of a version as JSON; of the one in service if none is given",
      "promote   puts a version into service, whatever its gate said",
      "rollback  puts the version into service that was there before"
    },
    footer = {
      "",
      "Examples:",
      "  highwater models list --registry=models",
      "  highwater models promote 20240416T000500000Z --registry=models",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong usage."
    })
final class ModelsCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "ACTION", description = "list, show, promote or rollback.")
  private String action = "";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "VERSION",
      description = "Which one, of show and promote.")
  private @Nullable String version;

  @Option(
      names = "--registry",
      required = true,
      paramLabel = "DIR",
      description = "The folder of the models.")
  private Path registry = Path.of("");

  @Option(
      names = "--contract",
      paramLabel = "ID",
      defaultValue = "warehouse-queries",
      description = "The contract whose models they are, by its id. Default: ${DEFAULT-VALUE}.")
  private String contract = "";

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  @Override
  public Integer call() throws CommandFailedException {
    if (!Files.isDirectory(registry)) {
      throw OptionsCommand.wrong(this, "--registry", registry, "a folder with models");
    }
    ModelRegistry models = ModelRegistry.of(registry, contract);
    try {
      System.out.println(
          switch (action) {
            case "list" -> models.list();
            case "show" -> models.show(version == null ? served(models) : version);
            case "promote" -> models.promote(required(), Instant.now());
            case "rollback" -> models.rollback(Instant.now());
            default ->
                throw OptionsCommand.wrong(
                    this, "ACTION", action, "list, show, promote or rollback");
          });
      return io.highwater.runners.Command.DONE;
    } catch (IOException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    }
  }

  private String served(ModelRegistry models) throws IOException {
    String served = models.servedVersion();
    if (served == null) {
      throw new IOException(
          "contract '%s' has no model in service in %s".formatted(contract, registry));
    }
    return served;
  }

  private String required() {
    if (version == null) {
      throw OptionsCommand.wrong(this, "VERSION", "", "the version to put into service");
    }
    return version;
  }
}
