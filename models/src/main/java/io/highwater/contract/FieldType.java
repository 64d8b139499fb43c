package io.highwater.contract;

import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;

/** The type of a column: the contract's word for it and its form in a record batch. */
public enum FieldType {
  /** 64-bit signed. */
  INTEGER("integer", new ArrowType.Int(64, true), "BIGINT"),
  /** IEEE 754 double; finite in anything that was accepted. */
  NUMBER("number", new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE), "DOUBLE"),
  BOOLEAN("boolean", ArrowType.Bool.INSTANCE, "BOOLEAN"),
  /** UTF-8. */
  STRING("string", ArrowType.Utf8.INSTANCE, "VARCHAR"),
  /** Microseconds since 1970-01-01T00:00:00Z. Without a zone in Arrow, so that SQL stays in UTC. */
  TIMESTAMP("timestamp", new ArrowType.Timestamp(TimeUnit.MICROSECOND, null), "TIMESTAMP");

  private final String logicalType;
  private final ArrowType arrowType;
  private final String sqlType;

  FieldType(String logicalType, ArrowType arrowType, String sqlType) {
    this.logicalType = logicalType;
    this.arrowType = arrowType;
    this.sqlType = sqlType;
  }

  /** The {@code logicalType} of the Open Data Contract Standard. */
  public String logicalType() {
    return logicalType;
  }

  public ArrowType arrowType() {
    return arrowType;
  }

  /** The type's name in DuckDB. */
  public String sqlType() {
    return sqlType;
  }
}
