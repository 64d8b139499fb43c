package io.highwater.rollup;

import io.highwater.contract.Contract;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.FieldType;
import io.highwater.contract.Measure;
import io.highwater.contract.RollUp;
import io.highwater.contract.Score;
import io.highwater.record.RecordSchemas;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/** The columns of a contract's rollups table. */
public final class RollUpSchema {
  public static final String TABLE = "rollups";
  public static final String WINDOW_START = "window_start";
  public static final String WINDOW_MILLIS = "window_millis";
  public static final String RUN_ID = "run_id";
  public static final String PANE_INDEX = "pane_index";
  public static final String IS_FINAL = "is_final";

  private RollUpSchema() {}

  /**
   * Window, keys, which result it is (of one window and key the highest run_id and pane_index
   * counts), measures by {@link Measure#resultType}, scores, derived columns.
   */
  public static Schema of(Contract contract) {
    List<Field> columns = new ArrayList<>();
    columns.add(RecordSchemas.column(WINDOW_START, FieldType.TIMESTAMP));
    columns.add(RecordSchemas.column(WINDOW_MILLIS, FieldType.INTEGER));
    RollUp rollUp = contract.rollUp();
    for (String key : rollUp.keys()) {
      columns.add(RecordSchemas.column(key, contract.typeOf(key)));
    }
    columns.add(RecordSchemas.column(RUN_ID, FieldType.INTEGER));
    columns.add(RecordSchemas.column(PANE_INDEX, FieldType.INTEGER));
    columns.add(RecordSchemas.column(IS_FINAL, FieldType.BOOLEAN));
    for (Measure measure : rollUp.measures()) {
      columns.add(RecordSchemas.column(measure.name(), typeOf(contract, measure)));
    }
    for (Score score : rollUp.scores()) {
      columns.add(RecordSchemas.column(score.name(), FieldType.NUMBER));
    }
    for (DerivedColumn derived : rollUp.derived()) {
      columns.add(RecordSchemas.column(derived.name(), derived.type()));
    }
    return new Schema(columns);
  }

  static FieldType typeOf(Contract contract, Measure measure) {
    String column = measure.column();
    return measure.resultType(column == null ? FieldType.INTEGER : contract.typeOf(column));
  }
}
