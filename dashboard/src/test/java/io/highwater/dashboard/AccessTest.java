package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.either;
import static org.hamcrest.Matchers.hasItems;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every route that the server has, asked with and without tokens. */
class AccessTest {
  private static final Set<String> OPEN = Set.of("/health", "/ready", "/api/session");
  private static final Set<String> OF_ADMINS = Set.of("/api/audit");

  @TempDir private static Path folder;
  private static Path tokens;
  private static DashboardServer server;
  private static String viewer;
  private static String operator;
  private static String admin;
  private static String expired;

  @BeforeAll
  static void startServer() throws IOException {
    tokens = folder.resolve("tokens");
    Instant now = Instant.now();
    Instant longAgo = now.minus(Duration.ofDays(30));
    AccessTokens.NewToken[] made = {
      AccessTokens.create("eve:viewer", now),
      AccessTokens.create("ops:operator:90", now),
      AccessTokens.create("root:admin:1", now),
      AccessTokens.create("old:admin:7", longAgo)
    };
    Files.writeString(tokens, "# who may ask\n\n");
    for (AccessTokens.NewToken token : made) {
      append(token.line());
    }
    viewer = made[0].secret();
    operator = made[1].secret();
    admin = made[2].secret();
    expired = made[3].secret();
    server =
        DashboardServer.start(
            DashboardConfig.of(folder.resolve("lake"), SampleLake.CONTRACT)
                .withPort(0)
                .withAuth(tokens));
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  static List<String> routes() {
    return server.routes();
  }

  @Test
  void theRoutesAreThoseOfTheServer() {
    assertThat(
        server.routes(),
        hasItems("GET /health", "GET /api/session", "GET /api/metrics", "GET /api/audit"));
  }

  @ParameterizedTest
  @MethodSource("routes")
  void everyRouteThatIsNotOpenRefusesMissingWrongAndExpiredTokens(String route) throws Exception {
    boolean open = OPEN.contains(pathOf(route));
    HttpResponse<InputStream> refused = ask(route, null);
    assertThat(route, isLetIn(refused), is(open));
    assertThat(route, isLetIn(ask(route, "hw_wrong")), is(open));
    assertThat(route, isLetIn(ask(route, expired)), is(open));
    if (!open) {
      assertThat(refused.headers().firstValue("WWW-Authenticate").orElse(""), startsWith("Bearer"));
      assertThat(DashboardClient.contentType(refused), is("application/problem+json"));
    }
  }

  @ParameterizedTest
  @MethodSource("routes")
  void everyRouteTakesTheRolesThatMayAskIt(String route) throws Exception {
    boolean admins = OF_ADMINS.contains(pathOf(route));
    boolean reads = route.startsWith("GET ");
    assertThat(route, isLetIn(ask(route, viewer)), is(reads && !admins));
    assertThat(route, isLetIn(ask(route, operator)), is(!admins));
    assertThat(route, isLetIn(ask(route, admin)), is(true));
  }

  @ParameterizedTest
  @MethodSource("routes")
  void theHeadOfAnAnswerIsForThoseWhoMayAskForIt(String route) throws Exception {
    if (route.startsWith("GET ")) {
      String head = "HEAD " + pathOf(route);
      assertThat(head, isLetIn(ask(head, null)), is(OPEN.contains(pathOf(route))));
      assertThat(head, isLetIn(ask(head, viewer)), is(!OF_ADMINS.contains(pathOf(route))));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/api//metrics", "/api/metrics/", "/API/metrics", "/api/%6detrics"})
  void otherSpellingsOfARouteLetNobodyIn(String path) throws Exception {
    assertThat(ask("GET " + path, null).statusCode(), either(is(401)).or(is(404)).or(is(400)));
  }

  @Test
  void thePageItselfNeedsNoToken() throws Exception {
    for (String path : List.of("/", "/app.js", "/vendor/preact/preact.js")) {
      assertThat(ask("GET " + path, null).statusCode(), is(200));
    }
  }

  @Test
  void theSessionSaysWhoAsks() throws Exception {
    assertThat(session(null), is("{\"auth_required\":true,\"name\":null,\"role\":null}"));
    assertThat(session("hw_wrong"), is("{\"auth_required\":true,\"name\":null,\"role\":null}"));
    assertThat(
        session(operator), is("{\"auth_required\":true,\"name\":\"ops\",\"role\":\"operator\"}"));
    DashboardConfig open = DashboardConfig.of(folder.resolve("open"), SampleLake.CONTRACT);
    try (DashboardServer other = DashboardServer.start(open.withPort(0))) {
      assertThat(
          new DashboardClient(other.port()).get("/api/session").body(),
          is("{\"auth_required\":false,\"name\":\"local\",\"role\":\"admin\"}"));
    }
  }

  @Test
  void aRefusalSaysWhatIsWrongWithTheToken() throws Exception {
    assertThat(
        detail(null), is("no token was sent, expected the header 'Authorization: Bearer TOKEN'"));
    assertThat(detail("hw_wrong"), is("the token is not known here"));
    assertThat(detail(expired), startsWith("the token 'old' has expired at "));
    JsonNode forbidden = client(viewer).json("/api/audit");
    assertThat(
        forbidden.path("detail").asText(),
        is("the token 'eve' has the role viewer, expected admin"));
  }

  @Test
  void aTokenIsTakenFromTheNextRequestOnAndNoLongerOnceItsLineIsGone() throws Exception {
    String before = Files.readString(tokens);
    AccessTokens.NewToken late = AccessTokens.create("late:viewer", Instant.now());
    assertThat(client(late.secret()).get("/api/metrics").statusCode(), is(401));
    append(late.line());
    assertThat(client(late.secret()).get("/api/metrics").statusCode(), is(200));
    append("a line that is wrong");
    assertThat(client(late.secret()).get("/api/metrics").statusCode(), is(200));
    Files.writeString(tokens, before);
    assertThat(client(late.secret()).get("/api/metrics").statusCode(), is(401));
    assertThat(client(viewer).get("/api/metrics").statusCode(), is(200));
  }

  @Test
  void whoAsksTooOftenIsToldToWait() throws Exception {
    AccessTokens.NewToken busy = AccessTokens.create("busy:viewer", Instant.now());
    append(busy.line());
    DashboardClient client = client(busy.secret());
    HttpResponse<String> answer = client.get("/health");
    for (int i = 0; i < 100_000 && answer.statusCode() == 200; i++) {
      answer = client.get("/health");
    }
    assertThat(answer.statusCode(), is(429));
    assertThat(answer.headers().firstValue("Retry-After").orElse(""), is("1"));
    assertThat(
        client.parse(answer).path("detail").asText(),
        is("more than 50 requests a second of one token; ask again in a second"));
    assertThat(client(viewer).get("/health").statusCode(), is(200));
  }

  @Test
  void aFileOfTokensThatIsWrongIsNotStartedWith() throws Exception {
    Path wrong = Files.writeString(folder.resolve("wrong"), "\nbob boss never 00ff\n");
    DashboardConfig config =
        DashboardConfig.of(folder.resolve("none"), SampleLake.CONTRACT).withPort(0);
    IOException e =
        assertThrows(
            IOException.class, () -> DashboardServer.start(config.withAuth(wrong)).close());
    assertThat(
        e.getMessage(),
        is(
            "line 2 of the tokens in "
                + wrong
                + ": the role 'boss', expected viewer, operator or admin"));
    IOException missing =
        assertThrows(
            IOException.class,
            () -> DashboardServer.start(config.withAuth(folder.resolve("missing"))).close());
    assertThat(missing.getMessage(), containsString("cannot be read; see --auth"));
    assertThat(Files.exists(DashboardConfig.defaultStore(folder.resolve("none"))), is(false));
  }

  private static void append(String line) throws IOException {
    Files.writeString(tokens, Files.readString(tokens) + line + "\n");
  }

  private static String pathOf(String route) {
    return route.substring(route.indexOf(' ') + 1);
  }

  /** Asks until the limit of requests lets it. */
  private static HttpResponse<InputStream> ask(String route, @Nullable String token)
      throws Exception {
    String method = route.substring(0, route.indexOf(' '));
    String path = pathOf(route).replaceAll("\\{[^}]*}", "1");
    HttpResponse<InputStream> answer = client(token).open(method, path, "");
    for (int i = 0; i < 20_000 && answer.statusCode() == 429; i++) {
      answer.body().close();
      answer = client(token).open(method, path, "");
    }
    assertThat(route, answer.statusCode(), is(not(500)));
    if (DashboardClient.contentType(answer).startsWith("text/event-stream")) {
      answer.body().close();
    }
    return answer;
  }

  private static String text(HttpResponse<InputStream> answer) throws IOException {
    return new String(answer.body().readAllBytes(), StandardCharsets.UTF_8);
  }

  private static boolean isLetIn(HttpResponse<?> answer) {
    return answer.statusCode() != 401 && answer.statusCode() != 403;
  }

  private static String session(@Nullable String token) throws Exception {
    return text(ask("GET /api/session", token));
  }

  private static String detail(@Nullable String token) throws Exception {
    HttpResponse<InputStream> answer = ask("GET /api/metrics", token);
    assertThat(answer.statusCode(), is(401));
    return new ObjectMapper().readTree(text(answer)).path("detail").asText();
  }

  private static DashboardClient client(@Nullable String token) {
    return new DashboardClient(server.port(), token);
  }
}
