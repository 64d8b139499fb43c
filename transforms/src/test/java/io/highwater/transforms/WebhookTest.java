package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.is;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WebhookTest {
  private final Queue<String> received = new ConcurrentLinkedQueue<>();
  private final Queue<Integer> answers = new ConcurrentLinkedQueue<>();
  private HttpServer server;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/alerts",
        exchange -> {
          received.add(new String(exchange.getRequestBody().readAllBytes(), UTF_8));
          Integer answer = answers.poll();
          exchange.sendResponseHeaders(answer == null ? 204 : answer, -1);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private URI address() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/alerts");
  }

  /** What is waiting when it closes is sent before. */
  private long send(URI address, String... messages) {
    Webhook webhook = new Webhook(address);
    for (String message : messages) {
      assertThat(webhook.send(message.getBytes(UTF_8)), is(true));
    }
    webhook.close();
    return webhook.newFailures();
  }

  @Test
  void postsInOrder() {
    assertThat(send(address(), "{\"n\":1}", "{\"n\":2}"), is(0L));
    assertThat(received, contains("{\"n\":1}", "{\"n\":2}"));
  }

  @Test
  void triesAgainWhatIsRefusedForAPassingReason() {
    answers.addAll(List.of(503, 429));
    assertThat(send(address(), "one", "two"), is(0L));
    assertThat(received, contains("one", "one", "one", "two"));
  }

  @Test
  void givesUpWhatIsRefusedForGood() {
    answers.add(400);
    assertThat(send(address(), "one", "two"), is(1L));
    assertThat(received, contains("one", "two"));
  }

  @Test
  void givesUpWhereNobodyListens() {
    URI gone = address();
    server.stop(0);
    assertThat(send(gone, "one"), is(1L));
  }
}
