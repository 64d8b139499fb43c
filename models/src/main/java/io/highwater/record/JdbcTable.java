package io.highwater.record;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table of a database, and how it is cut into ranges that can be read side by side.
 *
 * <p>The ranges are cut once, evenly between the least and the greatest value that the partition
 * column has then; the first and the last are open, and nulls are a range of their own. So a row
 * that stays as it is while the table is read comes exactly once. Each range is a snapshot of its
 * own: a row that is added or deleted meanwhile may come or not, and one whose partition column
 * changes may come twice or not at all.
 */
public final class JdbcTable {
  /** The axis of whole numbers on which a column's values are cut. */
  private enum Kind {
    WHOLE {
      @Override
      long read(ResultSet row, int column) throws SQLException {
        return row.getLong(column);
      }

      @Override
      void set(PreparedStatement statement, int index, long bound) throws SQLException {
        statement.setLong(index, bound);
      }
    },
    /** Cut at whole numbers. */
    DECIMAL {
      @Override
      long read(ResultSet row, int column) throws SQLException {
        return wholeOf(row.getDouble(column));
      }

      @Override
      void set(PreparedStatement statement, int index, long bound) throws SQLException {
        statement.setBigDecimal(index, BigDecimal.valueOf(bound));
      }
    },
    /** Cut at whole numbers. */
    DOUBLE {
      @Override
      long read(ResultSet row, int column) throws SQLException {
        return wholeOf(row.getDouble(column));
      }

      @Override
      void set(PreparedStatement statement, int index, long bound) throws SQLException {
        statement.setDouble(index, (double) bound);
      }
    },
    /** Days since the epoch. */
    DATE {
      @Override
      long read(ResultSet row, int column) throws SQLException {
        return row.getObject(column, LocalDate.class).toEpochDay();
      }

      @Override
      void set(PreparedStatement statement, int index, long bound) throws SQLException {
        statement.setObject(index, LocalDate.ofEpochDay(bound));
      }
    },
    /** Microseconds since the epoch. */
    TIMESTAMP {
      @Override
      long read(ResultSet row, int column) throws SQLException {
        return micros(row.getObject(column, LocalDateTime.class).toInstant(ZoneOffset.UTC));
      }

      @Override
      void set(PreparedStatement statement, int index, long bound) throws SQLException {
        statement.setObject(index, LocalDateTime.ofInstant(instant(bound), ZoneOffset.UTC));
      }
    },
    /** Microseconds since the epoch. */
    ZONED_TIMESTAMP {
      @Override
      long read(ResultSet row, int column) throws SQLException {
        return micros(row.getObject(column, OffsetDateTime.class).toInstant());
      }

      @Override
      void set(PreparedStatement statement, int index, long bound) throws SQLException {
        statement.setObject(index, instant(bound).atOffset(ZoneOffset.UTC));
      }
    };

    /**
     * @throws ArithmeticException where the value is infinite, or no number
     */
    abstract long read(ResultSet row, int column) throws SQLException;

    abstract void set(PreparedStatement statement, int index, long bound) throws SQLException;

    private static long wholeOf(double value) {
      if (!Double.isFinite(value)) {
        throw new ArithmeticException(Double.toString(value));
      }
      return (long) Math.floor(value);
    }

    private static long micros(Instant time) {
      return ChronoUnit.MICROS.between(Instant.EPOCH, time);
    }

    private static Instant instant(long micros) {
      return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
    }

    /** Null for a type that has no order of numbers or times. */
    static @Nullable Kind of(ResultSetMetaData columns) throws SQLException {
      return switch (JsonRows.typeOf(columns, 1)) {
        case Types.BIGINT -> WHOLE;
        case Types.NUMERIC -> DECIMAL;
        case Types.REAL, Types.DOUBLE -> DOUBLE;
        case Types.DATE -> DATE;
        case Types.TIMESTAMP -> TIMESTAMP;
        case Types.TIMESTAMP_WITH_TIMEZONE -> ZONED_TIMESTAMP;
        default -> null;
      };
    }
  }

  private final JdbcConfig config;
  private final String name;

  private JdbcTable(JdbcConfig config, String name) {
    this.config = config;
    this.name = name;
  }

  /**
   * A table that need not be there; nothing is asked of the database yet.
   *
   * @param name as the database spells it, as {@code table} or {@code schema.table}
   */
  public static JdbcTable of(JdbcConfig config, String name) {
    for (String part : name.split("\\.", -1)) {
      if (part.isBlank()) {
        throw new IllegalArgumentException(
            "the table is '" + name + "'; expected TABLE or SCHEMA.TABLE");
      }
    }
    return new JdbcTable(config, name);
  }

  String name() {
    return name;
  }

  JdbcConfig config() {
    return config;
  }

  /**
   * Fails if the database, the table or the column to cut it by is not there, or is none to cut by.
   *
   * @throws IOException with one line that names it
   */
  public void check() throws IOException {
    try (Connection connection = config.connect()) {
      kind(connection);
    } catch (SQLException e) {
      throw config.failure("cannot read table " + name + " of " + config.address(), e);
    }
  }

  /** Cuts the table as it is now; one range without a column to cut it by. */
  public List<JdbcRange> ranges() throws IOException {
    try (Connection connection = config.connect()) {
      Kind kind = kind(connection);
      if (kind == null) {
        return List.of(new JdbcRange(0, null, null, false));
      }
      return ranges(connection, kind);
    } catch (SQLException e) {
      throw config.failure("cannot read table " + name + " of " + config.address(), e);
    }
  }

  private List<JdbcRange> ranges(Connection connection, Kind kind)
      throws SQLException, IOException {
    String column = quotedPartitionColumn(connection);
    List<Long> cuts = new ArrayList<>();
    String sql = "SELECT min(%1$s), max(%1$s) FROM %2$s".formatted(column, quotedName(connection));
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      if (row.getObject(1) != null) {
        cuts = cuts(kind.read(row, 1), kind.read(row, 2), config.partitions());
      }
    } catch (ArithmeticException e) {
      throw new IOException(
          "table %s cannot be cut by %s, whose least or greatest value is infinite or no number; give another partitionColumn"
              .formatted(name, config.partitionColumn()),
          e);
    }
    List<JdbcRange> ranges = new ArrayList<>();
    Long from = null;
    for (Long cut : cuts) {
      ranges.add(new JdbcRange(ranges.size(), from, cut, false));
      from = cut;
    }
    ranges.add(new JdbcRange(ranges.size(), from, null, false));
    ranges.add(new JdbcRange(ranges.size(), null, null, true));
    return ranges;
  }

  /** The bounds between at most {@code count} parts of equal length. */
  static List<Long> cuts(long least, long greatest, int count) {
    BigInteger start = BigInteger.valueOf(least);
    BigInteger length = BigInteger.valueOf(greatest).subtract(start).add(BigInteger.ONE);
    List<Long> cuts = new ArrayList<>();
    long last = least;
    for (int part = 1; part < count; part++) {
      long cut =
          length
              .multiply(BigInteger.valueOf(part))
              .divide(BigInteger.valueOf(count))
              .add(start)
              .longValueExact();
      if (cut > last) {
        cuts.add(cut);
        last = cut;
      }
    }
    return cuts;
  }

  /** A statement that gives the rows of a range; closing it leaves the connection open. */
  PreparedStatement select(Connection connection, JdbcRange range)
      throws SQLException, IOException {
    Kind kind = kind(connection);
    List<String> conditions = new ArrayList<>();
    if (kind != null) {
      String column = quotedPartitionColumn(connection);
      if (range.nulls()) {
        conditions.add(column + " IS NULL");
      } else if (range.from() == null && range.to() == null) {
        conditions.add(column + " IS NOT NULL");
      }
      if (range.from() != null) {
        conditions.add(column + " >= ?");
      }
      if (range.to() != null) {
        conditions.add(column + " < ?");
      }
    }
    PreparedStatement statement =
        connection.prepareStatement(
            "SELECT * FROM "
                + quotedName(connection)
                + (conditions.isEmpty() ? "" : " WHERE " + String.join(" AND ", conditions)));
    try {
      int index = 1;
      if (kind != null && range.from() != null) {
        kind.set(statement, index++, range.from());
      }
      if (kind != null && range.to() != null) {
        kind.set(statement, index, range.to());
      }
      statement.setFetchSize(config.fetchSize());
      return statement;
    } catch (SQLException | RuntimeException e) {
      statement.close();
      throw e;
    }
  }

  /** Of the column that the table is cut by; null where there is none. */
  private @Nullable Kind kind(Connection connection) throws SQLException, IOException {
    String column = config.partitionColumn();
    String sql =
        "SELECT %s FROM %s WHERE 1 = 0"
            .formatted(
                column == null ? "*" : quotedPartitionColumn(connection), quotedName(connection));
    try (Statement statement = connection.createStatement();
        ResultSet empty = statement.executeQuery(sql)) {
      if (column == null) {
        return null;
      }
      Kind kind = Kind.of(empty.getMetaData());
      if (kind == null) {
        throw new IOException(
            "table %s cannot be cut by %s of type %s; expected a column of numbers or times"
                .formatted(name, column, empty.getMetaData().getColumnTypeName(1)));
      }
      return kind;
    }
  }

  private String quotedName(Connection connection) throws SQLException {
    List<String> parts = new ArrayList<>();
    for (String part : name.split("\\.", -1)) {
      parts.add(quoted(connection, part));
    }
    return String.join(".", parts);
  }

  private String quotedPartitionColumn(Connection connection) throws SQLException {
    return quoted(connection, String.valueOf(config.partitionColumn()));
  }

  private static String quoted(Connection connection, String identifier) throws SQLException {
    String quote = connection.getMetaData().getIdentifierQuoteString();
    if (quote == null || quote.isBlank()) {
      quote = "\"";
    }
    return quote + identifier.replace(quote, quote + quote) + quote;
  }
}
