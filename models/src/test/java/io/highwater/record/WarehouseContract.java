package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.contract.FieldType;
import io.highwater.contract.RollUp;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The 24 fields of a warehouse query, for tests of what needs only the fields. */
final class WarehouseContract {
  static final Contract CONTRACT =
      new Contract(
          "warehouse-queries",
          "1.0.0",
          "arrival_timestamp",
          Duration.ofSeconds(10),
          List.of("instance_id", "query_id"),
          List.of(
              required("instance_id", FieldType.INTEGER),
              optional("cluster_size", FieldType.INTEGER),
              optional("user_id", FieldType.INTEGER),
              optional("database_id", FieldType.INTEGER),
              required("query_id", FieldType.INTEGER),
              required("arrival_timestamp", FieldType.TIMESTAMP),
              optional("compile_duration_ms", FieldType.NUMBER),
              optional("queue_duration_ms", FieldType.INTEGER),
              optional("execution_duration_ms", FieldType.INTEGER),
              optional("feature_fingerprint", FieldType.STRING),
              optional("was_aborted", FieldType.BOOLEAN),
              optional("was_cached", FieldType.BOOLEAN),
              optional("cache_source_query_id", FieldType.INTEGER),
              required("query_type", FieldType.STRING),
              optional("num_permanent_tables_accessed", FieldType.NUMBER),
              optional("num_external_tables_accessed", FieldType.NUMBER),
              optional("num_system_tables_accessed", FieldType.NUMBER),
              optional("read_table_ids", FieldType.STRING),
              optional("write_table_ids", FieldType.STRING),
              zeroWhenNull("mbytes_scanned", FieldType.NUMBER),
              zeroWhenNull("mbytes_spilled", FieldType.NUMBER),
              zeroWhenNull("num_joins", FieldType.INTEGER),
              zeroWhenNull("num_scans", FieldType.INTEGER),
              zeroWhenNull("num_aggregations", FieldType.INTEGER)),
          List.of(),
          List.of(),
          new RollUp(List.of(Duration.ofMinutes(10)), List.of("instance_id"), List.of()));

  private WarehouseContract() {}

  private static Field required(String name, FieldType type) {
    return field(name, type, true, null);
  }

  private static Field optional(String name, FieldType type) {
    return field(name, type, false, null);
  }

  private static Field zeroWhenNull(String name, FieldType type) {
    return field(name, type, false, 0.0);
  }

  private static Field field(
      String name, FieldType type, boolean required, @Nullable Double nullAs) {
    return new Field(name, type, required, null, null, null, List.of(), nullAs);
  }
}
