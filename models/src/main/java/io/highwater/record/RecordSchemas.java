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

  public static final String IS_OUTLIER = "is_outlier";
  public static final String MODEL_VERSION = "model_version";

  /** What models say of a row; null where it was not scored. Durations in the target's unit. */
  public static final List<org.apache.arrow.vector.types.pojo.Field> SCORES =
      List.of(
          column("predicted_ms", FieldType.NUMBER),
          column("predicted_p90_ms", FieldType.NUMBER),
          column("duration_score", FieldType.NUMBER),
          column("forest_score", FieldType.NUMBER),
          column(IS_OUTLIER, FieldType.BOOLEAN),
          column("outlier_reason", FieldType.STRING),
          column(MODEL_VERSION, FieldType.STRING));

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

  /** What ClassifyRecords makes: the contract's fields, position, derived columns. */
  public static Schema classified(Contract contract) {
    return new Schema(classifiedColumns(contract));
  }

  /**
   * What the lake's events table holds: the contract's fields, position, derived columns, and
   * {@link #SCORES} where the contract has a detector.
   */
  public static Schema events(Contract contract) {
    List<org.apache.arrow.vector.types.pojo.Field> columns = classifiedColumns(contract);
    if (contract.detector() != null) {
      columns.addAll(SCORES);
    }
    return new Schema(columns);
  }

  private static List<org.apache.arrow.vector.types.pojo.Field> classifiedColumns(
      Contract contract) {
    List<org.apache.arrow.vector.types.pojo.Field> columns = fieldsAndPosition(contract);
    for (DerivedColumn derived : contract.derived()) {
      columns.add(column(derived.name(), derived.type()));
    }
    return columns;
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
