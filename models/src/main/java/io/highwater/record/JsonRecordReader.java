package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads one JSON object into the columns of a contract. Which field comes next is guessed from the
 * message before, which saves the lookup.
 *
 * <p>The first wrong value of a message is what it is rejected for, but it is read to its end: what
 * is not JSON, or has a name twice, is called that, whatever else is wrong with it. Not
 * thread-safe.
 */
final class JsonRecordReader extends JsonSyntax {
  private final Field[] fields;
  private final FieldType[] types;
  private final ColumnBuffer[] columns;
  private final FieldNames names;

  // The name that followed each name last time; index 0 is the beginning of the object.
  private final int[] followers;
  // The message in which each name was last met, to find those that are met twice or not at all.
  private final long[] lastMessage;
  private long message;
  private long unknownFields;
  private int rawRow;
  private @Nullable Rejection fieldError;

  JsonRecordReader(Contract contract, ColumnBuffer[] columns) {
    this(contract, columns, new FieldNames(contract.fields()));
  }

  private JsonRecordReader(Contract contract, ColumnBuffer[] columns, FieldNames names) {
    super(names.maxLength() + 1);
    this.fields = contract.fields().toArray(new Field[0]);
    this.types = Arrays.stream(fields).map(Field::type).toArray(FieldType[]::new);
    this.columns = columns;
    this.names = names;
    this.followers = new int[names.capacity() + 1];
    this.lastMessage = new long[names.capacity()];
    for (int number = 0; number < fields.length; number++) {
      followers[number] = number;
    }
  }

  /** Fields that the contract does not have, over all messages that were accepted here. */
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
    load(source, start, end);
    message++;
    fieldError = null;
    try {
      int unknown = readObject(row);
      unknownFields += fieldError == null ? unknown : 0;
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
            foundTwice(names.name(name));
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
      if (hasEscapes) {
        int written = unescape(start, end - 1);
        micros = TimestampReader.micros(unescaped, 0, written);
      } else {
        micros = TimestampReader.micros(bytes, start, end - 1);
      }
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

  @Override
  void foundTwice(String name) {
    // Which of the two is meant is open, so that no other value's error says more.
    if (fieldError == null || fieldError.code() != ErrorCode.DUPLICATE_FIELD) {
      fieldError = FieldErrors.duplicate(rawRow, name);
    }
  }

  private void reject(Rejection rejection) {
    if (fieldError == null) {
      fieldError = rejection;
    }
  }

  /**
   * The position of the quote that ends the string whose first byte is at {@code start}. Checks its
   * UTF-8 and notes in {@link #hasEscapes} whether {@link #unescape} must have a look at it.
   */
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
}
