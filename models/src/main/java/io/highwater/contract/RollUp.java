package io.highwater.contract;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;

/**
 * Aggregates by event-time window and key.
 *
 * @param windows lengths of tumbling windows aligned to the epoch, ascending, each a multiple of
 *     the first
 * @param keys the columns that rows are grouped by
 * @param scores against the windows before
 * @param derived computed from the row of the roll-up: the length of its window, keys, measures,
 *     scores and the derived columns before
 */
public record RollUp(
    List<Duration> windows,
    List<String> keys,
    List<Measure> measures,
    List<Score> scores,
    List<DerivedColumn> derived)
    implements Serializable {
  public RollUp {
    windows = List.copyOf(windows);
    keys = List.copyOf(keys);
    measures = List.copyOf(measures);
    scores = List.copyOf(scores);
    derived = List.copyOf(derived);
  }

  /** Of measures alone. */
  public RollUp(List<Duration> windows, List<String> keys, List<Measure> measures) {
    this(windows, keys, measures, List.of(), List.of());
  }
}
