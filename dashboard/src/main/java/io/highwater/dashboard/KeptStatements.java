package io.highwater.dashboard;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A connection whose prepared statements stay prepared after they are closed, as the questions of a
 * page are the same again and again: to parse and plan one takes as long as to answer it. Of one
 * text one statement may be open at a time.
 */
final class KeptStatements implements InvocationHandler {
  private static final int MAX_STATEMENTS = 60;

  private static final ScheduledThreadPoolExecutor TIMEOUTS = timeouts();

  private final Connection connection;

  /** The one used last comes last. */
  private final Map<String, PreparedStatement> statements = new LinkedHashMap<>(16, 0.75f, true);

  private KeptStatements(Connection connection) {
    this.connection = connection;
  }

  private static ScheduledThreadPoolExecutor timeouts() {
    ScheduledThreadPoolExecutor timeouts =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "query-timeout");
              thread.setDaemon(true);
              return thread;
            });
    timeouts.setRemoveOnCancelPolicy(true);
    return timeouts;
  }

  static Connection over(Connection connection) {
    return proxy(Connection.class, new KeptStatements(connection));
  }

  @Override
  public @Nullable Object invoke(
      Object proxy, Method method, @Nullable Object @Nullable [] arguments) throws Throwable {
    if (method.getName().equals("prepareStatement")
        && arguments != null
        && arguments.length == 1
        && arguments[0] instanceof String sql) {
      return proxy(PreparedStatement.class, new OpenStatement(statement(sql)));
    }
    return call(connection, method, arguments);
  }

  /**
   * A statement until it is closed. DuckDB's own timeout ends when the statement is closed and not
   * when it has been answered: it would interrupt the same question, asked again seconds later.
   */
  private static final class OpenStatement implements InvocationHandler {
    private final PreparedStatement statement;
    private int timeoutSeconds;
    private @Nullable Future<?> timeout;

    OpenStatement(PreparedStatement statement) {
      this.statement = statement;
    }

    @Override
    public @Nullable Object invoke(
        Object proxy, Method method, @Nullable Object @Nullable [] arguments) throws Throwable {
      switch (method.getName()) {
        case "setQueryTimeout":
          timeoutSeconds = arguments != null && arguments[0] instanceof Integer i ? i : 0;
          return null;
        case "close":
          if (timeout != null) {
            timeout.cancel(false);
          }
          return null;
        case "executeQuery":
          if (timeoutSeconds > 0) {
            timeout = TIMEOUTS.schedule(this::cancel, timeoutSeconds, TimeUnit.SECONDS);
          }
          return call(statement, method, arguments);
        default:
          return call(statement, method, arguments);
      }
    }

    private @Nullable Void cancel() throws SQLException {
      statement.cancel();
      return null;
    }
  }

  private PreparedStatement statement(String sql) throws SQLException {
    PreparedStatement statement = statements.get(sql);
    if (statement == null) {
      Iterator<PreparedStatement> eldest = statements.values().iterator();
      while (statements.size() >= MAX_STATEMENTS) {
        eldest.next().close();
        eldest.remove();
      }
      statement = connection.prepareStatement(sql);
      statements.put(sql, statement);
    }
    return statement;
  }

  private static @Nullable Object call(
      Object target, Method method, @Nullable Object @Nullable [] arguments) throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getTargetException();
    }
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(
        Proxy.newProxyInstance(
            KeptStatements.class.getClassLoader(), new Class<?>[] {type}, handler));
  }
}
