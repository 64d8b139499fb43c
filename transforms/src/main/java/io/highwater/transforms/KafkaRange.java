package io.highwater.transforms;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** The part of a partition that one worker reads. */
record KafkaRange(int partition, KafkaOffsets offsets) implements Serializable {
  /**
   * A consumer of its own for each takes a tenth of a second; this many messages take one or more.
   */
  static final long MAX_OFFSETS = 1 << 20;

  /** Cuts {@code offsets} into parts of at most {@code maxOffsets}. */
  static List<KafkaRange> cut(int partition, KafkaOffsets offsets, long maxOffsets) {
    List<KafkaRange> ranges = new ArrayList<>();
    for (long from = offsets.from(); from < offsets.to(); from += maxOffsets) {
      ranges.add(
          new KafkaRange(
              partition, new KafkaOffsets(from, Math.min(offsets.to(), from + maxOffsets))));
    }
    return ranges;
  }
}
