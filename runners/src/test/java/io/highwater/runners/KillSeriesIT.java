package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The stream's process is killed again and again while messages come, and loses and doubles
 * nothing. {@code -Dhighwater.kills=N} and {@code -Dhighwater.seed=N} choose the series; {@code
 * -Psoak} makes it a long one.
 */
class KillSeriesIT {
  /** The moment of a kill. */
  private enum Moment {
    /** When a checkpoint has completed and its first file appears: most are not written yet. */
    FILE_COMMIT,
    /** Before or while the job takes up its state; always the second kill in a row. */
    RESTORE,
    /** When the broker, killed too, has just come back. */
    BROKER_RESTART,
    /** Any time while messages flow. */
    ANY
  }

  @TempDir Path directory;

  @Test
  void losesAndDoublesNothingHoweverOftenItIsKilled() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    int kills = Integer.getInteger("highwater.kills", 3);
    long seed = Long.getLong("highwater.seed", 1);
    Random random = new Random(seed);
    long began = System.nanoTime();
    try (LoadedStream load = LoadedStream.begin(directory)) {
      int brokerRestarts = 0;
      int kill = 0;
      for (Moment moment : moments(kills, random)) {
        kill(load, moment, random);
        brokerRestarts += moment == Moment.BROKER_RESTART ? 1 : 0;
        System.out.printf(
            "kill %d of %d after %.1f s: %s, %d files in the lake and %d unfinished%n",
            ++kill,
            kills,
            (System.nanoTime() - began) / 1e9,
            moment,
            load.files(),
            load.unfinishedFiles());
      }
      load.assertExactlyOnceAtTheEnd();
      System.out.printf(
          "kill series: seed=%d kills=%d broker_restarts=%d messages=%d seconds=%.0f%n",
          seed,
          kills,
          brokerRestarts,
          load.topic().sent().size(),
          (System.nanoTime() - began) / 1e9);
    }
  }

  /**
   * Each moment equally often, in an order that the seed decides, but a restore first and second.
   */
  private static List<Moment> moments(int kills, Random random) {
    List<Moment> moments =
        new ArrayList<>(List.of(Moment.FILE_COMMIT, Moment.RESTORE, Moment.BROKER_RESTART));
    while (moments.size() < kills) {
      List<Moment> more = new ArrayList<>(List.of(Moment.values()));
      Collections.shuffle(more, random);
      moments.addAll(more);
    }
    return moments.subList(0, kills);
  }

  private static void kill(LoadedStream load, Moment moment, Random random) throws Exception {
    try (StreamProcess stream = load.start()) {
      switch (moment) {
        case FILE_COMMIT -> load.awaitNewFiles(stream);
        case RESTORE -> {
          load.await("a restore", stream, () -> stream.log().contains("Going on from "));
          pass(random, Duration.ofSeconds(2));
        }
        case BROKER_RESTART -> {
          load.awaitNewFiles(stream);
          load.broker().kill();
          load.startBrokerAgain();
          pass(random, Duration.ofSeconds(3));
        }
        case ANY -> {
          awaitStart(load, stream);
          pass(random, Duration.ofSeconds(8));
        }
      }
      assertThat("is running:\n" + stream.log(), stream.isAlive(), is(true));
      stream.kill();
    }
  }

  private static void awaitStart(LoadedStream load, StreamProcess stream) throws Exception {
    load.await("a start", stream, () -> stream.log().contains("Streaming "));
  }

  /** A moment that nothing marks. */
  private static void pass(Random random, Duration atMost) {
    LockSupport.parkNanos((long) (random.nextDouble() * atMost.toNanos()));
  }
}
