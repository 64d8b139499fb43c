package io.highwater.dashboard;

import java.time.Duration;

/** How far back a question looks that gives no range of its own. */
enum TimeWindow {
  DAY("24h", Duration.ofHours(24)),
  WEEK("1week", Duration.ofDays(7));

  private final String label;
  private final Duration length;

  TimeWindow(String label, Duration length) {
    this.label = label;
    this.length = length;
  }

  /** The window as the API writes it. */
  String label() {
    return label;
  }

  Duration length() {
    return length;
  }
}
