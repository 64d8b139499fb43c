package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RateLimitTest {
  private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
  private final RateLimit limit = new RateLimit(nanos::get);

  @Test
  void aBurstIsTakenAndThenFiftyASecond() {
    assertThat(taken("a", 1_000), is(RateLimit.BURST));
    nanos.addAndGet(20_000_000);
    assertThat(taken("a", 1_000), is(1));
    nanos.addAndGet(1_000_000_000);
    assertThat(taken("a", 1_000), is(RateLimit.PER_SECOND));
    nanos.addAndGet(1_000_000_000_000L);
    assertThat(taken("a", 1_000), is(RateLimit.BURST));
  }

  @Test
  void whatWasRefusedDoesNotCountTowardsTheLimit() {
    taken("a", 1_000);
    nanos.addAndGet(1_000_000_000 / RateLimit.PER_SECOND - 1_000);
    assertThat(taken("a", 1_000), is(0));
    nanos.addAndGet(2_000);
    assertThat(taken("a", 1_000), is(1));
  }

  @Test
  void whoHasNotAskedForLongestIsForgottenAndNobodyElse() {
    taken("a", 1_000);
    taken("b", 1_000);
    others(0, RateLimit.MAX_KNOWN - 2);
    assertThat(taken("a", 1), is(0));
    others(RateLimit.MAX_KNOWN, 1);
    assertThat(taken("a", 1), is(0));
    assertThat(taken("b", 1_000), is(RateLimit.BURST));
  }

  private void others(int first, int count) {
    for (int i = first; i < first + count; i++) {
      limit.take("other " + i);
    }
  }

  @Test
  void oneDoesNotUseUpWhatAnotherMayAsk() {
    taken("a", 1_000);
    assertThat(taken("b", 1_000), is(RateLimit.BURST));
  }

  private int taken(String who, int requests) {
    int taken = 0;
    for (int i = 0; i < requests; i++) {
      if (limit.take(who)) {
        taken++;
      }
    }
    return taken;
  }
}
