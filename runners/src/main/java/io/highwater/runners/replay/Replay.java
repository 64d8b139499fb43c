package io.highwater.runners.replay;

import io.highwater.runners.CommandFailedException;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One run of a replay: skips what an earlier run sent, keeps the pace, says how far it is. A
 * message is due at a time counted from the first one, so that waiting never adds up. Time for
 * which a lagging consumer held it back is not caught up: all that follows is due that much later.
 */
final class Replay {
  private static final long PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final long LONGEST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
  // Waiting for less would only cost time.
  private static final long SHORTEST_WAIT_NANOS = TimeUnit.MICROSECONDS.toNanos(500);
  private static final int CLOCK_EVERY = 256;
  private static final long HOLD_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private final OrderedMessages messages;
  private final KafkaSender sender;
  private final double speedup;
  private final @Nullable ResumeFile resume;
  private final @Nullable LagLimit lagLimit;
  private final BooleanSupplier stopped;

  private long sent;
  private long skipped;
  private long eventMicros;
  private long progressNanos;
  private long progressSent;
  private long progressMicros;
  private long heldNanos;

  Replay(
      OrderedMessages messages,
      KafkaSender sender,
      double speedup,
      @Nullable ResumeFile resume,
      @Nullable LagLimit lagLimit,
      BooleanSupplier stopped) {
    this.messages = messages;
    this.sender = sender;
    this.speedup = speedup;
    this.resume = resume;
    this.lagLimit = lagLimit;
    this.stopped = stopped;
  }

  /** Returns when all messages are sent and acknowledged, or when it was told to stop. */
  void run() throws IOException, CommandFailedException, InterruptedException {
    skip();
    long startNanos = System.nanoTime();
    progressNanos = startNanos;
    if (lagLimit != null) {
      lagLimit.readIfDue(startNanos);
    }
    long firstMicros = 0;
    @Nullable TimedMessage message;
    while (!stopped.getAsBoolean() && (message = messages.next()) != null) {
      if (sent == 0) {
        firstMicros = message.eventMicros();
        progressMicros = firstMicros;
      }
      if (lagLimit != null && !waitForRoom(lagLimit)) {
        break;
      }
      if (speedup > 0) {
        double dueNanos = (message.eventMicros() - firstMicros) * 1e3 / speedup;
        if (!waitUntil(startNanos + heldNanos, dueNanos)) {
          break;
        }
      } else if (sent % CLOCK_EVERY == 0) {
        reportIfDue(System.nanoTime());
      }
      sender.send(message);
      eventMicros = message.eventMicros();
      sent++;
    }
    sender.flush();
    remember();
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    System.err.printf(
        "highwater replay: %s %,d of %,d records in %.1f s (%,.0f/s)%s%n",
        skipped + sent == messages.size() ? "sent" : "stopped after",
        sent,
        messages.size(),
        seconds,
        sent / Math.max(seconds, 1e-3),
        skipped == 0 ? "" : ", %,d had been sent before".formatted(skipped));
  }

  private void skip() throws IOException, CommandFailedException {
    long before = resume == null ? 0 : resume.sent();
    if (before > messages.size()) {
      throw new CommandFailedException(
          "--resume says that %,d records were sent, the input has %,d; delete the file to start over"
              .formatted(before, messages.size()));
    }
    while (skipped < before && !stopped.getAsBoolean() && messages.next() != null) {
      skipped++;
    }
  }

  /**
   * @return false when told to stop
   */
  private boolean waitUntil(long startNanos, double dueNanos)
      throws IOException, CommandFailedException, InterruptedException {
    while (true) {
      long now = System.nanoTime();
      reportIfDue(now);
      double wait = dueNanos - (now - startNanos);
      if (wait < SHORTEST_WAIT_NANOS) {
        return true;
      }
      if (stopped.getAsBoolean()) {
        return false;
      }
      pause((long) Math.min(wait, LONGEST_WAIT_NANOS));
    }
  }

  /**
   * Returns when the consumer is near enough.
   *
   * @return false when told to stop
   */
  private boolean waitForRoom(LagLimit limit)
      throws IOException, CommandFailedException, InterruptedException {
    if (limit.hasRoom(sent)) {
      return true;
    }
    long started = System.nanoTime();
    while (!limit.hasRoom(sent)) {
      if (stopped.getAsBoolean()) {
        return false;
      }
      reportIfDue(System.nanoTime());
      pause(HOLD_NANOS);
    }
    heldNanos += System.nanoTime() - started;
    return true;
  }

  private static void pause(long nanos) throws InterruptedException {
    LockSupport.parkNanos(nanos);
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
  }

  private void reportIfDue(long now)
      throws IOException, CommandFailedException, InterruptedException {
    if (lagLimit != null) {
      lagLimit.readIfDue(now);
    }
    if (now - progressNanos < PROGRESS_NANOS) {
      return;
    }
    long done = skipped + sent;
    double seconds = (now - progressNanos) / 1e9;
    String consumer = "";
    if (lagLimit != null) {
      consumer =
          ", speed %,.0f, %s"
              .formatted(Math.max(0, eventMicros - progressMicros) / 1e6 / seconds, lagLimit);
    }
    System.err.printf(
        "highwater replay: %,d of %,d sent (%.1f %%), %,.0f/s, event time %s%s%n",
        done,
        messages.size(),
        100.0 * done / messages.size(),
        (sent - progressSent) / seconds,
        Instant.EPOCH.plus(eventMicros, ChronoUnit.MICROS).truncatedTo(ChronoUnit.SECONDS),
        consumer);
    progressNanos = now;
    progressSent = sent;
    progressMicros = eventMicros;
    remember();
  }

  /** Writes down how many messages the broker has for sure. */
  private void remember() throws IOException, CommandFailedException {
    if (resume != null) {
      sender.flush();
      resume.write(skipped + sent);
    }
  }
}
