package io.highwater.runners.generate;

import io.highwater.runners.generate.Query.Defect;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Synthetic warehouse queries in event-time order, one at a time: the columns, nulls, skew and
 * shares of a real query log (Amazon Redset's published shape), none of its rows. The same settings
 * give the same queries on every machine. Not thread-safe; memory does not grow with the number of
 * queries.
 */
public final class QueryGenerator implements Iterator<Query> {
  private static final long MICROS_PER_HOUR = 3_600_000_000L;

  // Relative to the mean, by hour of the day in UTC; from serverless clusters, smoothed.
  private static final double[] HOURLY = {
    0.75, 0.70, 0.70, 0.75, 0.80, 0.85, 0.90, 1.00, 1.15, 1.30, 1.35, 1.35,
    1.30, 1.25, 1.20, 1.20, 1.25, 1.20, 1.10, 0.95, 0.90, 0.90, 0.85, 0.80
  };
  private static final double WEEKEND = 0.7;

  // Published for Redset: 8,244,382 of 441,352,193 rows are those of serverless clusters, which are
  // half of the clusters.
  private static final double SERVERLESS_SHARE = 0.0187;
  // With the repetitions by chance, 66 to 70 % of the queries have the fingerprint of one that the
  // same user ran in the last minute (published), where a minute has a hundred queries or so.
  private static final double REPEAT_CHANCE = 0.66;

  private final Settings settings;
  private final Randomness random;
  private final @Nullable Instance[] instances;
  private final double[] instancePopularity;
  private final double[] load;
  private final RecentQueries recent = new RecentQueries();
  private int hour;
  private long row;

  /**
   * What to generate.
   *
   * @param start the event time at which the first hour begins
   * @param invalidShare of the queries, whose messages are to be broken; 0 to 1. The queries are
   *     the same whatever it is.
   */
  public record Settings(
      long rows, long seed, Instant start, Duration duration, int instances, double invalidShare) {
    public static final int MAX_INSTANCES = 2_000;

    public Settings {
      if (rows < 1) {
        throw new IllegalArgumentException("rows=" + rows + ": expected at least 1");
      }
      if (duration.toHours() < 1) {
        throw new IllegalArgumentException("duration=" + duration + ": expected at least one hour");
      }
      if (instances < 1 || instances > MAX_INSTANCES) {
        throw new IllegalArgumentException(
            "instances=%d: expected 1 to %d".formatted(instances, MAX_INSTANCES));
      }
      if (!(invalidShare >= 0 && invalidShare <= 1)) {
        throw new IllegalArgumentException("invalidShare=" + invalidShare + ": expected 0 to 1");
      }
    }
  }

  private QueryGenerator(Settings settings) {
    this.settings = settings;
    this.random = new Randomness(settings.seed());
    this.instances = new Instance[settings.instances()];
    this.instancePopularity = instancePopularity(settings.instances());
    this.load = cumulativeLoad(settings);
  }

  public static QueryGenerator of(Settings settings) {
    return new QueryGenerator(settings);
  }

  /** Zipf among the provisioned ones, and among the serverless ones. */
  private static double[] instancePopularity(int instances) {
    double[] cumulative = new double[instances];
    int serverless = instances / 2;
    double provisionedSum = zipfSum(instances - serverless);
    double serverlessSum = zipfSum(serverless);
    double sum = 0;
    for (int id = 0; id < instances; id++) {
      double weight = 1.0 / (id / 2 + 1);
      sum +=
          Instance.isServerless(id)
              ? SERVERLESS_SHARE * weight / serverlessSum
              : (1 - SERVERLESS_SHARE) * weight / provisionedSum;
      cumulative[id] = sum;
    }
    return cumulative;
  }

  private static double zipfSum(int size) {
    return size == 0 ? 1 : Randomness.zipf(size, 1)[size - 1];
  }

  private static double[] cumulativeLoad(Settings settings) {
    double[] cumulative = new double[(int) settings.duration().toHours()];
    double sum = 0;
    for (int hour = 0; hour < cumulative.length; hour++) {
      ZonedDateTime time = settings.start().atZone(ZoneOffset.UTC).plusHours(hour);
      boolean weekend = time.getDayOfWeek().getValue() >= DayOfWeek.SATURDAY.getValue();
      sum += HOURLY[time.getHour()] * (weekend ? WEEKEND : 1);
      cumulative[hour] = sum;
    }
    return cumulative;
  }

  @Override
  public boolean hasNext() {
    return row < settings.rows();
  }

  @Override
  public Query next() {
    if (!hasNext()) {
      throw new NoSuchElementException("all " + settings.rows() + " queries were generated");
    }
    long arrivalMicros = nextArrivalMicros();
    RecentQueries.@Nullable Run run =
        random.chance(REPEAT_CHANCE) ? recent.draw(random, arrivalMicros) : null;
    if (run == null) {
      Instance instance = instance(random.pick(instancePopularity));
      run = new RecentQueries.Run(instance, instance.template(random));
    }
    Query query = run.instance().next(random, run.template(), arrivalMicros, defect());
    recent.add(run, arrivalMicros);
    row++;
    return query;
  }

  private Instance instance(int id) {
    @Nullable Instance instance = instances[id];
    if (instance == null) {
      instance = new Instance(settings.seed(), id);
      instances[id] = instance;
    }
    return instance;
  }

  /**
   * One arrival in each of as many equal parts of the load as there are rows: in order, as many as
   * wanted, and nothing to sort.
   */
  private long nextArrivalMicros() {
    double position = (row + random.nextDouble()) / settings.rows() * load[load.length - 1];
    while (hour < load.length - 1 && load[hour] <= position) {
      hour++;
    }
    double before = hour == 0 ? 0 : load[hour - 1];
    double part = Math.min(1, (position - before) / (load[hour] - before));
    long startMicros =
        settings.start().getEpochSecond() * 1_000_000 + settings.start().getNano() / 1_000;
    return startMicros
        + hour * MICROS_PER_HOUR
        + Math.min(MICROS_PER_HOUR - 1, (long) (part * MICROS_PER_HOUR));
  }

  /** Not from the stream of numbers that decides the queries. */
  private Defect defect() {
    if (settings.invalidShare() == 0) {
      return Defect.NONE;
    }
    Randomness own = Randomness.of(settings.seed(), -2, row);
    return own.chance(settings.invalidShare())
        ? Defect.values()[own.between(1, Defect.values().length - 1)]
        : Defect.NONE;
  }
}
