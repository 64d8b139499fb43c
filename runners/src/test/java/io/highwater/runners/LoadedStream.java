package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A stream in a process of its own over a topic that gets messages all the time, valid and broken
 * ones, whatever happens to the stream and to the broker. The system property {@code
 * highwater.stream.arguments} adds arguments to the stream's.
 */
final class LoadedStream implements AutoCloseable {
  private static final Duration WAIT = Duration.ofSeconds(180);
  private static final int PARTITIONS = 3;
  private static final int MESSAGES_AT_ONCE = 40;
  private static final Instant START = Instant.parse("2024-03-01T22:30:00Z");

  /** A sum of logarithms, which no other order of adding them may change. */
  private static final String FRACTIONAL_MEASURE =
      "        - {name: log_execution, function: sum, column: log1p_execution_duration_ms}\n";

  private final Path directory;
  private final List<String> arguments;
  private final Path contractFile;
  private final Contract contract;
  private final TestTopic topic;
  private final ScheduledFuture<?> trickle;
  private TestBroker broker;
  private @Nullable StreamProcess stream;
  private int starts;

  private LoadedStream(
      Path directory,
      List<String> arguments,
      Path contractFile,
      Contract contract,
      TestBroker broker,
      TestTopic topic) {
    this.directory = directory;
    this.arguments = arguments;
    this.contractFile = contractFile;
    this.contract = contract;
    this.broker = broker;
    this.topic = topic;
    // About ten minutes of event time a second.
    this.trickle =
        topic.trickle(
            QueryMessage.generate(new Settings(1_000_000, 11, START, Duration.ofDays(10), 6, 0.02)),
            MESSAGES_AT_ONCE);
  }

  /**
   * Starts the broker and the messages, not yet the stream.
   *
   * @param directory of the broker, the lake, the state and the logs
   */
  static LoadedStream begin(Path directory, String... arguments) throws Exception {
    Path contractFile = directory.resolve("contract.yaml");
    Files.writeString(contractFile, contractWithFractionalMeasure());
    TestBroker broker = TestBroker.start(directory.resolve("broker"));
    return new LoadedStream(
        directory,
        Stream.concat(
                Arrays.stream(arguments),
                Arrays.stream(System.getProperty("highwater.stream.arguments", "").split(" ")))
            .filter(argument -> !argument.isBlank())
            .toList(),
        contractFile,
        ContractLoader.load(contractFile.toString()),
        broker,
        TestTopic.create(broker, "queries", PARTITIONS));
  }

  private static String contractWithFractionalMeasure() throws IOException {
    try (InputStream in =
        Contract.class.getResourceAsStream("/io/highwater/contract/warehouse-queries.yaml")) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return text.replace("      measures:\n", "      measures:\n" + FRACTIONAL_MEASURE);
    }
  }

  Path lake() {
    return directory.resolve("lake");
  }

  Path stateDir() {
    return directory.resolve("lake-state");
  }

  TestTopic topic() {
    return topic;
  }

  TestBroker broker() {
    return broker;
  }

  int starts() {
    return starts;
  }

  /** Starts the stream, which goes on from its state. */
  StreamProcess start(String... more) throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of(
                "--bootstrapServers=" + broker.bootstrapServers(),
                "--inputTopic=" + topic.name(),
                "--contract=" + contractFile,
                "--lake=" + lake(),
                "--checkpointingInterval=1000"));
    all.addAll(arguments);
    all.addAll(List.of(more));
    starts++;
    StreamProcess started =
        StreamProcess.start(directory.resolve("stream-" + starts + ".log"), all);
    stream = started;
    return started;
  }

  /** Waits for something that the stream does; fails at once where it has ended. */
  void await(String what, StreamProcess running, Condition condition) throws Exception {
    try {
      Await.until(
          what,
          WAIT,
          () -> {
            boolean holds = condition.holds();
            assertThat("is running", holds || running.isAlive(), is(true));
            return holds;
          });
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "; the stream said:\n" + running.log(), e);
    }
  }

  /** Waits until files have come into the lake. */
  void awaitNewFiles(StreamProcess running) throws Exception {
    int before = files();
    await("new files in the lake", running, () -> files() > before);
  }

  void awaitLog(StreamProcess running, String line) throws Exception {
    await("the log to say: " + line, running, () -> running.log().contains(line));
  }

  interface Condition {
    boolean holds() throws Exception;
  }

  /** How many files there are in the lake, without the unfinished ones. */
  int files() throws IOException {
    return filesEndingIn("") - unfinishedFiles();
  }

  int unfinishedFiles() throws IOException {
    return filesEndingIn(".part");
  }

  /** Those that come or go meanwhile may count. */
  private int filesEndingIn(String ending) throws IOException {
    int[] count = {0};
    Files.walkFileTree(
        lake(),
        EnumSet.of(FileVisitOption.FOLLOW_LINKS),
        Integer.MAX_VALUE,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(ending)) {
              count[0]++;
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException gone) {
            return FileVisitResult.CONTINUE;
          }
        });
    return count[0];
  }

  /** Ends the broker at once and starts it again on the same port and directory. */
  void startBrokerAgain() throws IOException {
    String address = broker.bootstrapServers();
    broker =
        TestBroker.start(
            directory.resolve("broker"),
            "--port=" + address.substring(address.lastIndexOf(':') + 1));
  }

  void endMessages() throws ExecutionException, InterruptedException {
    topic.endTrickle(trickle);
  }

  /** Ends the messages, lets the stream come to its end, and compares the lake with them. */
  void assertExactlyOnceAtTheEnd(String... more) throws Exception {
    endMessages();
    List<String> last = new ArrayList<>(List.of(more));
    if (arguments.stream().noneMatch(argument -> argument.startsWith("--stopAfterIdle="))) {
      last.add("--stopAfterIdle=3s");
    }
    StreamProcess end = start(last.toArray(String[]::new));
    end.awaitSuccess();
    assertThatEveryMessageIsThereOnce();
  }

  void assertThatEveryMessageIsThereOnce() throws SQLException, IOException {
    int acknowledged = topic.sent().size();
    topic.addSentAgain(broker);
    System.out.printf(
        "%,d messages, %d of them sent again by the producer%n",
        topic.sent().size(), topic.sent().size() - acknowledged);
    try (LakeRows rows = LakeRows.of(contract)) {
      ExactlyOnce.assertThatEveryMessageIsThereOnce(rows, topic, lake());
    }
  }

  @Override
  public void close() throws Exception {
    trickle.cancel(true);
    if (stream != null) {
      stream.close();
    }
    topic.close();
    broker.kill();
  }
}
