package io.highwater.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HttpResponseException;
import java.io.IOException;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the API answers: JSON with times in ISO 8601, what is wrong with a request as problem details
 * (RFC 9457). Answers that depend on the store alone carry its version as their entity tag, so that
 * asking again costs nothing until there is something new.
 */
final class Answers {
  private static final Logger log = LoggerFactory.getLogger(Answers.class);

  private static final String JSON_TYPE = "application/json";

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .addModule(
              new SimpleModule()
                  .addSerializer(text(Instant.class, Instant::toString))
                  .addSerializer(new FiniteOrNull()))
          .build();

  private final HotStore store;
  private final KeptAnswers kept;
  private final InstantSource clock;

  Answers(HotStore store, KeptAnswers kept, InstantSource clock) {
    this.store = store;
    this.kept = kept;
    this.clock = clock;
  }

  /** What a path answers with. */
  @FunctionalInterface
  interface Answer {
    Map<String, ? extends @Nullable Object> of(Context context) throws SQLException;
  }

  /** What a path answers with that looks at a scope. */
  @FunctionalInterface
  interface ScopedAnswer {
    Map<String, ? extends @Nullable Object> of(Context context, Scope scope) throws SQLException;
  }

  /** {@link #versioned}, the scope read from the request. */
  Handler scoped(ScopedAnswer answer) {
    return versioned(context -> answer.of(context, Parameters.scope(context, clock.instant())));
  }

  /** What depends on the store and the request alone. */
  Handler versioned(Answer answer) {
    return context -> {
      String version = store.version();
      if ("now".equals(context.queryParam("anchor"))) {
        version += "-" + Parameters.endOfMinute(clock.instant()).getEpochSecond();
      }
      String tag = "W/\"" + version + "\"";
      context.header("ETag", tag);
      context.header("Cache-Control", "no-cache");
      if (tag.equals(context.header("If-None-Match"))) {
        context.status(304);
      } else {
        String question = context.path() + "?" + context.queryString();
        Body body = kept.get(question, () -> Body.of(answer.of(context)));
        if (body.isOfLake()) {
          // The store's version says nothing of it.
          context.removeHeader("ETag");
          kept.forget(question);
        }
        context.status(200).contentType(JSON_TYPE).result(body.bytes());
      }
    };
  }

  private record Body(byte[] bytes, boolean isOfLake) {
    static Body of(Map<String, ? extends @Nullable Object> answer) {
      return new Body(bytesOf(answer), ScopedQueries.LAKE.equals(answer.get("source")));
    }
  }

  /** What depends on other things as well. */
  Handler unversioned(Answer answer) {
    return context -> send(context, 200, answer.of(context));
  }

  void send(Context context, int status, Object answer) {
    send(context, status, JSON_TYPE, answer);
  }

  /** The mapper that answers are written with. */
  static ObjectMapper json() {
    return JSON;
  }

  /** Turns whatever a path throws into a problem. */
  void addProblemsTo(RoutesConfig routes) {
    routes.exception(
        Problem.class,
        (problem, context) -> sendProblem(context, 400, problem.toJson(context.path())));
    routes.exception(
        HistoryLoading.class,
        (loading, context) -> {
          context.removeHeader("ETag");
          context.header("Retry-After", "1");
          send(context, 202, JSON_TYPE, loading.toJson());
        });
    routes.exception(
        SQLTimeoutException.class,
        (e, context) ->
            sendProblem(
                context,
                503,
                Problem.json(503, title(503), String.valueOf(e.getMessage()), context.path())));
    routes.exception(
        HttpResponseException.class,
        (e, context) ->
            sendProblem(
                context,
                e.getStatus(),
                Problem.json(e.getStatus(), title(e.getStatus()), detail(e), context.path())));
    routes.exception(
        Exception.class,
        (e, context) -> {
          log.error("{} failed", context.path(), e);
          sendProblem(
              context,
              500,
              Problem.json(
                  500, title(500), "the server's log says what went wrong", context.path()));
        });
  }

  private static void sendProblem(Context context, int status, Object problem) {
    context.removeHeader("ETag");
    send(context, status, Problem.CONTENT_TYPE, problem);
  }

  private static void send(Context context, int status, String contentType, Object answer) {
    context.status(status).contentType(contentType).result(bytesOf(answer));
  }

  private static byte[] bytesOf(Object answer) {
    try {
      return JSON.writeValueAsBytes(answer);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("an answer does not turn into JSON", e);
    }
  }

  private static String title(int status) {
    return switch (status) {
      case 401 -> "Unauthorized";
      case 403 -> "Forbidden";
      case 404 -> "Not found";
      case 405 -> "Method not allowed";
      case 413 -> "Content too large";
      case 415 -> "Unsupported media type";
      case 429 -> "Too many requests";
      case 500 -> "Internal error";
      case 503 -> "Service unavailable";
      default -> "Request failed";
    };
  }

  private static String detail(HttpResponseException e) {
    String message = e.getMessage();
    return message == null || message.isBlank()
        ? title(e.getStatus()).toLowerCase(Locale.ROOT)
        : SafeText.shorten(SafeText.escape(message), Rows.MAX_TEXT);
  }

  private static <T> StdSerializer<T> text(Class<T> type, Function<T, String> text) {
    return new StdSerializer<>(type) {
      private static final long serialVersionUID = 1L;

      @Override
      public void serialize(T value, JsonGenerator generator, SerializerProvider provider)
          throws IOException {
        generator.writeString(text.apply(value));
      }
    };
  }

  /** JSON knows no NaN and no infinity. Whole numbers are written as such. */
  private static final class FiniteOrNull extends StdSerializer<Double> {
    private static final long serialVersionUID = 1L;
    private static final double EXACT = 1L << 53;

    FiniteOrNull() {
      super(Double.class);
    }

    @Override
    public void serialize(Double value, JsonGenerator generator, SerializerProvider provider)
        throws IOException {
      if (!Double.isFinite(value)) {
        generator.writeNull();
      } else if (value == Math.rint(value) && Math.abs(value) <= EXACT) {
        generator.writeNumber(value.longValue());
      } else {
        generator.writeNumber(value);
      }
    }
  }
}
