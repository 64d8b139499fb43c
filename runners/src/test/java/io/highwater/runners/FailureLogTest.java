package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobStatus;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailureLogTest {
  private static final String NO_CHECKPOINT =
      "FlinkRuntimeException: Exceeded checkpoint tolerable failure threshold. The latest"
          + " checkpoint failed due to Asynchronous task checkpoint failed.";

  @TempDir Path directory;

  private final List<String> said = new ArrayList<>();

  @Test
  void saysACauseWhenItComesAndAtEachPowerOfTen() {
    FailureLog failures = new FailureLog(said::add, directory);
    for (int i = 1; i <= 25; i++) {
      fail(failures, i, "Cannot write /lake/a.arrow");
    }
    fail(failures, 26, "Cannot write /lake/b.arrow");
    fail(failures, 26, "Cannot write /lake/b.arrow");

    assertThat(
        said,
        is(
            List.of(
                "The stream failed and is tried again (failure 1): Cannot write /lake/a.arrow",
                "The stream failed and is tried again (failure 10): Cannot write /lake/a.arrow",
                "The stream failed and is tried again (failure 1): Cannot write /lake/b.arrow")));
  }

  @Test
  void saysWhyThereIsNoCheckpoint() throws IOException {
    Path gone = directory.resolve("gone");
    fail(new FailureLog(said::add, gone), 1, NO_CHECKPOINT);
    fail(new FailureLog(said::add, directory), 1, NO_CHECKPOINT);

    assertThat(said.get(0), containsString("(failure 1): No checkpoint can be written to " + gone));
    assertThat(said.get(0), containsString("NoSuchFileException"));
    assertThat(
        said.get(1),
        containsString(
            "No checkpoint can be written to %s (they fail or take too long)"
                .formatted(directory)));
    try (Stream<Path> left = Files.list(directory)) {
      assertThat(left.toList(), is(empty()));
    }
  }

  private static void fail(FailureLog failures, long atMillis, String cause) {
    failures.observe(JobStatus.RESTARTING, Optional.of(new FlinkClient.Failure(atMillis, cause)));
  }
}
