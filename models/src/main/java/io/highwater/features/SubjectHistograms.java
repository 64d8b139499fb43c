package io.highwater.features;

import java.util.Arrays;

/**
 * A histogram for each of at most so many keys. Where there are more, the keys of fewest values are
 * forgotten, of those the ones not seen for longest: what is rare and old is hardly ever asked for,
 * and what remains is as if the others had never been. A key that comes back begins anew.
 */
final class SubjectHistograms {
  /** Above this many values a key's rank does not matter any more. */
  private static final int MAX_RANKED_COUNT = 1_000;

  /** 8 bytes each: bounds the memory where a million keys have many different values. */
  private static final long MAX_BUCKETS = 32_000_000;

  private final int maxKeys;
  private final KeyTable table;
  private long[] parents;
  private long[] lastMicros;
  private long[] counts;
  private long[][] histograms;
  private long buckets;

  SubjectHistograms(int maxKeys) {
    this(maxKeys, 1024);
  }

  private SubjectHistograms(int maxKeys, int expectedKeys) {
    this.maxKeys = maxKeys;
    table = new KeyTable(expectedKeys);
    parents = new long[expectedKeys];
    lastMicros = new long[expectedKeys];
    counts = new long[expectedKeys];
    histograms = new long[expectedKeys][];
  }

  /** Whether there is more than it may hold, so that {@link #trimmed} has to take its place. */
  boolean isFull() {
    return table.size() > maxKeys || buckets > MAX_BUCKETS;
  }

  void add(long key, long parent, float value, long micros) {
    int number = table.findOrAdd(key);
    if (number == histograms.length) {
      int capacity = 2 * number;
      parents = Arrays.copyOf(parents, capacity);
      lastMicros = Arrays.copyOf(lastMicros, capacity);
      counts = Arrays.copyOf(counts, capacity);
      histograms = Arrays.copyOf(histograms, capacity);
    }
    if (histograms[number] == null) {
      histograms[number] = LogHistogram.EMPTY;
      parents[number] = parent;
      lastMicros[number] = micros;
    }
    buckets -= histograms[number].length;
    histograms[number] = LogHistogram.add(histograms[number], value);
    buckets += histograms[number].length;
    counts[number]++;
    lastMicros[number] = Math.max(lastMicros[number], micros);
  }

  /** Three quarters of what it may hold: the keys with the most values, then the latest. */
  SubjectHistograms trimmed() {
    int room = (int) (3L * Math.min(maxKeys, table.size()) / 4);
    int[] keysOfCount = new int[MAX_RANKED_COUNT + 2];
    for (int number = 0; number < table.size(); number++) {
      keysOfCount[rankedCount(number)]++;
    }
    // All keys with more values than the least count stay, and the latest of those with as many.
    int least = MAX_RANKED_COUNT;
    int above = 0;
    while (above + keysOfCount[least] <= room) {
      above += keysOfCount[least];
      least--;
    }
    int atLeast = room - above;
    long[] times = new long[keysOfCount[least]];
    int size = 0;
    for (int number = 0; number < table.size(); number++) {
      if (rankedCount(number) == least) {
        times[size++] = lastMicros[number];
      }
    }
    Arrays.sort(times);
    long earliest = atLeast == 0 ? Long.MAX_VALUE : times[size - atLeast];
    int atEarliest = 0;
    for (int i = size - atLeast; i < size && times[i] == earliest; i++) {
      atEarliest++;
    }
    SubjectHistograms kept = new SubjectHistograms(maxKeys, Math.max(1024, room));
    for (int number = 0; number < table.size(); number++) {
      boolean keep = rankedCount(number) > least;
      if (rankedCount(number) == least && lastMicros[number] >= earliest) {
        keep = lastMicros[number] > earliest || atEarliest-- > 0;
      }
      if (keep) {
        kept.take(this, number);
      }
    }
    return kept;
  }

  private int rankedCount(int number) {
    return (int) Math.min(MAX_RANKED_COUNT, counts[number]);
  }

  private void take(SubjectHistograms from, int fromNumber) {
    int number = table.findOrAdd(from.table.key(fromNumber));
    parents[number] = from.parents[fromNumber];
    lastMicros[number] = from.lastMicros[fromNumber];
    counts[number] = from.counts[fromNumber];
    histograms[number] = from.histograms[fromNumber];
    buckets += histograms[number].length;
  }

  /** What is usual for each key, by key. */
  Encodings.Table toTable() {
    int size = table.size();
    long[] keys = new long[size];
    for (int number = 0; number < size; number++) {
      keys[number] = table.key(number);
    }
    Arrays.sort(keys);
    long[] parentsByKey = new long[size];
    Usual[] usual = new Usual[size];
    for (int i = 0; i < size; i++) {
      int number = table.find(keys[i]);
      parentsByKey[i] = parents[number];
      usual[i] = LogHistogram.usual(histograms[number]);
    }
    return Encodings.Table.of(keys, parentsByKey, usual);
  }
}
