package io.highwater.runners.generate;

import io.highwater.runners.generate.Query.Defect;
import org.jspecify.annotations.Nullable;

/** One warehouse: its size, its users, the queries that come again, and what it has run so far. */
final class Instance {
  // With these the ten most frequent fingerprints make about 40 % of an instance's queries, and
  // nine of ten queries have a fingerprint that was seen before.
  private static final int TEMPLATES = 300;
  private static final double[] POPULARITY = Randomness.zipf(TEMPLATES);
  private static final double ONE_OFF_SHARE = 0.08;

  private static final double SERVERLESS_SHARE = 0.3;
  private static final double CACHED_SHARE_PROVISIONED = 0.106;
  private static final double CACHED_SHARE_SERVERLESS = 0.046;
  private static final double ABORTED_SHARE = 0.009;
  private static final int[] CLUSTER_SIZES = {2, 2, 4, 4, 6, 8, 10, 16, 24, 32};

  // Of the queries that may spill, queue or be slowed down, as many as make 1.6 %, 0.8 % and 0.5 %
  // of all.
  private static final double SPILL_CHANCE = 0.055;
  private static final long SPILL_MIN_MILLIS = 1_000;
  private static final double QUEUE_CHANCE = 0.0155;
  private static final double QUEUE_CHANCE_OF_OTHERS = 0.001;
  private static final long QUEUE_MAX_MILLIS = 5_000;
  private static final int QUEUE_MAX_STEPS = 3;
  private static final double SLOW_DOWN_CHANCE = 0.0115;
  private static final double SLOW_DOWN_MIN_MEDIAN_MILLIS = 200;
  private static final double SLOW_DOWN_LEAST = 5;
  private static final double SLOW_DOWN_GREATEST = 50;

  private static final double LONG_TAIL_CHANCE = 0.01;
  private static final double MAX_MILLIS = 24 * 3_600_000.0;
  private static final int RECENT_SELECTS = 64;

  // Query ids are handed out in shuffled blocks: unique, not in the order of time.
  private static final int ID_BLOCK = 4_096;

  private final long seed;
  private final int id;
  private final @Nullable Integer clusterSize;
  private final int users;
  private final int databases;
  private final double cachedShare;
  private final long firstQueryId;
  private final int idStride;
  private final @Nullable QueryTemplate[] templates = new QueryTemplate[TEMPLATES];
  private final long[] recentSelects = new long[RECENT_SELECTS];
  private long selects;
  private long queries;

  Instance(long seed, int id) {
    this.seed = seed;
    this.id = id;
    Randomness random = Randomness.of(seed, id, -1);
    boolean serverless = random.chance(SERVERLESS_SHARE);
    this.clusterSize =
        serverless ? null : CLUSTER_SIZES[random.between(0, CLUSTER_SIZES.length - 1)];
    this.cachedShare = serverless ? CACHED_SHARE_SERVERLESS : CACHED_SHARE_PROVISIONED;
    this.users = random.between(2, 20);
    this.databases = random.between(1, 4);
    this.firstQueryId = random.between(0, 1_000_000);
    this.idStride = random.between(0, ID_BLOCK / 2 - 1) * 2 + 1;
  }

  /** The instance's next query; {@code random} decides it. */
  Query next(Randomness random, long arrivalMicros, Defect defect) {
    long queryId = nextQueryId();
    if (selects > 0 && random.chance(cachedShare)) {
      return cached(random, queryId, arrivalMicros, defect);
    }
    boolean oneOff = random.chance(ONE_OFF_SHARE);
    QueryTemplate template =
        oneOff ? QueryTemplate.draw(random, users, databases) : template(random.pick(POPULARITY));
    if (template.type() == QueryType.SELECT) {
      recentSelects[(int) (selects++ % RECENT_SELECTS)] = queryId;
    }
    return executed(random, template, oneOff, queryId, arrivalMicros, defect);
  }

  private long nextQueryId() {
    long number = queries++;
    long inBlock = (number * idStride) & (ID_BLOCK - 1);
    return firstQueryId + (number & -ID_BLOCK) + inBlock;
  }

  private QueryTemplate template(int rank) {
    @Nullable QueryTemplate template = templates[rank];
    if (template == null) {
      template = QueryTemplate.draw(Randomness.of(seed, id, rank), users, databases);
      templates[rank] = template;
    }
    return template;
  }

  private Query executed(
      Randomness random,
      QueryTemplate template,
      boolean oneOff,
      long queryId,
      long arrivalMicros,
      Defect defect) {
    boolean aborted = random.chance(ABORTED_SHARE);
    // Half of the aborted ones ended before there was a plan.
    boolean planned = !aborted || random.chance(0.5);
    double millis = random.logNormal(template.medianMillis(), template.sigma());
    if (random.chance(LONG_TAIL_CHANCE)) {
      // Pareto with exponent 1.
      millis /= 1 - random.nextDouble();
    }
    long execution = Math.round(Math.max(1, Math.min(MAX_MILLIS, millis)));
    double compileShare =
        template.compileShare() > 0 ? template.compileShare() : random.nextDouble() * 0.9;
    long compile = Math.round(execution * compileShare);
    long scanned =
        template.millisPerMegabyte() > 0
            ? (long) (execution / template.millisPerMegabyte() * (0.8 + 0.4 * random.nextDouble()))
            : 0;
    long spilled =
        execution >= SPILL_MIN_MILLIS && random.chance(SPILL_CHANCE)
            ? Math.round(random.logNormal(800, 1.8)) + 1
            : 0;
    int steps = template.joins() + template.scans() + template.aggregations();
    boolean mayQueue = execution <= QUEUE_MAX_MILLIS && steps <= QUEUE_MAX_STEPS;
    long queue =
        random.chance(mayQueue ? QUEUE_CHANCE : QUEUE_CHANCE_OF_OTHERS)
            ? execution + Math.round(random.logNormal(8_000, 1.2)) + 1
            : 0;
    boolean slowedDown =
        !aborted
            && !oneOff
            && template.medianMillis() >= SLOW_DOWN_MIN_MEDIAN_MILLIS
            && random.chance(SLOW_DOWN_CHANCE);
    if (slowedDown) {
      double factor =
          SLOW_DOWN_LEAST
              * StrictMath.pow(SLOW_DOWN_GREATEST / SLOW_DOWN_LEAST, random.nextDouble());
      execution = (long) Math.min(MAX_MILLIS, execution * factor);
    }
    boolean measured = planned && template.type() != QueryType.VACUUM;
    return new Query(
        id,
        clusterSize,
        template.userId(),
        template.databaseId(),
        queryId,
        arrivalMicros,
        planned ? compile : null,
        queue,
        execution,
        planned ? template.fingerprint() : null,
        aborted,
        false,
        null,
        template.type(),
        template.permanentTables(),
        template.externalTables(),
        template.systemTables(),
        planned ? template.readTableIds() : null,
        planned ? template.writeTableIds() : null,
        measured ? scanned : null,
        measured ? spilled : null,
        planned ? template.joins() : 0,
        planned ? template.scans() : 0,
        planned ? template.aggregations() : 0,
        slowedDown,
        defect);
  }

  /** A result taken from the cache: the query log then knows neither plan nor type. */
  private Query cached(Randomness random, long queryId, long arrivalMicros, Defect defect) {
    int kept = (int) Math.min(selects, RECENT_SELECTS);
    return new Query(
        id,
        clusterSize,
        random.between(0, users - 1),
        random.between(0, databases - 1),
        queryId,
        arrivalMicros,
        null,
        0,
        (long) random.logNormal(5, 1.5),
        null,
        false,
        true,
        recentSelects[random.between(0, kept - 1)],
        QueryType.OTHER,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        0,
        0,
        0,
        false,
        defect);
  }
}
