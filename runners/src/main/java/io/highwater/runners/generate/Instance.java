package io.highwater.runners.generate;

import io.highwater.runners.generate.Injection.Kind;
import io.highwater.runners.generate.Injection.Storm;
import io.highwater.runners.generate.Query.Defect;
import io.highwater.runners.generate.QueryTemplate.Place;
import org.jspecify.annotations.Nullable;

/** One warehouse: its size, its users, the queries that come again, and what it has run so far. */
final class Instance {
  // With these the ten most frequent fingerprints make about 45 % of an instance's queries, and
  // nine of ten queries have a fingerprint that was seen before: of the queries that do not repeat
  // one of the last minute, so many are new.
  private static final int TEMPLATES = 300;
  private static final double POPULARITY_EXPONENT = 1.2;
  private static final double[] POPULARITY = Randomness.zipf(TEMPLATES, POPULARITY_EXPONENT);
  private static final double NEW_SHARE_PROVISIONED = 0.26;
  private static final double NEW_SHARE_SERVERLESS = 0.24;

  // Published for all rows of Redset, see docs/generator.md.
  private static final double CACHED_SHARE_PROVISIONED = 0.106;
  private static final double CACHED_SHARE_SERVERLESS = 0.046;
  private static final double ABORTED_SHARE_PROVISIONED = 0.005;
  private static final double ABORTED_SHARE_SERVERLESS = 0.009;
  private static final int[] CLUSTER_SIZES = {2, 2, 4, 4, 6, 8, 10, 16, 24, 32};

  private static final double ABORTED_MEDIAN_MILLIS = 23;
  private static final double ABORTED_SIGMA = 1.2;
  // Queries that ended before there was a plan.
  private static final double UNPLANNED_SHARE_OF_ABORTED = 0.25;
  private static final double UNPLANNED_SHARE_OF_OTHERS = 0.0012;
  private static final double NO_FINGERPRINT_SHARE = 0.0018;
  private static final double UNMEASURED_SHARE_OF_VACUUM = 0.6;

  private static final double LEAST_MILLIS = 5;
  private static final double MAX_MILLIS = 24 * 3_600_000.0;
  private static final double LONG_TAIL_CHANCE = 0.005;
  private static final double SHORT_COMPILE_MEDIAN_MILLIS = 16;
  private static final double SHORT_COMPILE_SIGMA = 1.3;
  private static final double SHORT_COMPILE_GREATEST_SHARE = 0.89;

  private static final double SCANNED_SIGMA = 0.8;
  private static final double SPILL_CHANCE = 0.050;
  private static final long SPILL_MIN_MILLIS = 1_000;
  private static final Quantiles SPILLED_MEGABYTES =
      Quantiles.of(0, 1, 0.1, 10, 0.5, 970, 0.9, 390_000, 0.99, 7_000_000, 1, 10_000_000);

  private static final double QUEUE_CHANCE_OF_SIMPLE = 0.0138;
  private static final double QUEUE_CHANCE_OF_OTHERS = 0.004;
  private static final int SIMPLE_STEPS = 3;
  private static final double QUEUE_MEDIAN_MILLIS = 27_000;
  private static final Quantiles QUEUE_MILLIS =
      Quantiles.of(
          0, 10, 0.1, 360, 0.5, QUEUE_MEDIAN_MILLIS, 0.9, 300_000, 0.99, 890_000, 1, 2_000_000);

  // Of all queries; those from the cache and aborted ones are left out, so the others have more.
  private static final double SLOW_DOWN_SHARE = 0.005;
  private static final double SLOW_DOWN_MEDIAN = 4;
  private static final double SLOW_DOWN_SIGMA = 0.5;
  private static final double STORM_SIGMA = 0.4;
  private static final double SPILL_STORM_LEAST_MEGABYTES = 100;

  // What a random number is for, so that the numbers of one purpose do not move another's.
  private static final long INJECTION = 0x5851F42D4C957F2DL;
  private static final long QUEUE_STORMS = 0x14057B7EF767814FL;
  private static final long SPILL_STORMS = 0x2545F4914F6CDD1DL;

  // Steps of an additive recurrence that fills a space evenly (Roberts, "The unreasonable
  // effectiveness of quasirandom sequences", 2018): the few fingerprints that come most often are
  // spread over fast and slow, and so each seed gives about the same distribution.
  private static final double[] STEPS = {
    0.7548776662466927, 0.5698402909980532, 0.8191725133961645,
    0.6710436067037893, 0.5497004779019703, 0.8566748838545029
  };
  private static final double GREATEST_MARGIN = 0.3;

  // Query ids are handed out in shuffled blocks: unique, not in the order of time.
  private static final int ID_BLOCK = 4_096;
  private static final int RECENT_SELECTS = 64;

  private final long seed;
  private final int id;
  private final @Nullable Integer clusterSize;
  private final int users;
  private final int databases;
  private final double cachedShare;
  private final double abortChance;
  private final double newShare;
  private final double slowDownChance;
  private final long firstQueryId;
  private final int idStride;
  private final QueryKind[] kinds;
  private final @Nullable QueryTemplate[] templates = new QueryTemplate[TEMPLATES];
  private final Storms queueStorms;
  private final Storms spillStorms;
  private final long[] recentSelects = new long[RECENT_SELECTS];
  private long selects;
  private long queries;

  /** Every second one is serverless, as in the published log. */
  static boolean isServerless(int id) {
    return id % 2 == 1;
  }

  Instance(long seed, int id) {
    this.seed = seed;
    this.id = id;
    Randomness random = Randomness.of(seed, id, -1);
    boolean serverless = isServerless(id);
    this.clusterSize =
        serverless ? null : CLUSTER_SIZES[random.between(0, CLUSTER_SIZES.length - 1)];
    this.cachedShare = serverless ? CACHED_SHARE_SERVERLESS : CACHED_SHARE_PROVISIONED;
    this.newShare = serverless ? NEW_SHARE_SERVERLESS : NEW_SHARE_PROVISIONED;
    this.abortChance =
        (serverless ? ABORTED_SHARE_SERVERLESS : ABORTED_SHARE_PROVISIONED) / (1 - cachedShare);
    this.slowDownChance = SLOW_DOWN_SHARE / ((1 - cachedShare) * (1 - abortChance));
    this.users = random.between(2, 20);
    this.databases = random.between(1, 4);
    this.firstQueryId = random.between(0, 1_000_000);
    this.idStride = random.between(0, ID_BLOCK / 2 - 1) * 2 + 1;
    this.kinds = kinds(random);
    this.queueStorms = new Storms(seed, id, Kind.QUEUE_STORM, QUEUE_STORMS);
    this.spillStorms = new Storms(seed, id, Kind.SPILL_STORM, SPILL_STORMS);
  }

  /**
   * The kinds of the templates, so that together they come about as often as they are to: each is
   * drawn by what is left of the shares, and the most frequent templates are of kinds that have
   * room for them.
   */
  private static QueryKind[] kinds(Randomness random) {
    QueryKind[] all = QueryKind.values();
    double[] left = new double[all.length];
    for (QueryKind kind : all) {
      left[kind.ordinal()] = kind.share();
    }
    QueryKind[] kinds = new QueryKind[TEMPLATES];
    double[] cumulative = new double[all.length];
    for (int rank = 0; rank < TEMPLATES; rank++) {
      double popularity = popularity(rank);
      double sum = 0;
      for (int kind = 0; kind < all.length; kind++) {
        boolean hasRoom = popularity <= 2 * all[kind].share();
        sum += hasRoom ? Math.max(0, left[kind]) : 0;
        cumulative[kind] = sum;
      }
      QueryKind kind = sum > 0 ? all[random.pick(cumulative)] : QueryTemplate.drawKind(random);
      left[kind.ordinal()] -= popularity;
      kinds[rank] = kind;
    }
    return kinds;
  }

  /** Of the queries with a template. */
  private static double popularity(int rank) {
    return (POPULARITY[rank] - (rank == 0 ? 0 : POPULARITY[rank - 1])) / POPULARITY[TEMPLATES - 1];
  }

  /** What a query runs that does not repeat a recent one: often a known template, or a new one. */
  QueryTemplate template(Randomness random) {
    if (random.chance(newShare)) {
      return QueryTemplate.draw(
          QueryTemplate.drawKind(random),
          new Place(random.nextDouble(), random.nextDouble(), random.nextDouble()),
          random,
          users,
          databases);
    }
    int rank = random.pick(POPULARITY);
    @Nullable QueryTemplate template = templates[rank];
    if (template == null) {
      template =
          QueryTemplate.draw(
              kinds[rank], place(rank), Randomness.of(seed, id, rank), users, databases);
      templates[rank] = template;
    }
    return template;
  }

  /**
   * Where in its kind a template stands. It stands for as much of the kind's distribution as it is
   * popular, so a popular one is not at its ends.
   */
  private Place place(int rank) {
    Randomness shift = Randomness.of(seed, -1, 1);
    double margin = Math.min(GREATEST_MARGIN, popularity(rank) / (4 * kinds[rank].share()));
    double speed = (shift.nextDouble() + id * STEPS[0] + rank * STEPS[1]) % 1;
    double balance = (shift.nextDouble() + id * STEPS[2] + rank * STEPS[3]) % 1;
    double compiling = (shift.nextDouble() + id * STEPS[4] + rank * STEPS[5]) % 1;
    return new Place(
        margin + speed * (1 - 2 * margin), margin + balance * (1 - 2 * margin), compiling);
  }

  /** The instance's next query: from the cache, or run by the template; {@code random} decides. */
  Query next(Randomness random, QueryTemplate template, long arrivalMicros, Defect defect) {
    long queryId = nextQueryId();
    if (selects > 0 && random.chance(cachedShare)) {
      return cached(random, queryId, arrivalMicros, defect);
    }
    if (template.type() == QueryType.SELECT) {
      recentSelects[(int) (selects++ % RECENT_SELECTS)] = queryId;
    }
    return executed(random, template, queryId, arrivalMicros, defect);
  }

  private long nextQueryId() {
    long number = queries++;
    long inBlock = (number * idStride) & (ID_BLOCK - 1);
    return firstQueryId + (number & -ID_BLOCK) + inBlock;
  }

  private Query executed(
      Randomness random, QueryTemplate template, long queryId, long arrivalMicros, Defect defect) {
    boolean aborted = random.chance(abortChance);
    boolean planned =
        !random.chance(aborted ? UNPLANNED_SHARE_OF_ABORTED : UNPLANNED_SHARE_OF_OTHERS);
    boolean fingerprinted = planned && !random.chance(NO_FINGERPRINT_SHARE);
    long execution = executionMillis(random, template, aborted);
    long compile =
        template.compileShare() > 0
            ? Math.min(execution, (long) Math.ceil(execution * template.compileShare()))
            : (long)
                Math.min(
                    execution * SHORT_COMPILE_GREATEST_SHARE,
                    random.logNormal(SHORT_COMPILE_MEDIAN_MILLIS, SHORT_COMPILE_SIGMA));
    long scanned =
        template.millisPerMegabyte() > 0
            ? (long) (random.logNormal(execution / template.millisPerMegabyte(), SCANNED_SIGMA))
            : 0;
    long spilled =
        execution >= SPILL_MIN_MILLIS && random.chance(SPILL_CHANCE)
            ? Math.round(SPILLED_MEGABYTES.draw(random))
            : 0;
    int steps = template.joins() + template.scans() + template.aggregations();
    long queue =
        random.chance(steps <= SIMPLE_STEPS ? QUEUE_CHANCE_OF_SIMPLE : QUEUE_CHANCE_OF_OTHERS)
            ? Math.round(QUEUE_MILLIS.draw(random))
            : 0;
    boolean measured =
        planned
            && !(template.type() == QueryType.VACUUM && random.chance(UNMEASURED_SHARE_OF_VACUUM));
    @Nullable Injection injection = injection(queryId, arrivalMicros, aborted, measured);
    if (injection != null) {
      switch (injection.kind()) {
        case SLOW_DOWN ->
            execution = Math.round(Math.min(MAX_MILLIS, execution * injection.factor()));
        case QUEUE_STORM -> queue = Math.round(QUEUE_MEDIAN_MILLIS * injection.factor());
        case SPILL_STORM ->
            spilled =
                Math.round(Math.max(SPILL_STORM_LEAST_MEGABYTES, scanned) * injection.factor());
      }
    }
    boolean knowsTables = planned && !aborted;
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
        fingerprinted ? template.fingerprint() : null,
        aborted,
        false,
        null,
        template.type(),
        template.permanentTables(),
        template.externalTables(),
        template.systemTables(),
        knowsTables ? template.readTableIds() : null,
        knowsTables ? template.writeTableIds() : null,
        measured ? scanned : null,
        measured ? spilled : null,
        planned ? template.joins() : 0,
        planned ? template.scans() : 0,
        planned ? template.aggregations() : 0,
        injection,
        defect);
  }

  private static long executionMillis(Randomness random, QueryTemplate template, boolean aborted) {
    double millis =
        aborted
            ? random.logNormal(ABORTED_MEDIAN_MILLIS, ABORTED_SIGMA)
            : LEAST_MILLIS + random.logNormal(template.medianMillis(), template.sigma());
    if (!aborted && random.chance(LONG_TAIL_CHANCE)) {
      // Pareto with exponent 1.
      millis /= 1 - random.nextDouble();
    }
    return Math.round(Math.max(1, Math.min(MAX_MILLIS, millis)));
  }

  /** A storm catches every query that runs; the others have their chance of a slow-down. */
  private @Nullable Injection injection(
      long queryId, long arrivalMicros, boolean aborted, boolean measured) {
    @Nullable Storm queueStorm = queueStorms.at(arrivalMicros);
    @Nullable Storm spillStorm = spillStorms.at(arrivalMicros);
    Randomness random = Randomness.of(seed ^ INJECTION, id, queryId);
    if (queueStorm != null) {
      return new Injection(
          Kind.QUEUE_STORM, random.logNormal(queueStorm.strength(), STORM_SIGMA), queueStorm);
    }
    if (spillStorm != null && measured) {
      return new Injection(
          Kind.SPILL_STORM, random.logNormal(spillStorm.strength(), STORM_SIGMA), spillStorm);
    }
    if (!aborted && random.chance(slowDownChance)) {
      return new Injection(
          Kind.SLOW_DOWN, Math.max(1, random.logNormal(SLOW_DOWN_MEDIAN, SLOW_DOWN_SIGMA)), null);
    }
    return null;
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
        (long) random.logNormal(0.5, 1.5),
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
        null,
        defect);
  }
}
