package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for every path: headers, types, errors, names and ports; the lake is empty. */
class DashboardHttpTest {
  @TempDir private static Path folder;
  private static DashboardServer server;
  private static DashboardClient client;

  @BeforeAll
  static void startServer() throws IOException {
    server = DashboardServer.start(config("lake"));
    client = new DashboardClient(server.port());
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/nothing",
        "/../DashboardConfig.class",
        "/%2e%2e/DashboardConfig.class",
        "/..%2fDashboardConfig.class",
        "/vendor/..%5c..%5cDashboardConfig.class",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd"
      })
  void whatIsNotServedIsNotFound(String path) throws Exception {
    String answer =
        client.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    assertThat(answer, not(startsWith("HTTP/1.1 200")));
    assertThat(answer, startsWith("HTTP/1.1 4"));
    assertThat(answer, not(containsString("root:")));
  }

  @Test
  void anUnknownPathIsAProblemToo() throws Exception {
    HttpResponse<String> response = client.get("/api/nothing");
    assertThat(response.statusCode(), is(404));
    assertThat(DashboardClient.contentType(response), is("application/problem+json"));
    HttpResponse<String> posted = client.post("/api/metrics");
    assertThat(posted.statusCode(), is(405));
    assertThat(DashboardClient.contentType(posted), is("application/problem+json"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/ready",
        "/api/metrics",
        "/api/metrics?window=never",
        "/api/anomalies/export",
        "/api/anomalies/1/feedback",
        "/app.js"
      })
  void aHeadIsThatOfTheAnswer(String path) throws Exception {
    String rest = " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    String answer = client.raw("GET" + rest);
    String head = client.raw("HEAD" + rest);
    assertThat(head.lines().findFirst(), is(answer.lines().findFirst()));
    assertThat(head, endsWith("\r\n\r\n"));
    assertThat(head.indexOf("\r\n\r\n"), is(head.length() - 4));
    assertThat(
        head.lines().filter(line -> line.startsWith("Content-Type:")).toList(),
        is(answer.lines().filter(line -> line.startsWith("Content-Type:")).toList()));
  }

  @Test
  void theHeadOfTheEventStreamComesAlone() throws Exception {
    String head = client.raw("HEAD /api/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    assertThat(head, startsWith("HTTP/1.1 200"));
    assertThat(head, containsString("text/event-stream"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/app.js", "/vendor/preact/preact.js", "/api/metrics", "/api/x"})
  void everyAnswerHasTheSecurityHeaders(String path) throws Exception {
    HttpResponse<String> response = client.get(path);
    String policy = response.headers().firstValue("Content-Security-Policy").orElse("");
    assertThat(policy, containsString("default-src 'none'"));
    assertThat(policy, not(containsString("unsafe")));
    assertThat(response.headers().firstValue("X-Content-Type-Options").orElse(""), is("nosniff"));
    assertThat(response.headers().firstValue("X-Frame-Options").orElse(""), is("DENY"));
    assertThat(response.headers().allValues("Access-Control-Allow-Origin"), is(empty()));
  }

  @Test
  void thePageIsServedWithTypesThatBrowsersTake() throws Exception {
    assertThat(DashboardClient.contentType(client.get("/")), startsWith("text/html"));
    assertThat(DashboardClient.contentType(client.get("/app.js")), startsWith("text/javascript"));
    assertThat(
        DashboardClient.contentType(client.get("/vendor/uplot/uPlot.js")),
        startsWith("text/javascript"));
    assertThat(DashboardClient.contentType(client.get("/app.css")), startsWith("text/css"));
    assertThat(DashboardClient.contentType(client.get("/icon.svg")), startsWith("image/svg+xml"));
    assertThat(client.get("/").body(), not(containsString("http://")));
    assertThat(client.get("/").body(), not(containsString("https://")));
  }

  @Test
  void anotherSitesNameForThisMachineIsRefused() throws Exception {
    String answer =
        client.raw("GET /api/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n");
    assertThat(answer, startsWith("HTTP/1.1 403"));
    assertThat(answer, not(containsString("contract")));
    String own =
        client.raw("GET /health HTTP/1.1\r\nHost: 127.0.0.1:8507\r\nConnection: close\r\n");
    assertThat(own, startsWith("HTTP/1.1 200"));
  }

  @ParameterizedTest
  @CsvSource({
    "http://evil.example,403",
    "http://127.0.0.1:1,403",
    "null,403",
    "http://127.0.0.1:8507,405",
    "http://LOCALHOST:8507,403"
  })
  void aPageOfAnotherSiteChangesNothing(String origin, int status) throws Exception {
    String answer =
        client.raw(
            "POST /api/metrics HTTP/1.1\r\nHost: 127.0.0.1:8507\r\nContent-Length: 0\r\n"
                + "Connection: close\r\nOrigin: "
                + origin
                + "\r\n");
    assertThat(answer, startsWith("HTTP/1.1 " + status));
  }

  @Test
  void aTakenPortIsOneClearSentenceAndLeavesTheStoreFree() throws Exception {
    DashboardConfig config = config("other");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      IOException e =
          assertThrows(
              IOException.class,
              () -> DashboardServer.start(config.withPort(taken.getLocalPort())).close());
      assertThat(
          String.valueOf(e.getMessage()),
          is(
              "port "
                  + taken.getLocalPort()
                  + " on 127.0.0.1 is taken; stop what listens there or choose another with"
                  + " --port"));
    }
    IOException e =
        assertThrows(
            IOException.class, () -> DashboardServer.start(config.withHost("192.0.2.1")).close());
    assertThat(
        e.getMessage(), is("192.0.2.1 is no address of this machine; choose another with --host"));
    try (DashboardServer again = DashboardServer.start(config)) {
      assertThat(again.port(), greaterThan(0));
    }
  }

  @Test
  void anEmptyLakeIsServedAsWaiting() throws Exception {
    try (DashboardServer waiting = DashboardServer.start(config("nothing"))) {
      DashboardClient asked = new DashboardClient(waiting.port());
      for (String path :
          List.of(
              "/api/metrics",
              "/api/classification/chart",
              "/api/classification/table",
              "/api/instances",
              "/api/instances/critical",
              "/api/anomalies",
              "/api/predictions",
              "/api/models",
              "/api/rejected",
              "/api/queries/recent",
              "/api/throughput")) {
        HttpResponse<String> response = asked.get(path);
        assertThat(path, response.statusCode(), is(200));
      }
      assertThat(asked.get("/health").statusCode(), is(200));
      assertThat(asked.get("/ready").statusCode(), is(503));
    }
  }

  private static DashboardConfig config(String lake) {
    return DashboardConfig.of(folder.resolve(lake), SampleLake.CONTRACT).withPort(0);
  }
}
