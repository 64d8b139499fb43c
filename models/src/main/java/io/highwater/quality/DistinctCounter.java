package io.highwater.quality;

import java.util.Arrays;
import org.apache.datasketches.hll.HllSketch;
import org.jspecify.annotations.Nullable;

/**
 * Counts the different values of a column on their way to {@link DistinctValues}. Most values of
 * most columns have been seen a moment before: those cost a look into a table.
 */
final class DistinctCounter {
  /**
   * Four times as many places as values, so that a value is mostly found where it is looked for.
   */
  private static final int PLACES = 4 * DistinctValues.EXACT_VALUES;

  private static final int RECENT = 4096;

  private final long[] ids = new long[PLACES];

  /** 0 where a place is free. */
  private final long[] counts = new long[PLACES];

  private final @Nullable String[] texts;
  private int size;

  private @Nullable HllSketch sketch;

  /** Beside a sketch: ids that it has, each at the place that its bits say. */
  private long[] recent = new long[0];

  /**
   * @param ofTexts whether values are kept by their text beside their id
   */
  DistinctCounter(boolean ofTexts) {
    texts = new String[ofTexts ? PLACES : 0];
  }

  /** Counts a value; whether it may be one that was not there before. */
  boolean add(long id, long count) {
    if (sketch != null) {
      return addToSketch(sketch, id);
    }
    int place = find(id);
    boolean isNew = counts[place] == 0;
    counts[place] += count;
    if (isNew) {
      ids[place] = id;
      if (++size > DistinctValues.EXACT_VALUES) {
        toSketch();
      }
    }
    return isNew;
  }

  /** Whether values are still kept one by one. */
  boolean isExact() {
    return sketch == null;
  }

  /** The text of a value that was just counted, while values are kept. */
  void setText(long id, String text) {
    texts[find(id)] = text;
  }

  private int find(long id) {
    int place = place(id, PLACES);
    while (counts[place] != 0 && ids[place] != id) {
      place = (place + 1) & (PLACES - 1);
    }
    return place;
  }

  private boolean addToSketch(HllSketch filled, long id) {
    int place = place(id, RECENT);
    if (recent[place] == id) {
      return false;
    }
    recent[place] = id;
    filled.update(id);
    return true;
  }

  private void toSketch() {
    HllSketch filled = DistinctValues.newSketch();
    for (int place = 0; place < PLACES; place++) {
      if (counts[place] != 0) {
        filled.update(ids[place]);
      }
    }
    recent = new long[RECENT];
    // All places hold 0, whose own place is the first; there 1 is never looked for.
    recent[0] = 1;
    Arrays.fill(texts, null);
    sketch = filled;
  }

  private static int place(long id, int places) {
    return (int) ((id * 0x9E37_79B9_7F4A_7C15L) >>> (Long.numberOfLeadingZeros(places) + 1));
  }

  DistinctValues values() {
    if (sketch != null) {
      return DistinctValues.of(sketch);
    }
    int[] occupied = new int[size];
    int next = 0;
    for (int place = 0; place < PLACES; place++) {
      if (counts[place] != 0) {
        occupied[next++] = place;
      }
    }
    int[] ascending =
        Arrays.stream(occupied)
            .boxed()
            .sorted((left, right) -> Long.compare(ids[left], ids[right]))
            .mapToInt(Integer::intValue)
            .toArray();
    return new DistinctValues(
        Arrays.stream(ascending).mapToLong(place -> ids[place]).toArray(),
        Arrays.stream(ascending).mapToLong(place -> counts[place]).toArray(),
        texts.length == 0
            ? DistinctValues.NONE.texts()
            : Arrays.stream(ascending).mapToObj(place -> texts[place]).toArray(String[]::new),
        DistinctValues.NONE.sketch());
  }
}
