package io.highwater.runners.generate;

import io.highwater.runners.generate.Injection.Kind;
import io.highwater.runners.generate.Injection.Storm;
import org.jspecify.annotations.Nullable;

/**
 * The storms of one instance. Which day has one depends on nothing but the seed, the instance and
 * the day. Times go forward only.
 */
final class Storms {
  private static final long MICROS_PER_DAY = 86_400_000_000L;
  private static final long MICROS_PER_MINUTE = 60_000_000L;
  // So that of an instance's queries about one in 2,700 is in a storm of each kind: enough for a
  // week to have some, too few to move the shares of a whole log.
  private static final double STORMS_PER_DAY = 0.03;
  private static final int LEAST_MINUTES = 10;
  private static final int GREATEST_MINUTES = 25;
  private static final double LEAST_STRENGTH = 2;
  private static final double GREATEST_STRENGTH = 8;

  private final long seed;
  private final int instance;
  private final Kind kind;
  private final long purpose;
  private long day = Long.MIN_VALUE;
  private @Nullable Storm storm;

  /**
   * @param purpose tells these random numbers from the instance's others
   */
  Storms(long seed, int instance, Kind kind, long purpose) {
    this.seed = seed;
    this.instance = instance;
    this.kind = kind;
    this.purpose = purpose;
  }

  /** The storm at that time, or null. */
  @Nullable Storm at(long micros) {
    long wantedDay = Math.floorDiv(micros, MICROS_PER_DAY);
    if (wantedDay != day) {
      day = wantedDay;
      storm = draw();
    }
    @Nullable Storm found = storm;
    return found != null && found.covers(micros) ? found : null;
  }

  private @Nullable Storm draw() {
    Randomness random = Randomness.of(seed ^ purpose, instance, day);
    if (!random.chance(STORMS_PER_DAY)) {
      return null;
    }
    long length = random.between(LEAST_MINUTES, GREATEST_MINUTES) * MICROS_PER_MINUTE;
    long start = day * MICROS_PER_DAY + (long) (random.nextDouble() * (MICROS_PER_DAY - length));
    double strength = LEAST_STRENGTH + random.nextDouble() * (GREATEST_STRENGTH - LEAST_STRENGTH);
    String id = "%s-%d-%d".formatted(kind.text(), instance, day);
    return new Storm(id, kind, start, start + length, strength);
  }
}
