package io.highwater.dashboard;

import java.sql.SQLException;
import java.time.InstantSource;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * What was answered since the store last changed. Pages that look at the same thing ask the same
 * questions at the same time: each is put to the store once, and who comes meanwhile waits for the
 * answer. It is forgotten with the next commit, and with the minute, as time decides what is too
 * far ahead to count.
 */
final class KeptAnswers {
  /** What is asked beyond this is answered and not kept. */
  private static final int MAX_QUESTIONS = 1_000;

  private final HotStore store;
  private final InstantSource clock;
  private volatile Kept kept = new Kept("", new ConcurrentHashMap<>());

  private record Kept(String version, ConcurrentHashMap<String, FutureTask<Object>> answers) {}

  KeptAnswers(HotStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  /** Puts a question to the store. */
  @FunctionalInterface
  interface Question<T> {
    T ask() throws SQLException;
  }

  /**
   * The answer, which must not be changed; of another thread's asking, perhaps.
   *
   * @param name of the question: the same for the same
   */
  <T> T get(String name, Question<T> question) throws SQLException {
    Kept now = current();
    FutureTask<Object> task = new FutureTask<>((Callable<Object>) question::ask);
    FutureTask<Object> first =
        now.answers.size() < MAX_QUESTIONS
            ? now.answers.putIfAbsent(name, task)
            : now.answers.get(name);
    if (first == null) {
      first = task;
      task.run();
    }
    try {
      @SuppressWarnings("unchecked") // A name stands for one question, and so for one type.
      T answer = (T) first.get();
      return answer;
    } catch (ExecutionException e) {
      now.answers.remove(name, first);
      throw failure(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SQLException("interrupted while another thread asked the same", e);
    }
  }

  /** Forgets an answer that does not depend on the store alone. */
  void forget(String name) {
    kept.answers.remove(name);
  }

  private Kept current() {
    String version =
        store.version() + "-" + Parameters.endOfMinute(clock.instant()).getEpochSecond();
    Kept now = kept;
    if (!now.version.equals(version)) {
      now = new Kept(version, new ConcurrentHashMap<>());
      kept = now;
    }
    return now;
  }

  private static SQLException failure(@Nullable Throwable cause) {
    if (cause instanceof RuntimeException problem) {
      throw problem;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof SQLException e ? e : new SQLException(cause);
  }
}
