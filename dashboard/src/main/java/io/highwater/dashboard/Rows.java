package io.highwater.dashboard;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.Blob;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Results of SQL as JSON has them: a map a row, its keys the columns' names. Times are {@link
 * Instant}, NaN and infinity are null, text and bytes are made safe to show.
 */
final class Rows {
  /** How long a question may take; what takes longer would hold up all others. */
  static final int MAX_SECONDS = 10;

  /** Longer texts are cut. */
  static final int MAX_TEXT = 500;

  private Rows() {}

  /** Takes the names of the columns, then one row after the other. */
  interface Sink {
    void columns(List<String> names) throws IOException;

    void row(Map<String, @Nullable Object> row) throws IOException;
  }

  /**
   * All rows of the result.
   *
   * @throws SQLTimeoutException after {@link #MAX_SECONDS}
   */
  static List<Map<String, @Nullable Object>> all(
      Connection connection, String sql, List<?> parameters) throws SQLException {
    return all(connection, sql, parameters, MAX_SECONDS);
  }

  static List<Map<String, @Nullable Object>> all(
      Connection connection, String sql, List<?> parameters, int maxSeconds) throws SQLException {
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    try (PreparedStatement statement = prepare(connection, sql, parameters, maxSeconds);
        ResultSet result = statement.executeQuery()) {
      List<String> names = names(result);
      while (result.next()) {
        rows.add(row(result, names, MAX_TEXT));
      }
    } catch (SQLException e) {
      throw timeout(e, maxSeconds);
    }
    return rows;
  }

  /** Hands out rows as they are read, their texts whole; there may be many. */
  static void each(Connection connection, String sql, List<?> parameters, Sink sink)
      throws SQLException {
    try (PreparedStatement statement = prepare(connection, sql, parameters, MAX_SECONDS);
        ResultSet result = statement.executeQuery()) {
      List<String> names = names(result);
      sink.columns(names);
      while (result.next()) {
        sink.row(row(result, names, Integer.MAX_VALUE));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (SQLException e) {
      throw timeout(e, MAX_SECONDS);
    }
  }

  /** Nobody else interrupts a question. */
  private static SQLException timeout(SQLException e, int maxSeconds) {
    return String.valueOf(e.getMessage()).startsWith("INTERRUPT")
        ? new SQLTimeoutException(
            "the answer would take longer than %d s; ask for a shorter range or fewer instances"
                .formatted(maxSeconds),
            e)
        : e;
  }

  private static PreparedStatement prepare(
      Connection connection, String sql, List<?> parameters, int maxSeconds) throws SQLException {
    PreparedStatement statement = connection.prepareStatement(sql);
    statement.setQueryTimeout(maxSeconds);
    int index = 1;
    for (Object parameter : parameters) {
      statement.setObject(
          index++,
          parameter instanceof Instant instant
              ? LocalDateTime.ofInstant(instant, ZoneOffset.UTC)
              : parameter);
    }
    return statement;
  }

  private static List<String> names(ResultSet result) throws SQLException {
    ResultSetMetaData columns = result.getMetaData();
    List<String> names = new ArrayList<>();
    for (int i = 1; i <= columns.getColumnCount(); i++) {
      names.add(columns.getColumnName(i));
    }
    return names;
  }

  private static Map<String, @Nullable Object> row(
      ResultSet result, List<String> names, int maxText) throws SQLException {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      row.put(names.get(i), json(result, i + 1, maxText));
    }
    return row;
  }

  /** The only row of a query that always has one. */
  static Map<String, @Nullable Object> one(Connection connection, String sql, List<?> parameters)
      throws SQLException {
    return all(connection, sql, parameters).get(0);
  }

  /** A number of a row; 0 where there is none. */
  static double number(Map<String, @Nullable Object> row, String column) {
    return row.get(column) instanceof Number number ? number.doubleValue() : 0;
  }

  private static @Nullable Object json(ResultSet result, int column, int maxText)
      throws SQLException {
    Object value = result.getObject(column);
    if (value instanceof Timestamp) {
      return result.getObject(column, LocalDateTime.class).toInstant(ZoneOffset.UTC);
    }
    if (value instanceof Double number) {
      return Double.isFinite(number) ? number : null;
    }
    if (value instanceof BigInteger || value instanceof BigDecimal) {
      return ((Number) value).doubleValue();
    }
    if (value instanceof Blob blob) {
      return SafeText.of(blob.getBytes(1, Math.toIntExact(blob.length())), maxText);
    }
    if (value instanceof String text) {
      return SafeText.shorten(SafeText.escape(text), maxText);
    }
    return value;
  }
}
