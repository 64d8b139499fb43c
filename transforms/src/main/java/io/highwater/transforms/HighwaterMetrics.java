package io.highwater.transforms;

import org.apache.beam.sdk.metrics.Counter;
import org.apache.beam.sdk.metrics.Metrics;

/** The catalogue of what the transforms count. */
public final class HighwaterMetrics {
  public static final String NAMESPACE = "highwater";

  /** Records that a source delivered. */
  public static final String RECORDS_READ = "records_read";

  /** Records that passed every check. */
  public static final String RECORDS_ACCEPTED = "records_accepted";

  /** Records that went to the rejected table. */
  public static final String RECORDS_REJECTED = "records_rejected";

  /** Fields in records that the contract does not know; ignored. */
  public static final String UNKNOWN_FIELDS = "unknown_fields";

  private HighwaterMetrics() {}

  static Counter counter(String name) {
    return Metrics.counter(NAMESPACE, name);
  }
}
