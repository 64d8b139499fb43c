package io.highwater.runners;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.flink.api.common.JobStatus;
import org.jspecify.annotations.Nullable;

/**
 * Says in one line what a stream waits for: each cause when it first comes, again when it has come
 * ten, a hundred, ... times, and when the stream has gone on.
 */
final class FailureLog {
  /** A stream that cannot write fails some seconds after it began to run again. */
  private static final Duration PROBATION = Duration.ofSeconds(15);

  /** What Flink says when checkpoints fail, and nothing more. */
  private static final String NO_CHECKPOINT = "Exceeded checkpoint tolerable failure threshold";

  private final Consumer<String> log;
  private final Path checkpoints;
  private @Nullable String cause;
  private int times;
  private long lastMillis;
  private long runningSinceNanos;

  /**
   * @param checkpoints where the stream's are
   */
  FailureLog(Consumer<String> log, Path checkpoints) {
    this.log = log;
    this.checkpoints = checkpoints;
  }

  void observe(JobStatus status, Optional<FlinkClient.Failure> lastFailure) {
    if (lastFailure.isPresent() && lastFailure.get().atMillis() > lastMillis) {
      FlinkClient.Failure failure = lastFailure.get();
      lastMillis = failure.atMillis();
      String observed =
          failure.cause().contains(NO_CHECKPOINT) ? whyNoCheckpoint() : failure.cause();
      times = observed.equals(cause) ? times + 1 : 1;
      cause = observed;
      if (isPowerOfTen(times)) {
        log.accept("The stream failed and is tried again (failure %d): %s".formatted(times, cause));
      }
    }
    if (status != JobStatus.RUNNING) {
      runningSinceNanos = 0;
    } else if (runningSinceNanos == 0) {
      runningSinceNanos = System.nanoTime();
    } else if (cause != null && System.nanoTime() - runningSinceNanos > PROBATION.toNanos()) {
      log.accept("The stream has gone on after %d failures".formatted(times));
      cause = null;
    }
  }

  /** By trying what Flink tried. */
  private String whyNoCheckpoint() {
    String reason = "they fail or take too long";
    try {
      Path probe = Files.createTempFile(checkpoints, "probe", null);
      try {
        Files.write(probe, new byte[1 << 20]);
      } finally {
        Files.delete(probe);
      }
    } catch (IOException e) {
      reason = FailureCause.of(e);
    }
    return "No checkpoint can be written to " + checkpoints + " (" + reason + ")";
  }

  private static boolean isPowerOfTen(int number) {
    return number == Math.pow(10, Math.floor(Math.log10(number)));
  }
}
