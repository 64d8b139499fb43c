package io.highwater.lake;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LakeLockTest {
  @TempDir Path lake;

  @Test
  void isOfOneJobAtATimeInAProcess() throws IOException {
    try (LakeLock held = LakeLock.acquire(lake, "c", "backfill")) {
      for (int attempt = 0; attempt < 2; attempt++) {
        assertHeldBy("backfill (process " + ProcessHandle.current().pid() + ", since 20");
      }
      // Another contract's files are others.
      LakeLock.acquire(lake, "d", "compact").close();
    }
    LakeLock.acquire(lake, "c", "compact").close();
  }

  @Test
  void isOfOneProcessUntilThatIsKilled() throws Exception {
    Process holder = holder();
    try (BufferedReader said = holder.inputReader()) {
      assertThat(said.readLine(), is("held"));
      assertHeldBy("compact (process " + holder.pid() + ", since 20");
      assertHeldBy("compact (process " + holder.pid() + ", since 20");
    } finally {
      holder.destroyForcibly();
    }
    assertThat(holder.waitFor(30, TimeUnit.SECONDS), is(true));
    LakeLock.acquire(lake, "c", "backfill").close();
  }

  /** Another process must not get it because one here was refused. */
  @Test
  void isStillHeldAfterOneOfTheSameProcessWasRefused() throws Exception {
    try (LakeLock held = LakeLock.acquire(lake, "c", "backfill")) {
      assertHeldBy("backfill");
      Process other = holder();
      try (BufferedReader said = other.inputReader()) {
        assertThat(
            said.readLine(),
            containsString("backfill (process " + ProcessHandle.current().pid() + ", since 20"));
      } finally {
        other.destroyForcibly();
      }
    }
  }

  private void assertHeldBy(String holder) {
    LakeLock.HeldException e =
        assertThrows(
            LakeLock.HeldException.class, () -> LakeLock.acquire(lake, "c", "compact").close());
    assertThat(
        e.getMessage(),
        allOf(
            containsString(lake.getFileName() + "/c is in use by " + holder),
            containsString("; wait until it has ended, or end it"),
            not(containsString("\n"))));
  }

  private Process holder() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            Holder.class.getName(),
            lake.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Takes the lock and keeps it until it is killed. */
  static final class Holder {
    public static void main(String[] arguments) throws Exception {
      try (LakeLock held = LakeLock.acquire(Path.of(arguments[0]), "c", "compact")) {
        System.out.println("held");
        Thread.currentThread().join();
      } catch (LakeLock.HeldException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}
