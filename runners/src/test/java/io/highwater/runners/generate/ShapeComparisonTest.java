package io.highwater.runners.generate;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.closeTo;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.runners.CommandOutput;
import io.highwater.runners.SharedData;
import io.highwater.runners.generate.QueryGenerator.Settings;
import io.highwater.runners.generate.ShapeComparison.Line;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapeComparisonTest {
  private static final String REAL_ROWS = "redset/serverless_until_april.csv";

  @TempDir static Path directory;

  private static Path generated = Path.of("");

  @BeforeAll
  static void generate() throws Exception {
    generated = directory.resolve("generated.csv");
    Settings settings =
        new Settings(400_000, 1, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofDays(7), 50, 0);
    QueryFile.write(QueryGenerator.of(settings), QueryFile.Format.CSV, generated, null);
  }

  @Test
  void findsGeneratedRowsNearTheRealOnes() throws Exception {
    @Nullable Path realRows = SharedData.find(REAL_ROWS);
    assumeTrue(realRows != null, "there is no shared/data/" + REAL_ROWS + " beside the project");
    try (ShapeComparison comparison = ShapeComparison.of(generated, realRows.toString())) {
      assertThat(outside(comparison.lines()), is(empty()));
    }
  }

  @Test
  void findsGeneratedRowsNearThePublishedFigures() throws Exception {
    try (ShapeComparison comparison = ShapeComparison.of(generated, null)) {
      List<Line> lines = comparison.lines();
      assertThat(lines.size(), is(14));
      assertThat(outside(lines), is(empty()));
    }
  }

  @Test
  void measuresWhatItSays() throws Exception {
    List<String> rows = new ArrayList<>();
    rows.add(QueryFormat.csvHeader());
    // Provisioned: a copy of 0.6 s, the same again 50 s and 120 s later, one from the cache.
    rows.add(row(2, 1, "2024-03-01 00:00:00", "a", false));
    rows.add(row(2, 2, "2024-03-01 00:00:50", "a", false));
    rows.add(row(2, 3, "2024-03-01 00:02:50", "a", false));
    rows.add(row(2, 4, "2024-03-01 00:02:51", "", true));
    Path file = Files.write(directory.resolve("few.csv"), rows);
    try (ShapeComparison comparison = ShapeComparison.of(file, null)) {
      List<Line> lines = comparison.lines();
      assertThat(generated(lines, "cached, provisioned"), is(closeTo(0.25, 1e-9)));
      assertThat(generated(lines, "network_bound, provisioned"), is(closeTo(0.75, 1e-9)));
      assertThat(generated(lines, "serverless"), is(0.0));
      assertThat(
          generated(lines, "fingerprint seen before in its cluster, provisioned"),
          is(closeTo(2.0 / 3, 1e-9)));
      assertThat(
          generated(lines, "same fingerprint and user within 60 s"), is(closeTo(1.0 / 3, 1e-9)));
      assertThat(generated(lines, "cached, serverless"), is(nullValue()));
    }
  }

  @Test
  void failsWhereTheRecordsAreNotNear() throws Exception {
    CommandOutput output =
        CommandOutput.of(
            "generate",
            "--rows=100",
            "--instances=1",
            "--output=" + directory.resolve("small.parquet"),
            "--compare");
    assertThat(output.exitCode(), is(1));
    assertThat(output.out(), containsString("| serverless | 1.87 % | published | 0.00 % |"));
    assertThat(output.err(), containsString("not near enough to the real query log: serverless"));
  }

  private static String row(int size, int id, String time, String fingerprint, boolean cached) {
    return "1,%d,1,1,%d,%s,10,0,600,%s,0,%d,,%s,1,0,0,,7,,,0,0,2"
        .formatted(size, id, time, fingerprint, cached ? 1 : 0, cached ? "other" : "copy");
  }

  private static @Nullable Double generated(List<Line> lines, String metric) {
    return lines.stream()
        .filter(line -> line.metric().equals(metric))
        .map(Line::generated)
        .findFirst()
        .orElse(null);
  }

  private static List<Line> outside(List<Line> lines) {
    return lines.stream().filter(line -> !line.isWithin()).toList();
  }
}
