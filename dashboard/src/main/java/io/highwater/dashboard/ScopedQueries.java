package io.highwater.dashboard;

import io.highwater.dashboard.HistoryRange.Hours;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Asks the store about what a scope means: the one place where that is decided. */
final class ScopedQueries {
  /** The source of answers that do not depend on the hot store. */
  static final String LAKE = "lake";

  private final HotStore store;
  private final HistoryStore history;
  private final InstantSource clock;

  ScopedQueries(HotStore store, HistoryStore history, InstantSource clock) {
    this.store = store;
    this.history = history;
    this.clock = clock;
  }

  /** Adds what is asked for to an answer that says already what was selected. */
  @FunctionalInterface
  interface Question {
    void ask(Connection connection, Selection selection, Map<String, @Nullable Object> answer)
        throws SQLException;
  }

  /**
   * The answer; what was selected and what is told of it are of one commit.
   *
   * @throws HistoryLoading if it is of a range that is being loaded from the lake
   */
  Map<String, @Nullable Object> ask(Scope scope, Question question) throws SQLException {
    Hours hours = history.before(scope);
    return hours == null
        ? store.read(connection -> ask(connection, scope, "store", question))
        : history.read(hours, connection -> ask(connection, scope, LAKE, question));
  }

  private Map<String, @Nullable Object> ask(
      Connection connection, Scope scope, String source, Question question) throws SQLException {
    Selection selection = Selection.of(connection, scope, clock.instant());
    Map<String, @Nullable Object> answer = selection.describe();
    answer.put("source", source);
    question.ask(connection, selection, answer);
    return answer;
  }
}
