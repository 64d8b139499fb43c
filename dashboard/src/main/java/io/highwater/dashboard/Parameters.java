package io.highwater.dashboard;

import io.javalin.http.Context;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the parameters of a request. All throw {@link Problem} for what is not as expected; what
 * was not given is null or a default.
 */
final class Parameters {
  static final int MAX_IDS = 1_000;
  private static final int MAX_TEXT_LENGTH = 100;
  private static final Duration MAX_LENGTH = Duration.ofDays(92);
  private static final List<String> ANCHORS = List.of("newest", "now");
  private static final List<String> FLAGS = List.of("true", "false");

  /** Times that the store can count back from. */
  private static final Instant EARLIEST = Instant.parse("1970-01-01T00:00:00Z");

  private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59Z");

  private Parameters() {}

  /**
   * The scope of a request: {@code window}, counted back from {@code anchor}, or {@code from} and
   * {@code to} instead; {@code ids}; {@code critical}.
   */
  static Scope scope(Context context, Instant now) {
    Instant from = time(context, "from");
    Instant to = time(context, "to");
    String anchor = oneOf(context, "anchor", ANCHORS);
    List<String> ids = ids(context);
    boolean critical = flag(context, "critical");
    if (from == null && to == null) {
      TimeWindow window = window(context);
      return new Scope(
          window.label(),
          window.length(),
          "now".equals(anchor) ? endOfMinute(now) : null,
          ids,
          critical);
    }
    if (from == null || to == null) {
      throw new Problem(from == null ? "from" : "to", "", "a time, as the other end was given");
    }
    String window = context.queryParam("window");
    if (window != null) {
      throw new Problem("window", window, "none where from and to are given");
    }
    Duration length = Duration.between(from, to);
    if (!from.isBefore(to)) {
      throw new Problem("from", from.toString(), "a time before " + to);
    }
    if (length.compareTo(MAX_LENGTH) > 0) {
      throw new Problem(
          "from", from.toString(), "a time at most " + MAX_LENGTH.toDays() + " days before " + to);
    }
    return new Scope("custom", length, to, ids, critical);
  }

  /** What a range that is counted back from now ends with, so that it moves once a minute. */
  static Instant endOfMinute(Instant now) {
    return now.truncatedTo(ChronoUnit.MINUTES).plus(1, ChronoUnit.MINUTES);
  }

  /** Instances, separated by commas or given again and again; none or an empty text means all. */
  static List<String> ids(Context context) {
    List<String> ids = new ArrayList<>();
    for (String value : context.queryParams("ids")) {
      for (String id : Arrays.asList(value.split(",", -1))) {
        if (id.length() > MAX_TEXT_LENGTH) {
          throw new Problem(
              "ids", id, "instances of at most " + MAX_TEXT_LENGTH + " characters each");
        }
        if (!id.isBlank()) {
          ids.add(id.strip());
        }
      }
    }
    if (ids.size() > MAX_IDS) {
      throw new Problem("ids", ids.size() + " instances", "at most " + MAX_IDS + " instances");
    }
    return ids;
  }

  static @Nullable String oneOf(Context context, String parameter, List<String> values) {
    String value = context.queryParam(parameter);
    if (value != null && !values.contains(value)) {
      throw new Problem(parameter, value, "one of " + String.join(", ", values));
    }
    return value;
  }

  static boolean flag(Context context, String parameter) {
    return "true".equals(oneOf(context, parameter, FLAGS));
  }

  /** Any text that is not too long. */
  static @Nullable String text(Context context, String parameter) {
    String value = context.queryParam(parameter);
    if (value != null && value.length() > MAX_TEXT_LENGTH) {
      throw new Problem(parameter, value, "at most " + MAX_TEXT_LENGTH + " characters");
    }
    return value;
  }

  /** A whole number from {@code min} to {@code max}, both inclusive. */
  static int number(Context context, String parameter, int otherwise, int min, int max) {
    Long number = number(context, parameter, min, max);
    return number == null ? otherwise : Math.toIntExact(number);
  }

  /** A whole number from {@code min} to {@code max}, both inclusive. */
  static @Nullable Long number(Context context, String parameter, long min, long max) {
    String value = context.queryParam(parameter);
    if (value == null) {
      return null;
    }
    try {
      long number = Long.parseLong(value);
      if (number >= min && number <= max) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Told below, as a number out of range is.
    }
    throw new Problem(parameter, value, "a whole number from " + min + " to " + max);
  }

  private static TimeWindow window(Context context) {
    String value = context.queryParam("window");
    if (value == null) {
      return TimeWindow.DAY;
    }
    for (TimeWindow window : TimeWindow.values()) {
      if (window.label().equals(value)) {
        return window;
      }
    }
    throw new Problem("window", value, "24h or 1week");
  }

  private static @Nullable Instant time(Context context, String parameter) {
    String value = context.queryParam(parameter);
    if (value == null) {
      return null;
    }
    try {
      Instant time = Instant.parse(value);
      if (!time.isBefore(EARLIEST) && !time.isAfter(LATEST)) {
        return time;
      }
    } catch (DateTimeParseException e) {
      // Told below, as a time out of range is.
    }
    throw new Problem(
        parameter, value, "an ISO 8601 time of UTC after 1970, such as 2024-03-01T00:00:00Z");
  }
}
