package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;

import io.highwater.dashboard.EventStream.Event;
import io.javalin.Javalin;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Those who listen, over HTTP; what the topic says is told by the test. What is not told would be
 * waited for without an end.
 */
@Timeout(120)
class LiveEventsTest {
  private static final String STATUS = "{\"version\":\"1\"}";

  @TempDir private Path folder;
  private HotStore store;
  private LiveEvents live;
  private Javalin server;
  private DashboardClient client;

  @BeforeEach
  void start() throws IOException {
    DashboardConfig config = DashboardConfig.of(folder.resolve("lake"), SampleLake.CONTRACT);
    store = HotStore.open(config, InstantSource.system());
    live = new LiveEvents(config, store, () -> STATUS);
    server =
        Javalin.create(javalin -> javalin.routes.get(LiveEvents.ROUTE, live::listen))
            .start("127.0.0.1", 0);
    client = new DashboardClient(server.port());
  }

  @AfterEach
  void stop() {
    live.close();
    server.stop();
    store.close();
  }

  @Test
  void theStatusComesFirstAndThenTheTopicsEventsInTheirOrder() throws Exception {
    HttpResponse<InputStream> answer = client.open("GET", LiveEvents.ROUTE, "");
    assertThat(DashboardClient.contentType(answer), startsWith("text/event-stream"));
    try (EventStream events = new EventStream(answer.body())) {
      assertThat(events.next(), is(new Event(null, "status", STATUS)));
      live.tell("pane", "{\"queries\":1}");
      live.tell("outlier", "{\"ratio\":2}");
      Event pane = next(events);
      assertThat(pane.name() + pane.data(), is("pane{\"queries\":1}"));
      Event outlier = next(events);
      assertThat(outlier.name() + outlier.data(), is("outlier{\"ratio\":2}"));
      assertThat(Objects.equals(pane.id(), outlier.id()), is(false));
    }
  }

  @Test
  void whoComesBackIsToldWhatWasMissedAndNothingTwice() throws Exception {
    String last;
    try (EventStream events = open()) {
      live.tell("pane", "1");
      live.tell("pane", "2");
      next(events);
      last = String.valueOf(next(events).id());
    }
    live.tell("pane", "3");
    live.tell("pane", "4");
    HttpResponse<InputStream> again =
        client.get(LiveEvents.ROUTE, "Last-Event-ID", last, BodyHandlers.ofInputStream());
    try (EventStream events = new EventStream(again.body())) {
      assertThat(next(events).name(), is("status"));
      assertThat(next(events).data(), is("3"));
      assertThat(next(events).data(), is("4"));
      live.tell("pane", "5");
      assertThat(next(events).data(), is("5"));
    }
    HttpResponse<InputStream> stranger =
        client.get(LiveEvents.ROUTE, "Last-Event-ID", "other-1", BodyHandlers.ofInputStream());
    try (EventStream events = new EventStream(stranger.body())) {
      next(events);
      live.tell("pane", "6");
      assertThat(next(events).data(), is("6"));
    }
  }

  @Test
  void whoWasAwayForLongIsToldTheNewestThousand() throws Exception {
    String first;
    try (EventStream events = open()) {
      live.tell("pane", "0");
      first = String.valueOf(next(events).id());
    }
    int told = LiveEvents.MAX_EVENTS + 100;
    for (int i = 1; i <= told; i++) {
      live.tell("pane", String.valueOf(i));
    }
    HttpResponse<InputStream> again =
        client.get(LiveEvents.ROUTE, "Last-Event-ID", first, BodyHandlers.ofInputStream());
    try (EventStream events = new EventStream(again.body())) {
      next(events);
      for (int i = told - LiveEvents.MAX_EVENTS + 1; i <= told; i++) {
        assertThat(next(events).data(), is(String.valueOf(i)));
      }
    }
  }

  @Test
  void aHundredMayListenAndOneMoreIsToldSo() throws Exception {
    List<EventStream> listeners = new ArrayList<>();
    for (int i = 0; i < LiveEvents.MAX_LISTENERS; i++) {
      listeners.add(open());
    }
    HttpResponse<String> refused = client.get(LiveEvents.ROUTE);
    assertThat(refused.statusCode(), is(503));
    assertThat(refused.headers().firstValue("Retry-After").orElse(""), is("10"));
    live.tell("pane", "all");
    for (EventStream listener : listeners) {
      assertThat(next(listener).data(), is("all"));
      listener.close();
    }
  }

  @Test
  void whoDoesNotReadIsHungUpOnAndHoldsUpNobody() throws Exception {
    try (Socket slow = new Socket("127.0.0.1", server.port());
        EventStream events = open()) {
      slow.getOutputStream()
          .write("GET /api/live HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      while (live.listeners() < 2) {
        Thread.onSpinWait();
      }
      String data = "x".repeat(20_000);
      for (int told = 0; live.listeners() == 2; told++) {
        live.tell("pane", data);
        assertThat(next(events).data().length(), is(20_000));
        assertThat("events told to somebody who reads none of them", told < 100_000, is(true));
      }
      live.tell("pane", "last");
      assertThat(next(events).data(), is("last"));
    }
  }

  @Test
  void closingHangsUp() throws Exception {
    try (EventStream events = open()) {
      live.close();
      assertThat(events.next(), is(nullValue()));
    }
    assertThat(client.get(LiveEvents.ROUTE).statusCode(), is(503));
  }

  @Test
  void aNewFileInTheLakeIsToldToThosePagesThatListen() throws Exception {
    DashboardConfig config = DashboardConfig.of(folder.resolve("other"), SampleLake.CONTRACT);
    try (SampleLake lake = new SampleLake(config.lake());
        DashboardServer dashboard = DashboardServer.start(config.withPort(0))) {
      DashboardClient asks = new DashboardClient(dashboard.port());
      try (EventStream events = new EventStream(asks.open("GET", LiveEvents.ROUTE, "").body())) {
        assertThat(rollups(asks, events.next("status")), is(0));
        lake.writeParquet(
            "rollups",
            SampleLake.START,
            "a.parquet",
            SampleLake.rollups(SampleLake.START, 3, 1, 0));
        int told = 0;
        while (told == 0) {
          told = rollups(asks, events.next("status"));
        }
        assertThat(told, is(21));
        assertThat(asks.json("/api/status").path("live").path("listeners").asInt(), is(1));
        assertThat(asks.json("/api/status").path("live").path("state").asText(), is("off"));
      }
    }
  }

  private static int rollups(DashboardClient client, Event status) throws IOException {
    return client.parse(status.data()).path("rows").path("rollups").asInt();
  }

  /** Listens, and has read the status. */
  private EventStream open() throws Exception {
    EventStream events = new EventStream(client.open("GET", LiveEvents.ROUTE, "").body());
    next(events);
    return events;
  }

  private static Event next(EventStream events) throws IOException {
    return Objects.requireNonNull(events.next(), "the stream has ended");
  }
}
