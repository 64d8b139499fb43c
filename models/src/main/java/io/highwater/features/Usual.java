package io.highwater.features;

/**
 * What is usual for the unknown part of the target among rows that are alike, on the scale ln(1 +
 * target), to within {@link LogHistogram#WIDTH} / 2.
 *
 * @param count of the rows
 * @param median the least value that is not below half of them
 * @param spread the median absolute deviation from the median
 * @param p95 the least value that is not below 95 % of them
 */
public record Usual(long count, float median, float spread, float p95) {
  /** The median in the unit of the target. */
  public double medianTarget() {
    return Math.expm1(median);
  }

  /** The 95th percentile in the unit of the target. */
  public double p95Target() {
    return Math.expm1(p95);
  }
}
