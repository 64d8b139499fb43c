package io.highwater.transforms;

import java.time.Clock;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** A wall clock that stands still until a test moves it. */
final class TickingClock extends Clock {
  long millis = java.time.Instant.parse("2026-01-01T00:00:00Z").toEpochMilli();

  @Override
  public long millis() {
    return millis;
  }

  @Override
  public java.time.Instant instant() {
    return java.time.Instant.ofEpochMilli(millis);
  }

  @Override
  public ZoneId getZone() {
    return ZoneOffset.UTC;
  }

  @Override
  public Clock withZone(ZoneId zone) {
    return this;
  }
}
