package io.highwater.runners;

import java.util.concurrent.atomic.LongAdder;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.SerializableFunction;

/**
 * Rows of this JVM that came to the end of a benchmark's pipeline that is cut off behind a step.
 */
final class RowCount {
  private static final LongAdder ROWS = new LongAdder();

  private RowCount() {}

  static long sum() {
    return ROWS.sum();
  }

  static void add(long rows) {
    ROWS.add(rows);
  }

  /** Counts what comes in. */
  static <T> ParDo.SingleOutput<T, Void> of(SerializableFunction<T, Integer> rows) {
    return ParDo.of(new CountFn<>(rows));
  }

  private static final class CountFn<T> extends DoFn<T, Void> {
    private final SerializableFunction<T, Integer> rows;

    CountFn(SerializableFunction<T, Integer> rows) {
      this.rows = rows;
    }

    @ProcessElement
    public void process(@Element T element) {
      add(rows.apply(element));
    }
  }
}
