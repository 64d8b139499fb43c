package io.highwater.dashboard;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Makes text of what strangers sent visible: control characters, such as terminals obey, and those
 * that change the direction of what follows are shown as escapes. Markup is left alone: the API
 * serves JSON, and the page puts it into text nodes.
 */
final class SafeText {
  private SafeText() {}

  /**
   * Bytes as UTF-8, those that are none as \\xHH.
   *
   * @param maxLength longer texts are cut and end in an ellipsis
   */
  static String of(byte[] bytes, int maxLength) {
    // Four bytes are the most that one character takes.
    byte[] head = Arrays.copyOf(bytes, (int) Math.min(bytes.length, 4L * maxLength + 4));
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(head);
    CharBuffer out = CharBuffer.allocate(head.length + 1);
    StringBuilder text = new StringBuilder();
    while (true) {
      CoderResult result = decoder.decode(in, out, true);
      text.append(escape(out.flip().toString()));
      out.clear();
      if (!result.isError()) {
        break;
      }
      for (int i = 0; i < result.length(); i++) {
        text.append("\\x").append(HexFormat.of().toHexDigits(in.get()));
      }
    }
    return shorten(text.toString(), maxLength);
  }

  /** Escapes control and direction characters other than line feed and tab. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            codePoint -> {
              int type = Character.getType(codePoint);
              boolean shown =
                  codePoint == '\n'
                      || codePoint == '\t'
                      || (type != Character.CONTROL
                          && type != Character.FORMAT
                          && type != Character.SURROGATE
                          && type != Character.LINE_SEPARATOR
                          && type != Character.PARAGRAPH_SEPARATOR);
              if (shown) {
                escaped.appendCodePoint(codePoint);
              } else {
                escaped.append("\\u").append(HexFormat.of().toHexDigits(codePoint, 4));
              }
            });
    return escaped.toString();
  }

  /** At most {@code maxLength} characters and an ellipsis, never half of a surrogate pair. */
  static String shorten(String text, int maxLength) {
    if (text.length() <= maxLength) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(maxLength - 1)) ? maxLength - 1 : maxLength;
    return text.substring(0, end) + "…";
  }
}
