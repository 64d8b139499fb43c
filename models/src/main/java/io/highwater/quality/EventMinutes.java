package io.highwater.quality;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The minutes that have an event, a bit for each minute of a day that has one: 184 bytes a day. An
 * event time is of the years 1900 to 2199, so that it is 20 MB at worst, and 66 KB a year.
 * Immutable.
 *
 * @param days by days since the epoch, the bits of its 1440 minutes
 */
record EventMinutes(SortedMap<Long, long[]> days) {
  private static final int MINUTES_PER_DAY = 1440;
  private static final int WORDS = (MINUTES_PER_DAY + Long.SIZE - 1) / Long.SIZE;

  static final EventMinutes NONE = new EventMinutes(new TreeMap<>());

  EventMinutes {
    days = Collections.unmodifiableSortedMap(days);
  }

  /**
   * Minutes without an event between two with one.
   *
   * @param fromMinute the first without, in minutes since the epoch
   * @param toMinute the next with one
   */
  record Gap(long fromMinute, long toMinute) {
    long minutes() {
      return toMinute - fromMinute;
    }
  }

  /** Takes in event times on their way to {@link EventMinutes}. */
  static final class Builder {
    private static final long MICROS_PER_MINUTE = 60_000_000;

    private final SortedMap<Long, long[]> days = new TreeMap<>();

    /** The minute of the time before: most times are of it too. */
    private long minuteStart = Long.MIN_VALUE;

    void add(long micros) {
      long since = micros - minuteStart;
      if (minuteStart != Long.MIN_VALUE && since >= 0 && since < MICROS_PER_MINUTE) {
        return;
      }
      long minute = Math.floorDiv(micros, MICROS_PER_MINUTE);
      minuteStart = minute * MICROS_PER_MINUTE;
      int ofDay = Math.floorMod(minute, MINUTES_PER_DAY);
      days.computeIfAbsent(Math.floorDiv(minute, MINUTES_PER_DAY), day -> new long[WORDS])[
              ofDay / Long.SIZE] |=
          1L << ofDay;
    }

    /** A copy of what there is. */
    EventMinutes build() {
      return NONE.merge(new EventMinutes(days));
    }
  }

  EventMinutes merge(EventMinutes that) {
    SortedMap<Long, long[]> merged = new TreeMap<>();
    days.forEach((day, bits) -> merged.put(day, bits.clone()));
    that.days.forEach((day, bits) -> merged.merge(day, bits.clone(), EventMinutes::or));
    return new EventMinutes(merged);
  }

  private static long[] or(long[] left, long[] right) {
    long[] both = left.clone();
    for (int i = 0; i < both.length; i++) {
      both[i] |= right[i];
    }
    return both;
  }

  /** How many minutes have an event. */
  long count() {
    return days.values().stream().flatMapToLong(Arrays::stream).map(Long::bitCount).sum();
  }

  /** The longest, of equally long ones the first. */
  List<Gap> longestGaps(int limit) {
    Comparator<Gap> longestFirst =
        Comparator.comparingLong((Gap gap) -> -gap.minutes()).thenComparing(Gap::fromMinute);
    PriorityQueue<Gap> longest = new PriorityQueue<>(longestFirst.reversed());
    long previous = Long.MIN_VALUE;
    for (Map.Entry<Long, long[]> day : days.entrySet()) {
      BitSet minutes = BitSet.valueOf(day.getValue());
      for (int bit = minutes.nextSetBit(0); bit >= 0; bit = minutes.nextSetBit(bit + 1)) {
        long minute = day.getKey() * MINUTES_PER_DAY + bit;
        if (previous != Long.MIN_VALUE && minute > previous + 1) {
          longest.add(new Gap(previous + 1, minute));
          if (longest.size() > limit) {
            longest.remove();
          }
        }
        previous = minute;
      }
    }
    List<Gap> gaps = new ArrayList<>(longest);
    gaps.sort(longestFirst);
    return gaps;
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeInt(days.size());
    for (Map.Entry<Long, long[]> day : days.entrySet()) {
      out.writeLong(day.getKey());
      for (long word : day.getValue()) {
        out.writeLong(word);
      }
    }
  }

  static EventMinutes readFrom(DataInput in) throws IOException {
    SortedMap<Long, long[]> days = new TreeMap<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      long day = in.readLong();
      long[] bits = new long[WORDS];
      for (int i = 0; i < WORDS; i++) {
        bits[i] = in.readLong();
      }
      days.put(day, bits);
    }
    return new EventMinutes(days);
  }
}
