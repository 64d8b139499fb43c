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

import io.highwater.runners.generate.Injection.Kind;
import io.highwater.runners.generate.Injection.Storm;
import io.highwater.runners.generate.Query.Defect;
import io.highwater.runners.generate.QueryGenerator.Settings;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
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
  void isBusierOnWeekdaysByDay() {
    // Hours 9 to 12 of 5 days against hours 0 to 3 of 7 days and those of 2 days.
    double day = share(query -> !isWeekend(query) && hourOf(query) >= 9 && hourOf(query) < 13) / 5;
    double night = share(query -> hourOf(query) < 4) / 7;
    double weekend =
        share(query -> isWeekend(query) && hourOf(query) >= 9 && hourOf(query) < 13) / 2;
    assertThat("night", day / night, is(between(1.7, 2.3)));
    assertThat("weekend", day / weekend, is(between(1.35, 1.5)));
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
  void hasFewRowsOfServerlessInstances() {
    assertThat(share(query -> query.clusterSize() == null), is(between(0.015, 0.023)));
    for (Query query : queries) {
      assertThat(query.clusterSize() == null, is(query.instanceId() % 2 == 1));
    }
  }

  @Test
  void isSkewedTowardsAFewInstances() {
    double first = share(query -> query.instanceId() == 0);
    double last = share(query -> query.instanceId() == 48);
    assertThat(first / last, is(between(18, 35)));
  }

  @Test
  void slowsDownOneOfTwoHundredQueriesOfAnyFingerprint() {
    List<Query> slow = queries.stream().filter(Query::slowedDown).toList();
    // Within four standard deviations of 0.5 %.
    assertThat(slow.size() / (double) queries.size(), is(between(0.0044, 0.0056)));
    List<Double> factors =
        slow.stream().map(query -> injectionOf(query).factor()).sorted().toList();
    // Log-normal, sigma 0.5: the quartiles are 4 times e to the power of 0.337 apart.
    assertThat("median", factors.get(factors.size() / 2), is(between(3.7, 4.3)));
    assertThat("quartile", factors.get(factors.size() / 4), is(between(2.65, 3.1)));
    assertThat("quartile", factors.get(3 * factors.size() / 4), is(between(5.15, 6.1)));
    Set<QueryType> types = new HashSet<>();
    Set<String> fingerprints = new HashSet<>();
    for (Query query : slow) {
      assertThat(query.cached() || query.aborted(), is(false));
      types.add(query.type());
      fingerprints.add(String.valueOf(query.fingerprint()));
    }
    assertThat(
        types.containsAll(
            List.of(QueryType.SELECT, QueryType.INSERT, QueryType.COPY, QueryType.DELETE)),
        is(true));
    assertThat(fingerprints.size(), is(greaterThan(slow.size() / 3)));
  }

  @Test
  void catchesEveryQueryThatRunsDuringAStorm() {
    Set<Storm> storms = new HashSet<>();
    Set<Kind> kinds = new HashSet<>();
    for (Query query : queries) {
      Injection injection = query.injection();
      if (injection != null && injection.storm() != null) {
        storms.add(injection.storm());
        kinds.add(injection.kind());
        assertThat(injection.storm().kind(), is(injection.kind()));
      }
    }
    assertThat(kinds, is(Set.of(Kind.QUEUE_STORM, Kind.SPILL_STORM)));
    Map<String, List<Query>> queriesOfStorm = new HashMap<>();
    for (Query query : queries) {
      for (Storm storm : storms) {
        boolean during =
            storm.id().startsWith(storm.kind().text() + "-" + query.instanceId() + "-")
                && query.arrivalMicros() >= storm.startMicros()
                && query.arrivalMicros() < storm.endMicros();
        if (during && !query.cached()) {
          queriesOfStorm.computeIfAbsent(storm.id(), id -> new ArrayList<>()).add(query);
        }
      }
    }
    long affected = 0;
    for (Storm storm : storms) {
      assertThat(
          Duration.ofNanos((storm.endMicros() - storm.startMicros()) * 1_000).toMinutes(),
          is(both(greaterThanOrEqualTo(10L)).and(lessThanOrEqualTo(25L))));
      for (Query query : Objects.requireNonNull(queriesOfStorm.get(storm.id()))) {
        if (storm.kind() == Kind.QUEUE_STORM) {
          assertThat(query.toString(), injectionOf(query).storm(), is(storm));
          assertThat(query.toString(), query.queueMillis(), is(greaterThan(10_000L)));
          affected++;
        } else if (query.spilledMegabytes() != null && query.injection() == null) {
          throw new AssertionError("left out of the storm: " + query);
        } else if (injectionOf(query).storm() == storm) {
          assertThat(query.toString(), orZero(query.spilledMegabytes()), is(greaterThan(50L)));
          affected++;
        }
      }
    }
    assertThat(affected, is(greaterThan(50L)));
    assertThat(affected / (double) queries.size(), is(lessThan(0.004)));
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

  private static Injection injectionOf(Query query) {
    return Objects.requireNonNull(query.injection());
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

  private static boolean isWeekend(Query query) {
    return Instant.ofEpochSecond(query.arrivalMicros() / 1_000_000)
            .atZone(ZoneOffset.UTC)
            .getDayOfWeek()
            .getValue()
        >= DayOfWeek.SATURDAY.getValue();
  }
}
