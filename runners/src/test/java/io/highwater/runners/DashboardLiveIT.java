package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;

import io.highwater.dashboard.DashboardConfig;
import io.highwater.dashboard.DashboardConfig.LiveTopic;
import io.highwater.dashboard.DashboardServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The live topic of a real broker, on the dashboard's stream of events. */
class DashboardLiveIT {
  private static final String TOPIC = "live";
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  @TempDir private Path folder;

  @Test
  void aMessageIsToldAtOnceAndAgainAfterTheBrokerWasAway() throws Exception {
    Path directory = Files.createDirectory(folder.resolve("broker"));
    TestBroker broker = TestBroker.start(directory);
    String servers = broker.bootstrapServers();
    createTopic(servers);
    send(servers, "{\"queries\":1}");
    DashboardConfig config =
        DashboardConfig.of(folder.resolve("lake"), "warehouse-queries")
            .withPort(0)
            .withLiveTopic(new LiveTopic(servers, TOPIC, null));
    try (DashboardServer server = DashboardServer.start(config)) {
      awaitState(server, "connected");
      try (BufferedReader events = listen(server)) {
        long sent = System.nanoTime();
        send(servers, "{\"queries\":2}");
        assertThat(nextPane(events), is("data: {\"queries\":2}"));
        System.out.printf("a pane was told after %.3f s%n", (System.nanoTime() - sent) / 1e9);
        assertThat(groups(servers), is(empty()));
        broker.kill();
        awaitState(server, "unreachable");
        assertThat(status(server), containsString("live at " + servers + " cannot be read"));
        String port = servers.substring(servers.indexOf(':') + 1);
        broker = TestBroker.start(directory, "--port=" + port);
        awaitState(server, "connected");
        send(servers, "{\"queries\":3}");
        assertThat(nextPane(events), is("data: {\"queries\":3}"));
      }
    } finally {
      broker.close();
    }
  }

  private static void createTopic(String servers) throws ExecutionException, InterruptedException {
    try (Admin admin = admin(servers)) {
      admin.createTopics(List.of(new NewTopic(TOPIC, 2, (short) 1))).all().get();
    }
  }

  private static List<Object> groups(String servers)
      throws ExecutionException, InterruptedException {
    try (Admin admin = admin(servers)) {
      return List.copyOf(admin.listConsumerGroups().all().get());
    }
  }

  private static Admin admin(String servers) {
    return Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, servers));
  }

  private static void send(String servers, String row)
      throws ExecutionException, InterruptedException {
    String message =
        "{\"contract\":\"warehouse-queries\",\"kind\":\"pane\",\"row\":%s}".formatted(row);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, servers),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      producer.send(new ProducerRecord<>(TOPIC, message.getBytes(StandardCharsets.UTF_8))).get();
    }
  }

  private static BufferedReader listen(DashboardServer server)
      throws IOException, InterruptedException {
    BufferedReader events =
        new BufferedReader(
            new InputStreamReader(
                CLIENT.send(request(server, "/api/live"), BodyHandlers.ofInputStream()).body(),
                StandardCharsets.UTF_8));
    // The first event: whoever has it is told all that comes after.
    String line = events.readLine();
    while (!"event: status".equals(line)) {
      line = events.readLine();
    }
    return events;
  }

  private static String nextPane(BufferedReader events) throws IOException {
    String line = events.readLine();
    while (line != null && !line.equals("event: pane")) {
      line = events.readLine();
    }
    return String.valueOf(events.readLine());
  }

  private static void awaitState(DashboardServer server, String state) throws Exception {
    Await.until(
        "the live topic is " + state,
        Duration.ofSeconds(60),
        () -> status(server).contains("\"state\":\"" + state + "\""));
  }

  private static String status(DashboardServer server) throws IOException, InterruptedException {
    String body = CLIENT.send(request(server, "/api/status"), BodyHandlers.ofString()).body();
    return body.substring(body.indexOf("\"live\":"));
  }

  private static HttpRequest request(DashboardServer server, String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path)).build();
  }
}
