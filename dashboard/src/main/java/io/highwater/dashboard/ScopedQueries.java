package io.highwater.dashboard;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Asks the store about what a scope means: the one place where that is decided. */
final class ScopedQueries {
  private final HotStore store;
  private final InstantSource clock;

  ScopedQueries(HotStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  /** Adds what is asked for to an answer that says already what was selected. */
  @FunctionalInterface
  interface Question {
    void ask(Connection connection, Selection selection, Map<String, @Nullable Object> answer)
        throws SQLException;
  }

  /** The answer; what was selected and what is told of it are of one commit. */
  Map<String, @Nullable Object> ask(Scope scope, Question question) throws SQLException {
    return store.read(
        connection -> {
          Selection selection = Selection.of(connection, scope, clock.instant());
          Map<String, @Nullable Object> answer = selection.describe();
          question.ask(connection, selection, answer);
          return answer;
        });
  }
}
