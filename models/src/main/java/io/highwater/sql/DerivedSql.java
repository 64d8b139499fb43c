package io.highwater.sql;

import io.highwater.contract.DerivedColumn;
import io.highwater.contract.FieldType;
import io.highwater.contract.InvalidSqlException;
import io.highwater.contract.SqlCheck;
import io.highwater.record.RecordSchemas;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Computes derived columns of which each may name those before it. Where an expression has no value
 * for a row, the column is null there. Holds a DuckDB instance; not thread-safe.
 */
public final class DerivedSql implements AutoCloseable {
  private final Schema schema;
  private final List<String> columns;
  private final String select;
  private final BatchSelect batchSelect;

  private DerivedSql(
      List<DerivedColumn> derived, Map<String, FieldType> columns, BufferAllocator allocator)
      throws InvalidSqlException {
    List<org.apache.arrow.vector.types.pojo.Field> fields = new ArrayList<>();
    List<String> items = new ArrayList<>();
    Set<String> named = new LinkedHashSet<>();
    try (SqlCheck check = SqlCheck.of(columns)) {
      for (DerivedColumn column : derived) {
        named.addAll(check.check(column.sql(), column.type()));
        check.add(column.name(), column.type());
        fields.add(RecordSchemas.column(column.name(), column.type()));
        items.add(
            "TRY(CAST((%s\n) AS %s)) AS %s"
                .formatted(column.sql(), column.type().sqlType(), SqlCheck.quote(column.name())));
      }
    }
    named.retainAll(columns.keySet());
    // Rows need a column to be counted by, where no expression names one.
    this.columns = List.copyOf(named.isEmpty() ? columns.keySet() : named);
    schema = new Schema(fields);
    select = "SELECT " + String.join(",\n", items) + "\nFROM " + BatchSelect.BATCH;
    batchSelect = new BatchSelect(allocator);
  }

  /**
   * @param derived at least one
   * @param columns what the expressions may name
   * @param allocator holds what {@link #apply} returns
   * @throws IllegalArgumentException if an expression may not be used
   */
  public static DerivedSql of(
      List<DerivedColumn> derived, Map<String, FieldType> columns, BufferAllocator allocator) {
    try {
      return new DerivedSql(derived, columns, allocator);
    } catch (InvalidSqlException e) {
      throw new IllegalArgumentException("SQL that is not allowed: " + e.getMessage(), e);
    }
  }

  /**
   * @param rows have the columns by their names; at least one row
   * @return the derived columns, one row for each row; the receiver's to close
   * @throws IllegalStateException if DuckDB fails
   */
  public VectorSchemaRoot apply(VectorSchemaRoot rows) {
    List<FieldVector> named = new ArrayList<>();
    for (String column : columns) {
      named.add(rows.getVector(column));
    }
    int rowCount = rows.getRowCount();
    try {
      return batchSelect.run(
          select, named, rowCount, result -> batchSelect.take(result, schema, rowCount));
    } catch (SQLException e) {
      throw new IllegalStateException("DuckDB failed on a batch: " + e.getMessage(), e);
    }
  }

  /** Ends the DuckDB instance; results of {@link #apply} stay valid. */
  @Override
  public void close() {
    batchSelect.close();
  }
}
