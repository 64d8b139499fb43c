package io.highwater.dashboard;

import io.highwater.dashboard.OutlierQueries.OutlierFilter;
import io.highwater.detect.OutlierReason;
import io.highwater.detect.Severity;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The paths of the API that tell of outliers. */
final class OutlierApi {
  private static final int MAX_ROWS = 1_000;
  private static final int DEFAULT_ROWS = 50;
  private static final List<String> SEVERITIES =
      Arrays.stream(Severity.values()).map(Severity::code).toList();
  private static final List<String> REASONS =
      Arrays.stream(OutlierReason.values()).map(OutlierReason::code).toList();

  private final Answers answers;
  private final OutlierQueries queries;

  OutlierApi(HotStore store, Answers answers, InstantSource clock) {
    this.answers = answers;
    this.queries = new OutlierQueries(store, clock);
  }

  void addTo(RoutesConfig routes) {
    routes.get("/api/anomalies", answers.scoped(this::outliers));
  }

  private Map<String, @Nullable Object> outliers(Context context, Scope scope) throws SQLException {
    OutlierFilter filter =
        new OutlierFilter(
            Parameters.oneOf(context, "severity", SEVERITIES),
            Parameters.oneOf(context, "reason", REASONS));
    int limit = Parameters.number(context, "limit", DEFAULT_ROWS, 1, MAX_ROWS);
    return queries.outliers(scope, filter, limit);
  }
}
