package io.highwater.rollup;

import io.highwater.contract.Measure;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one measure. Immutable. {@link #merge} is commutative and associative without
 * any rounding, but for sketches of many values: {@link Quantiles} and {@link FrequentValues} say
 * from how many on, and within which error.
 */
sealed interface Aggregate
    permits Aggregate.Nothing,
        Aggregate.Count,
        Aggregate.IntegerSum,
        Aggregate.NumberSum,
        Aggregate.Least,
        Aggregate.Greatest,
        Aggregate.Last,
        Quantiles,
        Distinct,
        FrequentValues,
        Correlation,
        ByValue {
  /** No value was seen; any other aggregate merged with it stays as it is. */
  Aggregate NOTHING = new Nothing();

  Aggregate merge(Aggregate other);

  /** Long (also for timestamps, in microseconds), Double, Boolean, String or null. */
  @Nullable Object result(Measure measure);

  /** Answers several measures at the price of about one. */
  default Results results() {
    return this::result;
  }

  void writeTo(Encoder out);

  static Aggregate readFrom(Decoder in) throws IOException {
    int kind = in.readByte();
    return switch (kind) {
      case Nothing.KIND -> NOTHING;
      case Count.KIND -> new Count(in.readUnsigned());
      case IntegerSum.KIND -> new IntegerSum(ExactSum.readFrom(in));
      case NumberSum.KIND -> new NumberSum(ExactSum.readFrom(in));
      case Least.KIND -> new Least(readValue(in));
      case Greatest.KIND -> new Greatest(readValue(in));
      case Last.KIND -> new Last(in.readSigned(), readValue(in));
      case Quantiles.KIND -> Quantiles.readFrom(in);
      case Distinct.KIND -> Distinct.readFrom(in);
      case FrequentValues.KIND -> FrequentValues.readFrom(in);
      case Correlation.KIND -> Correlation.readFrom(in);
      case ByValue.KIND -> ByValue.readFrom(in);
      default -> throw new IOException("an aggregate of kind " + kind + " is damaged");
    };
  }

  private static Object readValue(Decoder in) throws IOException {
    Object value = Scalars.read(in);
    if (value == null) {
      throw new IOException("an aggregate without a value is damaged");
    }
    return value;
  }

  /** Merges with an aggregate of another kind, which may only be {@link #NOTHING}. */
  static Aggregate mergeNothing(Aggregate aggregate, Aggregate other) {
    if (other instanceof Nothing) {
      return aggregate;
    }
    throw new IllegalArgumentException(
        "cannot merge "
            + aggregate.getClass().getSimpleName()
            + " with "
            + other.getClass().getSimpleName()
            + "; expected aggregates of one measure");
  }

  /** The result that each measure of one aggregate asks for. */
  interface Results {
    @Nullable Object of(Measure measure);
  }

  record Nothing() implements Aggregate {
    private static final int KIND = 0;

    @Override
    public Aggregate merge(Aggregate other) {
      return other;
    }

    @Override
    public @Nullable Object result(Measure measure) {
      return null;
    }

    @Override
    public void writeTo(Encoder out) {
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
      return mergeNothing(this, other);
    }

    @Override
    public Object result(Measure measure) {
      return rows;
    }

    @Override
    public void writeTo(Encoder out) {
      out.writeByte(KIND);
      out.writeUnsigned(rows);
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
      return mergeNothing(this, other);
    }

    @Override
    public Object result(Measure measure) {
      return sum.toLong();
    }

    @Override
    public void writeTo(Encoder out) {
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
      return mergeNothing(this, other);
    }

    @Override
    public Object result(Measure measure) {
      return sum.toDouble();
    }

    @Override
    public void writeTo(Encoder out) {
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
      return mergeNothing(this, other);
    }

    @Override
    public Object result(Measure measure) {
      return value;
    }

    @Override
    public void writeTo(Encoder out) {
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
      return mergeNothing(this, other);
    }

    @Override
    public Object result(Measure measure) {
      return value;
    }

    @Override
    public void writeTo(Encoder out) {
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
      return mergeNothing(this, other);
    }

    @Override
    public Object result(Measure measure) {
      return value;
    }

    @Override
    public void writeTo(Encoder out) {
      out.writeByte(KIND);
      out.writeSigned(eventMicros);
      Scalars.write(value, out);
    }
  }
}
