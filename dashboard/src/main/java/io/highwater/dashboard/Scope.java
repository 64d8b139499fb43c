package io.highwater.dashboard;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which part of the data a request asks for; a {@link Selection} is what that means for the data as
 * it is.
 *
 * @param window as the answer names it: 24h, 1week or custom
 * @param length how far it reaches back from its end
 * @param to its end, exclusive; null for the end of the newest roll-up window
 * @param ids the instances; empty for all
 * @param criticalOnly whether only those count that are critical in the range
 */
record Scope(
    String window, Duration length, @Nullable Instant to, List<String> ids, boolean criticalOnly) {}
