package io.highwater.runners.generate;

import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * What queries of one fingerprint have in common.
 *
 * @param medianMillis of the execution time
 * @param sigma standard deviation of the logarithm of the execution time
 * @param compileShare of the execution time, from 0 to 1; 0 where each query draws its own
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

  // Half of the queries take 180 ms or less, a tenth 10 s or more, 2.5 % a minute or more, which
  // is about what provisioned clusters show; sigma of the templates and sigma within one add up.
  private static final double MEDIAN_MILLIS = 180;
  private static final double SIGMA_OF_MEDIANS = 2.8;

  // The spread sets how many queries are far from the usual balance of time and data, and so the
  // shares of the classes: cpu-bound above 20 ms a megabyte, io-bound below 0.061.
  private static final double MEDIAN_MILLIS_PER_MEGABYTE = 2;
  private static final double SIGMA_OF_MILLIS_PER_MEGABYTE = 2.2;

  private static final int MAX_TABLE_ID = 2_000;
  private static final int MAX_TABLES = 8;
  private static final double[] TYPES = cumulativeShares();

  /**
   * @param users how many users the instance has
   * @param databases how many databases the instance has
   */
  static QueryTemplate draw(Randomness random, int users, int databases) {
    QueryType type = QueryType.values()[random.pick(TYPES)];
    boolean onSystemTables = type == QueryType.SELECT && random.chance(0.12);
    int reads = type.reads() && !onSystemTables ? tables(random) : 0;
    int writes = type.writes() ? 1 : 0;
    boolean scansData = (reads > 0 || type == QueryType.INSERT) && random.chance(0.7);
    int joins = reads > 1 || onSystemTables ? random.between(reads / 2, reads + 1) : 0;
    return new QueryTemplate(
        fingerprint(random),
        type,
        random.between(0, users - 1),
        random.between(0, databases - 1),
        random.logNormal(MEDIAN_MILLIS * type.slowness(), SIGMA_OF_MEDIANS),
        0.2 + 0.9 * random.nextDouble(),
        // In 60 % of the queries compiling is nine tenths or more of the time.
        random.chance(0.70) ? 0.9 + 0.1 * random.nextDouble() : 0,
        scansData ? random.logNormal(MEDIAN_MILLIS_PER_MEGABYTE, SIGMA_OF_MILLIS_PER_MEGABYTE) : 0,
        reads + writes,
        reads > 0 && random.chance(0.05) ? random.between(1, 3) : 0,
        onSystemTables ? random.between(3, 15) : 0,
        tableIds(random, reads),
        tableIds(random, writes),
        joins,
        reads == 0 ? 0 : random.between(1, reads) + (random.chance(0.4) ? 1 : 0),
        type == QueryType.OTHER ? 0 : 2 + joins);
  }

  private static int tables(Randomness random) {
    int count = 1;
    while (count < MAX_TABLES && random.chance(0.35)) {
      count++;
    }
    return count;
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
    double[] cumulative = new double[QueryType.values().length];
    double sum = 0;
    for (QueryType type : QueryType.values()) {
      sum += type.share();
      cumulative[type.ordinal()] = sum;
    }
    return cumulative;
  }
}
