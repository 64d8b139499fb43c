package io.highwater.rollup;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.Measure;
import io.highwater.contract.Measure.Function;
import io.highwater.contract.RollUp;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** Random streams of partials, beside a list of all that came. */
class WindowMergerTest {
  private static final long SHORT = 10;
  private static final long LONG = 60;
  private static final long LATENESS = 15;
  private static final RollUp ROLL_UP =
      new RollUp(
          List.of(Duration.ofMillis(SHORT), Duration.ofMillis(LONG)),
          List.of("cluster"),
          List.of(new Measure("queries", Function.COUNT, null, null)));

  private final WindowMerger merger = new WindowMerger(ROLL_UP, 7, Duration.ofMillis(LATENESS));

  private record Place(long startMillis, long lengthMillis, RollUpKey key) {}

  /** What came of each window and key while it took rows, and what was shown of it. */
  private final Map<Place, Long> accepted = new HashMap<>();

  private final Map<Place, RollUpRow> shown = new HashMap<>();
  private final Set<Place> changed = new HashSet<>();
  private long watermark;
  private long late;
  private long tooLate;

  @RepeatedTest(20)
  void showsWhatCameInTimeAndCountsTheRest(RepetitionInfo repetition) throws IOException {
    Random random = new Random(repetition.getCurrentRepetition());
    OpenWindows open = OpenWindows.NONE;
    long countedLate = 0;
    long countedTooLate = 0;
    for (int step = 0; step < 300; step++) {
      switch (random.nextInt(5)) {
        case 0 -> {
          watermark += random.nextInt(25);
          WindowMerger.Shown closed = merger.close(open, watermark);
          open = closed.windows();
          check(closed.rows(), true);
        }
        case 1 -> {
          WindowMerger.Shown changes = merger.showChanges(open);
          open = changes.windows();
          check(changes.rows(), false);
          assertThat(open.hasChanges(), is(false));
          assertThat(changed, is(empty()));
        }
        case 2 -> open = restored(open);
        default -> {
          List<Partial> partials = new ArrayList<>();
          for (int i = random.nextInt(6); i >= 0; i--) {
            partials.addAll(partials(watermark + random.nextInt(120) - 90, random));
          }
          OpenWindows before = restored(open);
          WindowMerger.Merged merged = merger.merge(open, partials, watermark);
          assertThat(open, is(before));
          open = merged.windows();
          countedLate += merged.lateRows();
          countedTooLate += merged.tooLateRows();
          partials.forEach(this::accept);
        }
      }
    }
    WindowMerger.Shown end = merger.close(open, Long.MAX_VALUE);
    watermark = Long.MAX_VALUE;
    check(end.rows(), true);
    assertThat(end.windows().isEmpty(), is(true));
    assertThat(late, is(greaterThan(0L)));
    assertThat(tooLate, is(greaterThan(0L)));
    assertThat(countedLate, is(late));
    assertThat(countedTooLate, is(tooLate));
    assertThat(shown.keySet(), is(accepted.keySet()));
    shown.forEach(
        (place, row) -> {
          assertThat(row.isFinal(), is(true));
          assertThat(row.results(), is(List.of(accepted.get(place))));
        });
  }

  @Test
  void saysWhenTheNextWindowIsOverOrToBeClosed() {
    Accumulator one = rows(1);
    OpenWindows open =
        merger
            .merge(
                OpenWindows.NONE,
                List.of(
                    new Partial(0, SHORT, key(1), one),
                    new Partial(0, LONG, key(1), one),
                    new Partial(10, SHORT, key(1), one)),
                0)
            .windows();

    assertThat(merger.nextDueMillis(OpenWindows.NONE, 0), is(Long.MAX_VALUE));
    assertThat(merger.nextDueMillis(open, 9), is(10L));
    assertThat(merger.nextDueMillis(open, 10), is(20L));
    assertThat(merger.nextDueMillis(open, 20), is(25L));
    assertThat(merger.nextDueMillis(merger.close(open, 25).windows(), 25), is(35L));
    assertThat(merger.nextDueMillis(merger.close(open, 35).windows(), 35), is(60L));
    assertThat(merger.nextDueMillis(merger.close(open, 60).windows(), 60), is(75L));
  }

  /** Of one row at a time, a partial of each length. */
  private static List<Partial> partials(long eventMillis, Random random) {
    RollUpKey key = key(random.nextInt(3));
    Accumulator rows = rows(1 + random.nextInt(9));
    return List.of(
        new Partial(Math.floorDiv(eventMillis, SHORT) * SHORT, SHORT, key, rows),
        new Partial(Math.floorDiv(eventMillis, LONG) * LONG, LONG, key, rows));
  }

  private void accept(Partial partial) {
    long end = partial.windowStartMillis() + partial.windowMillis();
    long rows = partial.accumulator().rowCount();
    boolean isShort = partial.windowMillis() == SHORT;
    if (watermark >= end + LATENESS) {
      tooLate += isShort ? rows : 0;
      return;
    }
    late += isShort && watermark >= end ? rows : 0;
    Place place = new Place(partial.windowStartMillis(), partial.windowMillis(), partial.key());
    accepted.merge(place, rows, Long::sum);
    changed.add(place);
  }

  private void check(List<RollUpRow> rows, boolean isClosing) {
    for (RollUpRow row : rows) {
      Place place = new Place(row.windowStartMillis(), row.windowMillis(), row.key());
      long end = row.windowStartMillis() + row.windowMillis();
      RollUpRow before = shown.put(place, row);
      assertThat(row.runId(), is(7L));
      assertThat(row.paneIndex(), is(before == null ? 0 : before.paneIndex() + 1));
      assertThat(row.results(), is(List.of(accepted.get(place))));
      assertThat(row.isFinal(), is(isClosing && watermark - LATENESS >= end));
      assertThat(before != null && before.isFinal(), is(false));
      if (!row.isFinal()) {
        assertThat(changed.contains(place), is(true));
        assertThat(!isClosing || watermark >= end, is(true));
      }
      changed.remove(place);
    }
    if (isClosing) {
      // What is over has been shown as it is.
      for (Place place : changed) {
        assertThat(place.startMillis + place.lengthMillis, is(greaterThan(watermark)));
      }
    }
  }

  private static OpenWindows restored(OpenWindows open) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    open.writeTo(new DataOutputStream(bytes));
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()));
    OpenWindows restored = OpenWindows.readFrom(in);
    assertThat(in.read(), is(-1));
    assertThat(restored, is(open));
    return restored;
  }

  private static Accumulator rows(long count) {
    return new Accumulator(count, new Aggregate[] {new Aggregate.Count(count)});
  }

  private static RollUpKey key(long cluster) {
    return RollUpKey.of(cluster);
  }
}
