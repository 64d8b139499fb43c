package io.highwater.dashboard;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.highwater.dashboard.OutlierQueries.OutlierKey;
import io.highwater.dashboard.OutlierQueries.Page;
import io.highwater.detect.OutlierReason;
import io.highwater.detect.Severity;
import io.javalin.config.RoutesConfig;
import io.javalin.http.ContentTooLargeResponse;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.http.NotFoundResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The paths of the API that tell of outliers and take what people say of them. */
final class OutlierApi {
  /** The longest body of a request; a note in escapes fits. */
  static final int MAX_BODY_BYTES = 16_384;

  private static final int MAX_ROWS = 1_000;
  private static final int DEFAULT_ROWS = 50;
  private static final int MAX_OFFSET = 1_000_000;
  private static final int MAX_EXPORTED_ROWS = 100_000;
  private static final List<String> SEVERITIES =
      Arrays.stream(Severity.values()).map(Severity::code).toList();
  private static final List<String> REASONS =
      Arrays.stream(OutlierReason.values()).map(OutlierReason::code).toList();
  private static final List<String> FORMATS =
      Arrays.stream(OutlierExport.values()).map(OutlierExport::code).toList();

  private final Answers answers;
  private final OutlierQueries queries;
  private final Feedback feedback;
  private final InstantSource clock;

  OutlierApi(
      DashboardConfig config,
      HotStore store,
      ScopedQueries scoped,
      Answers answers,
      InstantSource clock) {
    this.answers = answers;
    this.queries = new OutlierQueries(store, scoped);
    this.feedback = new Feedback(config.lake(), config.contract(), clock);
    this.clock = clock;
  }

  void addTo(RoutesConfig routes) {
    routes.get("/api/anomalies", answers.scoped(this::outliers));
    routes.get(
        "/api/anomalies/options", answers.scoped((context, scope) -> queries.options(scope)));
    routes.get("/api/anomalies/export", this::export);
    routes.get(
        "/api/anomalies/{outlier_id}",
        answers.versioned(context -> queries.outlier(context.pathParam("outlier_id"))));
    routes.post("/api/anomalies/{outlier_id}/feedback", this::takeFeedback);
  }

  private Map<String, @Nullable Object> outliers(Context context, Scope scope) throws SQLException {
    return queries.outliers(
        scope,
        filter(context),
        new Page(
            Parameters.number(context, "limit", DEFAULT_ROWS, 1, MAX_ROWS),
            Parameters.number(context, "offset", 0, 0, MAX_OFFSET),
            Parameters.flag(context, "fold")));
  }

  private static OutlierFilter filter(Context context) {
    return new OutlierFilter()
        .and("severity = ?", Parameters.oneOf(context, "severity", SEVERITIES))
        .and("reason = ?", Parameters.oneOf(context, "reason", REASONS))
        .and("user_id = ?", Parameters.number(context, "user", Long.MIN_VALUE, Long.MAX_VALUE))
        .and(
            "database_id = ?",
            Parameters.number(context, "database", Long.MIN_VALUE, Long.MAX_VALUE))
        .and("query_type = ?", Parameters.text(context, "type"))
        .and("fingerprint = ?", Parameters.text(context, "fingerprint"))
        .and("execution_ms >= ?", Parameters.number(context, "min_duration_ms", 0, Long.MAX_VALUE));
  }

  /** Written whole to a file first: a slow reader does not keep the store waiting. */
  private void export(Context context) throws IOException, SQLException {
    Scope scope = Parameters.scope(context, clock.instant());
    OutlierFilter filter = filter(context);
    String code = Parameters.oneOf(context, "format", FORMATS);
    OutlierExport format =
        code == null ? OutlierExport.CSV : OutlierExport.valueOf(code.toUpperCase(Locale.ROOT));
    Path file = Files.createTempFile("outliers-", "." + format.code());
    try {
      Map<String, @Nullable Object> told =
          format.write(file, sink -> queries.export(scope, filter, MAX_EXPORTED_ROWS, sink));
      context
          .contentType(format.contentType())
          .header("Content-Disposition", "attachment; filename=\"outliers." + format.code() + "\"")
          .header("X-Total-Count", String.valueOf(told.get("total")))
          .result(Files.newInputStream(file, StandardOpenOption.DELETE_ON_CLOSE));
    } catch (IOException | SQLException | RuntimeException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }

  private void takeFeedback(Context context) throws IOException, SQLException {
    JsonNode body = body(context);
    String verdict = text(body, "verdict");
    if (verdict == null || !Feedback.VERDICTS.contains(verdict)) {
      throw new Problem(
          "verdict", body.path("verdict").asText(), String.join(" or ", Feedback.VERDICTS));
    }
    String note = text(body, "note");
    if (note != null && note.length() > Feedback.MAX_NOTE_LENGTH) {
      throw new Problem(
          "note",
          note.length() + " characters",
          "at most " + Feedback.MAX_NOTE_LENGTH + " characters");
    }
    String outlierId = context.pathParam("outlier_id");
    OutlierKey outlier = queries.key(outlierId);
    if (outlier == null) {
      throw new NotFoundResponse("no outlier has the id '" + outlierId + "'");
    }
    answers.send(
        context,
        201,
        feedback.say(
            outlier,
            // Nobody comes here without a name: see Access.
            requireNonNull(Access.nameOf(context)),
            verdict,
            note == null || note.isBlank() ? null : note));
  }

  /**
   * The body, a JSON object. It has to be declared as such: what other sites may let a browser send
   * without asking first is declared otherwise.
   */
  private static JsonNode body(Context context) throws IOException {
    String type = context.contentType();
    if (type == null || !type.toLowerCase(Locale.ROOT).startsWith("application/json")) {
      throw new HttpResponseException(415, "expected a body of type application/json");
    }
    byte[] bytes = context.bodyInputStream().readNBytes(MAX_BODY_BYTES + 1);
    if (bytes.length > MAX_BODY_BYTES) {
      throw new ContentTooLargeResponse("expected a body of at most " + MAX_BODY_BYTES + " bytes");
    }
    try {
      JsonNode body = Answers.json().readTree(bytes);
      if (body != null && body.isObject()) {
        return body;
      }
    } catch (JsonProcessingException e) {
      // Told below, as other JSON is.
    }
    throw new Problem(
        "body",
        new String(bytes, StandardCharsets.UTF_8),
        "a JSON object with verdict and, if wanted, note");
  }

  private static @Nullable String text(JsonNode body, String member) {
    JsonNode value = body.path(member);
    if (value.isMissingNode() || value.isNull()) {
      return null;
    }
    if (!value.isTextual()) {
      throw new Problem(member, value.toString(), "a text");
    }
    return value.textValue();
  }
}
