package io.highwater.sql;

import io.highwater.contract.Contract;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Warehouse queries around every threshold of their classes, and what a plain reading of the rules
 * makes of them. Written from the rules as they were asked for, not from the contract.
 */
record QueryRows(
    long queryId,
    @Nullable Boolean cached,
    @Nullable Long cacheSource,
    String type,
    @Nullable Double compile,
    @Nullable Long queue,
    @Nullable Long execution,
    @Nullable Double scanned,
    @Nullable Double spilled,
    @Nullable Long joins,
    @Nullable Long scans,
    @Nullable Long aggregations) {
  private static final String[] TYPES = {
    "select", "select", "select", "copy", "unload", "insert", "update", "delete", "ctas", "analyze",
    "vacuum", "other"
  };
  private static final double[] SCANNED = {0, 0.5, 1, 49, 1999, 1999.999, 2000, 2000.5, 16400};
  private static final long[] MILLIS = {0, 1, 499, 500, 501, 999, 1000, 1001, 1002, 60_000};

  static List<QueryRows> generate(long seed, int rowCount) {
    Random random = new Random(seed);
    List<QueryRows> rows = new ArrayList<>();
    for (int i = 0; i < rowCount; i++) {
      rows.add(one(random, i));
    }
    return rows;
  }

  private static QueryRows one(Random random, long queryId) {
    Double scanned = random.nextInt(10) == 0 ? null : (Double) SCANNED[random.nextInt(9)];
    if (random.nextInt(3) == 0) {
      scanned = Math.floor(Math.exp(random.nextDouble() * 14));
    }
    double megabytes = (scanned == null ? 0 : scanned) + 1;
    // Around the two ratios of execution to megabytes, and around the plain thresholds.
    Long execution =
        switch (random.nextInt(6)) {
          case 0 -> (Long) (long) Math.rint(20 * megabytes) + random.nextInt(3) - 1;
          case 1 -> (Long) (long) Math.rint(0.061 * megabytes) + random.nextInt(3) - 1;
          case 2, 3 -> (Long) MILLIS[random.nextInt(MILLIS.length)];
          case 4 -> (Long) (long) Math.exp(random.nextDouble() * 15);
          default -> random.nextInt(4) == 0 ? null : (Long) (1001L + random.nextInt(5000));
        };
    if (execution != null && execution < 0) {
      execution = 0L;
    }
    if (random.nextInt(8) == 0 && execution != null && execution > 1000) {
      // The ratio itself is at the threshold, give or take one bit.
      scanned = execution / (random.nextBoolean() ? 0.061 : 20.0) - 1;
      scanned = Math.max(0, random.nextBoolean() ? Math.nextUp(scanned) : scanned);
    }
    Long queue =
        switch (random.nextInt(5)) {
          case 0 -> null;
          case 1 -> execution;
          case 2 -> execution == null ? null : (Long) (execution + random.nextInt(3) - 1);
          default -> (Long) MILLIS[random.nextInt(MILLIS.length)];
        };
    boolean hasSource = random.nextInt(20) == 0;
    return new QueryRows(
        queryId,
        random.nextInt(10) == 0 ? null : (Boolean) (random.nextInt(10) == 0),
        hasSource ? (Long) (queryId - random.nextInt(2)) : null,
        TYPES[random.nextInt(TYPES.length)],
        random.nextInt(5) == 0 ? null : (Double) (double) random.nextInt(1100),
        queue != null && queue < 0 ? (Long) 0L : queue,
        execution,
        scanned,
        random.nextInt(4) == 0 ? null : (Double) (random.nextInt(3) * 0.5),
        small(random),
        small(random),
        small(random));
  }

  private static @Nullable Long small(Random random) {
    int value = random.nextInt(7) - 1;
    return value < 0 ? null : (Long) (long) value;
  }

  private static long orZero(@Nullable Long value) {
    return value == null ? 0 : value;
  }

  static double orZero(@Nullable Double value) {
    return value == null ? 0 : value;
  }

  /** The first class that fits; nulls count as 0. */
  String expectedClass() {
    boolean transfer = type.equals("copy") || type.equals("unload");
    double ratio = orZero(execution) / (orZero(scanned) + 1);
    boolean slow = orZero(execution) > 1000;
    if (Boolean.TRUE.equals(cached)) {
      return "normal";
    }
    if (transfer && orZero(execution) > 500) {
      return "network_bound";
    }
    boolean complex = orZero(joins) > 1 || orZero(aggregations) > 1;
    if (!transfer && complex && orZero(scanned) > 0 && ratio > 20 && slow) {
      return "cpu_bound";
    }
    boolean heavy = orZero(spilled) > 0 || orZero(scans) > 1;
    if (!transfer && orZero(scanned) >= 2000 && ratio < 0.061 && heavy && slow) {
      return "io_bound";
    }
    boolean waited = orZero(queue) >= orZero(execution) && orZero(queue) > 1000;
    long operators = orZero(scans) + orZero(joins) + orZero(aggregations);
    if (waited && orZero(execution) > 0 && operators < 4) {
      return "queue_wlm_bound";
    }
    return "normal";
  }

  /** The name of the first rule that does not hold; null where all do. */
  @Nullable String expectedViolation() {
    if (compile != null && execution != null && compile > execution) {
      return "compile_within_execution";
    }
    if (Boolean.TRUE.equals(cached) && (orZero(scanned) > 0 || orZero(spilled) > 0)) {
      return "cached_query_does_no_work";
    }
    if (Boolean.FALSE.equals(cached) && cacheSource != null) {
      return "cache_source_only_if_cached";
    }
    if (cacheSource != null && cacheSource == queryId) {
      return "cache_source_is_another_query";
    }
    return null;
  }

  /** A value for each field of the contract, in its order. */
  @Nullable Object[] values(Contract contract) {
    @Nullable Object[] values = new Object[contract.fields().size()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (contract.fields().get(i).name()) {
            case "instance_id" -> queryId % 7;
            case "query_id" -> queryId;
            case "arrival_timestamp" -> queryId * 1_000_000;
            case "was_cached" -> cached;
            case "cache_source_query_id" -> cacheSource;
            case "query_type" -> type;
            case "compile_duration_ms" -> compile;
            case "queue_duration_ms" -> queue;
            case "execution_duration_ms" -> execution;
            case "mbytes_scanned" -> scanned;
            case "mbytes_spilled" -> spilled;
            case "num_joins" -> joins;
            case "num_scans" -> scans;
            case "num_aggregations" -> aggregations;
            default -> null;
          };
    }
    return values;
  }
}
