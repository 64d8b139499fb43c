package io.highwater.runners.generate;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.both;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.runners.generate.Query.Defect;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.hamcrest.Matcher;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class QueryGeneratorTest {
  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final Settings WEEK = new Settings(200_000, 1, START, Duration.ofDays(7), 50, 0);

  private static List<Query> queries = List.of();

  @BeforeAll
  static void generate() {
    queries = all(WEEK);
  }

  @Test
  void givesAsManyAsWantedAndNoMore() {
    QueryGenerator generator =
        QueryGenerator.of(new Settings(1, 1, START, Duration.ofHours(1), 1, 0));
    generator.next();
    assertThat(generator.hasNext(), is(false));
    assertThrows(NoSuchElementException.class, generator::next);
    assertThat(queries.size(), is(200_000));
  }

  @Test
  void givesTheSameQueriesForTheSameSeedOnly() {
    Settings settings = new Settings(2_000, 7, START, Duration.ofDays(1), 10, 0);
    assertThat(all(settings), is(all(settings)));
    assertThat(
        all(new Settings(2_000, 8, START, Duration.ofDays(1), 10, 0)), is(not(all(settings))));
  }

  @Test
  void givesTheSameQueriesWhateverIsBroken() {
    List<Query> whole = all(new Settings(2_000, 7, START, Duration.ofDays(1), 10, 0));
    List<Query> broken = all(new Settings(2_000, 7, START, Duration.ofDays(1), 10, 0.5));
    for (int row = 0; row < whole.size(); row++) {
      assertThat(broken.get(row).queryId(), is(whole.get(row).queryId()));
      assertThat(broken.get(row).executionMillis(), is(whole.get(row).executionMillis()));
    }
    for (Defect defect : Defect.values()) {
      long count = broken.stream().filter(query -> query.defect() == defect).count();
      assertThat(defect.name(), count, is(greaterThan(100L)));
    }
  }

  @Test
  void isInEventTimeOrderWithinTheDaysWanted() {
    long previous = Long.MIN_VALUE;
    for (Query query : queries) {
      assertThat(query.arrivalMicros(), is(greaterThanOrEqualTo(previous)));
      previous = query.arrivalMicros();
    }
    long startMicros = START.getEpochSecond() * 1_000_000;
    long endMicros = START.plus(Duration.ofDays(7)).getEpochSecond() * 1_000_000;
    assertThat(queries.get(0).arrivalMicros(), is(greaterThanOrEqualTo(startMicros)));
    assertThat(previous, is(lessThan(endMicros)));
    assertThat(previous, is(greaterThan(endMicros - Duration.ofMinutes(1).toNanos() / 1_000)));
  }

  @Test
  void isBusierByDayThanByNight() {
    double night = share(query -> hourOf(query) < 4);
    double noon = share(query -> hourOf(query) >= 9 && hourOf(query) < 13);
    assertThat(noon / night, is(between(1.5, 2.2)));
  }

  @Test
  void numbersQueriesUniquelyButNotInOrder() {
    Set<List<Long>> keys = new HashSet<>();
    Map<Integer, Long> last = new HashMap<>();
    int descents = 0;
    for (Query query : queries) {
      assertThat(keys.add(List.of((long) query.instanceId(), query.queryId())), is(true));
      Long before = last.put(query.instanceId(), query.queryId());
      if (before != null && before > query.queryId()) {
        descents++;
      }
    }
    assertThat(descents, is(greaterThan(1_000)));
  }

  @Test
  void hasTheSharesOfARealQueryLog() {
    assertThat("cached", share(Query::cached), is(between(0.046, 0.106)));
    assertThat("aborted", share(Query::aborted), is(between(0.006, 0.012)));
    assertThat("spilled", share(query -> orZero(query.spilledMegabytes()) > 0), between(.011, .02));
    assertThat("queued", share(query -> query.queueMillis() > 0), is(between(0.005, 0.011)));
    assertThat(
        "a minute", share(query -> query.executionMillis() >= 60_000), between(0.015, 0.035));
    assertThat("slowed down", share(Query::slowedDown), is(between(0.003, 0.007)));
    assertThat("serverless", share(query -> query.clusterSize() == null), between(0.1, 0.6));
    assertThat("compiling", share(QueryGeneratorTest::mostlyCompiles), is(between(0.55, 0.7)));
  }

  @Test
  void hasAllFiveClassesInAboutTheirShares() {
    Map<String, Integer> counts = new HashMap<>();
    for (Query query : queries) {
      counts.merge(classOf(query), 1, Integer::sum);
    }
    assertThat("normal", shareOf(counts, "normal"), is(between(0.90, 0.95)));
    assertThat("network_bound", shareOf(counts, "network_bound"), is(between(0.03, 0.055)));
    assertThat("cpu_bound", shareOf(counts, "cpu_bound"), is(between(0.012, 0.03)));
    assertThat("queue_wlm_bound", shareOf(counts, "queue_wlm_bound"), is(between(0.004, 0.01)));
    assertThat("io_bound", shareOf(counts, "io_bound"), is(between(0.0005, 0.008)));
  }

  @Test
  void neverCompilesLongerThanItExecutes() {
    for (Query query : queries) {
      if (query.compileMillis() != null) {
        assertThat(
            query.toString(),
            query.compileMillis(),
            is(lessThanOrEqualTo(query.executionMillis())));
      }
    }
  }

  @Test
  void knowsNothingOfThePlansOfCachedQueries() {
    Set<List<Long>> ids = new HashSet<>();
    for (Query query : queries) {
      if (query.cached()) {
        assertThat(query.type(), is(QueryType.OTHER));
        assertThat(query.fingerprint(), is(nullValue()));
        assertThat(query.compileMillis(), is(nullValue()));
        assertThat(query.permanentTables(), is(nullValue()));
        assertThat(query.externalTables(), is(nullValue()));
        assertThat(query.systemTables(), is(nullValue()));
        assertThat(query.scannedMegabytes(), is(nullValue()));
        assertThat(query.spilledMegabytes(), is(nullValue()));
        long source = Objects.requireNonNull(query.cacheSourceQueryId());
        assertThat(
            "the source ran before", ids.contains(List.of((long) query.instanceId(), source)));
      }
      ids.add(List.of((long) query.instanceId(), query.queryId()));
    }
  }

  @Test
  void repeatsAFewFingerprintsOften() {
    Map<String, Integer> counts = new HashMap<>();
    long withFingerprint = 0;
    for (Query query : queries) {
      if (query.instanceId() == 3 && query.fingerprint() != null) {
        counts.merge(query.fingerprint(), 1, Integer::sum);
        withFingerprint++;
      }
    }
    List<Integer> sorted = new ArrayList<>(counts.values());
    sorted.sort(Collections.reverseOrder());
    double topTen = sorted.subList(0, 10).stream().mapToInt(count -> count).sum();
    assertThat("ten most frequent", topTen / withFingerprint, is(between(0.35, 0.50)));
    double once = sorted.stream().filter(count -> count == 1).count();
    assertThat("fingerprints that come once", once / sorted.size(), is(between(0.4, 0.95)));
  }

  @Test
  void isSkewedTowardsAFewInstances() {
    double first = share(query -> query.instanceId() == 0);
    double last = share(query -> query.instanceId() == 49);
    assertThat(first / last, is(between(35, 70)));
  }

  @Test
  void refusesSettingsThatMakeNoSense() {
    Duration day = Duration.ofDays(1);
    assertThrows(IllegalArgumentException.class, () -> new Settings(0, 1, START, day, 1, 0));
    assertThrows(
        IllegalArgumentException.class, () -> new Settings(1, 1, START, Duration.ZERO, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1, 1, START, day, 0, 0));
    assertThrows(
        IllegalArgumentException.class, () -> new Settings(1, 1, START, day, 1, Double.NaN));
  }

  private static List<Query> all(Settings settings) {
    List<Query> all = new ArrayList<>();
    QueryGenerator.of(settings).forEachRemaining(all::add);
    return all;
  }

  private static double share(Predicate<Query> predicate) {
    return queries.stream().filter(predicate).count() / (double) queries.size();
  }

  private static double shareOf(Map<String, Integer> counts, String queryClass) {
    return counts.getOrDefault(queryClass, 0) / (double) queries.size();
  }

  private static Matcher<Double> between(double least, double greatest) {
    return both(greaterThanOrEqualTo(least)).and(lessThanOrEqualTo(greatest));
  }

  private static long orZero(@Nullable Long value) {
    return value == null ? 0 : value;
  }

  private static long hourOf(Query query) {
    return query.arrivalMicros() / 3_600_000_000L % 24;
  }

  private static boolean mostlyCompiles(Query query) {
    return query.compileMillis() != null && query.compileMillis() >= 0.9 * query.executionMillis();
  }

  /** The first match of the contract's rules, with its thresholds. */
  private static String classOf(Query query) {
    double ratio = query.executionMillis() / (orZero(query.scannedMegabytes()) + 1.0);
    boolean movesData = query.type() == QueryType.COPY || query.type() == QueryType.UNLOAD;
    if (query.cached()) {
      return "normal";
    }
    if (movesData && query.executionMillis() > 500) {
      return "network_bound";
    }
    if (!movesData
        && (query.joins() > 1 || query.aggregations() > 1)
        && orZero(query.scannedMegabytes()) > 0
        && ratio > 20
        && query.executionMillis() > 1_000) {
      return "cpu_bound";
    }
    if (!movesData
        && orZero(query.scannedMegabytes()) >= 2_000
        && ratio < 0.061
        && (orZero(query.spilledMegabytes()) > 0 || query.scans() > 1)
        && query.executionMillis() > 1_000) {
      return "io_bound";
    }
    if (query.queueMillis() >= query.executionMillis()
        && query.queueMillis() > 1_000
        && query.executionMillis() > 0
        && query.scans() + query.joins() + query.aggregations() < 4) {
      return "queue_wlm_bound";
    }
    return "normal";
  }
}
