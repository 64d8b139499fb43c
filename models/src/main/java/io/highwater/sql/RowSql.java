package io.highwater.sql;

import io.highwater.contract.Contract;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.InvalidSqlException;
import io.highwater.contract.RowRule;
import io.highwater.contract.SqlCheck;
import io.highwater.record.ErrorCode;
import io.highwater.record.RecordSchemas;
import io.highwater.record.Rejection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Runs a contract's derived columns and row rules over batches: one SELECT a batch in an embedded
 * DuckDB. Holds a DuckDB instance; not thread-safe.
 */
public final class RowSql implements AutoCloseable {
  private static final String RULE = "_rule";
  private static final String FAILED = "_failed";

  private final Contract contract;
  private final BufferAllocator allocator;
  private final Schema derivedSchema;

  /** The fields that any expression names, and those that each rule names. */
  private final List<String> columns = new ArrayList<>();

  private final List<Set<String>> ruleColumns = new ArrayList<>();

  private final String select;
  private final String selectTrying;
  private final BatchSelect batchSelect;

  /**
   * What came of a batch; {@code derived} is the receiver's to close.
   *
   * @param derived the derived columns, one row for each row of the batch in its order; numbers are
   *     finite or null; what a rejected row has there means nothing
   * @param rejections in the order of the batch, at most one a row
   */
  public record Result(VectorSchemaRoot derived, List<Rejection> rejections)
      implements AutoCloseable {
    public Result {
      rejections = List.copyOf(rejections);
    }

    @Override
    public void close() {
      derived.close();
    }
  }

  private RowSql(Contract contract, BufferAllocator allocator) throws InvalidSqlException {
    this.contract = contract;
    this.allocator = allocator;
    List<org.apache.arrow.vector.types.pojo.Field> derivedFields = new ArrayList<>();
    Set<String> named = new HashSet<>();
    try (SqlCheck check = SqlCheck.of(contract)) {
      for (DerivedColumn derived : contract.derived()) {
        named.addAll(check.check(derived.sql(), derived.type()));
        derivedFields.add(RecordSchemas.column(derived.name(), derived.type()));
      }
      for (RowRule rule : contract.rules()) {
        Set<String> ofRule = check.check(rule.sql(), FieldType.BOOLEAN);
        ruleColumns.add(ofRule);
        named.addAll(ofRule);
      }
    }
    for (Field field : contract.fields()) {
      // Rows need a column to be counted by, where no expression names one.
      if (named.contains(field.name()) || (named.isEmpty() && columns.isEmpty())) {
        columns.add(field.name());
      }
    }
    derivedSchema = new Schema(derivedFields);
    select = select(false);
    selectTrying = select(true);
    batchSelect = new BatchSelect(allocator);
  }

  /**
   * @param allocator holds what {@link #apply} returns
   * @throws IllegalArgumentException if an expression of the contract may not be used
   */
  public static RowSql of(Contract contract, BufferAllocator allocator) {
    try {
      return new RowSql(contract, allocator);
    } catch (InvalidSqlException e) {
      throw new IllegalArgumentException(
          "contract " + contract.id() + " has SQL that is not allowed: " + e.getMessage(), e);
    }
  }

  /**
   * @param parsed rows by {@link RecordSchemas#parsed}; stays the caller's
   * @return {@link Rejection#row} is what the row has in {@link RecordSchemas#RAW_ROW}
   * @throws IllegalStateException if DuckDB fails for a reason that lies in no row
   */
  public Result apply(VectorSchemaRoot parsed) {
    int rowCount = parsed.getRowCount();
    if (rowCount == 0 || (contract.derived().isEmpty() && contract.rules().isEmpty())) {
      VectorSchemaRoot empty = VectorSchemaRoot.create(derivedSchema, allocator);
      empty.setRowCount(rowCount);
      return new Result(empty, List.of());
    }
    try {
      return run(select, parsed);
    } catch (SQLException e) {
      if (!isOfARow(e)) {
        throw new IllegalStateException("DuckDB failed on a batch: " + e.getMessage(), e);
      }
    }
    try {
      return run(selectTrying, parsed);
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB failed on a batch: " + e.getMessage(), e);
    }
  }

  /** Whether the values of a row are to blame, by DuckDB's name for the kind of error. */
  private static boolean isOfARow(SQLException e) {
    String message = String.valueOf(e.getMessage());
    return message.startsWith("Conversion Error")
        || message.startsWith("Out of Range Error")
        || message.startsWith("Invalid Input Error");
  }

  /**
   * @param trying makes an expression that fails null, and says which one failed; slower
   */
  private String select(boolean trying) {
    List<String> items = new ArrayList<>();
    StringBuilder rule = new StringBuilder("CASE");
    StringBuilder failed = new StringBuilder("CASE");
    int expression = 0;
    for (DerivedColumn derived : contract.derived()) {
      String sql = "CAST((" + derived.sql() + "\n) AS " + derived.type().sqlType() + ")";
      items.add((trying ? "TRY(" + sql + ")" : sql) + " AS " + SqlCheck.quote(derived.name()));
      failed.append(whenFailed(sql, expression++));
    }
    for (int i = 0; i < contract.rules().size(); i++) {
      String sql = "NOT (" + contract.rules().get(i).sql() + "\n)";
      rule.append(" WHEN ").append(trying ? "TRY(" + sql + ")" : sql).append(" THEN ").append(i);
      failed.append(whenFailed(sql, expression++));
    }
    items.add(contract.rules().isEmpty() ? "NULL::INTEGER" : rule + " END AS " + RULE);
    if (trying) {
      items.add(failed + " END AS " + FAILED);
    }
    return "SELECT " + String.join(",\n", items) + "\nFROM " + BatchSelect.BATCH;
  }

  /** A struct around a null is not null, so that only a failure is. */
  private static String whenFailed(String sql, int expression) {
    return " WHEN TRY({'value': " + sql + "}) IS NULL THEN " + expression;
  }

  private Result run(String sql, VectorSchemaRoot parsed) throws SQLException {
    List<FieldVector> named = new ArrayList<>();
    for (String column : columns) {
      named.add(parsed.getVector(column));
    }
    int rowCount = parsed.getRowCount();
    return batchSelect.run(
        sql,
        named,
        rowCount,
        result -> {
          List<Rejection> rejections = rejections(parsed, result);
          return new Result(batchSelect.take(result, derivedSchema, rowCount), rejections);
        });
  }

  private List<Rejection> rejections(VectorSchemaRoot parsed, List<FieldVector> vectors) {
    int derivedCount = contract.derived().size();
    IntVector rules = (IntVector) vectors.get(derivedCount);
    IntVector failures =
        vectors.size() > derivedCount + 1 ? (IntVector) vectors.get(derivedCount + 1) : null;
    int rowCount = parsed.getRowCount();
    if (failures == null && rules.getNullCount() == rowCount) {
      return List.of();
    }
    IntVector rawRows = (IntVector) parsed.getVector(RecordSchemas.RAW_ROW);
    List<Rejection> rejections = new ArrayList<>();
    for (int row = 0; row < rowCount; row++) {
      if (failures != null && !failures.isNull(row)) {
        rejections.add(failure(parsed, row, rawRows.get(row), failures.get(row)));
      } else if (!rules.isNull(row)) {
        int rule = rules.get(row);
        rejections.add(
            new Rejection(
                rawRows.get(row),
                ErrorCode.RULE_VIOLATED,
                null,
                values(parsed, row, ruleColumns.get(rule)),
                contract.rules().get(rule).reason()));
      }
    }
    return rejections;
  }

  private Rejection failure(VectorSchemaRoot parsed, int row, int rawRow, int expression) {
    int rule = expression - contract.derived().size();
    String what =
        rule < 0
            ? "derived column '" + contract.derived().get(expression).name() + "'"
            : "rule '" + contract.rules().get(rule).name() + "'";
    return new Rejection(
        rawRow,
        ErrorCode.EXPRESSION_FAILED,
        null,
        values(parsed, row, rule < 0 ? Set.copyOf(columns) : ruleColumns.get(rule)),
        "The SQL of "
            + what
            + " has no value for this record: a number or a cast is out of range.");
  }

  /** The named fields of a row, as {@code name=value, name=value}. */
  private String values(VectorSchemaRoot parsed, int row, Set<String> names) {
    List<String> values = new ArrayList<>();
    for (String column : columns) {
      if (names.contains(column)) {
        values.add(column + "=" + parsed.getVector(column).getObject(row));
      }
    }
    return String.join(", ", values);
  }

  /** Ends the DuckDB instance; results of {@link #apply} stay valid. */
  @Override
  public void close() {
    batchSelect.close();
  }
}
