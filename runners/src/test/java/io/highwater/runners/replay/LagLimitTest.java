package io.highwater.runners.replay;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import io.highwater.runners.replay.LagLimit.Reading;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LagLimitTest {
  private final KnownLag lag = new KnownLag();

  /** A group that is where the test says. */
  private static final class KnownLag implements LagLimit.Lag {
    private Reading reading = new Reading(0, 0, false);
    private int reads;

    @Override
    public Reading read() {
      reads++;
      return reading;
    }

    @Override
    public void close() {}
  }

  @Test
  void letsALittleThroughBeforeTheGroupHasCommitted() throws Exception {
    LagLimit limit = new LagLimit(lag, "g", 0);
    limit.readIfDue(seconds(0));
    assertThat(limit.hasRoom(19_999), is(true));
    assertThat(limit.hasRoom(20_000), is(false));
    assertThat(limit.toString(), is("g has committed nothing yet, at most 20,000 are sent"));
  }

  @Test
  void countsWhatIsOnTheWayToTheBroker() throws Exception {
    LagLimit limit = new LagLimit(lag, "g", 1_000);
    lag.reading = new Reading(500, 1_500, true);
    limit.readIfDue(seconds(0));
    assertThat("19,999 of what was sent are not consumed", limit.hasRoom(20_499), is(true));
    assertThat(limit.hasRoom(20_500), is(false));
  }

  @Test
  void waitsForABacklogThatWasThereBefore() throws Exception {
    LagLimit limit = new LagLimit(lag, "g", 100_000);
    lag.reading = new Reading(100_000, 0, true);
    limit.readIfDue(seconds(0));
    assertThat(limit.hasRoom(0), is(false));
    assertThat(limit.toString(), is("g lags by 100,000 of at most 20,000"));
  }

  @Test
  void allowsFifteenSecondsOfTheRateOfTheGroup() throws Exception {
    LagLimit limit = new LagLimit(lag, "g", 0);
    limit.readIfDue(seconds(0));
    lag.reading = new Reading(10_000, 50_000, true);
    limit.readIfDue(seconds(10));
    // 5,000 a second.
    assertThat(limit.hasRoom(50_000 + 74_999), is(true));
    assertThat(limit.hasRoom(50_000 + 75_000), is(false));
    // The group stands still: after 15 s nothing of its rate is left.
    limit.readIfDue(seconds(20));
    limit.readIfDue(seconds(40));
    assertThat(limit.hasRoom(50_000 + 19_999), is(true));
    assertThat(limit.hasRoom(50_000 + 20_000), is(false));
  }

  @Test
  void asksOnceASecond() throws Exception {
    LagLimit limit = new LagLimit(lag, "g", 0);
    for (int millis = 0; millis <= 2_000; millis += 100) {
      limit.readIfDue(TimeUnit.MILLISECONDS.toNanos(millis));
    }
    assertThat(lag.reads, is(3));
  }

  private static long seconds(long seconds) {
    return TimeUnit.SECONDS.toNanos(seconds);
  }
}
