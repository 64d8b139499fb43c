package io.highwater.runners.replay;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Turns records of a CSV file into JSON objects: nothing between two commas is null, what is a
 * number stays as it is written, text fields of the contract are text whatever they hold. A record
 * that is not CSV, or has another number of columns than the header, stays as it is, so that the
 * pipeline rejects it with its original bytes. Not thread-safe.
 */
final class CsvToJson {
  private static final byte[] NULL = ascii("null");
  private static final byte[] HEX = ascii("0123456789abcdef");
  private static final int DATE_LENGTH = 10;

  private final Map<String, FieldType> types = new HashMap<>();
  private List<String> header = List.of();
  private byte[][] names = new byte[0][];
  private @Nullable FieldType[] columnTypes = new FieldType[0];
  private final ByteArrayOutputStream json = new ByteArrayOutputStream(1024);

  CsvToJson(Contract contract) {
    for (Field field : contract.fields()) {
      types.put(field.name(), field.type());
    }
  }

  void setHeader(List<String> columns) {
    if (columns.equals(header)) {
      return;
    }
    header = List.copyOf(columns);
    names = new byte[columns.size()][];
    columnTypes = new FieldType[columns.size()];
    for (int column = 0; column < names.length; column++) {
      json.reset();
      byte[] name = columns.get(column).getBytes(StandardCharsets.UTF_8);
      writeText(name, 0, name.length, false);
      names[column] = json.toByteArray();
      columnTypes[column] = types.get(columns.get(column));
    }
  }

  /** The record in [start, end), without its line break, as JSON. */
  byte[] convert(byte[] source, int start, int end) {
    json.reset();
    json.write('{');
    int column = 0;
    int position = start;
    while (true) {
      if (column == names.length) {
        return unchanged(source, start, end);
      }
      boolean quoted = position < end && source[position] == '"';
      int valueEnd =
          quoted ? closingQuote(source, position + 1, end) : comma(source, position, end);
      if (valueEnd < 0) {
        return unchanged(source, start, end);
      }
      writeName(column);
      if (quoted) {
        writeValue(columnTypes[column], source, position + 1, valueEnd, true);
      } else if (valueEnd == position) {
        json.writeBytes(NULL);
      } else {
        writeValue(columnTypes[column], source, position, valueEnd, false);
      }
      column++;
      position = quoted ? valueEnd + 1 : valueEnd;
      if (position == end) {
        break;
      }
      if (source[position] != ',') {
        return unchanged(source, start, end);
      }
      position++;
    }
    if (column != names.length) {
      return unchanged(source, start, end);
    }
    json.write('}');
    return json.toByteArray();
  }

  private static byte[] unchanged(byte[] source, int start, int end) {
    return java.util.Arrays.copyOfRange(source, start, end);
  }

  /** The next comma or the end; negative where a quote stands in the middle of a value. */
  private static int comma(byte[] source, int start, int end) {
    for (int position = start; position < end; position++) {
      if (source[position] == ',') {
        return position;
      }
      if (source[position] == '"') {
        return -1;
      }
    }
    return end;
  }

  /** The quote that closes a value, of which two in a row are one in the text; or negative. */
  private static int closingQuote(byte[] source, int start, int end) {
    for (int position = start; position < end; position++) {
      if (source[position] == '"') {
        if (position + 1 == end || source[position + 1] != '"') {
          return position;
        }
        position++;
      }
    }
    return -1;
  }

  private void writeName(int column) {
    if (column > 0) {
      json.write(',');
      json.write(' ');
    }
    json.writeBytes(names[column]);
    json.write(':');
    json.write(' ');
  }

  private void writeValue(
      @Nullable FieldType type, byte[] source, int start, int end, boolean quoted) {
    boolean isText = type == FieldType.STRING || (type == null && quoted);
    if (!isText && isJsonNumber(source, start, end)) {
      json.write(source, start, end - start);
      return;
    }
    if (type == FieldType.BOOLEAN) {
      String word = new String(source, start, end - start, StandardCharsets.UTF_8);
      if (word.equalsIgnoreCase("true") || word.equalsIgnoreCase("false")) {
        json.write(word.equalsIgnoreCase("true") ? '1' : '0');
        return;
      }
    }
    if (type == FieldType.TIMESTAMP
        && end - start > DATE_LENGTH
        && source[start + DATE_LENGTH] == ' ') {
      byte[] timestamp = java.util.Arrays.copyOfRange(source, start, end);
      timestamp[DATE_LENGTH] = 'T';
      writeText(timestamp, 0, timestamp.length, false);
      return;
    }
    writeText(source, start, end, quoted);
  }

  private void writeText(byte[] source, int start, int end, boolean quotesAreDoubled) {
    json.write('"');
    for (int position = start; position < end; position++) {
      byte next = source[position];
      if (next == '"' || next == '\\') {
        json.write('\\');
        json.write(next);
        if (next == '"' && quotesAreDoubled) {
          position++;
        }
      } else if (next >= 0 && next < ' ') {
        json.writeBytes(ascii("\\u00"));
        json.write(HEX[next >> 4]);
        json.write(HEX[next & 15]);
      } else {
        json.write(next);
      }
    }
    json.write('"');
  }

  /** RFC 8259, section 6. */
  private static boolean isJsonNumber(byte[] source, int start, int end) {
    int position = start;
    if (position < end && source[position] == '-') {
      position++;
    }
    int digits = digits(source, position, end);
    if (digits == 0 || (digits > 1 && source[position] == '0')) {
      return false;
    }
    position += digits;
    if (position < end && source[position] == '.') {
      digits = digits(source, position + 1, end);
      if (digits == 0) {
        return false;
      }
      position += 1 + digits;
    }
    if (position < end && (source[position] == 'e' || source[position] == 'E')) {
      position++;
      if (position < end && (source[position] == '+' || source[position] == '-')) {
        position++;
      }
      digits = digits(source, position, end);
      if (digits == 0) {
        return false;
      }
      position += digits;
    }
    return position == end;
  }

  private static int digits(byte[] source, int start, int end) {
    int position = start;
    while (position < end && source[position] >= '0' && source[position] <= '9') {
      position++;
    }
    return position - start;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
