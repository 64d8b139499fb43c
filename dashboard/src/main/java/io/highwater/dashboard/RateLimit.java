package io.highwater.dashboard;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * A token bucket for each who asks: {@link #BURST} requests at once, and {@link #PER_SECOND} in the
 * long run. A page takes some 20 to load and a few a second after that. Threads may share one.
 */
final class RateLimit {
  static final int PER_SECOND = 50;
  static final int BURST = 100;

  /** Whoever has not asked for longest is forgotten, which gives him a full bucket. */
  static final int MAX_KNOWN = 10_000;

  private static final double NANOS_PER_SECOND = Duration.ofSeconds(1).toNanos();

  private final LongSupplier nanoTime;
  private final Map<String, Bucket> buckets =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
          return size() > MAX_KNOWN;
        }
      };

  private record Bucket(double requests, long atNanos) {}

  /**
   * @param nanoTime as {@link System#nanoTime}
   */
  RateLimit(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** Whether another request is within the limit, which it then counts towards. */
  synchronized boolean take(String who) {
    long now = nanoTime.getAsLong();
    Bucket bucket = buckets.getOrDefault(who, new Bucket(BURST, now));
    double requests =
        Math.min(
            BURST, bucket.requests() + (now - bucket.atNanos()) / NANOS_PER_SECOND * PER_SECOND);
    boolean within = requests >= 1;
    buckets.put(who, new Bucket(within ? requests - 1 : requests, now));
    return within;
  }
}
