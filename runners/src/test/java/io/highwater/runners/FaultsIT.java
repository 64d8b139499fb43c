package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.runners.generate.QueryGenerator.Settings;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the stream does when the world around it fails; docs/faults.md tells users. */
class FaultsIT {
  /** Of standard error over all of a test: some lines a fault, no stack traces. */
  private static final long MAX_LOG_LINES = 60;

  /** A heap of 2 GiB and what stands beside it. */
  private static final long MAX_MEBIBYTES = 3_072;

  private static final boolean SOAK = Boolean.getBoolean("highwater.soak");

  @TempDir Path directory;

  @Test
  void waitsForABrokerAndForALakeThatAreGoneAndGoesOn() throws Exception {
    assumeTrue(SOAK, "only with -Psoak");
    // Where a mount comes and goes, the lake's path leads somewhere, then nowhere.
    Path mounted = Files.createDirectory(directory.resolve("mounted"));
    try (LoadedStream load = LoadedStream.begin(directory)) {
      Files.createSymbolicLink(load.lake(), mounted);
      StreamProcess stream = load.start();
      load.awaitNewFiles(stream);

      load.broker().kill();
      String address = load.broker().bootstrapServers();
      load.awaitLog(stream, address + " does not answer; waiting for it");
      LockSupport.parkNanos(Duration.ofSeconds(60).toNanos());
      load.startBrokerAgain();
      load.awaitLog(stream, address + " answers again");
      load.awaitNewFiles(stream);

      leadTo(load.lake(), directory.resolve("nowhere"));
      load.awaitLog(stream, "The stream failed and is tried again (failure 1): ");
      assertThat(stream.log(), containsString("Cannot write " + load.lake()));
      leadTo(load.lake(), mounted);
      load.awaitNewFiles(stream);

      assertThatItSaidItShortly(stream);
      assertThat(stream.stop(), is(0));
      load.assertExactlyOnceAtTheEnd();
    }
  }

  @Test
  void keepsAMillionInvalidMessagesInARowAndGoesOn() throws Exception {
    assumeTrue(SOAK, "only with -Psoak");
    Instant start = Instant.parse("2024-04-01T00:00:00Z");
    Duration length = Duration.ofHours(12);
    try (LoadedStream load = LoadedStream.begin(directory)) {
      StreamProcess stream = load.start("--stopAfterIdle=15s");
      load.awaitNewFiles(stream);
      load.endMessages();
      load.topic().send(QueryMessage.generateAll(new Settings(1_000_000, 3, start, length, 6, 1)));
      load.topic()
          .send(
              // Behind the invalid ones, which have a time and so move the watermark.
              QueryMessage.generateAll(new Settings(20_000, 4, start.plus(length), length, 6, 0)));
      long peak = 0;
      while (stream.isAlive()) {
        peak = Math.max(peak, stream.peakMemoryMebibytes());
        LockSupport.parkNanos(Duration.ofMillis(100).toNanos());
      }
      stream.awaitSuccess();
      load.assertThatEveryMessageIsThereOnce();
      System.out.printf("a million invalid messages: peak %,d MiB%n", peak);
      assertThat(peak, is(lessThan(MAX_MEBIBYTES)));
    }
  }

  @Test
  void endsWithOneLineWhenItsTopicIsDeleted() throws Exception {
    assumeTrue(SOAK, "only with -Psoak");
    try (LoadedStream load = LoadedStream.begin(directory)) {
      StreamProcess stream = load.start();
      load.awaitLog(stream, "Streaming ");
      load.endMessages();
      load.topic().delete();
      assertThat(stream.awaitEnd(), is(1));
      assertThat(
          stream.log(),
          containsString(
              "highwater stream: topic queries of %s was deleted"
                  .formatted(load.broker().bootstrapServers())));
      assertThatItSaidItShortly(stream);
    }
  }

  /** Needs the right to mount, so it is not for every build. */
  @Test
  void waitsForSpaceAndForWritableDisks() throws Exception {
    assumeTrue(SOAK, "only with -Psoak");
    Path lakeDisk = Files.createDirectory(directory.resolve("lake"));
    Path stateDisk = Files.createDirectory(directory.resolve("lake-state"));
    assumeTrue(mount("-t", "tmpfs", "-o", "size=64m", "lake", lakeDisk.toString()), "no mount");
    mount("-t", "tmpfs", "-o", "size=64m", "state", stateDisk.toString());
    try (LoadedStream load = LoadedStream.begin(directory)) {
      StreamProcess stream = load.start();
      load.awaitNewFiles(stream);

      Path filler = fill(lakeDisk);
      load.awaitLog(stream, "No space left on device (IOException: Cannot write " + lakeDisk);
      Files.delete(filler);
      load.awaitNewFiles(stream);

      assertThat(mount("-o", "remount,ro", lakeDisk.toString()), is(true));
      load.awaitLog(stream, "Read-only file system");
      assertThat(mount("-o", "remount,rw", lakeDisk.toString()), is(true));
      load.awaitNewFiles(stream);

      filler = fill(stateDisk);
      load.awaitLog(stream, stateDisk.toString());
      Files.delete(filler);
      load.awaitNewFiles(stream);

      assertThatItSaidItShortly(stream);
      assertThat(stream.stop(), is(0));
      load.assertExactlyOnceAtTheEnd();
    } finally {
      run("umount", "-l", lakeDisk.toString());
      run("umount", "-l", stateDisk.toString());
    }
  }

  private static void assertThatItSaidItShortly(StreamProcess stream) throws IOException {
    String log = stream.log();
    assertThat(log, not(containsString("\tat ")));
    assertThat(log, log.lines().count(), is(lessThan(MAX_LOG_LINES)));
  }

  private static void leadTo(Path link, Path target) throws IOException {
    Path next = link.resolveSibling("next");
    Files.createSymbolicLink(next, target);
    Files.move(next, link, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static Path fill(Path disk) throws IOException {
    Path filler = disk.resolve(".filler");
    try (OutputStream out = Files.newOutputStream(filler)) {
      byte[] block = new byte[4_096];
      while (true) {
        out.write(block);
      }
    } catch (IOException full) {
      return filler;
    }
  }

  private static boolean mount(String... arguments) throws Exception {
    return run("mount", arguments);
  }

  private static boolean run(String program, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(program));
    command.addAll(List.of(arguments));
    try {
      return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
    } catch (IOException notThere) {
      return false;
    }
  }
}
