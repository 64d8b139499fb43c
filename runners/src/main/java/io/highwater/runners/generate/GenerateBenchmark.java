package io.highwater.runners.generate;

import io.highwater.runners.generate.QueryGenerator.Settings;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** How fast records are generated on one core, without writing them anywhere. */
public final class GenerateBenchmark {
  private static final long WARM_UP_ROWS = 100_000;

  private GenerateBenchmark() {}

  /**
   * @return rows, records per second as JSON and as CSV, bytes of a JSON record
   */
  public static String run(long rows) {
    measure(QueryFormat.json(), WARM_UP_ROWS);
    measure(QueryFormat.csv(), WARM_UP_ROWS);
    Measured json = measure(QueryFormat.json(), rows);
    Measured csv = measure(QueryFormat.csv(), rows);
    return String.format(
        Locale.ROOT,
        "rows=%d json_rows_per_second=%.0f csv_rows_per_second=%.0f json_bytes_per_row=%d",
        rows,
        rows / json.seconds(),
        rows / csv.seconds(),
        json.bytes() / rows);
  }

  private record Measured(double seconds, long bytes) {}

  private static Measured measure(QueryFormat format, long rows) {
    QueryGenerator queries =
        QueryGenerator.of(
            new Settings(
                rows, 1, Instant.parse("2024-03-01T00:00:00Z"), Duration.ofDays(7), 50, 0));
    long started = System.nanoTime();
    long bytes = 0;
    while (queries.hasNext()) {
      bytes += format.write(queries.next());
    }
    return new Measured((System.nanoTime() - started) / 1e9, bytes);
  }
}
