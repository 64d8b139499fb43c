package io.highwater.runners.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.dashboard.DashboardConfig;
import io.highwater.dashboard.DashboardConfig.LiveTopic;
import io.highwater.dashboard.DashboardServer;
import io.highwater.lake.FileTree;
import io.highwater.runners.CommandFailedException;
import io.highwater.runners.EndSignal;
import io.highwater.runners.OptionsCommand;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFile;
import io.highwater.runners.generate.QueryGenerator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Broker, history, models, replay, stream and page on this machine, until Ctrl-C. */
@Command(
    name = "highwater demo",
    separator = "=",
    sortOptions = false,
    description = {
      "Shows everything on this machine: makes up the queries of a warehouse, backfills their"
          + " history, trains models on it and again after each day, replays what follows through a"
          + " Kafka broker at speed, streams it into a lake with the models' scores, compacts the"
          + " lake every minute, and serves the page. Each start begins anew."
    },
    footer = {
      "",
      "Example:",
      "  highwater demo    then open http://localhost:8507",
      "",
      "Exit codes: 0 done, also by Ctrl-C, 1 failed, 2 wrong usage."
    })
public final class DemoCommand implements Callable<Integer> {
  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final int HISTORY_DAYS = 7;
  private static final int LIVE_DAYS = 7;

  /** By two hours of the next day train knows that the last day of the history is complete. */
  private static final Instant LIVE_FROM =
      START.plus(Duration.ofDays(HISTORY_DAYS)).plus(Duration.ofHours(2));

  private static final int ROWS_PER_DAY = 60_000;
  private static final int INSTANCES = 40;
  private static final double INVALID_SHARE = 0.001;

  /** Generated files, the topic and the lake take half of it. */
  private static final long DISK_BYTES = 2L << 30;

  private static final int READY_SECONDS = 60;
  private static final int SUMMARY_SECONDS = 5;

  /** In the folder of a demo, so that no other folder is ever emptied. */
  private static final String MARK = ".highwater-demo";

  private static final String CONTRACT = "warehouse-queries";
  private static final String TOPIC = "queries";
  private static final String LIVE_TOPIC = "queries-live";
  private static final int PARTITIONS = 4;
  private static final ObjectMapper JSON = new ObjectMapper();

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "8507",
      description = "The page's. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description =
          "Where it keeps everything; emptied at the start. Default: highwater-demo in the"
              + " folder for temporary files.")
  private @Nullable Path dir;

  @Option(
      names = "--speedup",
      paramLabel = "X",
      defaultValue = "600",
      description = "Seconds of event time that pass in one second. Default: ${DEFAULT-VALUE}.")
  private double speedup;

  @Option(names = "--help", usageHelp = true, description = "Shows this and ends.")
  private boolean help;

  private final HttpClient client = HttpClient.newHttpClient();

  /** What runs, the newest first: the order in which it is ended. */
  private final Deque<DemoProcess> running = new ArrayDeque<>();

  private final CountDownLatch ended = new CountDownLatch(1);

  @Override
  public Integer call() throws CommandFailedException, InterruptedException {
    OptionsCommand.requireBetween(this, "--port", port, 1, 65_535);
    OptionsCommand.requireBetween(this, "--speedup", speedup, 1, 1e6);
    Path home = dir == null ? Path.of(System.getProperty("java.io.tmpdir"), "highwater-demo") : dir;
    home = home.toAbsolutePath().normalize();
    requireFreePort();
    prepare(home);
    try (EndSignal signal = EndSignal.then(this::end)) {
      run(home);
      return io.highwater.runners.Command.DONE;
    } finally {
      end();
    }
  }

  private void run(Path home) throws CommandFailedException, InterruptedException {
    Path logs = home.resolve("logs");
    Path lake = home.resolve("lake");
    Path history = home.resolve("history.jsonl");
    Path live = home.resolve("live.jsonl");
    Path registry = home.resolve("models");
    say("1/6 starting a Kafka broker (logs of everything: %s)", logs);
    DemoProcess broker = start(logs, "broker", "--port=0", "--dir=" + home.resolve("broker"));
    say(
        "2/6 making up %,d queries of %d clusters over %d days",
        ROWS_PER_DAY * (HISTORY_DAYS + LIVE_DAYS), INSTANCES, HISTORY_DAYS + LIVE_DAYS);
    generate(history, live, home.resolve("truth.csv"));
    String bootstrapServers = broker.awaitLine("ready on ", READY_SECONDS);
    say("3/6 backfilling the first %d days into the lake %s", HISTORY_DAYS, lake);
    DemoProcess backfill =
        start(logs, "backfill", "--input=" + history, "--lake=" + lake, "--asOf=" + LIVE_FROM);
    try (DashboardServer dashboard = dashboard(lake, registry, bootstrapServers)) {
      say("    the page fills at http://localhost:%d", dashboard.port());
      backfill.awaitSuccess();
      running.remove(backfill);
      say("4/6 training on them, and again after each day; nothing waits for it");
      DemoTraining training =
          new DemoTraining(
              start(logs, "train", "--lake=" + lake, "--registry=" + registry, "--follow=true"),
              registry,
              CONTRACT);
      say("5/6 replaying what follows, %.0f times as fast as it happened", speedup);
      createTopic(bootstrapServers);
      DemoProcess replay =
          start(
              logs,
              "replay",
              "--input=" + live,
              "--bootstrapServers=" + bootstrapServers,
              "--topic=" + TOPIC,
              "--speedup=" + speedup);
      say("6/6 streaming it into the lake, with scores as soon as there is a model");
      DemoProcess stream =
          start(
              logs,
              "stream",
              "--bootstrapServers=" + bootstrapServers,
              "--inputTopic=" + TOPIC,
              "--lake=" + lake,
              "--registry=" + registry,
              "--liveTopic=" + LIVE_TOPIC,
              "--startFrom=earliest",
              "--stateDir=" + home.resolve("state"));
      DemoCompaction.start(lake, logs.resolve("compact.log"));
      say("%nOpen http://localhost:%d   (Ctrl-C ends it)%n", port);
      while (!ended.await(SUMMARY_SECONDS, TimeUnit.SECONDS)) {
        broker.failIfDead();
        stream.failIfDead();
        replay.failIfDead();
        String news = training.news();
        if (news != null) {
          say("    %s", news);
        }
        say("%s%s", summary(), replay.isAlive() ? "" : " · the replay is over");
      }
    }
  }

  private DemoProcess start(Path logs, String command, String... arguments)
      throws CommandFailedException {
    synchronized (running) {
      DemoProcess process = DemoProcess.start(logs, command, arguments);
      running.push(process);
      return process;
    }
  }

  /** Ends what runs, the newest first; also from the shutdown hook. */
  private void end() {
    ended.countDown();
    synchronized (running) {
      if (!running.isEmpty()) {
        say("ending");
      }
      while (!running.isEmpty()) {
        running.pop().stop(READY_SECONDS);
      }
    }
  }

  private void requireFreePort() throws CommandFailedException {
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      socket.getLocalPort();
    } catch (IOException e) {
      throw new CommandFailedException(
          "port %d is taken; end what listens there or give another --port".formatted(port), e);
    }
  }

  private static void prepare(Path home) throws CommandFailedException {
    try {
      Path mark = home.resolve(MARK);
      if (Files.isDirectory(home) && !Files.exists(mark)) {
        try (Stream<Path> files = Files.list(home)) {
          if (files.findAny().isPresent()) {
            throw new CommandFailedException(
                home + " holds files of another kind; give an empty folder as --dir");
          }
        }
      }
      FileTree.delete(home);
      Files.createDirectories(home.resolve("logs"));
      Files.createFile(mark);
      FileStore disk = Files.getFileStore(home);
      if (disk.getUsableSpace() < DISK_BYTES) {
        throw new CommandFailedException(
            "%s has %,d MiB of free disk; the demo takes %,d; give another --dir"
                .formatted(home, disk.getUsableSpace() >> 20, DISK_BYTES >> 20));
      }
    } catch (IOException e) {
      throw new CommandFailedException(
          "cannot write to %s (%s); give another --dir".formatted(home, e.getMessage()), e);
    }
  }

  private DashboardServer dashboard(Path lake, Path registry, String bootstrapServers)
      throws CommandFailedException {
    try {
      return DashboardServer.start(
          DashboardConfig.of(lake, CONTRACT)
              .withRegistry(registry)
              .withLiveTopic(new LiveTopic(bootstrapServers, LIVE_TOPIC, null))
              .withPort(port));
    } catch (IOException e) {
      throw new CommandFailedException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * One run of queries, cut at a full hour, so that no window is half history and half live.
   *
   * @param truth what was done on purpose to those that come live
   */
  private static void generate(Path history, Path live, Path truth) throws CommandFailedException {
    int days = HISTORY_DAYS + LIVE_DAYS;
    QueryGenerator.Settings settings =
        new QueryGenerator.Settings(
            (long) ROWS_PER_DAY * days, 1, START, Duration.ofDays(days), INSTANCES, INVALID_SHARE);
    CutQueries queries = new CutQueries(QueryGenerator.of(settings), LIVE_FROM);
    try {
      QueryFile.write(queries, QueryFile.Format.JSON_LINES, history, null);
      queries.goOn();
      QueryFile.write(queries, QueryFile.Format.JSON_LINES, live, truth);
    } catch (IOException e) {
      throw new CommandFailedException(
          "cannot write %s (%s)".formatted(history.getParent(), e.getMessage()), e);
    }
  }

  private static void createTopic(String bootstrapServers)
      throws CommandFailedException, InterruptedException {
    try (Admin admin =
        Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers))) {
      admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1))).all().get();
    } catch (ExecutionException e) {
      throw new CommandFailedException("cannot make the topic " + TOPIC, e);
    }
  }

  /** One line of what the page knows. */
  private String summary() throws InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/status"))
            .timeout(Duration.ofSeconds(SUMMARY_SECONDS))
            .build();
    try {
      JsonNode status =
          JSON.readTree(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
      return "event time %.16s · %,d queries in the lake · %,d/s · %,d outliers · %,d rejected"
          .formatted(
              status.at("/as_of/newest_event").asText("none yet        "),
              status.at("/rows/events").asLong(),
              status.at("/throughput/rows_per_second_10s").asLong(),
              status.at("/rows/outliers").asLong(),
              status.at("/rejected/total").asLong());
    } catch (IOException e) {
      return "the page does not answer: " + e.getMessage();
    }
  }

  private static void say(String format, Object... values) {
    System.out.printf(format + "%n", values);
  }

  /** Queries before a moment, and, once told to go on, the rest. */
  private static final class CutQueries implements Iterator<Query> {
    private final QueryGenerator queries;
    private long endMicros;
    private @Nullable Query next;

    CutQueries(QueryGenerator queries, Instant cut) {
      this.queries = queries;
      this.endMicros = cut.toEpochMilli() * 1000;
      this.next = queries.next();
    }

    void goOn() {
      endMicros = Long.MAX_VALUE;
    }

    @Override
    public boolean hasNext() {
      return next != null && next.arrivalMicros() < endMicros;
    }

    @Override
    public Query next() {
      Query query = next;
      if (query == null) {
        throw new NoSuchElementException();
      }
      next = queries.hasNext() ? queries.next() : null;
      return query;
    }
  }
}
