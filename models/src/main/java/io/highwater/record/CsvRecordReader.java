package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads one CSV record (RFC 4180) into the columns of a contract. Nothing between two commas is
 * null, {@code ""} is an empty string; numbers are those of JSON, booleans true, false (in any
 * case), 1 and 0. Not thread-safe.
 *
 * <p>As with JSON, the first wrong value is what a record is rejected for, unless the record as a
 * whole is malformed. The record is copied in front of zeros, at which numbers end.
 */
final class CsvRecordReader {
  private static final int UNKNOWN = -1;
  private static final int PADDING = 16;

  private final Field[] fields;
  private final ColumnBuffer[] columns;
  private final Map<String, Integer> numbersByName = new HashMap<>();
  private final NumberReader numbers = new NumberReader();

  // The field of each column of the header, or UNKNOWN.
  private int[] targets = new int[0];
  private int unknownColumns;
  private @Nullable String duplicate;
  private int[] absent = new int[0];

  private byte[] bytes = new byte[4096];
  private int length;
  private byte[] unquoted = new byte[256];
  private long unknownFields;
  private int rawRow;
  private @Nullable Rejection fieldError;

  CsvRecordReader(Contract contract, ColumnBuffer[] columns) {
    this.fields = contract.fields().toArray(new Field[0]);
    this.columns = columns;
    for (int field = 0; field < fields.length; field++) {
      numbersByName.put(fields[field].name(), field);
    }
  }

  /** Columns that the contract does not have, over all records that were accepted here. */
  long unknownFields() {
    return unknownFields;
  }

  /** Says what the columns of the records to come are. */
  void setHeader(List<String> header) {
    targets = new int[header.size()];
    unknownColumns = 0;
    duplicate = null;
    boolean[] present = new boolean[fields.length];
    for (int column = 0; column < targets.length; column++) {
      int field = numbersByName.getOrDefault(header.get(column), UNKNOWN);
      targets[column] = field;
      if (field == UNKNOWN) {
        unknownColumns++;
      } else if (present[field]) {
        duplicate = header.get(column);
      } else {
        present[field] = true;
      }
    }
    int[] missing = new int[fields.length];
    int missingCount = 0;
    for (int field = 0; field < fields.length; field++) {
      if (!present[field]) {
        missing[missingCount++] = field;
      }
    }
    absent = Arrays.copyOf(missing, missingCount);
  }

  /**
   * Writes one record to the columns' row {@code row}.
   *
   * @return null if the record was accepted; otherwise the caller clears the row
   */
  @Nullable Rejection read(byte[] source, int start, int end, int rawRow, int row) {
    this.rawRow = rawRow;
    length = end - start;
    if (length > 0 && source[end - 1] == '\n') {
      length--;
    }
    if (length > 0 && source[start + length - 1] == '\r') {
      length--;
    }
    if (bytes.length < length + PADDING) {
      bytes = new byte[length * 2 + PADDING];
    }
    System.arraycopy(source, start, bytes, 0, length);
    Arrays.fill(bytes, length, length + PADDING, (byte) 0);
    fieldError = duplicate == null ? null : FieldErrors.duplicate(rawRow, duplicate);
    int invalid = TextBytes.firstInvalidUtf8(bytes, 0, length);
    if (invalid >= 0) {
      return new Rejection(
          rawRow,
          ErrorCode.INVALID_UTF8,
          null,
          null,
          String.format(
              "byte %d (0x%02X) is not UTF-8; expected UTF-8 text",
              invalid, bytes[invalid] & 0xFF));
    }
    try {
      readColumns(row);
    } catch (MalformedRecordException e) {
      return e.rejection(rawRow);
    }
    for (int field : absent) {
      columns[field].putNull(row);
    }
    unknownFields += fieldError == null ? unknownColumns : 0;
    return fieldError;
  }

  private void readColumns(int row) {
    byte[] b = bytes;
    int position = 0;
    int column = 0;
    while (true) {
      int field = column < targets.length ? targets[column] : UNKNOWN;
      int end;
      if (b[position] == '"') {
        end = readQuoted(field, row, position);
      } else {
        end = endOfPlain(position);
        if (field != UNKNOWN) {
          if (end == position) {
            columns[field].putNull(row);
          } else {
            put(field, row, b, position, end, false);
          }
        }
      }
      column++;
      if (end == length) {
        break;
      }
      if (b[end] != ',') {
        throw malformed(end, "expected ',' or the end of the record after a closing quote");
      }
      position = end + 1;
    }
    if (column != targets.length) {
      throw new MalformedRecordException(
          ErrorCode.MALFORMED_CSV,
          "the record has "
              + column
              + (column == 1 ? " column" : " columns")
              + "; expected "
              + targets.length
              + " as in the header");
    }
  }

  private int endOfPlain(int start) {
    byte[] b = bytes;
    int position = start;
    while (position < length && b[position] != ',') {
      byte next = b[position];
      if (next == '"' || next == '\n' || next == '\r') {
        throw malformed(position, "expected a value with a quote or a line break to be quoted");
      }
      position++;
    }
    return position;
  }

  private int readQuoted(int field, int row, int start) {
    int position = start + 1;
    boolean hasQuotes = false;
    while (true) {
      int quote = TextBytes.indexOf(bytes, position, length, (byte) '"');
      if (quote < 0) {
        throw malformed(length, "expected a closing quote for the one at byte " + start);
      }
      if (bytes[quote + 1] != '"') {
        if (field != UNKNOWN) {
          if (hasQuotes) {
            int written = unquote(start + 1, quote);
            put(field, row, unquoted, 0, written, true);
          } else {
            put(field, row, bytes, start + 1, quote, true);
          }
        }
        return quote + 1;
      }
      hasQuotes = true;
      position = quote + 2;
    }
  }

  /** Makes one quote of two. */
  private int unquote(int start, int end) {
    if (unquoted.length < end - start + PADDING) {
      unquoted = new byte[(end - start) * 2 + PADDING];
    }
    int written = 0;
    for (int position = start; position < end; position++) {
      unquoted[written++] = bytes[position];
      if (bytes[position] == '"') {
        position++;
      }
    }
    unquoted[written] = 0;
    return written;
  }

  /** {@code source} goes on behind {@code end} with a byte that is no part of a number. */
  private void put(int field, int row, byte[] source, int start, int end, boolean quoted) {
    ColumnBuffer column = columns[field];
    switch (fields[field].type()) {
      case STRING -> column.putText(row, source, start, end - start);
      case INTEGER -> {
        if (isNumber(numbers.readWhole(source, start), field, source, start, end)) {
          column.putLong(row, numbers.whole());
        }
      }
      case NUMBER -> {
        if (isNumber(numbers.readDouble(source, start), field, source, start, end)) {
          column.putDouble(row, numbers.number());
        }
      }
      case BOOLEAN -> {
        if (equalsIgnoringCase(source, start, end, "true")) {
          column.putLong(row, 1);
        } else if (equalsIgnoringCase(source, start, end, "false")) {
          column.putLong(row, 0);
        } else if (numbers.readWhole(source, start) == NumberReader.Outcome.READ
            && numbers.end() == end
            && (numbers.whole() & ~1L) == 0) {
          column.putLong(row, numbers.whole());
        } else {
          reject(FieldErrors.wrongType(rawRow, fields[field], text(source, start, end, quoted)));
        }
      }
      case TIMESTAMP -> {
        long micros = TimestampReader.micros(source, start, end);
        if (micros == TimestampReader.INVALID
            && numbers.readWhole(source, start) == NumberReader.Outcome.READ
            && numbers.end() == end) {
          micros = TimestampReader.microsOfEpochMillis(numbers.whole());
        }
        if (micros == TimestampReader.INVALID) {
          reject(
              FieldErrors.invalidTimestamp(
                  rawRow, fields[field], text(source, start, end, quoted)));
        } else {
          column.putLong(row, micros);
        }
      }
    }
  }

  private boolean isNumber(
      NumberReader.Outcome outcome, int field, byte[] source, int start, int end) {
    boolean number = outcome != NumberReader.Outcome.MALFORMED && numbers.end() == end;
    if (number && outcome == NumberReader.Outcome.READ) {
      return true;
    }
    String value = text(source, start, end, false);
    reject(
        number && outcome == NumberReader.Outcome.OUT_OF_RANGE
            ? FieldErrors.outOfRange(rawRow, fields[field], value)
            : FieldErrors.wrongType(rawRow, fields[field], value));
    return false;
  }

  private static boolean equalsIgnoringCase(byte[] bytes, int start, int end, String word) {
    if (end - start != word.length()) {
      return false;
    }
    for (int index = 0; index < word.length(); index++) {
      if ((bytes[start + index] | 0x20) != word.charAt(index)) {
        return false;
      }
    }
    return true;
  }

  private void reject(Rejection rejection) {
    if (fieldError == null) {
      fieldError = rejection;
    }
  }

  private static String text(byte[] source, int start, int end, boolean quoted) {
    int shown = Math.min(end, start + 4 * (Rejection.MAX_VALUE_LENGTH + 1));
    String text = new String(source, start, shown - start, StandardCharsets.UTF_8);
    return quoted || start == end ? '"' + text + '"' : text;
  }

  private MalformedRecordException malformed(int position, String expected) {
    return new MalformedRecordException(
        ErrorCode.MALFORMED_CSV, "not CSV at byte " + position + ": " + expected);
  }
}
