package io.highwater.record;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a query as the JSON objects that a producer would have sent: numbers exactly,
 * timestamps as ISO 8601 in UTC with microseconds, bytes as UTF-8 or else in hexadecimal after
 * {@code \x}, everything else as the text that the database makes of it. NaN and infinity, which
 * JSON does not have, are texts.
 */
final class JsonRows {
  private static final Pattern JSON_NUMBER =
      Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");

  private record Column(String start, int type) {}

  private final ResultSet rows;
  private final List<Column> columns;
  private final StringBuilder json = new StringBuilder(1024);

  private JsonRows(ResultSet rows, List<Column> columns) {
    this.rows = rows;
    this.columns = columns;
  }

  static JsonRows of(ResultSet rows) throws SQLException {
    ResultSetMetaData metaData = rows.getMetaData();
    List<Column> columns = new ArrayList<>();
    for (int index = 1; index <= metaData.getColumnCount(); index++) {
      StringBuilder start = new StringBuilder(index == 1 ? "{" : ", ");
      JsonText.appendText(start, metaData.getColumnLabel(index));
      columns.add(new Column(start.append(": ").toString(), typeOf(metaData, index)));
    }
    return new JsonRows(rows, columns);
  }

  /**
   * How a column is read: {@link Types#BIGINT}, {@link Types#NUMERIC}, {@link Types#REAL}, {@link
   * Types#DOUBLE}, {@link Types#BOOLEAN}, {@link Types#DATE}, {@link Types#TIMESTAMP}, {@link
   * Types#TIMESTAMP_WITH_TIMEZONE}, {@link Types#VARBINARY}, or {@link Types#VARCHAR} for all else.
   */
  static int typeOf(ResultSetMetaData columns, int index) throws SQLException {
    String name = columns.getColumnTypeName(index).toUpperCase(Locale.ROOT);
    return switch (name) {
      case "BOOL" -> Types.BOOLEAN;
      // PostgreSQL's driver says that it is a timestamp without a zone.
      case "TIMESTAMPTZ" -> Types.TIMESTAMP_WITH_TIMEZONE;
      // PostgreSQL's driver says that it is a double; its text has a currency.
      case "MONEY" -> Types.VARCHAR;
      // DuckDB's whole numbers that a long does not hold.
      case "UBIGINT", "HUGEINT", "UHUGEINT" -> Types.NUMERIC;
      default ->
          switch (columns.getColumnType(index)) {
            case Types.TINYINT, Types.SMALLINT, Types.INTEGER, Types.BIGINT ->
                name.endsWith("UNSIGNED") ? Types.NUMERIC : Types.BIGINT;
            case Types.NUMERIC, Types.DECIMAL -> Types.NUMERIC;
            case Types.REAL -> Types.REAL;
            case Types.FLOAT, Types.DOUBLE -> Types.DOUBLE;
            case Types.BOOLEAN -> Types.BOOLEAN;
            case Types.BIT -> columns.getPrecision(index) > 1 ? Types.VARCHAR : Types.BOOLEAN;
            case Types.DATE -> Types.DATE;
            case Types.TIMESTAMP -> Types.TIMESTAMP;
            case Types.TIMESTAMP_WITH_TIMEZONE -> Types.TIMESTAMP_WITH_TIMEZONE;
            case Types.BINARY, Types.VARBINARY, Types.LONGVARBINARY, Types.BLOB -> Types.VARBINARY;
            default -> Types.VARCHAR;
          };
    };
  }

  /** The row that the result stands at, in UTF-8. */
  byte[] row() throws SQLException {
    json.setLength(0);
    for (int index = 0; index < columns.size(); index++) {
      Column column = columns.get(index);
      json.append(column.start());
      int before = json.length();
      appendValue(column.type(), index + 1);
      if (rows.wasNull()) {
        json.setLength(before);
        json.append("null");
      }
    }
    return json.append('}').toString().getBytes(StandardCharsets.UTF_8);
  }

  private void appendValue(int type, int index) throws SQLException {
    switch (type) {
      case Types.BIGINT -> json.append(rows.getLong(index));
      case Types.REAL -> JsonText.appendDouble(json, rows.getFloat(index));
      case Types.DOUBLE -> JsonText.appendDouble(json, rows.getDouble(index));
      case Types.BOOLEAN -> json.append(rows.getBoolean(index));
      case Types.NUMERIC -> appendDecimal(rows.getString(index));
      case Types.TIMESTAMP -> appendTime(rows.getObject(index, LocalDateTime.class));
      case Types.TIMESTAMP_WITH_TIMEZONE -> {
        OffsetDateTime time = rows.getObject(index, OffsetDateTime.class);
        appendTime(time == null ? null : inUtc(time));
      }
      case Types.VARBINARY -> appendBytes(rows.getBytes(index));
      default -> appendNullable(rows.getString(index));
    }
  }

  private void appendDecimal(@Nullable String value) {
    if (value != null && JSON_NUMBER.matcher(value).matches()) {
      json.append(value);
    } else {
      appendNullable(value);
    }
  }

  /** PostgreSQL's driver makes the greatest and the least time of infinity. */
  private static LocalDateTime inUtc(OffsetDateTime time) {
    if (time.equals(OffsetDateTime.MAX)) {
      return LocalDateTime.MAX;
    }
    return time.equals(OffsetDateTime.MIN)
        ? LocalDateTime.MIN
        : time.withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime();
  }

  private void appendTime(@Nullable LocalDateTime time) {
    if (time == null) {
      return;
    }
    if (time.equals(LocalDateTime.MAX) || time.equals(LocalDateTime.MIN)) {
      JsonText.appendText(json, time.equals(LocalDateTime.MAX) ? "infinity" : "-infinity");
      return;
    }
    JsonText.appendTime(json, time);
  }

  private void appendBytes(byte @Nullable [] bytes) {
    if (bytes == null) {
      return;
    }
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      text = "\\x" + HexFormat.of().formatHex(bytes);
    }
    JsonText.appendText(json, text);
  }

  private void appendNullable(@Nullable String text) {
    if (text != null) {
      JsonText.appendText(json, text);
    }
  }
}
