package io.highwater.quality;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an input is like: how complete its columns are and what is in them, what was rejected, how
 * far it is from the order of time, and where it has gaps. Immutable; parts of an input merge to
 * the same report in whatever order.
 *
 * <p>Counts, ranges, gaps and order are exact. Distinct values are exact up to 512 in a column;
 * beyond, their standard error is 1.6 %.
 */
public final class QualityReport {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FREQUENT_VALUES = 5;
  private static final int GAPS = 5;
  private static final long MICROS_PER_SECOND = 1_000_000;

  private final Contract contract;
  private final long accepted;
  private final List<ColumnQuality> columns;
  private final EventOrder order;
  private final EventMinutes minutes;
  private final RejectedKinds rejected;
  private final @Nullable Long duplicates;
  private final @Nullable Long unknownFields;
  private final UnreadableFiles unreadableFiles;

  /**
   * @param columns one for each of the contract's fields, in their order
   * @param duplicates null where nobody counts them
   * @param unknownFields null where nobody counts them
   */
  QualityReport(
      Contract contract,
      long accepted,
      List<ColumnQuality> columns,
      EventOrder order,
      EventMinutes minutes,
      RejectedKinds rejected,
      @Nullable Long duplicates,
      @Nullable Long unknownFields,
      UnreadableFiles unreadableFiles) {
    this.contract = contract;
    this.accepted = accepted;
    this.columns = List.copyOf(columns);
    this.order = order;
    this.minutes = minutes;
    this.rejected = rejected;
    this.duplicates = duplicates;
    this.unknownFields = unknownFields;
    this.unreadableFiles = unreadableFiles;
  }

  /** Of no rows. */
  public static QualityReport empty(Contract contract) {
    return QualityMeter.of(contract).report();
  }

  /** Accepted rows whose key had come before. */
  public static QualityReport ofDuplicates(Contract contract, long rows) {
    return ofCounts(contract, rows, null, UnreadableFiles.NONE);
  }

  /** Values that were left out because the contract has no such field. */
  public static QualityReport ofUnknownFields(Contract contract, long values) {
    return ofCounts(contract, null, values, UnreadableFiles.NONE);
  }

  /** A file, or the rest of one, that could not be read. */
  public static QualityReport ofUnreadableFile(Contract contract, String name, String reason) {
    return ofCounts(contract, null, null, UnreadableFiles.of(name, reason));
  }

  private static QualityReport ofCounts(
      Contract contract,
      @Nullable Long duplicates,
      @Nullable Long unknownFields,
      UnreadableFiles unreadableFiles) {
    QualityReport empty = empty(contract);
    return new QualityReport(
        contract,
        0,
        empty.columns,
        empty.order,
        empty.minutes,
        empty.rejected,
        duplicates,
        unknownFields,
        unreadableFiles);
  }

  /** Of the rows of both; both are of one contract. */
  public QualityReport merge(QualityReport that) {
    List<ColumnQuality> merged = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      merged.add(columns.get(i).merge(that.columns.get(i)));
    }
    return new QualityReport(
        contract,
        accepted + that.accepted,
        merged,
        order.merge(that.order),
        minutes.merge(that.minutes),
        rejected.merge(that.rejected),
        sum(duplicates, that.duplicates),
        sum(unknownFields, that.unknownFields),
        unreadableFiles.merge(that.unreadableFiles));
  }

  private static @Nullable Long sum(@Nullable Long left, @Nullable Long right) {
    return left == null ? right : right == null ? left : (Long) (left + right);
  }

  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeLong(accepted);
    for (ColumnQuality column : columns) {
      column.writeTo(out);
    }
    order.writeTo(out);
    minutes.writeTo(out);
    rejected.writeTo(out);
    write(duplicates, out);
    write(unknownFields, out);
    unreadableFiles.writeTo(out);
  }

  private static void write(@Nullable Long count, DataOutput out) throws IOException {
    out.writeLong(count == null ? -1 : count);
  }

  /**
   * Reads what {@link #writeTo} wrote.
   *
   * @param contract of the report that was written
   */
  public static QualityReport readFrom(Contract contract, DataInput in) throws IOException {
    long accepted = in.readLong();
    List<ColumnQuality> columns = new ArrayList<>();
    for (Field field : contract.fields()) {
      columns.add(ColumnQuality.readFrom(field.type(), in));
    }
    return new QualityReport(
        contract,
        accepted,
        columns,
        EventOrder.readFrom(in),
        EventMinutes.readFrom(in),
        RejectedKinds.readFrom(in),
        readCount(in),
        readCount(in),
        UnreadableFiles.readFrom(in));
  }

  private static @Nullable Long readCount(DataInput in) throws IOException {
    long count = in.readLong();
    return count < 0 ? null : (Long) count;
  }

  /** The report as JSON; docs/commands.md has its members. */
  public String toJson() {
    ObjectNode root = JSON.createObjectNode();
    root.put("contract", contract.id()).put("contract_version", contract.version());
    root.putObject("rows")
        .put("read", accepted + rejected.count())
        .put("accepted", accepted)
        .put("rejected", rejected.count())
        .put("duplicates", duplicates);
    root.put("unknown_fields", unknownFields);
    putEventTime(root.putObject("event_time"));
    putColumns(root.putArray("columns"));
    root.set("rejected", rejected.toJson());
    ObjectNode unreadable = root.putObject("unreadable_files");
    unreadable.put("count", unreadableFiles.count());
    ArrayNode files = unreadable.putArray("files");
    unreadableFiles
        .reasons()
        .forEach((name, reason) -> files.addObject().put("file", name).put("reason", reason));
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private void putEventTime(ObjectNode node) {
    int eventTime = 0;
    while (!contract.fields().get(eventTime).name().equals(contract.eventTime())) {
      eventTime++;
    }
    ColumnQuality times = columns.get(eventTime);
    node.put("field", contract.eventTime());
    put(node, "least", FieldType.TIMESTAMP, times.least());
    put(node, "greatest", FieldType.TIMESTAMP, times.greatest());
    node.put("minutes_with_events", minutes.count());
    node.putObject("order")
        .put("rows_compared", order.compared())
        .put("rows_back", order.back())
        .put("back_share", share(order.back(), order.compared()))
        .put("greatest_step_back_seconds", order.greatestStepBackMicros() / 1e6);
    ArrayNode gaps = node.putArray("longest_gaps");
    for (EventMinutes.Gap gap : minutes.longestGaps(GAPS)) {
      gaps.addObject()
          .put("from", Instant.ofEpochSecond(60 * gap.fromMinute()).toString())
          .put("to", Instant.ofEpochSecond(60 * gap.toMinute()).toString())
          .put("minutes", gap.minutes());
    }
  }

  private void putColumns(ArrayNode array) {
    for (int i = 0; i < columns.size(); i++) {
      Field field = contract.fields().get(i);
      ColumnQuality column = columns.get(i);
      FieldType type = field.type();
      ObjectNode node =
          array
              .addObject()
              .put("column", field.name())
              .put("type", type.logicalType())
              .put("required", field.required())
              .put("missing_counts_as", field.nullAs())
              .put("values", column.values())
              .put("complete_share", share(column.values(), accepted))
              .put("distinct", column.distinct().count())
              .put("distinct_is_exact", column.distinct().isExact());
      put(node, "least", type, column.least());
      put(node, "greatest", type, column.greatest());
      if (type == FieldType.STRING) {
        node.put("least_length", column.leastLength())
            .put("greatest_length", column.greatestLength());
      }
      DistinctValues distinct = column.distinct();
      ArrayNode frequent = node.putArray("most_frequent");
      for (int place : distinct.mostFrequent(FREQUENT_VALUES)) {
        ObjectNode value = frequent.addObject();
        put(value, "value", type, valueAt(distinct, place, type));
        value.put("rows", distinct.counts()[place]);
      }
    }
  }

  private static Object valueAt(DistinctValues distinct, int place, FieldType type) {
    long id = distinct.ids()[place];
    return switch (type) {
      case INTEGER, TIMESTAMP -> id;
      case NUMBER -> Double.longBitsToDouble(id);
      case BOOLEAN -> id != 0;
      case STRING -> distinct.texts()[place];
    };
  }

  /** Null where there is nothing to have a share of. */
  private static @Nullable Double share(long part, long whole) {
    return whole == 0 ? null : (Double) ((double) part / whole);
  }

  private static void put(ObjectNode node, String name, FieldType type, @Nullable Object value) {
    if (value == null) {
      node.putNull(name);
    } else if (type == FieldType.TIMESTAMP) {
      node.put(name, time((Long) value));
    } else if (value instanceof Double number && !Double.isFinite(number)) {
      // JSON has no such numbers.
      node.put(name, number.toString());
    } else {
      node.putPOJO(name, value);
    }
  }

  static String time(long micros) {
    return Instant.ofEpochSecond(Math.floorDiv(micros, MICROS_PER_SECOND))
        .plus(Math.floorMod(micros, MICROS_PER_SECOND), ChronoUnit.MICROS)
        .toString();
  }

  /** The report for a terminal of 100 columns. */
  public String toTable() {
    return QualityTable.of(toJson());
  }

  /** Whether both say the same. */
  @Override
  public boolean equals(Object other) {
    return other instanceof QualityReport that && toJson().equals(that.toJson());
  }

  @Override
  public int hashCode() {
    return toJson().hashCode();
  }

  @Override
  public String toString() {
    return toJson();
  }
}
