package io.highwater.record;

import io.highwater.contract.Contract;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Finds the event time of a JSON message before it is parsed, so that a reader can tell how far a
 * partition has come. Reads only up to the event-time field at the top level of the object and
 * checks only what it must understand: of every message that {@link RecordParser} accepts it
 * returns the time that the parser finds; of others it returns a time or {@link #NONE}.
 *
 * <p>Not thread-safe, holds nothing off the heap.
 */
public final class EventTimeScanner {
  /** What the scans return for a message without an event time. */
  public static final long NONE = Long.MIN_VALUE;

  private static final int LONGEST_USUAL_NUMBER = 32;

  private final byte[] name;
  private final NumberReader numbers = new NumberReader();
  private byte[] message = new byte[0];
  private int end;
  private boolean hasEscapes;

  /** Reads messages of {@code contract}. */
  public EventTimeScanner(Contract contract) {
    RecordParser.eventTimeColumn(contract);
    this.name = contract.eventTime().getBytes(StandardCharsets.UTF_8);
  }

  /** The event time in milliseconds since the epoch, or {@link #NONE}. */
  public long scanMillis(byte[] message) {
    return scanMillis(message, 0, message.length);
  }

  /** As {@link #scanMillis(byte[])}, of the message in [start, end). */
  public long scanMillis(byte[] message, int start, int end) {
    long micros = scanMicros(message, start, end);
    return micros == NONE ? NONE : Math.floorDiv(micros, 1000L);
  }

  /** As {@link #scanMillis(byte[])}, of the message in [start, end), in microseconds. */
  public long scanMicros(byte[] message, int start, int end) {
    if (end - start > RecordParser.MAX_MESSAGE_BYTES) {
      return NONE;
    }
    this.message = message;
    this.end = end;
    int position = skipSpace(start);
    if (at(position) != '{') {
      return NONE;
    }
    position = skipSpace(position + 1);
    while (at(position) == '"') {
      int nameStart = position + 1;
      int nameEnd = endOfString(nameStart);
      if (nameEnd < 0) {
        return NONE;
      }
      boolean found = isEventTime(nameStart, nameEnd);
      position = skipSpace(nameEnd + 1);
      if (at(position) != ':') {
        return NONE;
      }
      position = skipSpace(position + 1);
      if (found) {
        return microsAt(position);
      }
      position = skipValue(position);
      if (position < 0 || at(position) != ',') {
        return NONE;
      }
      position = skipSpace(position + 1);
    }
    return NONE;
  }

  private boolean isEventTime(int start, int stop) {
    if (!hasEscapes) {
      return Arrays.equals(message, start, stop, name, 0, name.length);
    }
    byte[] unescaped = new byte[stop - start];
    int written = TextBytes.unescapeJson(message, start, stop, unescaped);
    return written >= 0 && Arrays.equals(unescaped, 0, written, name, 0, name.length);
  }

  private long microsAt(int position) {
    byte first = at(position);
    long micros = TimestampReader.INVALID;
    if (first == '"') {
      int start = position + 1;
      int stop = endOfString(start);
      if (stop >= 0 && !hasEscapes) {
        micros = TimestampReader.micros(message, start, stop);
      } else if (stop >= 0) {
        byte[] unescaped = new byte[stop - start];
        int written = TextBytes.unescapeJson(message, start, stop, unescaped);
        micros =
            written < 0 ? TimestampReader.INVALID : TimestampReader.micros(unescaped, 0, written);
      }
    } else if ((first >= '0' && first <= '9') || first == '-') {
      int stop = position;
      while (isInNumber(at(stop))) {
        stop++;
      }
      // The reader of numbers wants a byte behind them, which a message need not have.
      byte[] number =
          Arrays.copyOfRange(
              message, position, position + Math.max(stop - position + 1, LONGEST_USUAL_NUMBER));
      Arrays.fill(number, stop - position, number.length, (byte) 0);
      if (numbers.readWhole(number, 0) == NumberReader.Outcome.READ
          && numbers.end() == stop - position) {
        micros = TimestampReader.microsOfEpochMillis(numbers.whole());
      }
    }
    return micros == TimestampReader.INVALID ? NONE : micros;
  }

  private static boolean isInNumber(byte next) {
    return (next >= '0' && next <= '9')
        || next == '.'
        || next == '-'
        || next == '+'
        || next == 'e'
        || next == 'E';
  }

  /** The position of the comma or bracket behind a value of the object, or a negative number. */
  private int skipValue(int start) {
    int position = start;
    int depth = 0;
    while (position < end) {
      switch (message[position]) {
        case '"' -> {
          position = endOfString(position + 1);
          if (position < 0) {
            return -1;
          }
        }
        case '{', '[' -> depth++;
        case '}', ']' -> {
          if (depth-- == 0) {
            return position;
          }
        }
        case ',' -> {
          if (depth == 0) {
            return position;
          }
        }
        default -> {}
      }
      position++;
    }
    return -1;
  }

  /** The position of the quote that ends a string, or a negative number. */
  private int endOfString(int start) {
    byte[] bytes = message;
    hasEscapes = false;
    int position = start;
    while (position < end) {
      if (position + 8 <= end) {
        long word = TextBytes.word(bytes, position);
        long marks = TextBytes.marksOf(word, (byte) '"') | TextBytes.marksOf(word, (byte) '\\');
        position += TextBytes.firstMark(marks);
        if (marks == 0) {
          continue;
        }
      }
      if (bytes[position] == '"') {
        return position;
      }
      if (bytes[position] == '\\') {
        hasEscapes = true;
        position++;
      }
      position++;
    }
    return -1;
  }

  private int skipSpace(int start) {
    int position = start;
    while (position < end
        && (message[position] == ' '
            || message[position] == '\n'
            || message[position] == '\r'
            || message[position] == '\t')) {
      position++;
    }
    return position;
  }

  private byte at(int position) {
    return position < end ? message[position] : 0;
  }
}
