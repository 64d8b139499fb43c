package io.highwater.export;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.ArrowType;

/**
 * A column of an exported table.
 *
 * @param duckDbType in the Parquet files
 * @param redshiftType also valid in PostgreSQL
 * @param maxBytes of a text in Redshift; 0 for other types
 */
record ExportColumn(String name, String duckDbType, String redshiftType, int maxBytes) {
  /**
   * The longest VARCHAR of Redshift:
   * https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html.
   */
  static final int MAX_VARCHAR_BYTES = 65_535;

  private static final int MAX_UTF8_BYTES = 4;

  static List<ExportColumn> of(ExportTable table, Contract contract) {
    Map<String, Integer> maxLengths = new HashMap<>();
    if (table == ExportTable.EVENTS) {
      for (Field field : contract.fields()) {
        Integer maxLength = field.maxLength();
        if (maxLength != null) {
          maxLengths.put(field.name(), maxLength);
        }
      }
    }
    return table.schema(contract).getFields().stream()
        .map(
            column ->
                of(
                    column.getName(),
                    column.getType(),
                    maxLengths.getOrDefault(column.getName(), MAX_VARCHAR_BYTES)))
        .toList();
  }

  private static ExportColumn of(String name, ArrowType type, int maxLength) {
    return switch (type.getTypeID()) {
      case Int ->
          ((ArrowType.Int) type).getBitWidth() == 64
              ? new ExportColumn(name, "BIGINT", "BIGINT", 0)
              : new ExportColumn(name, "INTEGER", "INTEGER", 0);
      case FloatingPoint -> new ExportColumn(name, "DOUBLE", "DOUBLE PRECISION", 0);
      case Bool -> new ExportColumn(name, "BOOLEAN", "BOOLEAN", 0);
      case Timestamp -> new ExportColumn(name, "TIMESTAMP", "TIMESTAMP", 0);
      case Utf8 -> {
        int maxBytes = (int) Math.min(MAX_VARCHAR_BYTES, (long) maxLength * MAX_UTF8_BYTES);
        yield new ExportColumn(name, "VARCHAR", "VARCHAR(" + maxBytes + ")", maxBytes);
      }
      default ->
          throw new IllegalArgumentException(
              "column "
                  + name
                  + " has type "
                  + type
                  + "; expected one of integer, number, boolean, string, timestamp");
    };
  }

  /** The column's value in an export for {@code target}. */
  String expression(ExportTarget target) {
    String column = SqlText.quoted(name);
    if (target != ExportTarget.REDSHIFT || maxBytes == 0) {
      return column;
    }
    // A cut inside a character is no text; it is at most three bytes too far.
    String cut = "try(decode(encode(" + column + ")[1:%d]))";
    return "CASE WHEN strlen(%s) <= %d THEN %s ELSE coalesce(%s, %s, %s, %s) END AS %s"
        .formatted(
            column,
            maxBytes,
            column,
            cut.formatted(maxBytes),
            cut.formatted(maxBytes - 1),
            cut.formatted(maxBytes - 2),
            cut.formatted(maxBytes - 3),
            column);
  }
}
