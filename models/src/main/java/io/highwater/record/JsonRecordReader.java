package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads one JSON object (RFC 8259, nothing more lenient) into the columns of a contract.
 *
 * <p>The message is first copied in front of a run of zeros: a zero is wrong wherever it stands in
 * JSON, so that every loop ends there without asking for the end, and eight bytes can be read at
 * any position. Which field comes next is guessed from the message before, which saves the lookup.
 *
 * <p>The first wrong value of a message is what it is rejected for, but it is read to its end: what
 * is not JSON is called that, whatever else is wrong with it. Not thread-safe.
 */
final class JsonRecordReader {
  /** The object itself is the first level. */
  static final int MAX_DEPTH = 32;

  private static final int WORD = 8;
  private static final int USUAL_NAMES = 1000;

  private final Field[] fields;
  private final FieldType[] types;
  private final ColumnBuffer[] columns;
  private final FieldNames names;
  private final NumberReader numbers = new NumberReader();

  // The name that followed each name last time; index 0 is the beginning of the object.
  private final int[] followers;
  // The message in which each name was last met, to find those that are met twice or not at all.
  private final long[] lastMessage;
  // Names met in the object that is open at each level; at level 1 only those without a number.
  private final List<Set<String>> namesByLevel = new ArrayList<>();
  private final int padding;
  private byte[] bytes;
  private int length;
  private long message;
  private boolean hasEscapes;
  private byte[] unescaped = new byte[256];
  private long unknownFields;
  private int rawRow;
  private @Nullable Rejection fieldError;

  JsonRecordReader(Contract contract, ColumnBuffer[] columns) {
    this.fields = contract.fields().toArray(new Field[0]);
    this.types = Arrays.stream(fields).map(Field::type).toArray(FieldType[]::new);
    this.columns = columns;
    this.names = new FieldNames(contract.fields());
    this.followers = new int[names.capacity() + 1];
    this.lastMessage = new long[names.capacity()];
    // A guess reads a whole name from any position of the message, an escape two bytes.
    this.padding = names.maxLength() + 2 * WORD;
    this.bytes = new byte[4096 + padding];
    for (int number = 0; number < fields.length; number++) {
      followers[number] = number;
    }
    for (int level = 0; level <= MAX_DEPTH; level++) {
      namesByLevel.add(new HashSet<>());
    }
  }

  /** Fields that the contract does not have, over all messages that were read. */
  long unknownFields() {
    return unknownFields;
  }

  /**
   * Writes one message to the columns' row {@code row}.
   *
   * @return null if the message was accepted; otherwise the caller clears the row
   */
  @Nullable Rejection read(byte[] source, int start, int end, int rawRow, int row) {
    this.rawRow = rawRow;
    length = end - start;
    if (bytes.length < length + padding) {
      bytes = new byte[length * 2 + padding];
    }
    System.arraycopy(source, start, bytes, 0, length);
    Arrays.fill(bytes, length, length + padding, (byte) 0);
    message++;
    fieldError = null;
    openLevel(1);
    try {
      int unknown = readObject(row);
      unknownFields += unknown;
    } catch (MalformedRecordException e) {
      return e.rejection(rawRow);
    }
    return fieldError;
  }

  /** Returns how many unknown fields there were. */
  private int readObject(int row) {
    byte[] b = bytes;
    int position = skipSpace(0);
    if (b[position] != '{') {
      throw notAnObject(position);
    }
    position = skipSpace(position + 1);
    int knownFound = 0;
    int unknownFound = 0;
    if (b[position] == '}') {
      position++;
    } else {
      int previous = 0;
      while (true) {
        if (b[position] != '"') {
          throw malformed(position, "expected a field name in quotes");
        }
        position++;
        int name = followers[previous];
        if (names.matches(name, b, position)) {
          position += names.length(name) + 1;
        } else {
          int nameStart = position;
          position = endOfString(nameStart);
          name = lookUp(nameStart, position);
          position++;
          followers[previous] = Math.max(name, 0);
        }
        if (b[position] != ':') {
          position = skipSpace(position);
          if (b[position] != ':') {
            throw malformed(position, "expected ':' after a field name");
          }
        }
        position++;
        if (b[position] == ' ') {
          position++;
        }
        if (b[position] <= ' ') {
          position = skipSpace(position);
        }
        if (name == FieldNames.NONE) {
          unknownFound++;
          position = skipValue(position);
        } else {
          boolean duplicate = lastMessage[name] == message;
          lastMessage[name] = message;
          previous = name + 1;
          if (duplicate) {
            reject(FieldErrors.duplicate(rawRow, names.name(name)));
            position = skipValue(position);
          } else if (name < fields.length) {
            knownFound++;
            position = readValue(name, row, position);
          } else {
            unknownFound++;
            position = skipValue(position);
          }
        }
        if (b[position] <= ' ') {
          position = skipSpace(position);
        }
        if (b[position] == ',') {
          position++;
          if (b[position] == ' ') {
            position++;
          }
          if (b[position] <= ' ') {
            position = skipSpace(position);
          }
        } else if (b[position] == '}') {
          position++;
          break;
        } else {
          throw malformed(position, "expected ',' or '}' after a value");
        }
      }
    }
    position = skipSpace(position);
    if (position != length) {
      throw malformed(position, "expected the end of the message after the object");
    }
    if (knownFound < fields.length) {
      for (int field = 0; field < fields.length; field++) {
        if (lastMessage[field] != message) {
          columns[field].putNull(row);
        }
      }
    }
    return unknownFound;
  }

  private int lookUp(int start, int end) {
    byte[] source = bytes;
    int nameStart = start;
    int nameEnd = end;
    if (hasEscapes) {
      nameEnd = unescape(start, end);
      nameStart = 0;
      source = unescaped;
    }
    int name = names.find(source, nameStart, nameEnd);
    if (name == FieldNames.NONE) {
      noteName(1, source, nameStart, nameEnd);
    }
    return name;
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

  private void noteName(int level, byte[] source, int start, int end) {
    String name = new String(source, start, end - start, StandardCharsets.UTF_8);
    if (!namesByLevel.get(level).add(name)) {
      reject(FieldErrors.duplicate(rawRow, name));
    }
  }

  private int readValue(int field, int row, int position) {
    if (bytes[position] == 'n') {
      columns[field].putNull(row);
      return skipLiteral(position, "null");
    }
    return switch (types[field]) {
      case INTEGER -> readWhole(field, row, position);
      case NUMBER -> readDouble(field, row, position);
      case BOOLEAN -> readBoolean(field, row, position);
      case STRING -> readText(field, row, position);
      case TIMESTAMP -> readTimestamp(field, row, position);
    };
  }

  private int readWhole(int field, int row, int position) {
    if (!beginsNumber(position)) {
      return rejectType(field, position);
    }
    NumberReader.Outcome outcome = numbers.readWhole(bytes, position);
    if (outcome == NumberReader.Outcome.READ) {
      columns[field].putLong(row, numbers.whole());
      return numbers.end();
    }
    return rejectNumber(outcome, field, position);
  }

  private int readDouble(int field, int row, int position) {
    if (!beginsNumber(position)) {
      return rejectType(field, position);
    }
    NumberReader.Outcome outcome = numbers.readDouble(bytes, position);
    if (outcome == NumberReader.Outcome.READ) {
      columns[field].putDouble(row, numbers.number());
      return numbers.end();
    }
    return rejectNumber(outcome, field, position);
  }

  private int readBoolean(int field, int row, int position) {
    byte first = bytes[position];
    if (first == 't' || first == 'f') {
      columns[field].putLong(row, first == 't' ? 1 : 0);
      return skipLiteral(position, first == 't' ? "true" : "false");
    }
    if (!beginsNumber(position)) {
      return rejectType(field, position);
    }
    NumberReader.Outcome outcome = numbers.readWhole(bytes, position);
    if (outcome == NumberReader.Outcome.MALFORMED) {
      throw malformed(numbers.end(), "expected a digit");
    }
    if (outcome == NumberReader.Outcome.READ && (numbers.whole() & ~1L) == 0) {
      columns[field].putLong(row, numbers.whole());
    } else {
      reject(FieldErrors.wrongType(rawRow, fields[field], text(position, numbers.end())));
    }
    return numbers.end();
  }

  private int readText(int field, int row, int position) {
    if (bytes[position] != '"') {
      return rejectType(field, position);
    }
    int start = position + 1;
    int end = endOfString(start);
    if (hasEscapes) {
      int written = unescape(start, end);
      columns[field].putText(row, unescaped, 0, written);
    } else {
      columns[field].putText(row, bytes, start, end - start);
    }
    return end + 1;
  }

  private int readTimestamp(int field, int row, int position) {
    int end;
    long micros;
    if (bytes[position] == '"') {
      int start = position + 1;
      end = endOfString(start) + 1;
      micros =
          hasEscapes
              ? TimestampReader.micros(unescaped, 0, unescape(start, end - 1))
              : TimestampReader.micros(bytes, start, end - 1);
    } else if (beginsNumber(position)) {
      NumberReader.Outcome outcome = numbers.readWhole(bytes, position);
      if (outcome == NumberReader.Outcome.MALFORMED) {
        throw malformed(numbers.end(), "expected a digit");
      }
      end = numbers.end();
      micros =
          outcome == NumberReader.Outcome.READ
              ? TimestampReader.microsOfEpochMillis(numbers.whole())
              : TimestampReader.INVALID;
    } else {
      return rejectType(field, position);
    }
    if (micros == TimestampReader.INVALID) {
      reject(FieldErrors.invalidTimestamp(rawRow, fields[field], text(position, end)));
    } else {
      columns[field].putLong(row, micros);
    }
    return end;
  }

  private boolean beginsNumber(int position) {
    byte first = bytes[position];
    return (first >= '0' && first <= '9') || first == '-';
  }

  private int rejectType(int field, int position) {
    int end = skipValue(position);
    reject(FieldErrors.wrongType(rawRow, fields[field], text(position, end)));
    return end;
  }

  private int rejectNumber(NumberReader.Outcome outcome, int field, int position) {
    int end = numbers.end();
    switch (outcome) {
      case MALFORMED -> throw malformed(end, "expected a digit");
      case NOT_WHOLE -> reject(FieldErrors.wrongType(rawRow, fields[field], text(position, end)));
      case OUT_OF_RANGE ->
          reject(FieldErrors.outOfRange(rawRow, fields[field], text(position, end)));
      case READ -> throw new IllegalStateException("a number that was read is not rejected");
    }
    return end;
  }

  private void reject(Rejection rejection) {
    if (fieldError == null) {
      fieldError = rejection;
    }
  }

  private String text(int start, int end) {
    // Far more bytes than are shown, however many bytes a character has.
    int shown = Math.min(end, start + 4 * (Rejection.MAX_VALUE_LENGTH + 1));
    return new String(bytes, start, shown - start, StandardCharsets.UTF_8);
  }

  /** Checks a value of any kind and returns the position behind it. */
  private int skipValue(int start) {
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
      noteName(level, unescaped, 0, unescape(start + 1, end));
    } else {
      noteName(level, bytes, start + 1, end);
    }
    int position = skipSpace(end + 1);
    if (bytes[position] != ':') {
      throw malformed(position, "expected ':' after a field name");
    }
    return skipSpace(position + 1);
  }

  private int skipLiteral(int start, String literal) {
    for (int index = 0; index < literal.length(); index++) {
      if (bytes[start + index] != literal.charAt(index)) {
        throw malformed(start + index, "expected " + literal);
      }
    }
    return start + literal.length();
  }

  private int skipSpace(int start) {
    int position = start;
    byte next = bytes[position];
    while (next == ' ' || next == '\n' || next == '\r' || next == '\t') {
      next = bytes[++position];
    }
    return position;
  }

  /**
   * The position of the quote that ends the string whose first byte is at {@code start}. Checks its
   * UTF-8 and notes in {@link #hasEscapes} whether {@link #unescape} must have a look at it.
   */
  private int endOfString(int start) {
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

  private int unescape(int start, int end) {
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

  private MalformedRecordException notAnObject(int start) {
    if (start == 0 && TextBytes.startsWithByteOrderMark(bytes)) {
      return malformed(0, "expected '{' without a byte order mark before it");
    }
    int end = skipSpace(skipValue(start));
    if (end != length) {
      return malformed(end, "expected the end of the message after the value");
    }
    return new MalformedRecordException(
        ErrorCode.NOT_AN_OBJECT,
        "the message is "
            + FieldErrors.shown(text(start, end))
            + "; expected an object in braces with a field for each column");
  }

  private MalformedRecordException malformed(int position, String expected) {
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
