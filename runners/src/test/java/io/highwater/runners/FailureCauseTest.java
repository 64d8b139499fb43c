package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import io.highwater.pipelines.UsageException;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class FailureCauseTest {
  @Test
  void saysTheDeepestCauseAndWhatItIsAbout() {
    assertThat(
        FailureCause.of(
            new IllegalStateException(
                "Checkpoint failed",
                new IOException(
                    "Could not write file:/state/chk-7",
                    new IOException("No space left on device")))),
        is(
            "IOException: No space left on device (IOException: Could not write file:/state/chk-7)"));
  }

  @Test
  void doesNotSayTheSameTwice() {
    assertThat(
        FailureCause.of(new RuntimeException(new IOException("Read-only file system"))),
        is("IOException: Read-only file system"));
    assertThat(FailureCause.of(new IOException("gone")), is("IOException: gone"));
  }

  @Test
  void saysWhatACauseBeforeTheDeepestKnowsMore() {
    assertThat(
        FailureCause.of(
            new RuntimeException(
                new IOException("a.parquet: not a file", new IOException("not a file")))),
        is("IOException: a.parquet: not a file"));
  }

  @Test
  void prefersOurOwnWords() {
    assertThat(
        FailureCause.of(new RuntimeException(new UsageException("Cannot write /lake/a.arrow"))),
        is("Cannot write /lake/a.arrow"));
    assertThat(
        FailureCause.of(
            new CommandFailedException("nothing to learn from", new IOException("no files"))),
        is("nothing to learn from"));
  }
}
