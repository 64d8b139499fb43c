package io.highwater.dashboard;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Asks a dashboard over HTTP. */
final class DashboardClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final HttpClient client = HttpClient.newHttpClient();
  private final int port;
  private final @Nullable String token;

  DashboardClient(int port) {
    this(port, null);
  }

  /**
   * @param token sent with every request; null for none
   */
  DashboardClient(int port, @Nullable String token) {
    this.port = port;
    this.token = token;
  }

  /** Of a server that has loaded its lake. */
  static DashboardClient whenReady(int port) throws IOException, InterruptedException {
    DashboardClient client = new DashboardClient(port);
    client.await("/ready", answer -> answer.path("status").asText().equals("ready"));
    return client;
  }

  JsonNode json(String path) throws IOException, InterruptedException {
    return parse(get(path));
  }

  JsonNode parse(HttpResponse<String> response) throws IOException {
    return parse(response.body());
  }

  JsonNode parse(String body) throws IOException {
    return JSON.readTree(body);
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return client.send(request(path).build(), BodyHandlers.ofString());
  }

  <T> HttpResponse<T> get(String path, String header, String value, BodyHandler<T> body)
      throws IOException, InterruptedException {
    return client.send(request(path).header(header, value).build(), body);
  }

  HttpResponse<String> post(String path) throws IOException, InterruptedException {
    return client.send(
        request(path).POST(HttpRequest.BodyPublishers.ofString("{}")).build(),
        BodyHandlers.ofString());
  }

  HttpResponse<String> post(String path, String contentType, String body)
      throws IOException, InterruptedException {
    return client.send(
        request(path)
            .header("Content-Type", contentType)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  /** Sends a request with a body of JSON and returns the answer as soon as its head is there. */
  HttpResponse<InputStream> open(String method, String path, String body)
      throws IOException, InterruptedException {
    return client.send(
        request(path)
            .header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofInputStream());
  }

  /** Sends what java.net.http would mend; lines end with CR LF, the empty line is added. */
  String raw(String request) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", port)) {
      socket.getOutputStream().write((request + "\r\n").getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** Asks again until the answer is as wanted. */
  JsonNode await(String path, Predicate<JsonNode> wanted) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    JsonNode answer = json(path);
    while (!wanted.test(answer)) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(path + " still answers " + answer);
      }
      answer = json(path);
    }
    return answer;
  }

  static String contentType(HttpResponse<?> response) {
    return response.headers().firstValue("Content-Type").orElse("");
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    return token == null ? request : request.header("Authorization", "Bearer " + token);
  }
}
