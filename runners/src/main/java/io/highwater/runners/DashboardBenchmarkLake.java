package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import io.highwater.detect.OutlierReason;
import io.highwater.detect.OutlierRows;
import io.highwater.detect.Severity;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import io.highwater.record.RecordSchemas;
import io.highwater.record.SqlPath;
import io.highwater.rollup.RollUpSchema;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * A lake of made-up rows with all columns that the tables have, hour after hour: what the dashboard
 * has to hold, without the time that a pipeline takes to make it.
 */
final class DashboardBenchmarkLake implements AutoCloseable {
  static final int INSTANCES = 200;

  /** Of an hour: six windows of ten minutes and the hour itself, of each instance. */
  static final int ROLL_UPS_AN_HOUR = 7 * INSTANCES;

  /** Values of columns whose type says too little; {@code r} is a random number by row. */
  private static final Map<String, String> VALUES =
      Map.ofEntries(
          Map.entry("instance_id", "(i % " + INSTANCES + ")::BIGINT"),
          Map.entry("run_id", "1::BIGINT"),
          Map.entry("pane_index", "$pane::BIGINT"),
          Map.entry("is_final", "true"),
          Map.entry("arrival_timestamp", "$hour + to_microseconds((r % 3600000000)::BIGINT)"),
          Map.entry("queries", "(100 + r % 100)::BIGINT"),
          Map.entry("normal", "(100 + r % 70)::BIGINT"),
          Map.entry("query_id", "(epoch($hour)::BIGINT * 1000 + i)::BIGINT"),
          Map.entry("query_type", "['select', 'insert', 'copy', 'update'][1 + (r % 4)::INTEGER]"),
          Map.entry("query_class", "['normal', 'cpu_bound', 'io_bound'][1 + (r % 3)::INTEGER]"),
          Map.entry("feature_fingerprint", "sha256((r % 5000)::VARCHAR)"),
          Map.entry("outlier_id", "substr(sha256(epoch($hour)::VARCHAR || '-' || i), 1, 24)"),
          Map.entry("is_outlier", "$outlier"),
          Map.entry("model_version", "'20240301T000000Z-bench'"),
          Map.entry("outlier_reason", oneOf(OutlierReason.values())),
          Map.entry("severity", oneOf(Severity.values())),
          Map.entry(
              "explanation",
              "'Took ' || (r % 900) || ' s, ' || (r % 40) || ' times the time to be expected at most;"
                  + " this fingerprint usually takes 2.1 s (95 % up to 4.0 s; 120 seen).'"),
          Map.entry(
              "top_read_tables",
              "'[{\"value\":\"' || (r % 90) || '\",\"count\":' || (r % 700) || '}]'"),
          Map.entry("spilled_queries_by_type", "'{\"select\":' || (r % 7) || '}'"),
          Map.entry("spilled_mb_by_type", "'{\"select\":' || (r % 7000) || '.5}'"));

  private final Path lake;
  private final Contract contract;
  private final Connection connection;

  private DashboardBenchmarkLake(Path lake, Contract contract, Connection connection) {
    this.lake = lake;
    this.contract = contract;
    this.connection = connection;
  }

  static DashboardBenchmarkLake at(Path lake) throws SQLException {
    try {
      Contract contract = ContractLoader.load("warehouse-queries");
      return new DashboardBenchmarkLake(
          lake, contract, DriverManager.getConnection("jdbc:duckdb:"));
    } catch (InvalidContractException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String oneOf(OutlierReason[] values) {
    return oneOf(Arrays.stream(values).map(OutlierReason::code).toList());
  }

  private static String oneOf(Severity[] values) {
    return oneOf(Arrays.stream(values).map(Severity::code).toList());
  }

  private static String oneOf(List<String> codes) {
    return codes.stream().collect(Collectors.joining("', '", "['", "']"))
        + "[1 + (r %% %d)::INTEGER]".formatted(codes.size());
  }

  /** An hour's files: {@link #ROLL_UPS_AN_HOUR} roll-ups, some outliers, some events. */
  void writeHour(Instant hour, int outliers, int events) throws SQLException, IOException {
    writeRollUps(hour, 0, 0);
    write("outliers", OutlierRows.schema(contract), hour, 0, 0, outliers, "");
    if (events > 0) {
      write("events", RecordSchemas.events(contract), hour, 0, 0, events, "");
    }
  }

  /** The hour's last ten minutes and the hour itself once more, with what they have meanwhile. */
  void writePanes(Instant hour, int pane) throws SQLException, IOException {
    writeRollUps(hour, pane, ROLL_UPS_AN_HOUR - 2 * INSTANCES);
  }

  private void writeRollUps(Instant hour, int pane, int first) throws SQLException, IOException {
    write(
        "rollups",
        RollUpSchema.of(contract),
        hour,
        pane,
        first,
        ROLL_UPS_AN_HOUR,
        "CASE WHEN i // %1$d = 6 THEN $hour ELSE $hour + to_minutes((i // %1$d) * 10) END"
            .formatted(INSTANCES));
  }

  /**
   * Outliers that have just been found.
   *
   * @param batch from 1 on, each once
   */
  void writeOutliers(Instant hour, int batch, int outliers) throws SQLException, IOException {
    // Their numbers are behind those that the hour has.
    long first = 1_000_000L + (long) batch * outliers;
    write("outliers", OutlierRows.schema(contract), hour, batch, first, first + outliers, "");
  }

  private void write(
      String table,
      Schema schema,
      Instant hour,
      int batch,
      long firstRow,
      long endRow,
      String windowStart)
      throws SQLException, IOException {
    String columns =
        schema.getFields().stream()
            .map(field -> value(field, windowStart, table) + " AS \"" + field.getName() + '"')
            .collect(Collectors.joining(", "))
            .replace("$hour", "TIMESTAMP '" + hour.toString().replaceAll("[TZ]", " ").strip() + "'")
            .replace("$pane", Integer.toString(batch))
            .replace("$outlier", Boolean.toString(table.equals("outliers")));
    Path folder =
        Files.createDirectories(
            lake.resolve(LakeHour.of(contract.id(), table, hour.toEpochMilli()).directory()));
    Path unfinished = folder.resolve(".unfinished");
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (SELECT %s FROM (SELECT i, hash(i, %d)::UBIGINT %% 1000000007 AS r FROM range(%d, %d) t(i))) TO %s (FORMAT parquet)"
              .formatted(
                  columns,
                  hour.getEpochSecond() + batch,
                  firstRow,
                  endRow,
                  SqlPath.literal(unfinished)));
    }
    String digest =
        LakeNames.digest(List.of((table + hour + batch).getBytes(StandardCharsets.UTF_8)));
    Files.move(
        unfinished,
        folder.resolve(LakeNames.stream(table, digest, LakeNames.PARQUET)),
        StandardCopyOption.ATOMIC_MOVE);
  }

  private static String value(Field field, String windowStart, String table) {
    if (field.getName().equals(RollUpSchema.WINDOW_START)) {
      return windowStart;
    }
    if (field.getName().equals(RollUpSchema.WINDOW_MILLIS)) {
      return "CASE WHEN i // %d = 6 THEN %d ELSE %d END::BIGINT"
          .formatted(INSTANCES, Duration.ofHours(1).toMillis(), Duration.ofMinutes(10).toMillis());
    }
    String known = VALUES.get(field.getName());
    if (known != null) {
      return known;
    }
    ArrowType type = field.getType();
    if (type instanceof ArrowType.FloatingPoint) {
      return "(r % 10000) / 7.0";
    }
    if (type instanceof ArrowType.Bool) {
      return "r % 9 = 0";
    }
    if (type instanceof ArrowType.Int integer) {
      return "(r % 50)::" + (integer.getBitWidth() == Long.SIZE ? "BIGINT" : "INTEGER");
    }
    if (type instanceof ArrowType.Timestamp) {
      return "$hour";
    }
    return "(r % 1000)::VARCHAR";
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
