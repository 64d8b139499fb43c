package io.highwater.rollup;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.RollUp;
import io.highwater.rollup.OpenWindows.Pane;
import io.highwater.rollup.OpenWindows.Panes;
import io.highwater.rollup.OpenWindows.Series;
import io.highwater.rollup.OpenWindows.Window;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Merges partials into event-time windows, shows them, scores what it shows, and closes them.
 *
 * <p>A window is over when the watermark has reached its end, and closed when it has reached its
 * end and the allowed lateness after it. A partial of a window that is over is late, of one that is
 * closed too late: it is left out. All methods leave the {@link OpenWindows} that they are given as
 * they are.
 */
public final class WindowMerger implements Serializable {
  private final RollUp rollUp;
  private final long runId;
  private final long latenessMillis;
  private final long shortestMillis;

  /**
   * @param runId grows from run to run
   * @param allowedLateness zero or more
   */
  public WindowMerger(RollUp rollUp, long runId, Duration allowedLateness) {
    this.rollUp = rollUp;
    this.runId = runId;
    latenessMillis = allowedLateness.toMillis();
    shortestMillis = rollUp.windows().get(0).toMillis();
  }

  /**
   * What {@link #merge} made.
   *
   * @param lateRows rows of windows that are over, of the shortest length
   * @param tooLateRows rows that were left out of windows of the shortest length; maybe of others
   */
  public record Merged(OpenWindows windows, long lateRows, long tooLateRows) {}

  /** The windows after some were shown, and the rows that show them. */
  public record Shown(OpenWindows windows, List<RollUpRow> rows) {}

  /**
   * @param watermarkMillis milliseconds since the epoch
   */
  public Merged merge(OpenWindows open, Iterable<Partial> partials, long watermarkMillis) {
    SortedMap<Window, Panes> windows = new TreeMap<>(open.windows());
    Map<Window, Map<RollUpKey, Pane>> changed = new HashMap<>();
    long lateRows = 0;
    long tooLateRows = 0;
    for (Partial partial : partials) {
      Window window = new Window(partial.windowStartMillis(), partial.windowMillis());
      boolean counts = window.lengthMillis() == shortestMillis;
      if (window.endMillis() + latenessMillis <= watermarkMillis) {
        tooLateRows += counts ? partial.accumulator().rowCount() : 0;
        continue;
      }
      if (window.endMillis() <= watermarkMillis) {
        lateRows += counts ? partial.accumulator().rowCount() : 0;
      }
      Map<RollUpKey, Pane> panes = changed.get(window);
      if (panes == null) {
        Panes before = windows.get(window);
        panes = before == null ? new HashMap<>() : new HashMap<>(before.byKey());
        changed.put(window, panes);
        windows.put(window, new Panes(panes, true));
      }
      panes.put(partial.key(), Pane.merged(panes.get(partial.key()), partial.accumulator()));
    }
    return new Merged(new OpenWindows(windows, open.baselines()), lateRows, tooLateRows);
  }

  /** When the next window is over or to be closed, in milliseconds since the epoch. */
  public long nextDueMillis(OpenWindows open, long watermarkMillis) {
    long next = Long.MAX_VALUE;
    for (Window window : open.windows().keySet()) {
      boolean isOver = window.endMillis() <= watermarkMillis;
      next = Math.min(next, window.endMillis() + (isOver ? latenessMillis : 0));
    }
    return next;
  }

  /** Shows what was changed since it was shown. */
  public Shown showChanges(OpenWindows open) {
    return show(open, Long.MIN_VALUE, Long.MAX_VALUE);
  }

  /** Shows what is over, where it was changed, and closes what is to be closed. */
  public Shown close(OpenWindows open, long watermarkMillis) {
    return show(open, watermarkMillis, watermarkMillis);
  }

  private Shown show(OpenWindows open, long closeUntilMillis, long showUntilMillis) {
    SortedMap<Window, Panes> windows = new TreeMap<>(open.windows());
    Map<Series, Baseline> baselines = new HashMap<>(open.baselines());
    List<RollUpRow> rows = new ArrayList<>();
    // In the order of time, as a window is scored against those before it.
    for (Map.Entry<Window, Panes> entry : open.windows().entrySet()) {
      Window window = entry.getKey();
      Panes panes = entry.getValue();
      boolean isFinal = window.endMillis() + latenessMillis <= closeUntilMillis;
      if (isFinal) {
        panes.byKey().forEach((key, pane) -> rows.add(row(window, key, pane, true, baselines)));
        windows.remove(window);
      } else if (panes.hasChanges() && window.endMillis() <= showUntilMillis) {
        Map<RollUpKey, Pane> shown = new HashMap<>(panes.byKey());
        for (Map.Entry<RollUpKey, Pane> pane : shown.entrySet()) {
          if (pane.getValue().isChanged()) {
            rows.add(row(window, pane.getKey(), pane.getValue(), false, baselines));
            pane.setValue(pane.getValue().shown());
          }
        }
        windows.put(window, new Panes(shown, false));
      }
    }
    return new Shown(new OpenWindows(windows, baselines), rows);
  }

  /** The row of a pane; what is usual takes it into account. */
  private RollUpRow row(
      Window window, RollUpKey key, Pane pane, boolean isFinal, Map<Series, Baseline> baselines) {
    RollUpRow row =
        new RollUpRow(
            window.startMillis(),
            window.lengthMillis(),
            key,
            runId,
            pane.index(),
            isFinal,
            pane.accumulator().results(rollUp));
    int scores = rollUp.scores().size();
    if (scores == 0) {
      return row;
    }
    Series series = new Series(key, window.lengthMillis());
    Baseline.Scored scored =
        requireNonNull(baselines.getOrDefault(series, Baseline.none(scores)))
            .score(window.startMillis(), isFinal, row.signals(rollUp));
    baselines.put(series, scored.next());
    return row.withScores(scored.scores());
  }
}
