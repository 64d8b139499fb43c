package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import io.highwater.dashboard.AuditLog.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the audit table says of requests, beside SQL over its files. */
class AuditLogTest {
  private static final Instant HOUR = Instant.parse("2026-01-02T03:00:00Z");

  @TempDir private Path folder;

  @Test
  void rowsAreInTheFilesOfTheirHours() throws Exception {
    try (SampleLake lake = new SampleLake(folder.resolve("lake"));
        AuditLog audit = log()) {
      audit.note(entry(HOUR.plusSeconds(1), "eve"));
      audit.note(entry(HOUR.plusSeconds(3599), null));
      audit.note(entry(HOUR.plusSeconds(3600), "o'ps"));
      assertThat(audit.newest(2).get(1).get("requested_at"), is(HOUR.plusSeconds(3599)));
      audit.write();
      assertThat(audit.waiting(), is(0));
      assertThat(
          lake.value(
              "audit",
              "SELECT count(*) FROM $files WHERE filename LIKE '%/date=2026-01-02/hour=03/%'"
                  + " AND requested_at < TIMESTAMP '2026-01-02 04:00:00' AND (who = 'eve' OR who IS NULL)"
                  + " AND method = 'GET' AND path = '/api/metrics' AND query = 'ids=1'"
                  + " AND status = 200 AND remote = '127.0.0.1' AND millis = 1.5"),
          is(2.0));
      assertThat(
          lake.value(
              "audit",
              "SELECT count(*) FROM $files WHERE filename LIKE '%/hour=04/%' AND who = 'o''ps'"),
          is(1.0));
      audit.note(entry(HOUR.plusSeconds(7200), "late"));
      assertThat(
          audit.newest(3).stream().map(row -> row.get("who")).map(String::valueOf).toList(),
          is(List.of("late", "o'ps", "null")));
    }
  }

  @Test
  void rowsWaitForALakeThatCannotBeWrittenTo() throws Exception {
    Path lake = Files.writeString(folder.resolve("lake"), "not a folder");
    try (AuditLog audit = log()) {
      audit.note(entry(HOUR, "eve"));
      assertThrows(IOException.class, audit::write);
      assertThat(audit.waiting(), is(1));
      Files.delete(lake);
      audit.write();
      assertThat(audit.waiting(), is(0));
      assertThat(audit.newest(10).size(), is(1));
    }
  }

  @Test
  void readingIsWrittenDownWithTokensAndRefusalsToo() throws Exception {
    Path tokens = folder.resolve("tokens");
    AccessTokens.NewToken admin = AccessTokens.create("root:admin", Instant.now());
    Files.writeString(tokens, admin.line());
    DashboardConfig config = config().withPort(0).withAuth(tokens);
    try (DashboardServer server = DashboardServer.start(config)) {
      DashboardClient client = new DashboardClient(server.port(), admin.secret());
      client.get("/health");
      client.get("/app.js");
      client.get("/api/metrics?ids=1,2");
      new DashboardClient(server.port()).get("/api/metrics");
      JsonNode rows = client.await("/api/audit", answer -> answer.path("rows").size() >= 2);
      JsonNode refused = first(rows, "who", "null");
      assertThat(refused.path("status").asInt(), is(401));
      assertThat(refused.path("remote").asText(), is("127.0.0.1"));
      JsonNode read = first(rows, "query", "ids=1,2");
      assertThat(read.path("who").asText(), is("root"));
      assertThat(read.path("role").asText(), is("admin"));
      assertThat(read.path("path").asText(), is("/api/metrics"));
      assertThat(read.path("status").asInt(), is(200));
      assertThat(read.path("millis").asDouble(), greaterThan(0.0));
      assertThat(rows.toString().contains("app.js"), is(false));
      assertThat(rows.toString().contains("health"), is(false));
    }
    try (SampleLake lake = new SampleLake(config.lake())) {
      assertThat(
          lake.value("audit", "SELECT count(*) FROM $files WHERE path = '/api/metrics'"), is(2.0));
    }
  }

  @Test
  void withoutTokensReadingLeavesTheLakeAlone() throws Exception {
    try (DashboardServer server = DashboardServer.start(config().withPort(0))) {
      DashboardClient client = new DashboardClient(server.port());
      client.get("/api/metrics");
      assertThat(client.json("/api/audit").path("rows").size(), is(0));
    }
    assertThat(Files.exists(config().lake()), is(false));
  }

  private static JsonNode first(JsonNode answer, String member, String value) {
    for (JsonNode row : answer.path("rows")) {
      if (row.path(member).asText().equals(value)) {
        return row;
      }
    }
    throw new AssertionError("no row with " + member + " " + value + " in " + answer);
  }

  private DashboardConfig config() {
    return DashboardConfig.of(folder.resolve("lake"), SampleLake.CONTRACT);
  }

  private AuditLog log() {
    return new AuditLog(config(), true, InstantSource.system());
  }

  private static Entry entry(Instant at, @Nullable String who) {
    return new Entry(at, who, "viewer", "GET", "/api/metrics", "ids=1", 200, "127.0.0.1", 1.5);
  }
}
