package io.highwater.dashboard;

import java.time.Duration;

/** How far back from the newest data a question looks, and how finely. */
enum TimeWindow {
  DAY("24h", Duration.ofHours(24), Duration.ofMinutes(10)),
  WEEK("1week", Duration.ofDays(7), Duration.ofHours(1));

  private final String label;
  private final Duration length;
  private final Duration bucket;

  TimeWindow(String label, Duration length, Duration bucket) {
    this.label = label;
    this.length = length;
    this.bucket = bucket;
  }

  /** The window as the API writes it. */
  String label() {
    return label;
  }

  Duration length() {
    return length;
  }

  /** The step of a chart over this window: 144 or 168 points. */
  Duration bucket() {
    return bucket;
  }
}
