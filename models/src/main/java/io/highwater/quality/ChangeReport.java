package io.highwater.quality;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.highwater.contract.Contract;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.jspecify.annotations.Nullable;

/**
 * What would change in the lake if some hours were replaced: rows that come, go and change, in all
 * and by instance, which is the first key of the contract's roll-ups. Immutable; the parts of a
 * comparison merge to the same report in whatever order.
 */
public final class ChangeReport {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** With more, only the sums are said. */
  private static final int MAX_INSTANCES = 10_000;

  private final Contract contract;
  private final long hours;
  private final Changes all;
  private final @Nullable SortedMap<String, Changes> instances;
  private final List<ChangedRow> sample;
  private final RejectedKinds rejected;

  /**
   * @param hours that were compared
   * @param instances by their text; null where they are too many
   */
  ChangeReport(
      Contract contract,
      long hours,
      Changes all,
      @Nullable SortedMap<String, Changes> instances,
      List<ChangedRow> sample,
      RejectedKinds rejected) {
    this.contract = contract;
    this.hours = hours;
    this.all = all;
    this.instances = instances == null || instances.size() > MAX_INSTANCES ? null : instances;
    this.sample = List.copyOf(sample);
    this.rejected = rejected;
  }

  /** Of no hours. */
  public static ChangeReport empty(Contract contract) {
    return new ChangeReport(
        contract, 0, Changes.NONE, new TreeMap<>(), List.of(), RejectedKinds.NONE);
  }

  /**
   * Of rows that are rejected now.
   *
   * @param rows by {@link io.highwater.record.RejectedRecords#SCHEMA}
   */
  public static ChangeReport ofRejected(Contract contract, VectorSchemaRoot rows) {
    return new ChangeReport(
        contract, 0, Changes.NONE, new TreeMap<>(), List.of(), RejectedKinds.of(contract, rows));
  }

  /** Of the hours of both, which are different ones; both are of one contract. */
  public ChangeReport merge(ChangeReport that) {
    SortedMap<String, Changes> merged = null;
    if (instances != null && that.instances != null) {
      merged = new TreeMap<>(instances);
      for (Map.Entry<String, Changes> instance : that.instances.entrySet()) {
        merged.merge(instance.getKey(), instance.getValue(), Changes::merge);
      }
    }
    return new ChangeReport(
        contract,
        hours + that.hours,
        all.merge(that.all),
        merged,
        ChangedRow.sample(sample, that.sample),
        rejected.merge(that.rejected));
  }

  /** Writes what {@link #readFrom} reads. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeLong(hours);
    all.writeTo(out);
    out.writeInt(instances == null ? -1 : instances.size());
    if (instances != null) {
      for (Map.Entry<String, Changes> instance : instances.entrySet()) {
        out.writeUTF(instance.getKey());
        instance.getValue().writeTo(out);
      }
    }
    out.writeInt(sample.size());
    for (ChangedRow row : sample) {
      row.writeTo(out);
    }
    rejected.writeTo(out);
  }

  /**
   * Reads what {@link #writeTo} wrote.
   *
   * @param contract of the report that was written
   */
  public static ChangeReport readFrom(Contract contract, DataInput in) throws IOException {
    long hours = in.readLong();
    Changes all = Changes.readFrom(in);
    int size = in.readInt();
    SortedMap<String, Changes> instances = size < 0 ? null : new TreeMap<>();
    for (int i = 0; instances != null && i < size; i++) {
      instances.put(in.readUTF(), Changes.readFrom(in));
    }
    List<ChangedRow> sample = new ArrayList<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      sample.add(ChangedRow.readFrom(in));
    }
    return new ChangeReport(contract, hours, all, instances, sample, RejectedKinds.readFrom(in));
  }

  /** The report as JSON; docs/commands.md has its members. */
  public String toJson() {
    ObjectNode root = JSON.createObjectNode();
    root.put("contract", contract.id()).put("contract_version", contract.version());
    root.put("hours", hours);
    all.putCounts(root.putObject("rows"));
    all.putColumns(root.putArray("columns"));
    root.put("instance_column", contract.rollUp().keys().get(0));
    if (instances == null) {
      root.putNull("instances");
    } else {
      putInstances(root.putArray("instances"), instances);
    }
    root.put("rejected_rows", rejected.count());
    root.set("rejected", rejected.toJson());
    putSample(root.putArray("sample"));
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Those of most changes first. */
  private static void putInstances(ArrayNode array, SortedMap<String, Changes> instances) {
    List<Map.Entry<String, Changes>> mostFirst = new ArrayList<>(instances.entrySet());
    mostFirst.sort(
        Comparator.comparingLong(
            entry -> {
              Changes changes = entry.getValue();
              return -(changes.added() + changes.removed() + changes.changed());
            }));
    for (Map.Entry<String, Changes> instance : mostFirst) {
      ObjectNode node = array.addObject().put("instance", instance.getKey());
      instance.getValue().putCounts(node);
      instance.getValue().putColumns(node.putArray("columns"));
    }
  }

  private void putSample(ArrayNode array) {
    for (ChangedRow row : sample) {
      ObjectNode node = array.addObject();
      ObjectNode key = node.putObject("key");
      for (int i = 0; i < row.key().size(); i++) {
        key.put(contract.key().get(i), row.key().get(i));
      }
      node.put("event_time", QualityReport.time(row.eventMicros()));
      ArrayNode changes = node.putArray("changes");
      for (ChangedRow.Cell cell : row.cells()) {
        changes
            .addObject()
            .put("column", cell.column())
            .put("from", cell.from())
            .put("to", cell.to());
      }
    }
  }

  /** The report for a terminal of 100 columns. */
  public String toTable() {
    return ChangeTable.of(toJson());
  }

  /** Whether both say the same. */
  @Override
  public boolean equals(Object other) {
    return other instanceof ChangeReport that && toJson().equals(that.toJson());
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
