package io.highwater.rollup;

import io.highwater.contract.Measure;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What Pearson's r of two columns follows from. The sums are exact, so that they merge in any order
 * and nothing is lost where a variance is small beside its mean.
 */
record Correlation(
    long rows,
    ExactSum sumOfX,
    ExactSum sumOfY,
    ExactSum sumOfXx,
    ExactSum sumOfYy,
    ExactSum sumOfXy)
    implements Aggregate {
  static final int KIND = 10;

  @Override
  public Aggregate merge(Aggregate other) {
    if (other instanceof Correlation that) {
      return new Correlation(
          Math.addExact(rows, that.rows),
          sumOfX.plus(that.sumOfX),
          sumOfY.plus(that.sumOfY),
          sumOfXx.plus(that.sumOfXx),
          sumOfYy.plus(that.sumOfYy),
          sumOfXy.plus(that.sumOfXy));
    }
    return Aggregate.mergeNothing(this, other);
  }

  /** Null for fewer than two rows, and where one of the columns has one value only. */
  @Override
  public @Nullable Double result(Measure measure) {
    ExactSum count = ExactSum.of(rows);
    double varianceOfX = count.times(sumOfXx).minus(sumOfX.times(sumOfX)).toDouble();
    double varianceOfY = count.times(sumOfYy).minus(sumOfY.times(sumOfY)).toDouble();
    double covariance = count.times(sumOfXy).minus(sumOfX.times(sumOfY)).toDouble();
    double r = covariance / Math.sqrt(varianceOfX) / Math.sqrt(varianceOfY);
    return Double.isFinite(r) ? Math.max(-1, Math.min(1, r)) : null;
  }

  @Override
  public void writeTo(Encoder out) {
    out.writeByte(KIND);
    out.writeUnsigned(rows);
    sumOfX.writeTo(out);
    sumOfY.writeTo(out);
    sumOfXx.writeTo(out);
    sumOfYy.writeTo(out);
    sumOfXy.writeTo(out);
  }

  static Correlation readFrom(Decoder in) throws IOException {
    return new Correlation(
        in.readUnsigned(),
        ExactSum.readFrom(in),
        ExactSum.readFrom(in),
        ExactSum.readFrom(in),
        ExactSum.readFrom(in),
        ExactSum.readFrom(in));
  }
}
