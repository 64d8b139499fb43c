package io.highwater.rollup;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What has been usual in the windows of one key and length. Immutable.
 *
 * <p>Per signal an exponentially weighted mean and variance, by the incremental form of Finch
 * (Incremental calculation of weighted mean and variance, 2009, section 9): with {@code d = x -
 * mean}, {@code mean += a d} and {@code variance = (1 - a) (variance + a d d)}. a is {@value
 * #ALPHA}, but 1/n for the nth window while that is more, so that the first windows count alike
 * (West, Updating mean and variance estimates, 1979) and the very first one does not weigh for
 * ever.
 *
 * <p>A window is scored against the windows before it. It counts for good once it and all before it
 * are final; until then it is held aside, so that a late pane of it changes what is usual for the
 * windows after it. As a runner finishes the windows of a key in their order, final scores follow
 * from the final values alone, whatever panes came before: in a stream and in a batch the same.
 */
public final class Baseline {
  /** The reference's; half of the weight lies on the last 14 windows. */
  static final double ALPHA = 0.05;

  /** Before as many windows are known, there is no score: two hours of ten-minute windows. */
  static final int WINDOWS_NEEDED = 12;

  /**
   * Added to the variance, so that a signal that never changed does not make a change infinite: a
   * standard deviation of 0.1, which is a change by a tenth, as signals are logarithms.
   */
  static final double VARIANCE_FLOOR = 0.01;

  /** The oldest of more count as they are: a week of ten minutes, if one never became final. */
  private static final int MAX_HELD = 1_000;

  private final long foldedThroughMillis;
  private final List<Usual> usual;

  /** The windows after {@link #foldedThroughMillis}, in the order of time. */
  private final List<Held> held;

  private record Usual(long windows, double mean, double variance) {
    static final Usual UNKNOWN = new Usual(0, 0, 0);

    Usual with(double signal) {
      if (Double.isNaN(signal)) {
        return this;
      }
      double weight = Math.max(ALPHA, 1.0 / (windows + 1));
      double distance = signal - mean;
      return new Usual(
          windows + 1,
          mean + weight * distance,
          (1 - weight) * (variance + weight * distance * distance));
    }

    @Nullable Double score(double signal) {
      return windows < WINDOWS_NEEDED || Double.isNaN(signal)
          ? null
          : (signal - mean) / Math.sqrt(variance + VARIANCE_FLOOR);
    }
  }

  private record Held(long startMillis, boolean isFinal, List<Double> signals) {}

  /**
   * What a pane gave.
   *
   * @param next takes the place of the baseline that was asked
   * @param scores one a signal: standard deviations above the mean, null while too little is known
   */
  public record Scored(Baseline next, List<@Nullable Double> scores) {}

  private Baseline(long foldedThroughMillis, List<Usual> usual, List<Held> held) {
    this.foldedThroughMillis = foldedThroughMillis;
    this.usual = List.copyOf(usual);
    this.held = List.copyOf(held);
  }

  /** Of no windows. */
  public static Baseline none(int signals) {
    return new Baseline(Long.MIN_VALUE, Collections.nCopies(signals, Usual.UNKNOWN), List.of());
  }

  /**
   * Scores one pane of a window.
   *
   * @param windowStartMillis of a window that counts for good already, which comes of a runner that
   *     keeps no order, there are no scores
   * @param isFinal whether no other pane of the window comes
   * @param signals one each; NaN for none, which changes nothing of what is usual
   */
  public Scored score(long windowStartMillis, boolean isFinal, List<Double> signals) {
    if (windowStartMillis <= foldedThroughMillis) {
      return new Scored(this, Collections.nCopies(usual.size(), null));
    }
    List<Usual> before = usual;
    List<Held> all = new ArrayList<>();
    List<Held> after = new ArrayList<>();
    for (Held window : held) {
      if (window.startMillis < windowStartMillis) {
        before = fold(before, window.signals);
        all.add(window);
      } else if (window.startMillis > windowStartMillis) {
        after.add(window);
      }
    }
    List<@Nullable Double> scores = new ArrayList<>();
    for (int i = 0; i < before.size(); i++) {
      scores.add(before.get(i).score(signals.get(i)));
    }
    all.add(new Held(windowStartMillis, isFinal, List.copyOf(signals)));
    all.addAll(after);
    return new Scored(folded(all), Collections.unmodifiableList(scores));
  }

  /** Lets the first windows count for good, as far as they are final. */
  private Baseline folded(List<Held> all) {
    long through = foldedThroughMillis;
    List<Usual> ofThem = usual;
    int count = 0;
    while (count < all.size() && (all.get(count).isFinal || all.size() - count > MAX_HELD)) {
      ofThem = fold(ofThem, all.get(count).signals);
      through = all.get(count).startMillis;
      count++;
    }
    return new Baseline(through, ofThem, all.subList(count, all.size()));
  }

  private static List<Usual> fold(List<Usual> usual, List<Double> signals) {
    List<Usual> folded = new ArrayList<>(usual.size());
    for (int i = 0; i < usual.size(); i++) {
      folded.add(usual.get(i).with(signals.get(i)));
    }
    return folded;
  }

  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeLong(foldedThroughMillis);
    out.writeShort(usual.size());
    for (Usual signal : usual) {
      out.writeLong(signal.windows);
      out.writeDouble(signal.mean);
      out.writeDouble(signal.variance);
    }
    out.writeInt(held.size());
    for (Held window : held) {
      out.writeLong(window.startMillis);
      out.writeBoolean(window.isFinal);
      for (double signal : window.signals) {
        out.writeDouble(signal);
      }
    }
  }

  /** Reads what {@link #writeTo} wrote. */
  public static Baseline readFrom(DataInput in) throws IOException {
    long foldedThroughMillis = in.readLong();
    int signals = in.readUnsignedShort();
    List<Usual> usual = new ArrayList<>();
    for (int i = 0; i < signals; i++) {
      usual.add(new Usual(in.readLong(), in.readDouble(), in.readDouble()));
    }
    int windows = in.readInt();
    List<Held> held = new ArrayList<>();
    for (int i = 0; i < windows; i++) {
      long startMillis = in.readLong();
      boolean isFinal = in.readBoolean();
      List<Double> ofWindow = new ArrayList<>();
      for (int signal = 0; signal < signals; signal++) {
        ofWindow.add(in.readDouble());
      }
      held.add(new Held(startMillis, isFinal, ofWindow));
    }
    return new Baseline(foldedThroughMillis, usual, held);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Baseline that
        && foldedThroughMillis == that.foldedThroughMillis
        && usual.equals(that.usual)
        && held.equals(that.held);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * Long.hashCode(foldedThroughMillis) + usual.hashCode()) + held.hashCode();
  }
}
