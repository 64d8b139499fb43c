package io.highwater.dashboard;

import static java.util.Objects.requireNonNull;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import io.highwater.dashboard.OutlierQueries.Page;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the store derives at each commit, beside SQL that derives it anew from all rows. */
class DerivedRowsTest {
  private static final int HOURS = 5;
  private static final Instant END = SampleLake.START.plus(Duration.ofHours(HOURS));
  private static final InstantSource CLOCK = InstantSource.fixed(END);

  /** Of each file; one page takes fewer. */
  private static final int OUTLIERS = 6_000;

  @TempDir private Path folder;
  private SampleLake lake;
  private DashboardConfig config;

  @BeforeEach
  void createLake() throws SQLException {
    lake = new SampleLake(folder.resolve("lake"));
    config = DashboardConfig.of(lake.root(), SampleLake.CONTRACT);
  }

  @AfterEach
  void closeLake() throws SQLException {
    lake.close();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void hoursAddUpToTheirWindowsWhateverComesAndGoes(long seed) throws Exception {
    Random random = new Random(seed);
    List<Path> files = new ArrayList<>();
    try (HotStore store = HotStore.open(config, CLOCK)) {
      for (int step = 0; step < 8; step++) {
        if (files.size() > 2 && random.nextInt(3) == 0) {
          Files.delete(files.remove(random.nextInt(files.size())));
        } else {
          Instant hour = hour(random);
          String rollUps = SampleLake.rollups(hour, 1 + random.nextInt(7), step, 0);
          files.add(
              lake.writeParquet(
                  "rollups",
                  hour,
                  "rollups-%d.parquet".formatted(step),
                  "SELECT * REPLACE (queries + %d AS queries) FROM (%s) WHERE hash(window_start, %d) %% 3 > 0"
                      .formatted(step, rollUps, step)));
        }
        store.poll();
        assertThat(store.status().error(), is((Object) null));
        StringBuilder sums = new StringBuilder();
        DerivedRows.SUMS.forEach(sum -> sums.append(", sum(%1$s)::DOUBLE AS %1$s".formatted(sum)));
        String derivedAnew =
            "SELECT date_trunc('hour', window_start) AS hour, window_millis, instance"
                + sums
                + ", arg_max(cluster_size, window_start) FILTER (cluster_size IS NOT NULL)"
                + " AS cluster_size,"
                + " max(window_start) FILTER (cluster_size IS NOT NULL) AS cluster_size_at"
                + " FROM rollups_latest WHERE window_millis < 3600000 GROUP BY 1, 2, 3";
        assertThat(all(store, "FROM rollup_hours"), is(all(store, derivedAnew)));
      }
    }
  }

  private static List<Map<String, Object>> all(HotStore store, String sql) throws SQLException {
    String ordered = "SELECT columns(*)::VARCHAR FROM (" + sql + ") ORDER BY ALL";
    return store.read(connection -> Rows.all(connection, ordered, List.of()));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void foldsAsSqlOverAllOutliersDoesWhateverComesAndGoes(long seed) throws Exception {
    Random random = new Random(seed);
    List<Path> files = new ArrayList<>();
    try (HotStore store = HotStore.open(config, CLOCK);
        HistoryStore history = HistoryStore.open(config, store, Duration.ofMinutes(1))) {
      OutlierQueries queries =
          new OutlierQueries(
              store, new ScopedQueries(store, new KeptAnswers(store, CLOCK), history, CLOCK));
      for (int step = 0; step < 7; step++) {
        if (files.size() > 3 && random.nextInt(3) == 0) {
          Files.delete(files.remove(random.nextInt(files.size())));
        } else {
          files.add(writeOutliers(random, step));
        }
        store.poll();
        assertThat(store.status().error(), is((Object) null));
        assertFoldsAsSqlDoes(store, queries, random);
      }
    }
  }

  /** Some are there already, as another model had them; some times and gaps are exactly equal. */
  private Path writeOutliers(Random random, int step) throws SQLException, IOException {
    Instant hour = hour(random);
    return lake.writeParquet(
        "outliers",
        hour,
        "outliers-%d.parquet".formatted(step),
        """
        SELECT 'id-' || n AS outlier_id,
          TIMESTAMP '%1$s' + to_seconds((hash(n, 1) %% 720 * 5)::BIGINT) AS arrival_timestamp,
          -- Of the first there is no end.
          (CASE WHEN n %% 100 = 0 THEN 0 ELSE 1 + hash(n, 2) %% 90 END)::BIGINT AS instance_id,
          CASE WHEN n %% 100 = 0 THEN 'delta' ELSE ['ratio', 'rank', NULL][(1 + hash(n, 3) %% 3)::INTEGER]
            END AS outlier_reason,
          ['minor', 'major', 'critical'][(1 + hash(n, 4) %% 3)::INTEGER] AS severity,
          n + 0.5 AS ratio, n AS query_id, (hash(n, 5) %% 4)::BIGINT AS user_id,
          'm-%2$d' AS model_version
        FROM range(%3$d, %3$d + %4$d) t(n)
        """
            .formatted(
                SampleLake.timestamp(hour),
                step,
                // What makes the time is in the numbers, so that copies agree in it.
                Duration.between(SampleLake.START, hour).toHours() * 20_000
                    + random.nextInt(3) * 2_000,
                OUTLIERS));
  }

  private void assertFoldsAsSqlDoes(HotStore store, OutlierQueries queries, Random random)
      throws SQLException {
    Instant from = SampleLake.START.plusSeconds(random.nextInt(7200));
    Instant to = END.minusSeconds(random.nextInt(7200));
    List<String> ids = random.nextInt(3) > 0 ? List.of() : List.of("0", "3", "77");
    OutlierFilter filter =
        switch (random.nextInt(5)) {
          case 0 -> new OutlierFilter().and("severity = ?", "minor");
          case 1 -> new OutlierFilter().and("user_id = ?", 2L).and("severity = ?", "major");
          default -> new OutlierFilter();
        };
    Scope scope = new Scope("custom", Duration.between(from, to), to, ids, false);
    Selection selection =
        new Selection("custom", null, from, to, 600_000, ids.isEmpty() ? null : ids);
    List<Map<String, Object>> expected =
        store.read(connection -> foldedFromAll(connection, selection, filter));
    int total = expected.size();
    for (int[] page : new int[][] {{20, 0}, {50, 75}, {7, Math.max(0, total - 3)}, {9, total}}) {
      Map<String, Object> answer =
          queries.outliers(scope, filter, new Page(page[0], page[1], true));
      assertThat(answer.get("total_rows"), is((long) total));
      List<?> rows = (List<?>) requireNonNull(answer.get("rows"));
      assertThat(rows.size(), is(Math.max(0, Math.min(page[0], total - page[1]))));
      for (int i = 0; i < rows.size(); i++) {
        Map<?, ?> row = (Map<?, ?>) rows.get(i);
        Map<String, Object> like = expected.get(page[1] + i);
        for (String name : like.keySet()) {
          assertThat(name, row.get(name), is(like.get(name)));
        }
      }
    }
  }

  /** The second implementation: neither what the store has derived nor a part of the range. */
  private static List<Map<String, Object>> foldedFromAll(
      Connection connection, Selection selection, OutlierFilter filter) throws SQLException {
    return Rows.all(
        connection,
        """
        WITH chosen AS (SELECT * %s),
        gaps AS (SELECT *, event_time - lag(event_time) OVER (
            PARTITION BY instance, reason ORDER BY event_time) > INTERVAL 10 MINUTE AS after_gap
          FROM chosen),
        runs AS (SELECT *, count(*) FILTER (after_gap) OVER (
            PARTITION BY instance, reason ORDER BY event_time) AS run FROM gaps)
        SELECT count(*) AS folded, min(event_time) AS first_at, max(event_time) AS last_at,
          arg_max(outlier_id, {sev: list_position(['minor', 'major', 'critical'], severity),
            ratio: ratio}) AS outlier_id
        FROM runs GROUP BY instance, reason, run ORDER BY last_at DESC, hash(instance, reason)
        """
            .formatted(filter.outliers(selection)),
        filter.parameters(selection));
  }

  private static Instant hour(Random random) {
    return SampleLake.START.plus(Duration.ofHours(random.nextInt(HOURS)));
  }
}
