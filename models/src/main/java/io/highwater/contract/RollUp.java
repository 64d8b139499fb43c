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
 */
public record RollUp(List<Duration> windows, List<String> keys, List<Measure> measures)
    implements Serializable {
  public RollUp {
    windows = List.copyOf(windows);
    keys = List.copyOf(keys);
    measures = List.copyOf(measures);
  }
}
