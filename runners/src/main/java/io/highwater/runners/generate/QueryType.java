package io.highwater.runners.generate;

import java.util.Locale;

/** The types of queries in the query log. */
public enum QueryType {
  SELECT,
  INSERT,
  UPDATE,
  DELETE,
  COPY,
  UNLOAD,
  CTAS,
  ANALYZE,
  VACUUM,
  OTHER;

  private final String text = name().toLowerCase(Locale.ROOT);

  /** The name in the query log. */
  public String text() {
    return text;
  }
}
