package io.highwater.runners.generate;

import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * What queries of one fingerprint have in common.
 *
 * @param medianMillis of the execution time
 * @param sigma standard deviation of the logarithm of the execution time
 * @param compileShare of the execution time, from 0 to 1; 0 where each query draws its own, short
 *     one
 * @param millisPerMegabyte execution time over megabytes scanned; 0 where nothing is scanned
 */
record QueryTemplate(
    String fingerprint,
    QueryType type,
    int userId,
    int databaseId,
    double medianMillis,
    double sigma,
    double compileShare,
    double millisPerMegabyte,
    int permanentTables,
    int externalTables,
    int systemTables,
    @Nullable String readTableIds,
    @Nullable String writeTableIds,
    int joins,
    int scans,
    int aggregations) {

  // How far the queries of one fingerprint are from each other: half of the fingerprints have a
  // standard deviation of the logarithm below 0.4, a tenth above 1.
  private static final double MEDIAN_SIGMA = 0.4;
  private static final double SIGMA_OF_SIGMA = 0.7;
  private static final double GREATEST_SIGMA = 1.2;

  private static final double LEAST_QUANTILE = 0.002;
  // Most of what takes longer is bound by compilation, whatever its kind.
  private static final double LONG_MILLIS = 120;
  private static final double COMPILE_BOUND_SHARE_OF_LONG = 0.93;
  // More queries take long over little data than are quick over much.
  private static final double COMPUTING_SPREAD = 1.58;
  private static final double TAIL_MILLIS = 60_000;
  private static final double TAIL_POWER = 0.46;
  // What is scanned grows more slowly than the time: with the time to this power.
  private static final double SCAN_EXPONENT = 0.42;

  private static final int MAX_TABLE_ID = 2_000;
  private static final int MAX_TABLES = 20;
  private static final double[] KINDS = cumulativeShares();

  /** A kind, each as often as its share. */
  static QueryKind drawKind(Randomness random) {
    return QueryKind.values()[random.pick(KINDS)];
  }

  /**
   * Which of its kind's templates it is.
   *
   * @param speed its quantile of the execution times, from 0 to 1
   * @param balance its quantile of execution time over megabytes scanned, from 0 to 1
   * @param compiling from 0 to 1; bound by compilation where that is below the share of such ones
   */
  record Place(double speed, double balance, double compiling) {}

  /**
   * @param users how many users the instance has
   * @param databases how many databases the instance has
   */
  static QueryTemplate draw(
      QueryKind kind, Place place, Randomness random, int users, int databases) {
    double median =
        tailed(logLogistic(kind.time().medianMillis(), kind.time().spread(), place.speed()));
    double compileBoundShare =
        median >= LONG_MILLIS && kind != QueryKind.SELECT_EXTERNAL
            ? Math.max(kind.time().compileBoundShare(), COMPILE_BOUND_SHARE_OF_LONG)
            : kind.time().compileBoundShare();
    Plan plan = Plan.draw(kind, random);
    return new QueryTemplate(
        fingerprint(random),
        kind.type(),
        random.between(0, users - 1),
        random.between(0, databases - 1),
        median,
        Math.min(GREATEST_SIGMA, random.logNormal(MEDIAN_SIGMA, SIGMA_OF_SIGMA)),
        place.compiling() < compileBoundShare ? 0.9 + 0.1 * random.nextDouble() : 0,
        random.chance(kind.data().share())
            ? balance(kind, place)
                * StrictMath.pow(median / kind.time().medianMillis(), 1 - SCAN_EXPONENT)
            : 0,
        plan.reads() + (kind.writesTables() ? 1 : 0) + plan.otherTables(),
        kind.readsExternalTables() ? random.between(1, 2) : 0,
        kind == QueryKind.SELECT_SYSTEM ? random.between(3, 15) : 0,
        tableIds(random, plan.reads()),
        tableIds(random, kind.writesTables() ? 1 : 0),
        plan.joins(),
        plan.scans(),
        plan.aggregations());
  }

  private static double logLogistic(double median, double spread, double quantile) {
    double share = LEAST_QUANTILE + quantile * (1 - 2 * LEAST_QUANTILE);
    return median * StrictMath.pow(share / (1 - share), spread);
  }

  private static double balance(QueryKind kind, Place place) {
    double spread = kind.data().spread() * (place.balance() > 0.5 ? COMPUTING_SPREAD : 1);
    return logLogistic(kind.data().millisPerMegabyte(), spread, place.balance());
  }

  /** Above a minute the execution times fall off faster, with an exponent of about 1.1. */
  private static double tailed(double millis) {
    return millis <= TAIL_MILLIS
        ? millis
        : TAIL_MILLIS * StrictMath.pow(millis / TAIL_MILLIS, TAIL_POWER);
  }

  /** Tables and operators. */
  private record Plan(int reads, int otherTables, int joins, int scans, int aggregations) {
    static Plan draw(QueryKind kind, Randomness random) {
      if (kind.isComplex()) {
        // A heavy tail: half of them have 5 joins or less, few have up to 65.
        double odds = 0.98 * random.nextDouble();
        int size = 4 + (int) (1.5 * StrictMath.pow(odds / (1 - odds), 0.95));
        int reads = Math.min(MAX_TABLES, 3 + random.between(0, Math.min(4, size - 4)));
        return new Plan(reads, size, size, size - 1 + random.between(0, 1), size + 1);
      }
      if (kind == QueryKind.SELECT_SYSTEM) {
        return new Plan(0, 0, random.chance(0.3) ? 1 : 2, 0, random.chance(0.45) ? 2 : 3);
      }
      if (kind == QueryKind.SELECT_EXTERNAL) {
        return new Plan(0, 0, random.chance(0.8) ? 0 : 3, 0, random.between(0, 6));
      }
      if (!kind.readsTables()) {
        return new Plan(0, 0, 0, 0, kind == QueryKind.OTHER ? 0 : 2);
      }
      boolean twoTables =
          random.chance(
              kind == QueryKind.DELETE || kind == QueryKind.UPDATE
                  ? 0.35
                  : kind == QueryKind.ANALYZE ? 0 : 0.14);
      int reads = twoTables ? 2 : 1;
      boolean selfJoin = kind == QueryKind.DELETE && random.chance(0.6);
      return new Plan(
          reads,
          kind == QueryKind.INSERT_SELECT ? 1 : 0,
          twoTables || selfJoin ? 1 : 0,
          twoTables || selfJoin ? 2 : 1,
          random.chance(kind == QueryKind.SELECT_TABLES || kind == QueryKind.CTAS ? 0.25 : 0)
              ? 3
              : 2);
    }
  }

  private static @Nullable String tableIds(Randomness random, int count) {
    if (count == 0) {
      return null;
    }
    StringBuilder ids = new StringBuilder();
    int id = 0;
    for (int table = 0; table < count; table++) {
      id += random.between(1, MAX_TABLE_ID / MAX_TABLES);
      ids.append(table == 0 ? "" : ",").append(id);
    }
    return ids.toString();
  }

  /** 64 hexadecimal digits. */
  private static String fingerprint(Randomness random) {
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(random.nextLong())
        + hex.toHexDigits(random.nextLong())
        + hex.toHexDigits(random.nextLong())
        + hex.toHexDigits(random.nextLong());
  }

  private static double[] cumulativeShares() {
    double[] cumulative = new double[QueryKind.values().length];
    double sum = 0;
    for (QueryKind kind : QueryKind.values()) {
      sum += kind.share();
      cumulative[kind.ordinal()] = sum;
    }
    return cumulative;
  }
}
