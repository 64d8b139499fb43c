package io.highwater.runners.replay;

import io.highwater.contract.Contract;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * All messages of some files in event-time order, with bounded memory. Every file is read once to
 * learn whether it is in order; those that are not are sorted in temporary files, the others are
 * read where they are.
 *
 * <p>A message without a readable event time stays behind the one that it follows in its file.
 */
final class OrderedMessages implements MessageSource {
  // A file has fewer messages, so that sequences of two files never meet.
  private static final int FILE_SHIFT = 40;
  private static final long UNKNOWN = Long.MIN_VALUE;

  private final MergedMessages merged = new MergedMessages();
  private final SortedRuns sorted;
  private final long size;
  private final long firstMicros;

  /** What the first reading of a file found. */
  private record Scan(long messages, boolean inOrder, long firstKnownMicros, long leastMicros) {}

  private OrderedMessages(
      List<Path> files, Contract contract, SortedRuns sorted, BooleanSupplier stopped)
      throws IOException {
    this.sorted = sorted;
    List<Scan> scans = new ArrayList<>();
    long count = 0;
    long least = Long.MAX_VALUE;
    for (Path file : files) {
      Scan scan = scan(file, contract, stopped);
      scans.add(scan);
      count += scan.messages();
      if (scan.firstKnownMicros() != UNKNOWN) {
        least = Math.min(least, scan.leastMicros());
      }
    }
    this.size = count;
    // Without any event time the messages are of now.
    this.firstMicros = least == Long.MAX_VALUE ? System.currentTimeMillis() * 1_000 : least;
    for (int number = 0; number < files.size(); number++) {
      add(files.get(number), contract, (long) number << FILE_SHIFT, scans.get(number), stopped);
    }
    for (SortedRuns.Run run : sorted.runs()) {
      merged.add(run.firstMicros(), run::open);
    }
  }

  /**
   * @param stopped asked now and then; once it says yes, the messages are cut short
   */
  static OrderedMessages of(
      List<Path> files, Contract contract, SortedRuns sorted, BooleanSupplier stopped)
      throws IOException {
    try {
      return new OrderedMessages(files, contract, sorted, stopped);
    } catch (IOException | RuntimeException e) {
      sorted.close();
      throw e;
    }
  }

  private static Scan scan(Path file, Contract contract, BooleanSupplier stopped)
      throws IOException {
    long count = 0;
    boolean inOrder = true;
    long firstKnown = UNKNOWN;
    long least = Long.MAX_VALUE;
    long previous = UNKNOWN;
    try (MessageFile messages = MessageFile.open(file, contract, 0, UNKNOWN)) {
      @Nullable TimedMessage message;
      while (!stopped.getAsBoolean() && (message = messages.next()) != null) {
        count++;
        long micros = message.eventMicros();
        if (micros != UNKNOWN) {
          if (firstKnown == UNKNOWN) {
            firstKnown = micros;
          }
          least = Math.min(least, micros);
          inOrder &= micros >= previous;
          previous = micros;
        }
      }
    }
    return new Scan(count, inOrder, firstKnown, least);
  }

  private void add(
      Path file, Contract contract, long firstSequence, Scan scan, BooleanSupplier stopped)
      throws IOException {
    if (scan.messages() == 0) {
      return;
    }
    // What comes before the file's first event time goes with it.
    long before = scan.firstKnownMicros() == UNKNOWN ? firstMicros : scan.firstKnownMicros();
    if (scan.inOrder()) {
      merged.add(before, () -> MessageFile.open(file, contract, firstSequence, before));
      return;
    }
    try (MessageFile messages = MessageFile.open(file, contract, firstSequence, before)) {
      @Nullable TimedMessage message;
      while (!stopped.getAsBoolean() && (message = messages.next()) != null) {
        sorted.add(message);
      }
    }
  }

  /** How many messages there are. */
  long size() {
    return size;
  }

  @Override
  public @Nullable TimedMessage next() throws IOException {
    return merged.next();
  }

  @Override
  public void close() throws IOException {
    try (sorted) {
      merged.close();
    }
  }
}
