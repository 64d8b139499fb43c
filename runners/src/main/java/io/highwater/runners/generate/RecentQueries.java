package io.highwater.runners.generate;

import org.jspecify.annotations.Nullable;

/** What was run in the last minute of event time, for what comes again within it. */
final class RecentQueries {
  private static final long WINDOW_MICROS = 60_000_000L;
  private static final int CAPACITY = 4_096;

  /** A template that an instance ran. */
  record Run(Instance instance, QueryTemplate template) {}

  private final @Nullable Run[] runs = new Run[CAPACITY];
  private final long[] arrivals = new long[CAPACITY];
  private long oldest;
  private long end;

  void add(Run run, long arrivalMicros) {
    int slot = (int) (end % CAPACITY);
    runs[slot] = run;
    arrivals[slot] = arrivalMicros;
    end++;
    oldest = Math.max(oldest, end - CAPACITY);
  }

  /** One of the runs of the minute before {@code nowMicros}, or null where there is none. */
  @Nullable Run draw(Randomness random, long nowMicros) {
    while (oldest < end && arrivals[(int) (oldest % CAPACITY)] < nowMicros - WINDOW_MICROS) {
      oldest++;
    }
    if (oldest == end) {
      return null;
    }
    return runs[(int) ((oldest + random.between(0, (int) (end - oldest) - 1)) % CAPACITY)];
  }
}
