package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.lessThanOrEqualTo;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/**
 * An hour under load, with {@code -Psoak}: what grows in it would in the end use up the machine.
 */
class SoakIT {
  private static final Duration LENGTH = Duration.ofHours(1);

  /** About 80 % of what two cores do when the producer takes its share of them. */
  private static final long MESSAGES_PER_SECOND = 100_000;

  @Test
  void holdsNoMoreAfterAnHour() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");

    SoakBenchmark.Result result =
        SoakBenchmark.run(LENGTH.toSeconds() * MESSAGES_PER_SECOND, MESSAGES_PER_SECOND);

    System.out.println(result.line());
    assertThat(result.line(), growth(result.heapMebibytes()), lessThan(1.10));
    assertThat(result.line(), growth(result.residentMebibytes()), lessThan(1.10));
    assertThat(result.line(), growth(result.files()), lessThan(1.10));
    assertThat(result.line(), growth(result.threads()), lessThan(1.05));
    assertThat(result.line(), result.maxLag(), lessThanOrEqualTo(10 * MESSAGES_PER_SECOND));
  }

  private static double growth(SoakBenchmark.Change change) {
    return change.last() / change.second();
  }
}
