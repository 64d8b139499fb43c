package io.highwater.record;

import io.highwater.contract.Field;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Numbers for the field names of JSON objects: the contract's fields are 0 to n - 1 in its order,
 * names that it does not know get numbers from n on as they are met, up to a bound. So a field that
 * nobody asked for is recognised, skipped and checked for duplicates as fast as any other.
 */
final class FieldNames {
  /** What {@link #find} returns for a name without a number. */
  static final int NONE = -1;

  /** Streams have dozens of fields; names made of data (ids as keys) must not fill the memory. */
  private static final int MAX_UNKNOWN = 1024;

  private static final int MAX_UNKNOWN_LENGTH = 256;
  private static final byte[] NO_NAME = new byte[0];

  private final int known;
  private final int maxLength;
  private final byte[][] names;
  // Each name and its closing quote as little-endian words, the last one filled up with zeros.
  private final long[][] words;
  private final long[] lastMasks;
  private final int[] slots;
  private int size;

  FieldNames(List<Field> fields) {
    known = fields.size();
    names = new byte[known + MAX_UNKNOWN][];
    Arrays.fill(names, NO_NAME);
    words = new long[names.length][];
    lastMasks = new long[names.length];
    slots = new int[Integer.highestOneBit(names.length) * 4];
    Arrays.fill(slots, NONE);
    int longest = MAX_UNKNOWN_LENGTH;
    for (Field field : fields) {
      byte[] name = field.name().getBytes(StandardCharsets.UTF_8);
      if (!isPlain(name, 0, name.length)) {
        throw new IllegalArgumentException(
            "field name '"
                + field.name()
                + "' has a quote, a backslash or a control character; expected none");
      }
      longest = Math.max(longest, name.length);
      add(name, 0, name.length);
    }
    maxLength = longest;
  }

  /** How many names may get a number. */
  int capacity() {
    return names.length;
  }

  /** How many numbers belong to the contract's fields. */
  int known() {
    return known;
  }

  /** The length in bytes of the longest name that {@link #matches} may be asked for. */
  int maxLength() {
    return maxLength;
  }

  String name(int number) {
    return new String(names[number], StandardCharsets.UTF_8);
  }

  /**
   * Whether the name with this number and a closing quote stand at {@code position}. Reads up to
   * {@link #maxLength} + 8 bytes from there.
   */
  boolean matches(int number, byte[] bytes, int position) {
    long[] expected = words[number];
    int last = expected.length - 1;
    int at = position;
    for (int index = 0; index < last; index++) {
      if (TextBytes.word(bytes, at) != expected[index]) {
        return false;
      }
      at += 8;
    }
    return (TextBytes.word(bytes, at) & lastMasks[number]) == expected[last];
  }

  /** The length in bytes of a name with a number. */
  int length(int number) {
    return names[number].length;
  }

  /** The number of a name, which an unknown one gets now; {@link #NONE} when there is no room. */
  int find(byte[] bytes, int start, int end) {
    for (int slot = hash(bytes, start, end) & slots.length - 1;
        ;
        slot = slot + 1 & slots.length - 1) {
      int number = slots[slot];
      if (number == NONE) {
        return size < names.length
                && end - start <= MAX_UNKNOWN_LENGTH
                && isPlain(bytes, start, end)
            ? add(bytes, start, end)
            : NONE;
      }
      byte[] name = names[number];
      if (Arrays.equals(name, 0, name.length, bytes, start, end)) {
        return number;
      }
    }
  }

  /** Whether the name stands in JSON as it is; another one must not be matched byte by byte. */
  private static boolean isPlain(byte[] bytes, int start, int end) {
    for (int position = start; position < end; position++) {
      byte next = bytes[position];
      if (next == '"' || next == '\\' || (next >= 0 && next < ' ')) {
        return false;
      }
    }
    return true;
  }

  private int add(byte[] bytes, int start, int end) {
    int number = size++;
    byte[] name = Arrays.copyOfRange(bytes, start, end);
    int quotedLength = name.length + 1;
    byte[] padded = Arrays.copyOf(name, (quotedLength + 7) / 8 * 8);
    padded[name.length] = '"';
    long[] nameWords = new long[padded.length / 8];
    for (int index = 0; index < nameWords.length; index++) {
      nameWords[index] = TextBytes.word(padded, index * 8);
    }
    names[number] = name;
    words[number] = nameWords;
    lastMasks[number] = -1L >>> (padded.length - quotedLength) * 8;
    int slot = hash(bytes, start, end) & slots.length - 1;
    while (slots[slot] != NONE) {
      slot = slot + 1 & slots.length - 1;
    }
    slots[slot] = number;
    return number;
  }

  private static int hash(byte[] bytes, int start, int end) {
    int hash = 0;
    for (int position = start; position < end; position++) {
      hash = 31 * hash + bytes[position];
    }
    return hash ^ hash >>> 15;
  }
}
