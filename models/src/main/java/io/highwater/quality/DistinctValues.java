package io.highwater.quality;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.datasketches.hll.HllSketch;
import org.apache.datasketches.hll.TgtHllType;
import org.apache.datasketches.hll.Union;

/**
 * The different values of a column: each with its count while they are at most {@value
 * #EXACT_VALUES}, else how many they are by HyperLogLog (Flajolet and others, 2007) of 2^12
 * registers: the standard error is 1.6 %, and in 99.7 % of cases the error is below 5 %. Immutable.
 * Merging gives the same in whatever order.
 *
 * @param ids what tells the values apart, ascending: the value of an integer or a timestamp, the
 *     bits of a number, a 64-bit hash of a text; empty beside a sketch
 * @param counts of each id
 * @param texts of each id its text, or its beginning; empty where the column is not of texts
 * @param sketch of the ids, serialized, 4.1 KB; empty where there is none
 */
record DistinctValues(long[] ids, long[] counts, String[] texts, byte[] sketch) {
  static final int EXACT_VALUES = 512;

  static final DistinctValues NONE =
      new DistinctValues(new long[0], new long[0], new String[0], new byte[0]);

  private static final int LOG_REGISTERS = 12;

  /** A sketch that is being filled. */
  static HllSketch newSketch() {
    return new HllSketch(LOG_REGISTERS, TgtHllType.HLL_8);
  }

  static DistinctValues of(HllSketch sketch) {
    return new DistinctValues(NONE.ids, NONE.counts, NONE.texts, sketch.toCompactByteArray());
  }

  boolean isExact() {
    return sketch.length == 0;
  }

  long count() {
    return isExact() ? ids.length : Math.round(HllSketch.heapify(sketch).getCompositeEstimate());
  }

  /** The places of the most frequent values, of equally frequent ones the least id first. */
  List<Integer> mostFrequent(int limit) {
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < ids.length; i++) {
      places.add(i);
    }
    places.sort(Comparator.comparingLong(place -> -counts[place]));
    return places.subList(0, Math.min(limit, places.size()));
  }

  DistinctValues merge(DistinctValues that) {
    if (!isExact() || !that.isExact()) {
      return union(this, that);
    }
    int length = ids.length + that.ids.length;
    long[] mergedIds = new long[length];
    long[] mergedCounts = new long[length];
    String[] mergedTexts = new String[texts.length + that.texts.length];
    int size = 0;
    int i = 0;
    int j = 0;
    while (i < ids.length || j < that.ids.length) {
      int order =
          i == ids.length ? 1 : j == that.ids.length ? -1 : Long.compare(ids[i], that.ids[j]);
      mergedIds[size] = order <= 0 ? ids[i] : that.ids[j];
      if (mergedTexts.length > 0) {
        mergedTexts[size] = order <= 0 ? texts[i] : that.texts[j];
      }
      mergedCounts[size++] = (order <= 0 ? counts[i] : 0) + (order >= 0 ? that.counts[j] : 0);
      i += order <= 0 ? 1 : 0;
      j += order >= 0 ? 1 : 0;
    }
    DistinctValues merged =
        new DistinctValues(
            Arrays.copyOf(mergedIds, size),
            Arrays.copyOf(mergedCounts, size),
            Arrays.copyOf(mergedTexts, Math.min(mergedTexts.length, size)),
            NONE.sketch);
    return size <= EXACT_VALUES ? merged : union(merged);
  }

  private static DistinctValues union(DistinctValues... all) {
    Union union = new Union(LOG_REGISTERS);
    for (DistinctValues values : all) {
      if (!values.isExact()) {
        union.update(HllSketch.heapify(values.sketch));
      }
      for (long id : values.ids) {
        union.update(id);
      }
    }
    return of(union.getResult(TgtHllType.HLL_8));
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeInt(sketch.length);
    out.write(sketch);
    out.writeInt(ids.length);
    out.writeBoolean(texts.length > 0);
    for (int i = 0; i < ids.length; i++) {
      out.writeLong(ids[i]);
      out.writeLong(counts[i]);
      if (texts.length > 0) {
        out.writeUTF(texts[i]);
      }
    }
  }

  static DistinctValues readFrom(DataInput in) throws IOException {
    byte[] sketch = new byte[in.readInt()];
    in.readFully(sketch);
    long[] ids = new long[in.readInt()];
    long[] counts = new long[ids.length];
    String[] texts = new String[in.readBoolean() ? ids.length : 0];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = in.readLong();
      counts[i] = in.readLong();
      if (texts.length > 0) {
        texts[i] = in.readUTF();
      }
    }
    return new DistinctValues(ids, counts, texts, sketch);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DistinctValues that
        && Arrays.equals(ids, that.ids)
        && Arrays.equals(counts, that.counts)
        && Arrays.equals(texts, that.texts)
        && Arrays.equals(sketch, that.sketch);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(ids) + Arrays.hashCode(sketch);
  }

  @Override
  public String toString() {
    return isExact() ? "DistinctValues" + Arrays.toString(ids) : "DistinctValues of a sketch";
  }
}
