package io.highwater.runners;

import java.time.Duration;
import java.util.Optional;
import org.apache.flink.api.common.JobStatus;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * Says in one line what a stream waits for: each cause when it first comes, again when it has come
 * ten, a hundred, ... times, and when the stream has gone on.
 */
final class FailureLog {
  /** A stream that cannot write fails some seconds after it began to run again. */
  private static final Duration PROBATION = Duration.ofSeconds(15);

  private final Logger log;
  private @Nullable String cause;
  private int times;
  private long lastMillis;
  private long runningSinceNanos;

  FailureLog(Logger log) {
    this.log = log;
  }

  void observe(JobStatus status, Optional<FlinkClient.Failure> lastFailure) {
    if (lastFailure.isPresent() && lastFailure.get().atMillis() > lastMillis) {
      FlinkClient.Failure failure = lastFailure.get();
      lastMillis = failure.atMillis();
      times = failure.cause().equals(cause) ? times + 1 : 1;
      cause = failure.cause();
      if (isPowerOfTen(times)) {
        log.warn("The stream failed and is tried again (failure {}): {}", times, cause);
      }
    }
    if (status != JobStatus.RUNNING) {
      runningSinceNanos = 0;
    } else if (runningSinceNanos == 0) {
      runningSinceNanos = System.nanoTime();
    } else if (cause != null && System.nanoTime() - runningSinceNanos > PROBATION.toNanos()) {
      log.info("The stream has gone on after {} failures", times);
      cause = null;
    }
  }

  private static boolean isPowerOfTen(int number) {
    return number == Math.pow(10, Math.floor(Math.log10(number)));
  }
}
