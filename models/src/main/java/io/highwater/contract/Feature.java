package io.highwater.contract;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One input of a detector's models, a number for each row; NaN where there is none.
 *
 * @param column what it is made of; null where the function takes none
 * @param separator of {@link Function#LIST_LENGTH}; else null
 */
public record Feature(
    String name, Function function, @Nullable String column, @Nullable String separator)
    implements Serializable {

  /** How a feature is made; the usual ones are those of the row's subject in its past. */
  public enum Function {
    /** The number; 1 and 0 of a boolean. */
    VALUE("value", FieldType.INTEGER, FieldType.NUMBER, FieldType.BOOLEAN),
    /** ln(1 + value); negative values count as 0. */
    LOG1P("log1p", FieldType.INTEGER, FieldType.NUMBER),
    /** 1 where there is no value, else 0. */
    IS_NULL("isNull", FieldType.values()),
    /** 1 where the value is 0, else 0. */
    IS_ZERO("isZero", FieldType.INTEGER, FieldType.NUMBER),
    /** 1 where there is a text and it is not empty, else 0. */
    IS_PRESENT("isPresent", FieldType.STRING),
    /** How many values a text lists; none in a null or an empty text. */
    LIST_LENGTH("listLength", FieldType.STRING),
    /** The place of the value among the field's allowed values, from 0. */
    CATEGORY("category", FieldType.STRING),
    /** Of the event time in UTC, 0 to 23. */
    HOUR_OF_DAY("hourOfDay"),
    /** Of the event time in UTC, 1 is Monday and 7 is Sunday. */
    DAY_OF_WEEK("dayOfWeek"),
    /** The median of log1p of the target. */
    USUAL_MEDIAN("usualMedian"),
    /** The median absolute deviation of log1p of the target. */
    USUAL_SPREAD("usualSpread"),
    /** How many rows of the subject are known. */
    USUAL_COUNT("usualCount"),
    /** 0 never seen, 1 rare, 2 moderate, 3 common. */
    USUAL_FREQUENCY("usualFrequency");

    private final String word;
    private final List<FieldType> types;

    Function(String word, FieldType... types) {
      this.word = word;
      this.types = List.of(types);
    }

    /** The contract's word for it. */
    public String word() {
      return word;
    }

    /** What the column may be; empty where none is taken. */
    List<FieldType> types() {
      return types;
    }
  }
}
