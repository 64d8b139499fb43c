package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;

import com.fasterxml.jackson.databind.JsonNode;
import io.highwater.record.Compression;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is told of the pipeline beside SQL over the lake and the lake's files. */
class PipelineApiTest {
  private static final Instant HOUR = SampleLake.START;

  /** The stream runs two years after the events that it reads. */
  private static final Instant REPORTED = Instant.parse("2026-05-01T06:00:00Z");

  private static final Instant COMPACTED = Instant.parse("2026-05-01T08:00:00Z");
  private static final Instant BACKFILLED = Instant.parse("2026-05-01T09:00:00.123Z");

  @TempDir private static Path folder;
  private static SampleLake lake;
  private static DashboardServer server;
  private static DashboardClient client;

  @BeforeAll
  static void startServer() throws Exception {
    lake = new SampleLake(folder.resolve("lake"));
    lake.writeArrow(
        "events", HOUR, "events-0.arrow", Compression.ZSTD, SampleLake.events(HOUR, 200, 0));
    lake.writeParquet("rollups", HOUR, "rollups-0.parquet", SampleLake.rollups(HOUR, 4, 1, 0));
    for (int i = 0; i < 3; i++) {
      Instant hour = REPORTED.plus(Duration.ofHours(i));
      lake.writeParquet("status", hour, "status-%d.parquet".formatted(i), status(hour, 720 * i));
    }
    // A compaction of two hours of roll-ups, a backfill of one of them, an hour that was emptied.
    for (int i = 1; i <= 2; i++) {
      replaceRollups(i, "compact_" + COMPACTED.toEpochMilli(), List.of("rollups-a", "rollups-b"));
    }
    replaceRollups(2, BACKFILLED.toEpochMilli() + "_0123abcd", List.of("rollups-c"));
    String emptied = "compact_" + COMPACTED.minusSeconds(60).toEpochMilli();
    Files.createDirectories(lake.folder("outliers", HOUR));
    lake.replace("outliers", HOUR, emptied, List.of(), List.of("outliers-a.parquet"));
    Files.writeString(lake.folder("rollups", HOUR).resolve("rollups-bad.parquet"), "no Parquet");
    server =
        DashboardServer.start(DashboardConfig.of(lake.root(), SampleLake.CONTRACT).withPort(0));
    client = DashboardClient.whenReady(server.port());
  }

  @AfterAll
  static void stopServer() throws Exception {
    server.close();
    lake.close();
  }

  @Test
  void theNewestReportOfTheStreamIsTold() throws Exception {
    JsonNode pipeline = client.json("/api/pipeline");
    JsonNode totals = pipeline.path("totals");
    for (String name : List.of("read", "accepted", "rejected", "late", "too_late", "duplicate")) {
      assertThat(
          name, totals.path(name).asDouble(), is(sql("SELECT max(records_%s) FROM $files", name)));
    }
    JsonNode stream = pipeline.path("stream");
    assertThat(stream.path("reported_at").asText(), is("2026-05-01T08:59:55Z"));
    assertThat(stream.path("run_id").asInt(), is(3));
    assertThat(stream.path("model_version").asText(), is("v3"));
    assertThat(stream.path("backlog_messages").asInt(), is(2159 + 7));
    assertThat(
        pipeline.path("lag").toString(),
        is("[{\"partition\":2,\"lag\":2159},{\"partition\":10,\"lag\":7}]"));
  }

  @Test
  void lateRowsOverTimeAddUpToTheTotals() throws Exception {
    JsonNode late = client.json("/api/pipeline").path("late_over_time");
    assertThat(late.path("step_seconds").asInt(), is(600));
    assertThat(late.path("times").size(), is(72));
    assertThat(late.path("times").get(71).asText(), is("2026-05-01T08:50:00Z"));
    for (String name : List.of("read", "rejected", "late", "too_late", "duplicate")) {
      double sum = 0;
      for (JsonNode value : late.path("series").path(name)) {
        sum += value.asDouble();
      }
      assertThat(
          name, sum, is(sql("SELECT max(records_%1$s) - min(records_%1$s) FROM $files", name)));
      assertThat(
          name,
          late.path("series").path(name).get(70).asDouble(),
          is(
              sql(
                  "SELECT max(records_%1$s) FILTER (reported_at < '2026-05-01 08:50')"
                      + " - max(records_%1$s) FILTER (reported_at < '2026-05-01 08:40')"
                      + " FROM $files",
                  name)));
    }
  }

  @Test
  void changesAreThoseOfTheMarkers() throws Exception {
    List<String> changes = new ArrayList<>();
    for (JsonNode change : client.json("/api/pipeline").path("changes")) {
      changes.add(
          String.join(
              " ",
              change.path("at").asText(),
              change.path("kind").asText(),
              change.path("table").asText(),
              change.path("hours").asText(),
              change.path("files_in").asText(),
              change.path("files_out").asText()));
    }
    assertThat(
        changes,
        is(
            List.of(
                "2026-05-01T09:00:00.123Z backfill rollups 1 1 1",
                "2026-05-01T08:00:00Z compaction rollups 2 2 4",
                "2026-05-01T07:59:00Z retention outliers 1 0 1")));
  }

  @Test
  void filesAreCountedByTableAndDamagedOnesNamed() throws Exception {
    JsonNode pipeline = client.json("/api/pipeline");
    JsonNode files = pipeline.path("files");
    assertThat(files.path("events").path("count").asInt(), is(1));
    assertThat(
        files.path("events").path("bytes").asLong(),
        is(Files.size(lake.folder("events", HOUR).resolve("events-0.arrow"))));
    assertThat(files.path("events").path("row_count").asInt(), is(200));
    // One of the stream, two of the compaction, one of the backfill.
    assertThat(files.path("rollups").path("count").asInt(), is(4));
    assertThat(files.path("status").path("row_count").asInt(), is(3 * 720));
    assertThat(pipeline.path("skipped").asInt(), is(1));
    assertThat(
        pipeline.path("skipped_files").get(0).path("path").asText(),
        containsString("rollups-bad.parquet"));
  }

  @Test
  void freshnessIsTheAgeOfTheNewestEventWhateverTheStreamReports() throws Exception {
    JsonNode pipeline = client.json("/api/pipeline");
    JsonNode freshness = pipeline.path("freshness");
    Instant newest = Instant.parse(freshness.path("newest_event").asText());
    assertThat(newest.isBefore(HOUR.plusSeconds(3600)), is(true));
    assertThat(
        freshness.path("seconds_behind").asDouble(),
        closeTo(
            Duration.between(newest, Instant.parse(pipeline.path("now").asText())).toSeconds(), 1));
    assertThat(pipeline.path("models").path("versions").size(), is(0));
  }

  @Test
  void aLakeThatIsNotThereYetHasNothingToTell() throws Exception {
    DashboardConfig config =
        DashboardConfig.of(folder.resolve("nothing"), SampleLake.CONTRACT).withPort(0);
    try (DashboardServer other = DashboardServer.start(config)) {
      JsonNode pipeline = new DashboardClient(other.port()).json("/api/pipeline");
      assertThat(pipeline.path("freshness").path("seconds_behind").isNull(), is(true));
      assertThat(pipeline.path("totals").isNull(), is(true));
      assertThat(pipeline.path("late_over_time").isNull(), is(true));
      assertThat(pipeline.path("lag").size(), is(0));
      assertThat(pipeline.path("changes").size(), is(0));
      assertThat(pipeline.path("files").size(), is(0));
    }
  }

  private static void replaceRollups(int hour, String generation, List<String> out)
      throws Exception {
    Instant start = HOUR.plus(Duration.ofHours(hour));
    String name = SampleLake.nameOfGeneration(generation, "rollups" + hour);
    lake.writeParquet("rollups", start, name, SampleLake.rollups(start, 4, 1, 0));
    lake.replace(
        "rollups",
        start,
        generation,
        List.of(name),
        out.stream().map(file -> file + ".parquet").toList());
  }

  /** An hour of a report every five seconds; each hour is a run of its own. */
  static String status(Instant hour, int first) {
    return """
    SELECT TIMESTAMP '%1$s' + to_seconds(5 * (n - %2$d)) AS reported_at,
      (1 + n // 720)::BIGINT AS run_id, n * 90 AS records_read, n * 80 AS records_accepted,
      n * 10 AS records_rejected, n // 7 * 3 AS records_late, n // 50 AS records_too_late,
      n * 2 AS records_duplicate, 18.0 AS records_read_per_second,
      TIMESTAMP '2024-03-01' + to_seconds(n) AS greatest_event_time,
      TIMESTAMP '2024-03-01' + to_seconds(n - 10) AS watermark, n + 7 AS backlog_messages,
      format('{{"10":7,"2":{}}}', n) AS backlog_by_partition,
      format('v{}', 1 + n // 720) AS model_version
    FROM range(%2$d, %2$d + 720) t(n)
    """
        .formatted(SampleLake.timestamp(hour), first);
  }

  private static double sql(String sql, String name) throws Exception {
    return lake.value("status", sql.formatted(name));
  }
}
