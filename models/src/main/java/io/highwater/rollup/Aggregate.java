package io.highwater.rollup;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one measure. Immutable; {@link #merge} is associative and commutative without
 * any rounding.
 */
sealed interface Aggregate {
  /** No value was seen; any other aggregate merged with it stays as it is. */
  Aggregate NOTHING = new Nothing();

  Aggregate merge(Aggregate other);

  /** Long (also for timestamps, in microseconds), Double, Boolean, String or null. */
  @Nullable Object result();

  void writeTo(DataOutput out) throws IOException;

  static Aggregate readFrom(DataInput in) throws IOException {
    int kind = in.readUnsignedByte();
    return switch (kind) {
      case Nothing.KIND -> NOTHING;
      case Count.KIND -> new Count(in.readLong());
      case IntegerSum.KIND -> new IntegerSum(ExactSum.readFrom(in));
      case NumberSum.KIND -> new NumberSum(ExactSum.readFrom(in));
      case Least.KIND -> new Least(readValue(in));
      case Greatest.KIND -> new Greatest(readValue(in));
      case Last.KIND -> new Last(in.readLong(), readValue(in));
      default -> throw new IOException("an aggregate of kind " + kind + " is damaged");
    };
  }

  private static Object readValue(DataInput in) throws IOException {
    Object value = Scalars.read(in);
    if (value == null) {
      throw new IOException("an aggregate without a value is damaged");
    }
    return value;
  }

  private static IllegalArgumentException mismatch(Aggregate left, Aggregate right) {
    return new IllegalArgumentException(
        "cannot merge "
            + left.getClass().getSimpleName()
            + " with "
            + right.getClass().getSimpleName()
            + "; expected aggregates of one measure");
  }

  record Nothing() implements Aggregate {
    private static final int KIND = 0;

    @Override
    public Aggregate merge(Aggregate other) {
      return other;
    }

    @Override
    public @Nullable Object result() {
      return null;
    }

    @Override
    public void writeTo(DataOutput out) throws IOException {
      out.writeByte(KIND);
    }
  }

  record Count(long rows) implements Aggregate {
    private static final int KIND = 1;

    @Override
    public Aggregate merge(Aggregate other) {
      if (other instanceof Count that) {
        return new Count(Math.addExact(rows, that.rows));
      }
      if (other instanceof Nothing) {
        return this;
      }
      throw mismatch(this, other);
    }

    @Override
    public Object result() {
      return rows;
    }

    @Override
    public void writeTo(DataOutput out) throws IOException {
      out.writeByte(KIND);
      out.writeLong(rows);
    }
  }

  /** Of an integer column. */
  record IntegerSum(ExactSum sum) implements Aggregate {
    private static final int KIND = 2;

    @Override
    public Aggregate merge(Aggregate other) {
      if (other instanceof IntegerSum that) {
        return new IntegerSum(sum.plus(that.sum));
      }
      if (other instanceof Nothing) {
        return this;
      }
      throw mismatch(this, other);
    }

    @Override
    public Object result() {
      return sum.toLong();
    }

    @Override
    public void writeTo(DataOutput out) throws IOException {
      out.writeByte(KIND);
      sum.writeTo(out);
    }
  }

  /** Of a number column. */
  record NumberSum(ExactSum sum) implements Aggregate {
    private static final int KIND = 3;

    @Override
    public Aggregate merge(Aggregate other) {
      if (other instanceof NumberSum that) {
        return new NumberSum(sum.plus(that.sum));
      }
      if (other instanceof Nothing) {
        return this;
      }
      throw mismatch(this, other);
    }

    @Override
    public Object result() {
      return sum.toDouble();
    }

    @Override
    public void writeTo(DataOutput out) throws IOException {
      out.writeByte(KIND);
      sum.writeTo(out);
    }
  }

  record Least(Object value) implements Aggregate {
    private static final int KIND = 4;

    @Override
    public Aggregate merge(Aggregate other) {
      if (other instanceof Least that) {
        return Scalars.compare(that.value, value) < 0 ? that : this;
      }
      if (other instanceof Nothing) {
        return this;
      }
      throw mismatch(this, other);
    }

    @Override
    public Object result() {
      return value;
    }

    @Override
    public void writeTo(DataOutput out) throws IOException {
      out.writeByte(KIND);
      Scalars.write(value, out);
    }
  }

  record Greatest(Object value) implements Aggregate {
    private static final int KIND = 5;

    @Override
    public Aggregate merge(Aggregate other) {
      if (other instanceof Greatest that) {
        return Scalars.compare(that.value, value) > 0 ? that : this;
      }
      if (other instanceof Nothing) {
        return this;
      }
      throw mismatch(this, other);
    }

    @Override
    public Object result() {
      return value;
    }

    @Override
    public void writeTo(DataOutput out) throws IOException {
      out.writeByte(KIND);
      Scalars.write(value, out);
    }
  }

  /** The value at the greatest event time; of several, the greatest value. */
  record Last(long eventMicros, Object value) implements Aggregate {
    private static final int KIND = 6;

    @Override
    public Aggregate merge(Aggregate other) {
      if (other instanceof Last that) {
        int order = Long.compare(that.eventMicros, eventMicros);
        return order > 0 || (order == 0 && Scalars.compare(that.value, value) > 0) ? that : this;
      }
      if (other instanceof Nothing) {
        return this;
      }
      throw mismatch(this, other);
    }

    @Override
    public Object result() {
      return value;
    }

    @Override
    public void writeTo(DataOutput out) throws IOException {
      out.writeByte(KIND);
      out.writeLong(eventMicros);
      Scalars.write(value, out);
    }
  }
}
