package io.highwater.record;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A JSON message and the grammar of what may stand in it (RFC 8259, nothing more lenient), without
 * a meaning for any of it. Not thread-safe.
 *
 * <p>The message is copied in front of a run of zeros: a zero is wrong wherever it stands in JSON,
 * so that every loop ends there without asking for the end, and eight bytes can be read at any
 * position.
 */
abstract class JsonSyntax {
  /** A message's own object or array is the first level. */
  static final int MAX_DEPTH = 32;

  private static final int WORD = 8;
  private static final int USUAL_NAMES = 1000;

  final NumberReader numbers = new NumberReader();

  /** The message, from 0 to {@link #length}, and zeros behind it. */
  byte[] bytes;

  int length;

  /** Whether the string that {@link #endOfString} looked at has escapes. */
  boolean hasEscapes;

  byte[] unescaped = new byte[256];

  private final int padding;
  // Names met in the object that is open at each level; at level 1 those that noteName was told.
  private final List<Set<String>> namesByLevel = new ArrayList<>();

  /**
   * @param lookAhead how many bytes from a position of the message on may be read without asking
   *     for its end
   */
  JsonSyntax(int lookAhead) {
    // Behind the end: one byte that an escape skips, then a word.
    padding = Math.max(lookAhead, WORD) + WORD;
    bytes = new byte[4096 + padding];
    for (int level = 0; level <= MAX_DEPTH; level++) {
      namesByLevel.add(new HashSet<>());
    }
  }

  /** Begins a message. */
  final void load(byte[] source, int start, int end) {
    length = end - start;
    if (bytes.length < length + padding) {
      bytes = new byte[length * 2 + padding];
    }
    System.arraycopy(source, start, bytes, 0, length);
    Arrays.fill(bytes, length, length + padding, (byte) 0);
    openLevel(1);
  }

  /** A name stands twice in one object. */
  abstract void foundTwice(String name);

  final int skipSpace(int start) {
    int position = start;
    byte next = bytes[position];
    while (next == ' ' || next == '\n' || next == '\r' || next == '\t') {
      next = bytes[++position];
    }
    return position;
  }

  final int skipLiteral(int start, String literal) {
    for (int index = 0; index < literal.length(); index++) {
      if (bytes[start + index] != literal.charAt(index)) {
        throw malformed(start + index, "expected " + literal);
      }
    }
    return start + literal.length();
  }

  /** Checks a value of any kind and returns the position behind it. */
  final int skipValue(int start) {
    byte[] b = bytes;
    int position = start;
    int depth = 1;
    // A bit for each level, set for objects; the lowest is the innermost.
    long objects = 1;
    while (true) {
      boolean closed = false;
      switch (b[position]) {
        case '"' -> {
          int stringStart = position + 1;
          position = endOfString(stringStart);
          if (hasEscapes) {
            unescape(stringStart, position);
          }
          position++;
        }
        case '{', '[' -> {
          boolean object = b[position] == '{';
          if (++depth > MAX_DEPTH) {
            throw new MalformedRecordException(
                ErrorCode.NESTING_TOO_DEEP,
                "byte "
                    + position
                    + " opens level "
                    + depth
                    + " of nesting; expected at most "
                    + MAX_DEPTH);
          }
          objects = objects << 1 | (object ? 1 : 0);
          position = skipSpace(position + 1);
          if (object) {
            openLevel(depth);
          }
          if (b[position] != (object ? '}' : ']')) {
            position = object ? skipName(position, depth) : position;
            continue;
          }
          closed = true;
        }
        case 't' -> position = skipLiteral(position, "true");
        case 'f' -> position = skipLiteral(position, "false");
        case 'n' -> position = skipLiteral(position, "null");
        case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> {
          if (numbers.skip(b, position) == NumberReader.Outcome.MALFORMED) {
            throw malformed(numbers.end(), "expected a digit");
          }
          position = numbers.end();
        }
        default -> throw malformed(position, "expected a value");
      }
      if (depth == 1) {
        return position;
      }
      // Behind a value inside an object or array, or at the bracket that closes an empty one.
      while (true) {
        boolean object = (objects & 1) == 1;
        position = closed ? position : skipSpace(position);
        byte next = b[position];
        if (next == (object ? '}' : ']')) {
          position++;
          objects >>>= 1;
          closed = false;
          if (--depth == 1) {
            return position;
          }
        } else if (next == ',') {
          position = skipSpace(position + 1);
          position = object ? skipName(position, depth) : position;
          break;
        } else {
          throw malformed(position, object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
      }
    }
  }

  /** From the name of a field to its value. */
  private int skipName(int start, int level) {
    if (bytes[start] != '"') {
      throw malformed(start, "expected a field name in quotes");
    }
    int end = endOfString(start + 1);
    if (hasEscapes) {
      int written = unescape(start + 1, end);
      noteName(level, unescaped, 0, written);
    } else {
      noteName(level, bytes, start + 1, end);
    }
    int position = skipSpace(end + 1);
    if (bytes[position] != ':') {
      throw malformed(position, "expected ':' after a field name");
    }
    return skipSpace(position + 1);
  }

  /** Notes a name of the object that is open at {@code level}. */
  final void noteName(int level, byte[] source, int start, int end) {
    String name = new String(source, start, end - start, StandardCharsets.UTF_8);
    if (!namesByLevel.get(level).add(name)) {
      foundTwice(name);
    }
  }

  private void openLevel(int level) {
    Set<String> names = namesByLevel.get(level);
    if (names.size() > USUAL_NAMES) {
      // Clearing takes as long as the set was ever large.
      namesByLevel.set(level, new HashSet<>());
    } else if (!names.isEmpty()) {
      names.clear();
    }
  }

  /**
   * The position of the quote that ends the string whose first byte is at {@code start}. Checks its
   * UTF-8 and notes in {@link #hasEscapes} whether {@link #unescape} must have a look at it.
   */
  final int endOfString(int start) {
    byte[] b = bytes;
    hasEscapes = false;
    int position = start;
    while (true) {
      long word = TextBytes.word(b, position);
      long marks =
          TextBytes.marksOf(word, (byte) '"')
              | TextBytes.marksOf(word, (byte) '\\')
              | TextBytes.marksBelow(word, ' ')
              | word & TextBytes.HIGH_BITS;
      if (marks == 0) {
        position += WORD;
        continue;
      }
      position += TextBytes.firstMark(marks);
      byte next = b[position];
      if (next == '"') {
        return position;
      }
      if (next == '\\') {
        hasEscapes = true;
        position += 2;
      } else if (next < 0) {
        int sequence = TextBytes.utf8Length(b, position, length);
        if (sequence == 0) {
          throw new MalformedRecordException(
              ErrorCode.INVALID_UTF8,
              "byte " + position + " (" + found(position) + ") is not UTF-8; expected UTF-8 text");
        }
        position += sequence;
      } else {
        throw malformed(
            position, position < length ? "expected control characters escaped" : "expected '\"'");
      }
    }
  }

  /** Checks and resolves escapes; returns how many bytes of {@link #unescaped} are the result. */
  final int unescape(int start, int end) {
    if (unescaped.length < end - start) {
      unescaped = new byte[(end - start) * 2];
    }
    int written = TextBytes.unescapeJson(bytes, start, end, unescaped);
    if (written < 0) {
      int wrong = -1 - written;
      throw malformed(
          wrong,
          "expected an escape of JSON (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX, surrogates in"
              + " pairs)");
    }
    return written;
  }

  /** What stands in [start, end), as much of it as may be shown. */
  final String text(int start, int end) {
    // Far more bytes than are shown, however many bytes a character has.
    int shown = Math.min(end, start + 4 * (Rejection.MAX_VALUE_LENGTH + 1));
    return new String(bytes, start, shown - start, StandardCharsets.UTF_8);
  }

  final MalformedRecordException malformed(int position, String expected) {
    return new MalformedRecordException(
        ErrorCode.MALFORMED_JSON,
        "not JSON at byte " + position + ": " + expected + ", found " + found(position));
  }

  private String found(int position) {
    if (position >= length) {
      return "the end of the message";
    }
    byte next = bytes[position];
    return next > ' ' && next < 0x7F
        ? "'" + (char) next + "'"
        : String.format("0x%02X", next & 0xFF);
  }
}
