package io.highwater.dashboard;

import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.http.ServiceUnavailableResponse;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) for pages
 * that follow the data: {@code status} when the store has something new and every 15 s, which also
 * keeps the connection up, and what the stream's live topic says as it comes. Those of the topic
 * have ids: who comes back with the id of the last one is told those since, as far as they are
 * kept.
 *
 * <p>A listener has a thread of the server while it listens, so that one that reads slowly holds up
 * nobody; that is why there is a most. One that is too far behind is hung up on, and catches up
 * when it comes back.
 */
final class LiveEvents implements AutoCloseable {
  static final String ROUTE = "/api/live";
  static final int MAX_LISTENERS = 100;

  private static final Logger log = LoggerFactory.getLogger(LiveEvents.class);

  private static final Duration STATUS_EVERY = Duration.ofSeconds(15);
  private static final Duration STATUS_AT_MOST_EVERY = Duration.ofSeconds(1);
  private static final Duration LOOK_EVERY = Duration.ofMillis(200);

  /** What a listener may be behind by, and what is kept for those who come back. */
  static final int MAX_EVENTS = 1_000;

  private static final String CONTENT_TYPE = "text/event-stream";
  private static final String RETRY_MILLIS = "2000";
  private static final Pattern ID = Pattern.compile("([0-9a-z]{1,13})-([0-9]{1,18})");
  private static final Event END = new Event(null, "", "");

  private final HotStore store;
  private final @Nullable LiveTopicReader reader;
  private final @Nullable String topic;
  private final StatusText status;
  private final ScheduledExecutorService ticker =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "live-status");
            thread.setDaemon(true);
            return thread;
          });

  /** So that ids of another process are not taken for this one's. */
  private final String run = Long.toString(System.currentTimeMillis(), 36);

  // Guarded by this.
  private final Set<Listener> listeners = new LinkedHashSet<>();
  private final Deque<Event> kept = new ArrayDeque<>();
  private long lastId;
  private boolean closed;

  /** Those too that were hung up on and whose last write has not failed yet: they have a thread. */
  private int answering;

  // Of the ticker alone.
  private String toldVersion = "";
  private long toldNanos;

  /** The body of /api/status. */
  @FunctionalInterface
  interface StatusText {
    String json() throws Exception;
  }

  /**
   * @param id null for an event that nobody needs to be told later
   * @param data in one line
   */
  private record Event(@Nullable Long id, String name, String data) {}

  private static final class Listener {
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>(MAX_EVENTS);

    /** Whether there was room; a listener without is ended, in place of what it has not read. */
    boolean offer(Event event) {
      if (events.offer(event)) {
        return true;
      }
      end();
      return false;
    }

    void end() {
      events.clear();
      events.offer(END);
    }
  }

  LiveEvents(DashboardConfig config, HotStore store, StatusText status) {
    this.store = store;
    this.status = status;
    if (config.liveTopic() == null) {
      topic = null;
      reader = null;
    } else {
      topic = config.liveTopic().topic();
      reader =
          new LiveTopicReader(
              config.liveTopic(), config.contract(), this::tell, KafkaConsumer::new);
    }
  }

  void start() {
    if (reader != null) {
      reader.start();
    }
    ticker.scheduleWithFixedDelay(
        this::tellStatus, LOOK_EVERY.toMillis(), LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS);
  }

  synchronized int listeners() {
    return listeners.size();
  }

  /** How the live topic is doing; state is "off" where there is none. */
  Map<String, @Nullable Object> state() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("topic", topic);
    json.put("state", reader == null ? "off" : reader.state().name());
    json.put("error", reader == null ? null : reader.state().error());
    json.put("listeners", listeners());
    return json;
  }

  /** An event of the topic. */
  synchronized void tell(String name, String data) {
    Event event = new Event(++lastId, name, data);
    kept.add(event);
    if (kept.size() > MAX_EVENTS) {
      kept.remove();
    }
    listeners.removeIf(listener -> !listener.offer(event));
  }

  private void tellStatus() {
    String version = store.version();
    long sinceNanos = System.nanoTime() - toldNanos;
    boolean changed = !version.equals(toldVersion) && sinceNanos >= STATUS_AT_MOST_EVERY.toNanos();
    if (listeners() == 0 || !(changed || sinceNanos >= STATUS_EVERY.toNanos())) {
      return;
    }
    try {
      Event event = new Event(null, "status", status.json());
      synchronized (this) {
        listeners.removeIf(listener -> !listener.offer(event));
      }
      toldVersion = version;
    } catch (Exception e) {
      log.error("the status cannot be told to those who listen", e);
    }
    toldNanos = System.nanoTime();
  }

  /** Answers a request with events until who asked hangs up or this is closed. */
  void listen(Context context) throws Exception {
    if (context.method().equals(HandlerType.HEAD)) {
      context.contentType(CONTENT_TYPE);
      return;
    }
    String data = status.json();
    Listener listener = new Listener();
    List<Event> first = new ArrayList<>();
    first.add(new Event(null, "status", data));
    synchronized (this) {
      if (closed || answering >= MAX_LISTENERS) {
        context.header("Retry-After", "10");
        throw new ServiceUnavailableResponse(
            closed
                ? "the dashboard is ending"
                : "%d pages listen already; ask /api/status instead".formatted(MAX_LISTENERS));
      }
      first.addAll(since(context.header("Last-Event-ID")));
      listeners.add(listener);
      answering++;
    }
    try {
      write(context.res(), listener, first);
    } catch (IOException e) {
      log.debug("a listener hung up", e);
    } finally {
      synchronized (this) {
        listeners.remove(listener);
        answering--;
      }
    }
  }

  private List<Event> since(@Nullable String id) {
    Matcher matcher = ID.matcher(id == null ? "" : id);
    if (!matcher.matches() || !matcher.group(1).equals(run)) {
      return List.of();
    }
    long last = Long.parseLong(matcher.group(2));
    return kept.stream().filter(event -> event.id() != null && event.id() > last).toList();
  }

  /** Past the server's own stream, which would compress and so hold events back. */
  private void write(HttpServletResponse response, Listener listener, List<Event> first)
      throws IOException, InterruptedException {
    response.setContentType(CONTENT_TYPE);
    response.setCharacterEncoding("UTF-8");
    response.setHeader("Cache-Control", "no-store");
    // What nginx needs to hear to pass events on at once.
    response.setHeader("X-Accel-Buffering", "no");
    OutputStream out = response.getOutputStream();
    out.write(("retry: " + RETRY_MILLIS + "\n\n").getBytes(StandardCharsets.UTF_8));
    for (Event event : first) {
      out.write(bytes(event));
    }
    out.flush();
    List<Event> events = new ArrayList<>();
    while (!events.contains(END)) {
      events.clear();
      events.add(listener.events.take());
      listener.events.drainTo(events);
      for (Event event : events) {
        if (event != END) {
          out.write(bytes(event));
        }
      }
      out.flush();
    }
  }

  private byte[] bytes(Event event) {
    String id = event.id() == null ? "" : "id: " + run + "-" + event.id() + "\n";
    return (id + "event: " + event.name() + "\ndata: " + event.data() + "\n\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Hangs up on everybody. */
  @Override
  public void close() {
    if (reader != null) {
      reader.close();
    }
    ticker.shutdownNow();
    synchronized (this) {
      closed = true;
      listeners.forEach(Listener::end);
      listeners.clear();
    }
  }
}
