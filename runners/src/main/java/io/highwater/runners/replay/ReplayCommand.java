package io.highwater.runners.replay;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.InvalidContractException;
import io.highwater.record.FileRecords;
import io.highwater.runners.CommandFailedException;
import io.highwater.runners.OptionsCommand;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Files into a Kafka topic, in the order and at the pace of their events. */
@Command(
    name = "highwater replay",
    separator = "=",
    sortOptions = false,
    sortSynopsis = false,
    description = {
      "Sends the records of files to a Kafka topic in event-time order. The Kafka timestamp is the"
          + " event time; a record without a readable one goes out behind the one that it follows,"
          + " with that one's. JSON lines are sent as they are, rows of .csv and .parquet files as"
          + " JSON. Files that are not in order are sorted on disk (in java.io.tmpdir)."
    },
    footer = {
      "",
      "Example:",
      "  highwater replay --input='queries-*.jsonl' --topic=queries --speedup=600 \\",
      "    --bootstrapServers=127.0.0.1:9092",
      "",
      "Exit codes: 0 done, 1 failed, 2 wrong usage. SIGTERM or Ctrl-C sends what was begun and ends"
          + " with 143 or 130."
    })
public final class ReplayCommand implements Callable<Integer> {
  private static final double MAX_SPEEDUP = 1e9;
  private static final int MAX_PARTITIONS = 10_000;
  private static final long STOP_SECONDS = 20;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILES",
      description =
          "A file or a pattern with * and ?, in quotes: .jsonl, .csv (also .gz or .zst), .parquet.")
  private String input = "";

  @Option(
      names = "--bootstrapServers",
      required = true,
      paramLabel = "HOST:PORT",
      description = "The Kafka broker.")
  private String bootstrapServers = "";

  @Option(
      names = "--topic",
      required = true,
      paramLabel = "TOPIC",
      description = "Where to; made if absent.")
  private String topic = "";

  @Option(
      names = "--partitions",
      paramLabel = "N",
      defaultValue = "4",
      description = "Of a topic that is made. Default: ${DEFAULT-VALUE}.")
  private int partitions;

  @Option(
      names = "--speedup",
      paramLabel = "X",
      defaultValue = "60",
      description =
          "Seconds of event time that pass in one second; 0 is as fast as it goes. Default:"
              + " ${DEFAULT-VALUE}.")
  private double speedup;

  @Option(
      names = "--resume",
      paramLabel = "FILE",
      description =
          "Remembers in FILE how many records were sent, and goes on after them the next time.")
  private @Nullable Path resume;

  @Option(
      names = "--consumerGroup",
      paramLabel = "G",
      description =
          "Slows down while this group, such as the stream's, lags by more than it takes in "
              + LagLimit.LAG_SECONDS
              + " s, and goes on at speed when it does not.")
  private @Nullable String consumerGroup;

  @Option(
      names = "--contract",
      paramLabel = "NAME or FILE",
      defaultValue = "warehouse-queries",
      description = "Which fields are text and which are numbers. Default: ${DEFAULT-VALUE}.")
  private String contractName = "";

  @Option(
      names = "--eventTimeField",
      paramLabel = "FIELD",
      description = "Default: the contract's, arrival_timestamp of warehouse-queries.")
  private @Nullable String eventTimeField;

  @Option(
      names = "--keyField",
      paramLabel = "FIELD",
      description =
          "The field that is the Kafka key. Default: the first of the contract's key, instance_id of"
              + " warehouse-queries.")
  private @Nullable String keyField;

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  private volatile boolean stopped;

  @Override
  public Integer call() throws CommandFailedException, InterruptedException {
    OptionsCommand.requireBetween(this, "--speedup", speedup, 0, MAX_SPEEDUP);
    OptionsCommand.requireBetween(this, "--partitions", partitions, 1, MAX_PARTITIONS);
    if (consumerGroup != null && consumerGroup.isBlank()) {
      throw OptionsCommand.wrong(this, "--consumerGroup", consumerGroup, "the name of a group");
    }
    Contract contract = contract();
    String key = keyField == null ? contract.key().get(0) : keyField;
    List<Path> files = files();
    CountDownLatch finished = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(finished), "replay-stop"));
    try (KafkaSender sender = KafkaSender.open(bootstrapServers, topic, partitions, key);
        OrderedMessages messages =
            OrderedMessages.of(files, contract, SortedRuns.create(), () -> stopped);
        @Nullable LagLimit lagLimit = lagLimit()) {
      @Nullable ResumeFile resumeFile =
          resume == null ? null : ResumeFile.open(resume, files, topic);
      new Replay(messages, sender, speedup, resumeFile, lagLimit, () -> stopped).run();
      return io.highwater.runners.Command.DONE;
    } catch (IOException | UncheckedIOException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    } finally {
      finished.countDown();
    }
  }

  /** Runs when a signal ends the JVM, and after the command, when there is nothing to wait for. */
  private void stop(CountDownLatch finished) {
    stopped = true;
    try {
      boolean unused = finished.await(STOP_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private @Nullable LagLimit lagLimit() throws CommandFailedException, InterruptedException {
    if (consumerGroup == null) {
      return null;
    }
    ConsumerLag lag = ConsumerLag.open(bootstrapServers, topic, consumerGroup);
    return new LagLimit(lag, consumerGroup, lag.endAtStart());
  }

  private Contract contract() {
    Contract contract;
    try {
      contract = ContractLoader.load(contractName);
    } catch (InvalidContractException e) {
      throw OptionsCommand.wrong(
          this, "--contract", contractName, "a valid contract:\n" + e.getMessage());
    }
    String eventTime = eventTimeField;
    if (eventTime == null || eventTime.equals(contract.eventTime())) {
      return contract;
    }
    List<Field> fields = new ArrayList<>(contract.fields());
    fields.removeIf(field -> field.name().equals(eventTime));
    fields.add(new Field(eventTime, FieldType.TIMESTAMP, true, null, null, null, List.of(), null));
    return new Contract(
        contract.id(),
        contract.version(),
        eventTime,
        contract.outOfOrderBound(),
        contract.key(),
        fields,
        contract.derived(),
        contract.rules(),
        contract.rollUp());
  }

  private List<Path> files() throws CommandFailedException {
    List<Path> files;
    try {
      files = InputFiles.matching(input);
    } catch (IOException | UncheckedIOException e) {
      throw new CommandFailedException("cannot list " + input + ": " + e.getMessage(), e);
    }
    if (files.isEmpty()) {
      throw OptionsCommand.wrong(this, "--input", input, "at least one file; there is none");
    }
    for (Path file : files) {
      if (!FileRecords.isSupported(file.toString())) {
        throw OptionsCommand.wrong(
            this, "--input", file, "files that end in .jsonl, .csv (also .gz or .zst) or .parquet");
      }
    }
    return files;
  }
}
