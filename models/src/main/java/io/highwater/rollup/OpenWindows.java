package io.highwater.rollup;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What is known of some keys: their windows that still take rows, and what has been usual in those
 * before. {@link WindowMerger} makes the next one of it. Immutable, as a checkpoint may hold it
 * while the next one is in use.
 *
 * @param windows in the order of their starts
 * @param baselines of each key and length that has been scored
 */
public record OpenWindows(SortedMap<Window, Panes> windows, Map<Series, Baseline> baselines) {
  public static final OpenWindows NONE = new OpenWindows(new TreeMap<>(), Map.of());

  /** An event-time window, which ends before {@code startMillis + lengthMillis}. */
  record Window(long startMillis, long lengthMillis) implements Comparable<Window> {
    private static final Comparator<Window> ORDER =
        Comparator.comparingLong(Window::startMillis).thenComparingLong(Window::lengthMillis);

    long endMillis() {
      return startMillis + lengthMillis;
    }

    @Override
    public int compareTo(Window other) {
      return ORDER.compare(this, other);
    }
  }

  /** The windows of one length of one key. */
  record Series(RollUpKey key, long windowMillis) {}

  /**
   * One window.
   *
   * @param hasChanges whether there is a key that was changed since it was shown
   */
  record Panes(Map<RollUpKey, Pane> byKey, boolean hasChanges) {}

  /**
   * One window of one key.
   *
   * @param index of the pane that is shown next
   * @param isChanged since it was shown
   */
  record Pane(Accumulator accumulator, long index, boolean isChanged) {
    static Pane merged(@Nullable Pane before, Accumulator partial) {
      return before == null
          ? new Pane(partial, 0, true)
          : new Pane(before.accumulator.merge(partial), before.index, true);
    }

    Pane shown() {
      return new Pane(accumulator, index + 1, false);
    }
  }

  public boolean isEmpty() {
    return windows.isEmpty();
  }

  /** Whether a window was changed since it was shown. */
  public boolean hasChanges() {
    return windows.values().stream().anyMatch(Panes::hasChanges);
  }

  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeInt(windows.size());
    for (Map.Entry<Window, Panes> window : windows.entrySet()) {
      out.writeLong(window.getKey().startMillis);
      out.writeLong(window.getKey().lengthMillis);
      Map<RollUpKey, Pane> panes = window.getValue().byKey;
      out.writeInt(panes.size());
      for (Map.Entry<RollUpKey, Pane> pane : panes.entrySet()) {
        pane.getKey().writeTo(out);
        pane.getValue().accumulator.writeTo(out);
        out.writeLong(pane.getValue().index);
        out.writeBoolean(pane.getValue().isChanged);
      }
    }
    out.writeInt(baselines.size());
    for (Map.Entry<Series, Baseline> baseline : baselines.entrySet()) {
      baseline.getKey().key.writeTo(out);
      out.writeLong(baseline.getKey().windowMillis);
      baseline.getValue().writeTo(out);
    }
  }

  /** Reads what {@link #writeTo} wrote. */
  public static OpenWindows readFrom(DataInput in) throws IOException {
    SortedMap<Window, Panes> windows = new TreeMap<>();
    for (int left = in.readInt(); left > 0; left--) {
      Window window = new Window(in.readLong(), in.readLong());
      Map<RollUpKey, Pane> panes = new HashMap<>();
      boolean hasChanges = false;
      for (int keys = in.readInt(); keys > 0; keys--) {
        RollUpKey key = RollUpKey.readFrom(in);
        Pane pane = new Pane(Accumulator.readFrom(in), in.readLong(), in.readBoolean());
        hasChanges |= pane.isChanged;
        panes.put(key, pane);
      }
      windows.put(window, new Panes(panes, hasChanges));
    }
    Map<Series, Baseline> baselines = new HashMap<>();
    for (int left = in.readInt(); left > 0; left--) {
      Series series = new Series(RollUpKey.readFrom(in), in.readLong());
      baselines.put(series, Baseline.readFrom(in));
    }
    return new OpenWindows(windows, baselines);
  }
}
