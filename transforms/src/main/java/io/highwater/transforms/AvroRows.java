package io.highwater.transforms;

import java.nio.ByteBuffer;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.SchemaBuilder.FieldAssembler;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/** Arrow rows as the Avro records that ParquetIO writes. */
final class AvroRows {
  private AvroRows() {}

  static Schema schema(org.apache.arrow.vector.types.pojo.Schema arrow) {
    FieldAssembler<Schema> fields = SchemaBuilder.record("row").fields();
    for (Field field : arrow.getFields()) {
      fields =
          fields
              .name(field.getName())
              .type(Schema.createUnion(Schema.create(Schema.Type.NULL), type(field)))
              .withDefault(null);
    }
    return fields.endRecord();
  }

  private static Schema type(Field field) {
    return switch (field.getType().getTypeID()) {
      case Int ->
          Schema.create(
              ((ArrowType.Int) field.getType()).getBitWidth() == 64
                  ? Schema.Type.LONG
                  : Schema.Type.INT);
      case FloatingPoint -> Schema.create(Schema.Type.DOUBLE);
      case Bool -> Schema.create(Schema.Type.BOOLEAN);
      case Utf8 -> Schema.create(Schema.Type.STRING);
      case Binary -> Schema.create(Schema.Type.BYTES);
      // Local: a Parquet TIMESTAMP that is not adjusted to a reader's zone, as DuckDB writes it.
      case Timestamp ->
          LogicalTypes.localTimestampMicros().addToSchema(Schema.create(Schema.Type.LONG));
      default ->
          throw new IllegalArgumentException(
              "column "
                  + field.getName()
                  + " has type "
                  + field.getType()
                  + "; expected one of integer, number, boolean, string, binary, timestamp");
    };
  }

  static GenericRecord row(Schema schema, VectorSchemaRoot rows, int row) {
    GenericRecord record = new GenericData.Record(schema);
    for (int column = 0; column < rows.getFieldVectors().size(); column++) {
      FieldVector vector = rows.getVector(column);
      if (!vector.isNull(row)) {
        Object value =
            vector instanceof TimeStampMicroVector times ? times.get(row) : vector.getObject(row);
        record.put(column, value instanceof byte[] bytes ? ByteBuffer.wrap(bytes) : value);
      }
    }
    return record;
  }
}
