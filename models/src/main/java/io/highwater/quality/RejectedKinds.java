package io.highwater.quality;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.highwater.contract.Contract;
import io.highwater.record.ErrorCode;
import io.highwater.record.RecordSchemas;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * Why rows were rejected, each kind with its rows and one of them. Immutable. There are no more
 * kinds than a contract has fields and rules, whatever the rows.
 */
record RejectedKinds(SortedMap<Kind, Rows> kinds) {
  static final RejectedKinds NONE = new RejectedKinds(new TreeMap<>());

  /** Codes whose reason says which expression of the contract it was, and nothing of the row. */
  private static final Set<String> NAMED_BY_REASON =
      Set.of(ErrorCode.RULE_VIOLATED.name(), ErrorCode.EXPRESSION_FAILED.name());

  /** A reason is a sentence; some name a field, and so may be of any length. */
  private static final int TEXT_CHARACTERS = 1000;

  RejectedKinds {
    kinds = Collections.unmodifiableSortedMap(kinds);
  }

  /**
   * @param field one of the contract's; empty where none is to blame
   * @param rule the reason of a row rule or an expression; else empty
   */
  record Kind(String stage, String code, String field, String rule) implements Comparable<Kind> {
    private static final Comparator<Kind> ORDER =
        Comparator.comparing(Kind::stage)
            .thenComparing(Kind::code)
            .thenComparing(Kind::field)
            .thenComparing(Kind::rule);

    @Override
    public int compareTo(Kind other) {
      return ORDER.compare(this, other);
    }
  }

  /**
   * @param example the first by its place
   */
  record Rows(long count, Example example) {
    Rows merge(Rows that) {
      return new Rows(
          count + that.count,
          Example.ORDER.compare(that.example, example) < 0 ? that.example : example);
    }
  }

  /**
   * A rejected row. Its bytes are in the table of rejected rows, not here: a report goes through
   * more hands than a lake.
   *
   * @param source the topic or the file; empty where it is not known
   * @param partition of the topic; -1 for files
   * @param row the offset, or the number in the file
   */
  record Example(String source, int partition, long row, @Nullable String value, String reason) {
    static final Comparator<Example> ORDER =
        Comparator.comparing(Example::source)
            .thenComparing(Example::partition)
            .thenComparing(Example::row)
            .thenComparing(Example::reason);
  }

  /** Of a batch of rejected rows, by {@link io.highwater.record.RejectedRecords#SCHEMA}. */
  static RejectedKinds of(Contract contract, VectorSchemaRoot rejected) {
    Set<String> fields =
        contract.fields().stream()
            .map(io.highwater.contract.Field::name)
            .collect(Collectors.toSet());
    SortedMap<Kind, Rows> kinds = new TreeMap<>();
    for (int row = 0; row < rejected.getRowCount(); row++) {
      String code = textOrEmpty(rejected, "code", row);
      String field = textOrEmpty(rejected, "field", row);
      String reason = textOrEmpty(rejected, "reason", row);
      Kind kind =
          new Kind(
              textOrEmpty(rejected, "stage", row),
              code,
              // A field that is there twice may have any name.
              fields.contains(field) ? field : "",
              NAMED_BY_REASON.contains(code) ? reason : "");
      kinds.merge(kind, new Rows(1, example(rejected, row, reason)), Rows::merge);
    }
    return new RejectedKinds(kinds);
  }

  private static Example example(VectorSchemaRoot rejected, int row, String reason) {
    String value = text(rejected, "value", row);
    boolean fromTopic = !rejected.getVector(RecordSchemas.OFFSET).isNull(row);
    return fromTopic
        ? new Example(
            textOrEmpty(rejected, RecordSchemas.TOPIC, row),
            (int) number(rejected, RecordSchemas.PARTITION, row),
            number(rejected, RecordSchemas.OFFSET, row),
            value,
            reason)
        : new Example(
            textOrEmpty(rejected, "file", row), -1, number(rejected, "row", row), value, reason);
  }

  private static @Nullable String text(VectorSchemaRoot rejected, String column, int row) {
    FieldVector vector = rejected.getVector(column);
    return vector.isNull(row)
        ? null
        : TextTable.fit(vector.getObject(row).toString(), TEXT_CHARACTERS);
  }

  private static String textOrEmpty(VectorSchemaRoot rejected, String column, int row) {
    String text = text(rejected, column, row);
    return text == null ? "" : text;
  }

  private static long number(VectorSchemaRoot rejected, String column, int row) {
    Object value = rejected.getVector(column).getObject(row);
    return value instanceof Number number ? number.longValue() : -1;
  }

  RejectedKinds merge(RejectedKinds that) {
    SortedMap<Kind, Rows> merged = new TreeMap<>(kinds);
    that.kinds.forEach((kind, rows) -> merged.merge(kind, rows, Rows::merge));
    return new RejectedKinds(merged);
  }

  long count() {
    return kinds.values().stream().mapToLong(Rows::count).sum();
  }

  /** The kinds of most rows first. */
  ArrayNode toJson() {
    List<Map.Entry<Kind, Rows>> byCount = new ArrayList<>(kinds.entrySet());
    byCount.sort(Comparator.comparingLong(entry -> -entry.getValue().count()));
    ArrayNode array = JsonNodeFactory.instance.arrayNode();
    for (Map.Entry<Kind, Rows> entry : byCount) {
      Kind kind = entry.getKey();
      Example example = entry.getValue().example();
      ObjectNode node =
          array
              .addObject()
              .put("stage", kind.stage())
              .put("code", kind.code())
              .put("field", kind.field().isEmpty() ? null : kind.field())
              .put("rows", entry.getValue().count());
      ObjectNode exampleNode =
          node.putObject("example").put("reason", example.reason()).put("value", example.value());
      if (example.partition() >= 0) {
        exampleNode
            .put("topic", example.source())
            .put("partition", example.partition())
            .put("offset", example.row());
      } else {
        exampleNode
            .put("file", example.source().isEmpty() ? null : example.source())
            .put("row", example.row() < 0 ? null : (Long) example.row());
      }
    }
    return array;
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeInt(kinds.size());
    for (Map.Entry<Kind, Rows> entry : kinds.entrySet()) {
      Kind kind = entry.getKey();
      out.writeUTF(kind.stage());
      out.writeUTF(kind.code());
      out.writeUTF(kind.field());
      out.writeUTF(kind.rule());
      out.writeLong(entry.getValue().count());
      Example example = entry.getValue().example();
      out.writeUTF(example.source());
      out.writeInt(example.partition());
      out.writeLong(example.row());
      out.writeBoolean(example.value() != null);
      if (example.value() != null) {
        out.writeUTF(example.value());
      }
      out.writeUTF(example.reason());
    }
  }

  static RejectedKinds readFrom(DataInput in) throws IOException {
    SortedMap<Kind, Rows> kinds = new TreeMap<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      Kind kind = new Kind(in.readUTF(), in.readUTF(), in.readUTF(), in.readUTF());
      long count = in.readLong();
      Example example =
          new Example(
              in.readUTF(),
              in.readInt(),
              in.readLong(),
              in.readBoolean() ? in.readUTF() : null,
              in.readUTF());
      kinds.put(kind, new Rows(count, example));
    }
    return new RejectedKinds(kinds);
  }
}
