package io.highwater.runners.generate;

/** A distribution given by some of its quantiles; between them the logarithm is linear. */
final class Quantiles {
  private final double[] shares;
  private final double[] logarithms;

  private Quantiles(double[] shares, double[] logarithms) {
    this.shares = shares;
    this.logarithms = logarithms;
  }

  /**
   * @param points pairs of a share, ascending from 0 to 1, and the positive value that so many are
   *     below
   */
  static Quantiles of(double... points) {
    double[] shares = new double[points.length / 2];
    double[] logarithms = new double[points.length / 2];
    for (int point = 0; point < shares.length; point++) {
      shares[point] = points[2 * point];
      logarithms[point] = StrictMath.log(points[2 * point + 1]);
    }
    return new Quantiles(shares, logarithms);
  }

  double draw(Randomness random) {
    double share = random.nextDouble();
    int above = 1;
    while (shares[above] <= share) {
      above++;
    }
    double part = (share - shares[above - 1]) / (shares[above] - shares[above - 1]);
    return StrictMath.exp(
        logarithms[above - 1] + part * (logarithms[above] - logarithms[above - 1]));
  }
}
