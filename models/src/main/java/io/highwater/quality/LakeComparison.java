package io.highwater.quality;

import io.highwater.contract.Contract;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.quality.Changes.Change;
import io.highwater.quality.Changes.ColumnChanges;
import io.highwater.record.RecordSchemas;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.duckdb.DuckDBConnection;

/**
 * Compares the rows of an hour with those that would take their place, by the contract's key: in an
 * embedded DuckDB, which moves to disk what does not fit in {@value #MEMORY_LIMIT}.
 *
 * <p>All fields and derived columns of the contract count, and whether a model calls the row an
 * outlier; what else it says differs with each version. A column that the rows before do not have,
 * since they are of an older contract, is null there. Rows of the same key are paired in the order
 * of time; those that have no partner are added or removed.
 *
 * <p>Holds a DuckDB instance; not thread-safe.
 */
public final class LakeComparison implements AutoCloseable {
  private static final String MEMORY_LIMIT = "512MB";
  private static final String STREAM = "incoming";

  /** Of a value in a report; a list of tables may have 200,000 characters. */
  private static final int VALUE_CHARACTERS = 200;

  private final Contract contract;
  private final BufferAllocator allocator;
  private final DuckDBConnection connection;

  /** All columns but the key. */
  private final Map<String, FieldType> compared = new LinkedHashMap<>();

  /** Derived columns that put rows into classes. */
  private final List<String> classes = new ArrayList<>();

  private final String timeFilter;

  private LakeComparison(Contract contract, String timeFilter, BufferAllocator allocator) {
    this.contract = contract;
    this.allocator = allocator;
    this.timeFilter = timeFilter;
    for (Field field : contract.fields()) {
      if (!contract.key().contains(field.name())) {
        compared.put(field.name(), field.type());
      }
    }
    for (DerivedColumn derived : contract.derived()) {
      compared.put(derived.name(), derived.type());
      if (derived.type() == FieldType.STRING || derived.type() == FieldType.BOOLEAN) {
        classes.add(derived.name());
      }
    }
    if (contract.detector() != null) {
      compared.put(RecordSchemas.IS_OUTLIER, FieldType.BOOLEAN);
      classes.add(RecordSchemas.IS_OUTLIER);
    }
    this.connection = open();
    clear();
  }

  /**
   * @param fromMicros rows of before this event time do not count, microseconds since the epoch
   * @param toMicros nor do rows of this event time and of after it
   * @param allocator of what is read; stays the caller's
   */
  public static LakeComparison of(
      Contract contract, long fromMicros, long toMicros, BufferAllocator allocator) {
    return new LakeComparison(
        contract,
        "epoch_us(%1$s) >= %2$d AND epoch_us(%1$s) < %3$d"
            .formatted(quote(contract.eventTime()), fromMicros, toMicros),
        allocator);
  }

  private static DuckDBConnection open() {
    Properties settings = new Properties();
    settings.setProperty("threads", "1");
    settings.setProperty("memory_limit", MEMORY_LIMIT);
    // Made when it is needed and deleted with the instance; two cannot share one.
    settings.setProperty(
        "temp_directory",
        Path.of(System.getProperty("java.io.tmpdir"), "highwater-compare-" + UUID.randomUUID())
            .toString());
    settings.setProperty("autoload_known_extensions", "false");
    settings.setProperty("autoinstall_known_extensions", "false");
    try {
      return DriverManager.getConnection("jdbc:duckdb:", settings).unwrap(DuckDBConnection.class);
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB cannot be opened: " + e.getMessage(), e);
    }
  }

  private void clear() {
    List<String> columns = new ArrayList<>();
    for (String key : contract.key()) {
      columns.add(quote(key) + " " + contract.typeOf(key).sqlType());
    }
    compared.forEach((name, type) -> columns.add(quote(name) + " " + type.sqlType()));
    for (String table : List.of("before", "after")) {
      execute("CREATE OR REPLACE TABLE " + table + "_rows (" + String.join(", ", columns) + ")");
    }
  }

  /** Adds rows that the lake has, such as those of a {@link io.highwater.lake.LakeFileReader}. */
  public void addBefore(Schema schema, Iterator<VectorSchemaRoot> batches) {
    add("before_rows", schema, batches);
  }

  /** Adds rows that would take their place. */
  public void addAfter(Schema schema, Iterator<VectorSchemaRoot> batches) {
    add("after_rows", schema, batches);
  }

  private void add(String table, Schema schema, Iterator<VectorSchemaRoot> batches) {
    List<String> columns = new ArrayList<>(contract.key());
    columns.addAll(compared.keySet());
    String select =
        columns.stream()
            .map(
                column ->
                    schema.getFields().stream().anyMatch(field -> field.getName().equals(column))
                        ? "TRY_CAST(%s AS %s)".formatted(quote(column), typeOf(column).sqlType())
                        : "NULL")
            .collect(Collectors.joining(", "));
    try (RowStream rows = new RowStream(schema, batches, allocator);
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, rows, stream);
      connection.registerArrowStream(STREAM, stream);
      try {
        execute(
            "INSERT INTO %s SELECT %s FROM %s WHERE %s"
                .formatted(table, select, STREAM, timeFilter));
      } finally {
        // DuckDB releases a stream that it has begun to scan.
        stream.release();
      }
    }
  }

  private FieldType typeOf(String column) {
    FieldType type = compared.get(column);
    return type == null ? contract.typeOf(column) : type;
  }

  /** Compares what was added, as the rows of one hour, and forgets it. */
  public ChangeReport compare() {
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE OR REPLACE TABLE differing AS " + differing(statement));
      SortedMap<String, Changes> instances = new TreeMap<>();
      addRowCounts(statement, instances);
      addColumns(statement, instances);
      for (int i = 0; i < classes.size(); i++) {
        addChanges(statement, classes.get(i), instances);
      }
      List<ChangedRow> sample = sample(statement);
      clear();
      return new ChangeReport(
          contract,
          1,
          instances.values().stream().reduce(Changes.NONE, Changes::merge),
          instances,
          sample,
          RejectedKinds.NONE);
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB cannot compare rows: " + e.getMessage(), e);
    }
  }

  /**
   * A row for each pair of rows that is not the same, and for each row without a partner: in which
   * of both it is, its instance and key, for each compared column whether it differs, and of
   * classes what they are.
   */
  private String differing(Statement statement) throws SQLException {
    List<String> columns = new ArrayList<>();
    List<String> pairs = new ArrayList<>();
    List<String> differences = new ArrayList<>();
    for (String key : contract.key()) {
      columns.add("coalesce(a.%1$s, b.%1$s) AS %1$s".formatted(quote(key)));
      pairs.add("a.%1$s IS NOT DISTINCT FROM b.%1$s".formatted(quote(key)));
    }
    int index = 0;
    for (String column : compared.keySet()) {
      String differs = "a.%1$s IS DISTINCT FROM b.%1$s".formatted(quote(column));
      columns.add(differs + " AS _differs_" + index++);
      differences.add(differs);
    }
    for (int i = 0; i < classes.size(); i++) {
      columns.add("%s AS _from_%d".formatted(text("b." + quote(classes.get(i))), i));
      columns.add("%s AS _to_%d".formatted(text("a." + quote(classes.get(i))), i));
    }
    return """
        SELECT b._place IS NOT NULL AS _before, a._place IS NOT NULL AS _after,
          coalesce(a._place, b._place) AS _place, coalesce(a._instance, b._instance) AS _instance,
          %s
        FROM (%s) b FULL JOIN (%s) a ON b._place = a._place AND %s
        WHERE b._place IS NULL OR a._place IS NULL OR %s"""
        .formatted(
            String.join(", ", columns),
            placed(statement, "before_rows", ""),
            placed(statement, "after_rows", ""),
            String.join(" AND ", pairs),
            differences.isEmpty() ? "false" : String.join(" OR ", differences));
  }

  /**
   * The rows of a table with their instance and their place among those of the same key: first by
   * time, then by their values, so that it is not the order of files that pairs rows.
   */
  private String placed(Statement statement, String table, String filter) throws SQLException {
    String keys = names(contract.key());
    boolean isUnique;
    try (ResultSet row =
        statement.executeQuery(
            "SELECT count(*) = 0 FROM (FROM %s SELECT 1 GROUP BY %s HAVING count(*) > 1 LIMIT 1)"
                .formatted(table, keys))) {
      row.next();
      isUnique = row.getBoolean(1);
    }
    List<String> order = new ArrayList<>(List.of(quote(contract.eventTime())));
    compared.keySet().forEach(column -> order.add(quote(column)));
    return "SELECT *, %s AS _instance, %s AS _place FROM %s %s"
        .formatted(
            "coalesce(%s, 'null')".formatted(text(quote(contract.rollUp().keys().get(0)))),
            isUnique
                ? "1"
                : "row_number() OVER (PARTITION BY %s ORDER BY %s)"
                    .formatted(keys, String.join(", ", order)),
            table,
            filter);
  }

  private void addRowCounts(Statement statement, SortedMap<String, Changes> instances)
      throws SQLException {
    String instance =
        "coalesce(%s, 'null')".formatted(text(quote(contract.rollUp().keys().get(0))));
    try (ResultSet rows =
        statement.executeQuery(
            """
            SELECT _instance, count_if(_kind = 0), count_if(_kind = 1), count_if(_kind = 2),
              count_if(_kind = 3), count_if(_kind = 4)
            FROM (SELECT %1$s AS _instance, 0 AS _kind FROM before_rows
              UNION ALL SELECT %1$s, 1 FROM after_rows
              UNION ALL SELECT _instance,
                CASE WHEN NOT _before THEN 2 WHEN NOT _after THEN 3 ELSE 4 END FROM differing)
            GROUP BY _instance"""
                .formatted(instance))) {
      while (rows.next()) {
        instances.put(
            rows.getString(1),
            new Changes(
                rows.getLong(2),
                rows.getLong(3),
                rows.getLong(4),
                rows.getLong(5),
                rows.getLong(6),
                new TreeMap<>()));
      }
    }
  }

  /** How many rows differ in the columns that are no classes. */
  private void addColumns(Statement statement, SortedMap<String, Changes> instances)
      throws SQLException {
    List<String> columns = List.copyOf(compared.keySet());
    StringBuilder counts = new StringBuilder();
    for (int i = 0; i < columns.size(); i++) {
      counts.append(", count_if(_differs_").append(i).append(')');
    }
    try (ResultSet rows =
        statement.executeQuery(
            "SELECT _instance%s FROM differing WHERE _before AND _after GROUP BY _instance"
                .formatted(counts))) {
      while (rows.next()) {
        for (int i = 0; i < columns.size(); i++) {
          long count = rows.getLong(i + 2);
          if (count > 0 && !classes.contains(columns.get(i))) {
            add(instances, rows.getString(1), columns.get(i), new ColumnChanges(count, null));
          }
        }
      }
    }
  }

  /** How many rows go from which class to which. */
  private void addChanges(Statement statement, String column, SortedMap<String, Changes> instances)
      throws SQLException {
    int index = classes.indexOf(column);
    try (ResultSet rows =
        statement.executeQuery(
            """
            SELECT _instance, _from_%1$d, _to_%1$d, count(*) FROM differing
            WHERE _before AND _after AND _differs_%2$d GROUP BY ALL"""
                .formatted(index, List.copyOf(compared.keySet()).indexOf(column)))) {
      while (rows.next()) {
        Change change = new Change(rows.getString(2), rows.getString(3));
        add(instances, rows.getString(1), column, ColumnChanges.of(change, rows.getLong(4)));
      }
    }
  }

  private static void add(
      SortedMap<String, Changes> instances, String instance, String column, ColumnChanges changes) {
    instances.merge(instance, Changes.ofColumn(column, changes), Changes::merge);
  }

  private List<ChangedRow> sample(Statement statement) throws SQLException {
    String keys = names(contract.key());
    statement.execute(
        """
        CREATE OR REPLACE TABLE sampled AS
        SELECT %1$s, _place, md5(concat_ws('/', %2$s)) AS _hash FROM differing
        WHERE _before AND _after ORDER BY _hash, _place LIMIT %3$d"""
            .formatted(
                keys,
                contract.key().stream()
                    .map(key -> "CAST(" + quote(key) + " AS VARCHAR)")
                    .collect(Collectors.joining(", ")),
                ChangedRow.SAMPLE_SIZE));
    List<String> columns = new ArrayList<>();
    contract.key().forEach(key -> columns.add(text("a." + quote(key))));
    for (String column : compared.keySet()) {
      columns.add("a.%1$s IS DISTINCT FROM b.%1$s".formatted(quote(column)));
      columns.add(text("b." + quote(column)));
      columns.add(text("a." + quote(column)));
    }
    String ofSampled = "SEMI JOIN sampled USING (%s)".formatted(keys);
    List<ChangedRow> sample = new ArrayList<>();
    try (ResultSet rows =
        statement.executeQuery(
            """
            SELECT _hash, epoch_us(a.%s), %s
            FROM sampled JOIN (%s) b USING (%s, _place) JOIN (%s) a USING (%s, _place)"""
                .formatted(
                    quote(contract.eventTime()),
                    String.join(", ", columns),
                    placed(statement, "before_rows", ofSampled),
                    keys,
                    placed(statement, "after_rows", ofSampled),
                    keys))) {
      while (rows.next()) {
        sample.add(changedRow(rows));
      }
    }
    return ChangedRow.sample(sample, List.of());
  }

  private ChangedRow changedRow(ResultSet row) throws SQLException {
    int next = 3;
    List<String> key = new ArrayList<>();
    for (int i = 0; i < contract.key().size(); i++) {
      key.add(row.getString(next++));
    }
    List<ChangedRow.Cell> cells = new ArrayList<>();
    for (String column : compared.keySet()) {
      if (row.getBoolean(next)) {
        cells.add(new ChangedRow.Cell(column, row.getString(next + 1), row.getString(next + 2)));
      }
      next += 3;
    }
    return new ChangedRow(row.getString(1), key, row.getLong(2), cells);
  }

  private static String text(String column) {
    return "left(CAST(%s AS VARCHAR), %d)".formatted(column, VALUE_CHARACTERS);
  }

  private static String names(List<String> columns) {
    return columns.stream().map(LakeComparison::quote).collect(Collectors.joining(", "));
  }

  private static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  private void execute(String sql) {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB: " + e.getMessage(), e);
    }
  }

  /** Ends the DuckDB instance. */
  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB cannot be closed: " + e.getMessage(), e);
    }
  }
}
