package io.highwater.dashboard;

import io.highwater.dashboard.HistoryRange.Hours;
import io.highwater.dashboard.Selection.NewestWindow;
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
  private final KeptAnswers kept;
  private final HistoryStore history;
  private final InstantSource clock;

  ScopedQueries(HotStore store, KeptAnswers kept, HistoryStore history, InstantSource clock) {
    this.store = store;
    this.kept = kept;
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
   * The answer. All that is told of the selection is of one commit; its end may be of the one
   * before.
   *
   * @throws HistoryLoading if it is of a range that is being loaded from the lake
   */
  Map<String, @Nullable Object> ask(Scope scope, Question question) throws SQLException {
    Hours hours = history.before(scope);
    if (hours != null) {
      return history.read(
          hours,
          connection ->
              ask(
                  connection,
                  scope,
                  Selection.newest(connection, clock.instant()),
                  LAKE,
                  question));
    }
    NewestWindow newest =
        kept.get(
            "newest window",
            () -> store.read(connection -> Selection.newest(connection, clock.instant())));
    return store.read(connection -> ask(connection, scope, newest, "store", question));
  }

  private Map<String, @Nullable Object> ask(
      Connection connection, Scope scope, NewestWindow newest, String source, Question question)
      throws SQLException {
    Selection selection = Selection.of(connection, scope, newest, clock.instant());
    Map<String, @Nullable Object> answer = selection.describe();
    answer.put("source", source);
    question.ask(connection, selection, answer);
    return answer;
  }
}
