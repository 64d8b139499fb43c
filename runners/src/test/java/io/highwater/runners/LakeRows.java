package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.contract.FieldType;
import io.highwater.contract.Measure;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.transforms.Table;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.util.ByteArrayReadableSeekableByteChannel;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;

/**
 * The rows of lakes, from the files that count, in an in-memory DuckDB: a schema a lake, with the
 * tables events, rollups and rejected and the view rollups_latest.
 */
final class LakeRows implements AutoCloseable {
  private static final int SHOWN = 5;

  /** docs/measures.md says so. */
  private static final int EXACT_QUANTILE_ROWS = 800;

  private final Contract contract;
  private final BufferAllocator allocator;
  private final DuckDBConnection connection;

  private LakeRows(Contract contract, BufferAllocator allocator, DuckDBConnection connection) {
    this.contract = contract;
    this.allocator = allocator;
    this.connection = connection;
  }

  static LakeRows of(Contract contract) throws SQLException {
    return new LakeRows(
        contract,
        new RootAllocator(),
        DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class));
  }

  /** Loads a lake into the schema {@code name}. */
  void load(String name, Path lake) throws SQLException, IOException {
    execute("CREATE SCHEMA " + name);
    for (Table table : Table.values()) {
      String target = name + "." + table.folder();
      createEmpty(target, table);
      List<String> parquet = new ArrayList<>();
      for (LakeFile file : LakeTable.of(lake, contract.id(), table.folder()).files()) {
        if (file.isArrow()) {
          try (ArrowReader reader = ArrowFiles.open(file.path(), allocator)) {
            run("INSERT INTO " + target + " BY NAME SELECT * FROM rows_of_file", reader);
          }
        } else {
          parquet.add("'" + file.path() + "'");
        }
      }
      if (!parquet.isEmpty()) {
        execute(
            "INSERT INTO %s BY NAME SELECT * FROM read_parquet(%s, hive_partitioning = false)"
                .formatted(target, parquet));
      }
    }
    execute(
        "CREATE VIEW %1$s.rollups_latest AS FROM %1$s.rollups QUALIFY row_number() OVER (PARTITION BY window_start, window_millis, %2$s ORDER BY run_id DESC, pane_index DESC) = 1"
            .formatted(name, keys()));
  }

  /** A table with the columns that the files are to have. */
  private void createEmpty(String target, Table table) throws SQLException, IOException {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ArrowFiles.assemble(table.schema(contract), List.of(), Channels.newChannel(file));
    try (ArrowReader reader =
        ArrowFiles.open(new ByteArrayReadableSeekableByteChannel(file.toByteArray()), allocator)) {
      run("CREATE TABLE " + target + " AS FROM rows_of_file", reader);
    }
  }

  private void run(String sql, ArrowReader reader) throws SQLException {
    try (ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, reader, stream);
      connection.registerArrowStream("rows_of_file", stream);
      execute(sql);
    }
  }

  /** Loads what was sent: _topic, _partition, _offset, raw, code, and fields of the query. */
  void loadSent(TestTopic topic) throws SQLException {
    execute(
        "CREATE TABLE sent (_topic VARCHAR, _partition INTEGER, _offset BIGINT, raw BLOB, code VARCHAR, instance_id BIGINT, query_id BIGINT, arrival_timestamp TIMESTAMP)");
    try (DuckDBAppender appender = connection.createAppender("main", "sent")) {
      for (TestTopic.Sent sent : topic.sent()) {
        appender.beginRow();
        appender.append(topic.name());
        appender.append(sent.partition());
        appender.append(sent.offset());
        appender.append(sent.message().value());
        appender.append(sent.message().code() == null ? null : sent.message().code().name());
        appender.append((long) sent.message().query().instanceId());
        appender.append(sent.message().query().queryId());
        appender.append(
            LocalDateTime.ofEpochSecond(
                sent.message().query().arrivalMicros() / 1_000_000,
                (int) (sent.message().query().arrivalMicros() % 1_000_000) * 1_000,
                ZoneOffset.UTC));
        appender.endRow();
      }
    }
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The rows of a query, each with its values after commas. */
  List<String> rows(String sql) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      int columns = result.getMetaData().getColumnCount();
      while (result.next()) {
        List<String> values = new ArrayList<>();
        for (int column = 1; column <= columns; column++) {
          values.add(String.valueOf(result.getString(column)));
        }
        rows.add(String.join(", ", values));
      }
    }
    return rows;
  }

  long count(String relation) throws SQLException {
    return Long.parseLong(rows("SELECT count(*) FROM " + relation).get(0));
  }

  /** Some rows that one of two queries gives more often than the other; none where they agree. */
  List<String> differences(String left, String right) throws SQLException {
    List<String> differences = new ArrayList<>();
    for (String[] pair : new String[][] {{"only left", left, right}, {"only right", right, left}}) {
      rows("(%s) EXCEPT ALL (%s) LIMIT %d".formatted(pair[1], pair[2], SHOWN))
          .forEach(row -> differences.add(pair[0] + ": " + row));
    }
    return differences;
  }

  /** What a lake says of its windows, without the run and the pane that said it. */
  String rollUps(String lake) {
    return "SELECT * EXCLUDE (run_id, pane_index) REPLACE (%s) FROM %s.rollups_latest"
        .formatted(
            contract.rollUp().measures().stream()
                .filter(measure -> measure.function() == Measure.Function.QUANTILE)
                .map(measure -> whereExact(measure.name(), "queries") + " AS " + measure.name())
                .collect(Collectors.joining(", ")),
            lake);
  }

  /** Null where a window has more rows than a quantile is exact of. */
  private static String whereExact(String quantile, String rows) {
    return "CASE WHEN %s <= %d THEN %s END".formatted(rows, EXACT_QUANTILE_ROWS, quantile);
  }

  /** As {@link #rollUps}, of the columns that {@link #rollUpsOfEvents} has. */
  String aggregatesOfRollUps(String lake) {
    return "SELECT window_start, window_millis, %s, is_final, %s FROM (%s)"
        .formatted(
            keys(), measures().map(Measure::name).collect(Collectors.joining(", ")), rollUps(lake));
  }

  /** The measures that a GROUP BY gives bit by bit. */
  private Stream<Measure> measures() {
    return contract.rollUp().measures().stream()
        .filter(measure -> measure.settings().by() == null)
        .filter(measure -> measure.function() != Measure.Function.TOP)
        .filter(measure -> measure.function() != Measure.Function.CORRELATION);
  }

  /** What the roll-ups are to be: the measures of the contract by a GROUP BY over the events. */
  String rollUpsOfEvents(String lake) {
    List<String> windows = new ArrayList<>();
    for (Duration window : contract.rollUp().windows()) {
      long micros = window.toMillis() * 1_000;
      windows.add(
          "SELECT make_timestamp(epoch_us(%1$s) - epoch_us(%1$s) %% %2$d) AS window_start, %3$d::BIGINT AS window_millis, %4$s, true AS is_final, %5$s FROM %6$s.events GROUP BY ALL"
              .formatted(
                  contract.eventTime(),
                  micros,
                  window.toMillis(),
                  keys(),
                  measures().map(this::aggregate).collect(Collectors.joining(", ")),
                  lake));
    }
    return String.join(" UNION ALL ", windows);
  }

  /**
   * Where the roll-ups are not what the events give; none where they agree. Sums of doubles are
   * compared without rounding but the last one, which DuckDB's sum() is not.
   */
  List<String> rollUpDifferences(String lake) throws SQLException {
    List<Measure> doubleSums = measures().filter(this::isDoubleSum).toList();
    String others =
        doubleSums.isEmpty()
            ? "*"
            : "* EXCLUDE (%s)"
                .formatted(
                    doubleSums.stream().map(Measure::name).collect(Collectors.joining(", ")));
    List<String> differences =
        differences(
            "SELECT %s FROM (%s)".formatted(others, rollUpsOfEvents(lake)),
            "SELECT %s FROM (%s)".formatted(others, aggregatesOfRollUps(lake)));
    for (Measure measure : doubleSums) {
      for (Duration window : contract.rollUp().windows()) {
        differences.addAll(doubleSumDifferences(lake, measure, window));
      }
    }
    return differences;
  }

  private boolean isDoubleSum(Measure measure) {
    return measure.function() == Measure.Function.SUM
        && measure.column() != null
        && contract.typeOf(measure.column()).sqlType().equals("DOUBLE");
  }

  private List<String> doubleSumDifferences(String lake, Measure measure, Duration window)
      throws SQLException {
    if (measure.where() != null) {
      throw new IllegalArgumentException(measure.name() + " has a where; expected none");
    }
    Map<String, BigDecimal> sums = new HashMap<>();
    String events =
        "SELECT make_timestamp(epoch_us(%1$s) - epoch_us(%1$s) %% %2$d), %3$s, %4$s FROM %5$s.events WHERE %4$s IS NOT NULL"
            .formatted(
                contract.eventTime(), window.toMillis() * 1_000, keys(), measure.column(), lake);
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(events)) {
      int last = rows.getMetaData().getColumnCount();
      while (rows.next()) {
        sums.merge(key(rows, last), new BigDecimal(rows.getDouble(last)), BigDecimal::add);
      }
    }
    List<String> differences = new ArrayList<>();
    String rolledUp =
        "SELECT window_start, %s, %s FROM %s.rollups_latest WHERE window_millis = %d"
            .formatted(keys(), measure.name(), lake, window.toMillis());
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(rolledUp)) {
      int last = rows.getMetaData().getColumnCount();
      while (rows.next()) {
        BigDecimal sum = sums.remove(key(rows, last));
        Double expected = sum == null ? null : sum.doubleValue();
        Double found = (Double) rows.getObject(last);
        if (!Objects.equals(expected, found)) {
          differences.add(
              "%s of %s: %s in the events, %s in the roll-ups"
                  .formatted(measure.name(), key(rows, last), expected, found));
        }
      }
    }
    sums.forEach((key, sum) -> differences.add(measure.name() + " of " + key + ": no roll-up"));
    return differences.subList(0, Math.min(SHOWN, differences.size()));
  }

  private static String key(ResultSet row, int end) throws SQLException {
    List<String> values = new ArrayList<>();
    for (int column = 1; column < end; column++) {
      values.add(String.valueOf(row.getString(column)));
    }
    return String.join(", ", values);
  }

  private String aggregate(Measure measure) {
    String column = measure.column();
    String value =
        switch (measure.function()) {
          case COUNT -> "count(*)";
          case SUM -> "sum(" + column + ")";
          case MIN -> "min(" + column + ")";
          case MAX -> "max(" + column + ")";
          case LAST ->
              "first(%1$s ORDER BY %2$s DESC, %1$s DESC)".formatted(column, contract.eventTime());
          case QUANTILE -> "quantile_disc(" + column + ", " + measure.settings().at() + ")";
          case DISTINCT -> "count(DISTINCT " + column + ")";
          case TOP, CORRELATION -> throw new IllegalArgumentException(measure.toString());
        };
    Measure.Condition where = measure.where();
    String taken =
        where == null
            ? "true"
            : where.equalTo() == null
                ? where.column()
                : where.column() + " = '" + where.equalTo() + "'";
    String notNull = column == null ? "" : " AND " + column + " IS NOT NULL";
    String type =
        measure.resultType(column == null ? FieldType.INTEGER : contract.typeOf(column)).sqlType();
    String result = "CAST(%s FILTER (WHERE %s%s) AS %s)".formatted(value, taken, notNull, type);
    return (measure.function() == Measure.Function.QUANTILE
            ? whereExact(result, "count(*)")
            : result)
        + " AS "
        + measure.name();
  }

  private String keys() {
    return String.join(", ", contract.rollUp().keys());
  }

  /** Fails where Arrow memory was not given back. */
  @Override
  public void close() throws SQLException {
    connection.close();
    allocator.close();
  }
}
