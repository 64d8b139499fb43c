package io.highwater.rollup;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Single values on the heap: Long (also for timestamps, in microseconds), Double, Boolean, String.
 */
public final class Scalars {
  private static final int NULL = 0;
  private static final int LONG = 1;
  private static final int DOUBLE = 2;
  private static final int FALSE = 3;
  private static final int TRUE = 4;
  private static final int STRING = 5;

  private Scalars() {}

  /**
   * Orders two values of one type as DuckDB does: NaN above all numbers, strings by their UTF-8.
   */
  public static int compare(Object left, Object right) {
    if (left instanceof Long a && right instanceof Long b) {
      return a.compareTo(b);
    }
    if (left instanceof Double a && right instanceof Double b) {
      return a.compareTo(b);
    }
    if (left instanceof Boolean a && right instanceof Boolean b) {
      return a.compareTo(b);
    }
    if (left instanceof String a && right instanceof String b) {
      return Arrays.compareUnsigned(
          a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
    }
    throw new IllegalArgumentException("cannot compare " + left + " and " + right);
  }

  /** Equal values give equal bytes. */
  static void write(@Nullable Object value, Encoder out) {
    if (value == null) {
      out.writeByte(NULL);
    } else if (value instanceof Long number) {
      out.writeByte(LONG);
      out.writeSigned(number);
    } else if (value instanceof Double number) {
      out.writeByte(DOUBLE);
      // The sum makes -0.0 to 0.0.
      out.writeDouble(number + 0.0);
    } else if (value instanceof Boolean truth) {
      out.writeByte(truth ? TRUE : FALSE);
    } else if (value instanceof String text) {
      out.writeByte(STRING);
      out.writeText(text);
    } else {
      throw new IllegalArgumentException("cannot write a " + value.getClass().getName());
    }
  }

  static @Nullable Object read(Decoder in) throws IOException {
    int tag = in.readByte();
    return switch (tag) {
      case NULL -> null;
      case LONG -> in.readSigned();
      case DOUBLE -> in.readDouble();
      case FALSE -> Boolean.FALSE;
      case TRUE -> Boolean.TRUE;
      case STRING -> in.readText();
      default -> throw new IOException("a value of kind " + tag + " is damaged");
    };
  }
}
