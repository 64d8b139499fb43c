package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.export.ExportTable;
import io.highwater.export.ExportTarget;
import io.highwater.export.ExportedTable;
import io.highwater.export.LakeExport;
import io.highwater.lake.LakeNames;
import io.highwater.pipelines.OptionValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a lake has, for a warehouse or for anyone's DuckDB. */
@Command(
    name = "highwater export",
    separator = "=",
    sortOptions = false,
    sortSynopsis = false,
    description = {
      "Writes what counts in a lake as one Parquet file a table and hour, with a script: for"
          + " Redshift manifests, COPY and MERGE, for DuckDB views. Run again, it writes only the"
          + " hours that have changed and removes what the lake no longer has."
    },
    footer = {
      "",
      "Example:",
      "  highwater export --lake=lake --output=warehouse --target=redshift"
          + " --prefix=s3://bucket/warehouse",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong usage."
    })
public final class ExportCommand implements Callable<Integer> {
  @Option(names = "--lake", required = true, paramLabel = "DIR", description = "The lake's folder.")
  private Path lake = Path.of("");

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "Where to; each contract has a folder of its own there.")
  private Path output = Path.of("");

  @Option(
      names = "--target",
      required = true,
      paramLabel = "TARGET",
      description = "For whom: redshift or duckdb.")
  private String target = "";

  @Option(
      names = "--contract",
      paramLabel = "NAME or FILE",
      defaultValue = "warehouse-queries",
      description = "Whose tables. Default: ${DEFAULT-VALUE}.")
  private String contract = "";

  @Option(
      names = "--table",
      paramLabel = "TABLE",
      description = "events or rollups. Default: both.")
  private @Nullable String table;

  @Option(
      names = "--from",
      paramLabel = "TIME",
      description = "The first hour. Default: the lake's first.")
  private @Nullable Instant from;

  @Option(
      names = "--to",
      paramLabel = "TIME",
      description = "Behind the last hour. Default: the lake's end.")
  private @Nullable Instant to;

  @Option(
      names = "--prefix",
      paramLabel = "URL",
      description =
          "Where the output will lie when it is read, such as s3://bucket/path. Default: where it"
              + " is written.")
  private @Nullable String prefix;

  @Option(
      names = "--iamRole",
      paramLabel = "ARN",
      defaultValue = "arn:aws:iam::ACCOUNT:role/ROLE",
      description = "Which role Redshift reads the files in. Default: a text to fill in.")
  private String iamRole = "";

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  @Override
  public Integer call() throws CommandFailedException {
    Contract loaded = OptionValues.contract("contract", contract);
    ExportTarget exportTarget = target();
    List<ExportTable> tables = tables();
    requireWholeHour("--from", from);
    requireWholeHour("--to", to);
    if (from != null && to != null && !from.isBefore(to)) {
      throw OptionsCommand.wrong(this, "--to", to, "a time after --from=" + from);
    }
    requireFolders(loaded.id());
    List<ExportedTable> exported;
    try {
      exported =
          LakeExport.run(
              new LakeExport.Settings(
                  lake,
                  output,
                  loaded,
                  exportTarget,
                  tables,
                  from,
                  to,
                  prefix == null
                      ? output.toAbsolutePath().normalize().toString()
                      : prefix.replaceFirst("/+$", ""),
                  iamRole));
    } catch (IOException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    }
    report(exported);
    System.out.println(output.resolve(loaded.id()).resolve(exportTarget.script()));
    return io.highwater.runners.Command.DONE;
  }

  private ExportTarget target() {
    for (ExportTarget known : ExportTarget.values()) {
      if (known.name().toLowerCase(Locale.ROOT).equals(target)) {
        return known;
      }
    }
    throw OptionsCommand.wrong(this, "--target", target, "redshift or duckdb");
  }

  private List<ExportTable> tables() {
    if (table == null) {
      return List.of(ExportTable.values());
    }
    for (ExportTable known : ExportTable.values()) {
      if (known.folder().equals(table)) {
        return List.of(known);
      }
    }
    throw OptionsCommand.wrong(this, "--table", table, "events or rollups");
  }

  private void requireWholeHour(String option, @Nullable Instant time) {
    if (time != null && !time.truncatedTo(ChronoUnit.HOURS).equals(time)) {
      throw OptionsCommand.wrong(this, option, time, "a whole hour such as 2024-03-01T05:00:00Z");
    }
  }

  private void requireFolders(String contractId) {
    if (!Files.isDirectory(lake)) {
      throw OptionsCommand.wrong(this, "--lake", lake, "a lake's folder; there is none");
    }
    if (!Files.isDirectory(lake.resolve(contractId))) {
      throw OptionsCommand.wrong(
          this, "--contract", contract, "a contract that the lake " + lake + " has rows of");
    }
    if (LakeNames.readsLikeAPattern(output.toString())) {
      throw OptionsCommand.wrong(
          this, "--output", output, "a folder without any of * ? [ ] { } \\ in its path");
    }
    Path lakePath = resolved(lake);
    Path outputPath = resolved(output.resolve(contractId));
    if (outputPath.startsWith(lakePath) || lakePath.startsWith(outputPath)) {
      throw OptionsCommand.wrong(this, "--output", output, "a folder outside of the lake");
    }
  }

  /** Without links, as far as the path is there. */
  private static Path resolved(Path path) {
    Path absolute = path.toAbsolutePath().normalize();
    Path parent = absolute.getParent();
    try {
      return absolute.toRealPath();
    } catch (IOException e) {
      return parent == null
          ? absolute
          : resolved(parent).resolve(String.valueOf(absolute.getFileName()));
    }
  }

  private static void report(List<ExportedTable> exported) {
    for (ExportedTable one : exported) {
      System.out.printf(
          Locale.ROOT,
          "%s: %,d hours, %,d of them written, %,d bytes%n",
          one.table().folder(),
          one.hours().size(),
          one.written(),
          one.bytes());
      List<String> cut = new ArrayList<>();
      one.cutTexts().forEach((column, count) -> cut.add(count + " of " + column));
      if (!cut.isEmpty()) {
        System.err.printf(
            "highwater export: texts of %s were longer than a column of Redshift holds and were"
                + " cut: %s%n",
            one.table().folder(), String.join(", ", cut));
      }
    }
  }
}
