package io.highwater.runners.replay;

import java.io.IOException;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Merges sorted sources into one. A source is opened when its first message may be the next one,
 * and closed at its end, so that a thousand files of an hour each are open one after the other.
 */
final class MergedMessages implements MessageSource {
  private final PriorityQueue<Cursor> cursors =
      new PriorityQueue<>(
          Comparator.comparingLong(Cursor::micros).thenComparingLong(Cursor::sequence));

  /** Opens a source. */
  interface Opener {
    MessageSource open() throws IOException;
  }

  /** A source that is not open yet, or its next message. */
  private static final class Cursor {
    private final long firstMicros;
    private final Opener opener;
    private @Nullable MessageSource source;
    private @Nullable TimedMessage head;

    Cursor(long firstMicros, Opener opener) {
      this.firstMicros = firstMicros;
      this.opener = opener;
    }

    long micros() {
      return head == null ? firstMicros : head.eventMicros();
    }

    /** Before all messages of the same time while it is not open. */
    long sequence() {
      return head == null ? Long.MIN_VALUE : head.sequence();
    }
  }

  /**
   * @param firstMicros the event time of the source's first message
   */
  void add(long firstMicros, Opener opener) {
    cursors.add(new Cursor(firstMicros, opener));
  }

  @Override
  public @Nullable TimedMessage next() throws IOException {
    while (true) {
      @Nullable Cursor cursor = cursors.poll();
      if (cursor == null) {
        return null;
      }
      @Nullable TimedMessage message = cursor.head;
      if (cursor.source == null) {
        cursor.source = cursor.opener.open();
      }
      cursor.head = cursor.source.next();
      if (cursor.head == null) {
        cursor.source.close();
      } else {
        cursors.add(cursor);
      }
      if (message != null) {
        return message;
      }
    }
  }

  @Override
  public void close() throws IOException {
    for (Cursor cursor : cursors) {
      if (cursor.source != null) {
        cursor.source.close();
      }
    }
  }
}
