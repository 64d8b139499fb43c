package io.highwater.dashboard;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A request that cannot be answered because of one of its parameters; served as problem details
 * (RFC 9457) with status 400.
 */
final class Problem extends RuntimeException {
  static final String CONTENT_TYPE = "application/problem+json";

  private static final long serialVersionUID = 1L;

  private final String parameter;
  private final String value;
  private final String expected;

  Problem(String parameter, String value, String expected) {
    super(
        "parameter '"
            + parameter
            + "' is '"
            + SafeText.shorten(SafeText.escape(value), 100)
            + "', expected "
            + expected);
    this.parameter = parameter;
    this.value = SafeText.shorten(SafeText.escape(value), 100);
    this.expected = expected;
  }

  Map<String, Object> toJson(String path) {
    Map<String, Object> json = json(400, "Wrong parameter", String.valueOf(getMessage()), path);
    json.put("parameter", parameter);
    json.put("value", value);
    json.put("expected", expected);
    return json;
  }

  /** The members that every problem has. */
  static Map<String, Object> json(int status, String title, String detail, String path) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("type", "about:blank");
    json.put("title", title);
    json.put("status", status);
    json.put("detail", detail);
    json.put("instance", path);
    return json;
  }
}
