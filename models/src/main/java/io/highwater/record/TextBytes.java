package io.highwater.record;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** What JSON and CSV need of text as bytes: words of eight bytes, UTF-8, JSON's escapes. */
final class TextBytes {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long ONES = 0x0101010101010101L;

  /** The highest bit of each byte of a word. */
  static final long HIGH_BITS = 0x8080808080808080L;

  private TextBytes() {}

  /** Eight bytes, the first one lowest. */
  static long word(byte[] bytes, int position) {
    return (long) LONGS.get(bytes, position);
  }

  /**
   * Marks bytes equal to {@code wanted} by their high bit. Exact up to the first mark; above it a
   * borrow may mark a byte too many, so only {@link #firstMark} of a result says something.
   */
  static long marksOf(long word, byte wanted) {
    long difference = word ^ (ONES * wanted);
    return (difference - ONES) & ~difference & HIGH_BITS;
  }

  /** Marks bytes below {@code bound} (at most 128), exact up to the first mark. */
  static long marksBelow(long word, int bound) {
    return (word - ONES * bound) & ~word & HIGH_BITS;
  }

  /** The index of the first marked byte, 8 if there is none. */
  static int firstMark(long marks) {
    return Long.numberOfTrailingZeros(marks) >>> 3;
  }

  /** The index of the first byte equal to {@code wanted} in [start, end), or -1. */
  static int indexOf(byte[] bytes, int start, int end, byte wanted) {
    int position = start;
    for (; position + 8 <= end; position += 8) {
      long marks = marksOf(word(bytes, position), wanted);
      if (marks != 0) {
        return position + firstMark(marks);
      }
    }
    for (; position < end; position++) {
      if (bytes[position] == wanted) {
        return position;
      }
    }
    return -1;
  }

  /** Whether UTF-8's byte order mark is at the beginning; {@code bytes} has at least three. */
  static boolean startsWithByteOrderMark(byte[] bytes) {
    return bytes[0] == (byte) 0xEF && bytes[1] == (byte) 0xBB && bytes[2] == (byte) 0xBF;
  }

  /** The first byte of [start, end) that is not part of valid UTF-8, or -1. */
  static int firstInvalidUtf8(byte[] bytes, int start, int end) {
    int position = start;
    while (position < end) {
      if (position + 8 <= end && (word(bytes, position) & HIGH_BITS) == 0) {
        position += 8;
      } else if (bytes[position] >= 0) {
        position++;
      } else {
        int length = utf8Length(bytes, position, end);
        if (length == 0) {
          return position;
        }
        position += length;
      }
    }
    return -1;
  }

  /**
   * The length of the sequence of two to four bytes at {@code position}, or 0 if it is not valid
   * UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF).
   */
  static int utf8Length(byte[] bytes, int position, int end) {
    int lead = bytes[position] & 0xFF;
    int length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || position + length > end) {
      return 0;
    }
    int second = bytes[position + 1] & 0xFF;
    int least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    int greatest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (second < least || second > greatest) {
      return 0;
    }
    for (int next = 2; next < length; next++) {
      if ((bytes[position + next] & 0xC0) != 0x80) {
        return 0;
      }
    }
    return length;
  }

  /**
   * Resolves the escapes of a JSON string.
   *
   * @param target at least {@code end - start} long
   * @return the number of bytes written, or -1 - p where p is the position of a wrong escape
   */
  static int unescapeJson(byte[] source, int start, int end, byte[] target) {
    int written = 0;
    int position = start;
    while (position < end) {
      byte next = source[position++];
      if (next != '\\') {
        target[written++] = next;
        continue;
      }
      int escape = position - 1;
      if (position == end) {
        return -1 - escape;
      }
      switch (source[position++]) {
        case '"' -> target[written++] = '"';
        case '\\' -> target[written++] = '\\';
        case '/' -> target[written++] = '/';
        case 'b' -> target[written++] = '\b';
        case 'f' -> target[written++] = '\f';
        case 'n' -> target[written++] = '\n';
        case 'r' -> target[written++] = '\r';
        case 't' -> target[written++] = '\t';
        case 'u' -> {
          int codePoint = hex(source, position, end);
          position += 4;
          if (codePoint >= 0xD800 && codePoint <= 0xDBFF) {
            int low =
                position + 2 <= end && source[position] == '\\' && source[position + 1] == 'u'
                    ? hex(source, position + 2, end)
                    : -1;
            codePoint =
                low >= 0xDC00 && low <= 0xDFFF
                    ? Character.toCodePoint((char) codePoint, (char) low)
                    : -1;
            position += 6;
          } else if (codePoint >= 0xDC00 && codePoint <= 0xDFFF) {
            codePoint = -1;
          }
          if (codePoint < 0) {
            return -1 - escape;
          }
          written = putUtf8(codePoint, target, written);
        }
        default -> {
          return -1 - escape;
        }
      }
    }
    return written;
  }

  /** Four hexadecimal digits as a number, or -1. */
  private static int hex(byte[] bytes, int start, int end) {
    if (start + 4 > end) {
      return -1;
    }
    int value = 0;
    for (int position = start; position < start + 4; position++) {
      int digit = Character.digit(bytes[position], 16);
      if (digit < 0) {
        return -1;
      }
      value = value << 4 | digit;
    }
    return value;
  }

  private static int putUtf8(int codePoint, byte[] target, int start) {
    int position = start;
    if (codePoint < 0x80) {
      target[position++] = (byte) codePoint;
    } else if (codePoint < 0x800) {
      target[position++] = (byte) (0xC0 | codePoint >> 6);
      target[position++] = (byte) (0x80 | codePoint & 0x3F);
    } else if (codePoint < 0x10000) {
      target[position++] = (byte) (0xE0 | codePoint >> 12);
      target[position++] = (byte) (0x80 | codePoint >> 6 & 0x3F);
      target[position++] = (byte) (0x80 | codePoint & 0x3F);
    } else {
      target[position++] = (byte) (0xF0 | codePoint >> 18);
      target[position++] = (byte) (0x80 | codePoint >> 12 & 0x3F);
      target[position++] = (byte) (0x80 | codePoint >> 6 & 0x3F);
      target[position++] = (byte) (0x80 | codePoint & 0x3F);
    }
    return position;
  }
}
