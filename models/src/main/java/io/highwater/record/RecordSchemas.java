package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Schema;

/** The columns of a contract's batches at each stage. */
public final class RecordSchemas {
  public static final String TOPIC = "_topic";
  public static final String PARTITION = "_partition";
  public static final String OFFSET = "_offset";

  /** The index of the message in the {@link RawBatch} that a row was parsed from; int32. */
  public static final String RAW_ROW = "_raw_row";

  private RecordSchemas() {}

  /**
   * What ParseRecords makes: the contract's fields, position, {@link #RAW_ROW}. The position of a
   * row that never was in a topic has no topic; it is that of {@link RawBatch} and does not reach
   * the lake.
   */
  public static Schema parsed(Contract contract) {
    List<org.apache.arrow.vector.types.pojo.Field> columns = fieldsAndPosition(contract);
    columns.add(column(RAW_ROW, new ArrowType.Int(32, true)));
    return new Schema(columns);
  }

  /** What the lake's events table holds: the contract's fields, position, derived columns. */
  public static Schema events(Contract contract) {
    List<org.apache.arrow.vector.types.pojo.Field> columns = fieldsAndPosition(contract);
    for (DerivedColumn derived : contract.derived()) {
      columns.add(column(derived.name(), derived.type()));
    }
    return new Schema(columns);
  }

  /** A nullable column. */
  public static org.apache.arrow.vector.types.pojo.Field column(String name, FieldType type) {
    return column(name, type.arrowType());
  }

  /** A nullable column. */
  public static org.apache.arrow.vector.types.pojo.Field column(String name, ArrowType type) {
    return new org.apache.arrow.vector.types.pojo.Field(
        name, org.apache.arrow.vector.types.pojo.FieldType.nullable(type), List.of());
  }

  private static List<org.apache.arrow.vector.types.pojo.Field> fieldsAndPosition(
      Contract contract) {
    List<org.apache.arrow.vector.types.pojo.Field> columns = new ArrayList<>();
    for (Field field : contract.fields()) {
      columns.add(column(field.name(), field.type()));
    }
    columns.add(column(TOPIC, FieldType.STRING));
    columns.add(column(PARTITION, new ArrowType.Int(32, true)));
    columns.add(column(OFFSET, FieldType.INTEGER));
    return columns;
  }
}
