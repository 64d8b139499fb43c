package io.highwater.record;

import java.util.Objects;

/**
 * Parsed rows and the messages they came from, until every check is behind them: a row that fails
 * goes to the rejected table with its original bytes. The rows' {@link RecordSchemas#RAW_ROW}
 * column says which message is whose.
 */
public record SourcedBatch(RecordBatch records, RawBatch raw) {
  public SourcedBatch {
    Objects.requireNonNull(records, "records");
    Objects.requireNonNull(raw, "raw");
  }
}
