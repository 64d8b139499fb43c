package io.highwater.record;

import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Rows of columns as the JSON objects that a producer would have sent, so that one parser sees all
 * sources alike: numbers exactly, timestamps as ISO 8601 in UTC, NaN and infinity, which JSON does
 * not have, as text. Not thread-safe.
 */
final class ColumnJson {
  /** In a text column's metadata: its values are JSON already. */
  static final String IS_JSON = "highwater.json";

  private final List<FieldVector> columns;
  private final List<String> names = new ArrayList<>();
  private final StringBuilder json = new StringBuilder(1024);

  /**
   * @param columns stay the caller's
   */
  ColumnJson(VectorSchemaRoot columns) {
    this.columns = columns.getFieldVectors();
    for (FieldVector column : this.columns) {
      json.setLength(0);
      JsonText.appendText(json, column.getName());
      names.add(json.toString());
    }
  }

  static boolean isJson(FieldVector column) {
    return column.getField().getMetadata().containsKey(IS_JSON);
  }

  byte[] row(int row) {
    json.setLength(0);
    json.append('{');
    for (int index = 0; index < columns.size(); index++) {
      json.append(index == 0 ? "" : ", ").append(names.get(index)).append(": ");
      appendValue(columns.get(index), row);
    }
    return json.append('}').toString().getBytes(StandardCharsets.UTF_8);
  }

  private void appendValue(FieldVector column, int row) {
    if (column.isNull(row)) {
      json.append("null");
    } else if (column instanceof BigIntVector whole) {
      json.append(whole.get(row));
    } else if (column instanceof Float8Vector numbers) {
      JsonText.appendDouble(json, numbers.get(row));
    } else if (column instanceof BitVector booleans) {
      json.append(booleans.get(row) == 1);
    } else if (column instanceof TimeStampMicroVector times) {
      long micros = times.get(row);
      JsonText.appendTime(
          json,
          LocalDateTime.ofEpochSecond(
              Math.floorDiv(micros, 1_000_000L),
              (int) Math.floorMod(micros, 1_000_000L) * 1_000,
              ZoneOffset.UTC));
    } else if (column instanceof VarCharVector texts) {
      String text = new String(texts.get(row), StandardCharsets.UTF_8);
      if (isJson(column)) {
        json.append(text);
      } else {
        JsonText.appendText(json, text);
      }
    } else {
      throw new IllegalStateException(
          "column " + column.getName() + " is of type " + column.getField().getType());
    }
  }
}
