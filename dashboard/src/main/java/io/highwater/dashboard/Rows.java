package io.highwater.dashboard;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.Blob;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
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
  /** Longer texts are cut. */
  static final int MAX_TEXT = 500;

  private Rows() {}

  static List<Map<String, @Nullable Object>> all(
      Connection connection, String sql, List<?> parameters) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int index = 1;
      for (Object parameter : parameters) {
        statement.setObject(
            index++,
            parameter instanceof Instant instant
                ? LocalDateTime.ofInstant(instant, ZoneOffset.UTC)
                : parameter);
      }
      try (ResultSet result = statement.executeQuery()) {
        ResultSetMetaData columns = result.getMetaData();
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        while (result.next()) {
          Map<String, @Nullable Object> row = new LinkedHashMap<>();
          for (int i = 1; i <= columns.getColumnCount(); i++) {
            row.put(columns.getColumnName(i), json(result, i));
          }
          rows.add(row);
        }
        return rows;
      }
    }
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

  private static @Nullable Object json(ResultSet result, int column) throws SQLException {
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
      return SafeText.of(blob.getBytes(1, Math.toIntExact(blob.length())), MAX_TEXT);
    }
    if (value instanceof String text) {
      return SafeText.shorten(SafeText.escape(text), MAX_TEXT);
    }
    return value;
  }
}
