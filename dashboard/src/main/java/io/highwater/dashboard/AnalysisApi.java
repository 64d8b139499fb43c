package io.highwater.dashboard;

import io.highwater.dashboard.AnalysisQueries.TopBy;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The paths that tell where time and space go, and what to do about it. */
final class AnalysisApi {
  private static final int DEFAULT_TOP_QUERIES = 20;
  private static final int MAX_TOP_QUERIES = 200;
  private static final int DEFAULT_TOP_TABLES = 10;
  private static final int MAX_TOP_TABLES = 100;

  private final Answers answers;
  private final AnalysisQueries analyses;
  private final Advice advice;

  AnalysisApi(DashboardConfig config, ScopedQueries queries, Answers answers) {
    this.answers = answers;
    this.analyses = new AnalysisQueries(queries);
    this.advice = new Advice(queries, config);
  }

  void addTo(RoutesConfig routes) {
    routes.get("/api/queries/top", answers.scoped(this::top));
    routes.get("/api/analyses/hours", answers.scoped((context, scope) -> analyses.hours(scope)));
    routes.get("/api/analyses/tables", answers.scoped(this::tables));
    routes.get(
        "/api/analyses/utilization",
        answers.scoped((context, scope) -> analyses.utilization(scope)));
    routes.get(
        "/api/analyses/compile", answers.scoped((context, scope) -> analyses.compile(scope)));
    routes.get(
        "/api/recommendations",
        answers.scoped((context, scope) -> advice.recommendations(scope, null)));
    routes.get(
        "/api/recommendations/{type}",
        answers.scoped(
            (context, scope) -> advice.recommendations(scope, context.pathParam("type"))));
  }

  private Map<String, @Nullable Object> top(Context context, Scope scope) throws SQLException {
    String by = Parameters.oneOf(context, "by", TopBy.NAMES);
    int limit = Parameters.number(context, "limit", DEFAULT_TOP_QUERIES, 1, MAX_TOP_QUERIES);
    return analyses.top(
        scope, by == null ? TopBy.TIME : TopBy.valueOf(by.toUpperCase(Locale.ROOT)), limit);
  }

  private Map<String, @Nullable Object> tables(Context context, Scope scope) throws SQLException {
    return analyses.tables(
        scope, Parameters.number(context, "limit", DEFAULT_TOP_TABLES, 1, MAX_TOP_TABLES));
  }
}
