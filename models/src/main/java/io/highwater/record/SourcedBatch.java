package io.highwater.record;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Rows on their way through the checks, and the messages they came from: a row that fails goes to
 * the rejected table with its original bytes. The rows' {@link RecordSchemas#RAW_ROW} column says
 * which message is whose. What has failed so far goes along, so that the checks are one chain that
 * parts only at its end: where a runner's step has several outputs, each is a copy of everything.
 *
 * @param records those that passed so far; may have no row
 * @param rejected batches of {@link RejectedRecords}
 */
public record SourcedBatch(RecordBatch records, RawBatch raw, List<RecordBatch> rejected) {
  public SourcedBatch {
    Objects.requireNonNull(records, "records");
    Objects.requireNonNull(raw, "raw");
    rejected = List.copyOf(rejected);
  }

  /** After a check that some rows failed. */
  public SourcedBatch without(RecordBatch failed, RecordBatch passed) {
    List<RecordBatch> all = new ArrayList<>(rejected);
    all.add(failed);
    return new SourcedBatch(passed, raw, all);
  }
}
