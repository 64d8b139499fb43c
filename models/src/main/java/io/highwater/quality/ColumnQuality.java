package io.highwater.quality;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.FieldType;
import io.highwater.rollup.Scalars;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one column. Immutable.
 *
 * @param values rows that have a value
 * @param least Long (also for timestamps, in microseconds), Double, Boolean, or of texts the first
 *     {@value #TEXT_CHARACTERS} characters, ordered by their UTF-8; null without values
 * @param greatest in the same form
 * @param leastLength of the texts, in characters (Unicode code points); 0 for other types
 * @param greatestLength of the texts
 */
record ColumnQuality(
    long values,
    @Nullable Object least,
    @Nullable Object greatest,
    long leastLength,
    long greatestLength,
    DistinctValues distinct) {
  static final int TEXT_CHARACTERS = 64;

  static final ColumnQuality NOTHING = new ColumnQuality(0, null, null, 0, 0, DistinctValues.NONE);

  ColumnQuality merge(ColumnQuality that) {
    if (that.values == 0) {
      return this;
    }
    if (values == 0) {
      return that;
    }
    return new ColumnQuality(
        values + that.values,
        compare(that.least, least) < 0 ? that.least : least,
        compare(that.greatest, greatest) > 0 ? that.greatest : greatest,
        Math.min(leastLength, that.leastLength),
        Math.max(greatestLength, that.greatestLength),
        distinct.merge(that.distinct));
  }

  /** Of values that are there, as both columns have some. */
  private static int compare(@Nullable Object left, @Nullable Object right) {
    return Scalars.compare(requireNonNull(left, "left"), requireNonNull(right, "right"));
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeLong(values);
    if (values == 0) {
      return;
    }
    write(least, out);
    write(greatest, out);
    out.writeLong(leastLength);
    out.writeLong(greatestLength);
    distinct.writeTo(out);
  }

  private static void write(@Nullable Object value, DataOutput out) throws IOException {
    if (value instanceof Long number) {
      out.writeLong(number);
    } else if (value instanceof Double number) {
      out.writeDouble(number);
    } else if (value instanceof Boolean truth) {
      out.writeBoolean(truth);
    } else if (value instanceof String text) {
      out.writeUTF(text);
    } else {
      throw new IllegalArgumentException("cannot write " + value);
    }
  }

  static ColumnQuality readFrom(FieldType type, DataInput in) throws IOException {
    long values = in.readLong();
    return values == 0
        ? NOTHING
        : new ColumnQuality(
            values,
            read(type, in),
            read(type, in),
            in.readLong(),
            in.readLong(),
            DistinctValues.readFrom(in));
  }

  private static Object read(FieldType type, DataInput in) throws IOException {
    return switch (type) {
      case INTEGER, TIMESTAMP -> in.readLong();
      case NUMBER -> in.readDouble();
      case BOOLEAN -> in.readBoolean();
      case STRING -> in.readUTF();
    };
  }
}
