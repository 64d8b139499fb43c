package io.highwater.runners.generate;

import java.util.Locale;

/**
 * The kinds of queries, with how often each is a template of an instance. The shares follow the
 * provisioned clusters of the Redset query log, rounded.
 */
public enum QueryType {
  SELECT(0.40),
  INSERT(0.22),
  UPDATE(0.05),
  DELETE(0.08),
  COPY(0.09),
  UNLOAD(0.01),
  CTAS(0.04),
  ANALYZE(0.05),
  VACUUM(0.01),
  OTHER(0.05);

  private final double share;
  private final String text;

  QueryType(double share) {
    this.share = share;
    this.text = name().toLowerCase(Locale.ROOT);
  }

  /** How much longer than others such a query takes; moving data in and out takes its time. */
  double slowness() {
    return this == COPY || this == UNLOAD ? 4 : 1;
  }

  double share() {
    return share;
  }

  /** The name in the query log. */
  public String text() {
    return text;
  }

  boolean writes() {
    return switch (this) {
      case INSERT, UPDATE, DELETE, COPY, CTAS, VACUUM -> true;
      case SELECT, UNLOAD, ANALYZE, OTHER -> false;
    };
  }

  boolean reads() {
    return switch (this) {
      case SELECT, UPDATE, DELETE, UNLOAD, CTAS, ANALYZE -> true;
      case INSERT, COPY, VACUUM, OTHER -> false;
    };
  }
}
