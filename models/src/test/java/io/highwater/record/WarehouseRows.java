package io.highwater.record;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.DerivedColumn;
import io.highwater.contract.Detector;
import io.highwater.contract.InvalidContractException;
import io.highwater.contract.Measure;
import io.highwater.contract.RollUp;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Events in the shape of warehouse queries, seeded. */
public final class WarehouseRows {
  public static final String EVENT_TIME = "arrival_timestamp";

  /** When {@link #sorted} and {@link #unsorted} begin. */
  public static final long START_MILLIS = Instant.parse("2024-03-01T00:00:00Z").toEpochMilli();

  private static final String[] CLASSES = {
    "normal", "cpu_bound", "io_bound", "network_bound", "queue_wlm_bound"
  };
  private static final String[] TYPES = {"select", "insert", "other", "copy", "größe", "日本 🌊"};

  private WarehouseRows() {}

  /** The built-in contract of warehouse queries, but that all of the target is predicted. */
  public static Contract contract() {
    try {
      Contract builtIn = ContractLoader.load("warehouse-queries");
      Detector detector = Objects.requireNonNull(builtIn.detector());
      return new Contract(
          builtIn.id(),
          builtIn.version(),
          builtIn.eventTime(),
          builtIn.outOfOrderBound(),
          builtIn.key(),
          builtIn.fields(),
          builtIn.derived(),
          builtIn.rules(),
          builtIn.rollUp(),
          new Detector(
              detector.target(),
              null,
              detector.subject(),
              detector.neverScored(),
              detector.neverFlagged(),
              detector.minimumTarget(),
              detector.alertBudget(),
              detector.features(),
              detector.shapeFeatures(),
              detector.context()));
    } catch (InvalidContractException e) {
      throw new IllegalStateException(e);
    }
  }

  /** With another roll-up. */
  public static Contract contract(List<String> keys, List<Measure> measures) {
    Contract builtIn = contract();
    return new Contract(
        builtIn.id(),
        builtIn.version(),
        builtIn.eventTime(),
        builtIn.outOfOrderBound(),
        builtIn.key(),
        builtIn.fields(),
        builtIn.derived(),
        builtIn.rules(),
        new RollUp(builtIn.rollUp().windows(), keys, measures));
  }

  /** Rows in the order of time, {@code millisBetween} apart. */
  public static VectorSchemaRoot sorted(
      long seed, int rowCount, long millisBetween, BufferAllocator allocator) {
    return rows(seed, rowCount, rowCount * millisBetween, true, allocator);
  }

  /** Rows of the {@code millis} after the start, in no order. */
  public static VectorSchemaRoot unsorted(
      long seed, int rowCount, long millis, BufferAllocator allocator) {
    return rows(seed, rowCount, millis, false, allocator);
  }

  private static VectorSchemaRoot rows(
      long seed, int rowCount, long millis, boolean inOrder, BufferAllocator allocator) {
    Random random = new Random(seed);
    Contract contract = contract();
    VectorSchemaRoot root = VectorSchemaRoot.create(RecordSchemas.events(contract), allocator);
    for (int row = 0; row < rowCount; row++) {
      boolean cached = random.nextInt(10) == 0;
      boolean spilled = random.nextInt(60) == 0;
      long execution = (long) Math.exp(random.nextGaussian() * 2.5 + 6);
      // Squared, so that a few instances have most of the queries.
      double skewed = random.nextDouble();
      setLong(root, "instance_id", row, (long) (50 * skewed * skewed));
      if (random.nextInt(5) > 0) {
        setLong(root, "cluster_size", row, 2 + random.nextInt(30));
      }
      setLong(root, "database_id", row, random.nextInt(3));
      setLong(root, "user_id", row, random.nextInt(200));
      setLong(root, "query_id", row, row + random.nextInt(1000));
      long micros =
          inOrder ? row * (millis * 1000 / rowCount) : (long) (random.nextDouble() * millis * 1000);
      ((TimeStampMicroVector) root.getVector(EVENT_TIME))
          .setSafe(row, START_MILLIS * 1000 + micros);
      if (!cached) {
        setDouble(root, "compile_duration_ms", row, execution * random.nextDouble());
        String fingerprint = Long.toHexString(0x1000_0000_0000_0000L | random.nextInt(500));
        setText(root, "feature_fingerprint", row, fingerprint.repeat(4));
        setLong(root, "num_permanent_tables_accessed", row, random.nextInt(8));
        setLong(root, "num_external_tables_accessed", row, 0);
        setLong(root, "num_system_tables_accessed", row, random.nextInt(2));
        setDouble(root, "mbytes_scanned", row, Math.exp(random.nextGaussian() * 3));
        setText(root, "read_table_ids", row, random.nextInt(90) + "," + random.nextInt(90));
      }
      setLong(root, "queue_duration_ms", row, random.nextInt(100) == 0 ? random.nextInt(9000) : 0);
      setLong(root, "execution_duration_ms", row, execution);
      setBoolean(root, "was_aborted", row, random.nextInt(110) == 0);
      setBoolean(root, "was_cached", row, cached);
      setText(root, "query_type", row, TYPES[random.nextInt(TYPES.length)]);
      setDouble(root, "mbytes_spilled", row, spilled ? 1e5 * random.nextDouble() : 0);
      setLong(root, "num_joins", row, random.nextInt(5));
      setLong(root, "num_scans", row, random.nextInt(9));
      setLong(root, "num_aggregations", row, random.nextInt(3));
      setText(root, RecordSchemas.TOPIC, row, "queries");
      ((IntVector) root.getVector(RecordSchemas.PARTITION)).setSafe(row, random.nextInt(4));
      setLong(root, RecordSchemas.OFFSET, row, row);
      int rank = random.nextInt(100);
      setText(root, "query_class", row, CLASSES[rank < 92 ? 0 : rank % CLASSES.length]);
      setBoolean(root, "is_spilled", row, spilled);
      for (DerivedColumn derived : contract.derived()) {
        // The flags and logarithms need not be right here, only alike in shape.
        if (derived.name().startsWith("is_zero_")) {
          setBoolean(root, derived.name(), row, random.nextInt(4) == 0);
        } else if (derived.name().startsWith("log1p_") && !cached) {
          setDouble(root, derived.name(), row, Math.log1p(execution));
        }
      }
    }
    root.setRowCount(rowCount);
    return root;
  }

  private static void setLong(VectorSchemaRoot root, String column, int row, long value) {
    ((BigIntVector) root.getVector(column)).setSafe(row, value);
  }

  private static void setDouble(VectorSchemaRoot root, String column, int row, double value) {
    ((Float8Vector) root.getVector(column)).setSafe(row, value);
  }

  private static void setBoolean(VectorSchemaRoot root, String column, int row, boolean value) {
    ((BitVector) root.getVector(column)).setSafe(row, value ? 1 : 0);
  }

  private static void setText(VectorSchemaRoot root, String column, int row, String value) {
    ((VarCharVector) root.getVector(column)).setSafe(row, value.getBytes(StandardCharsets.UTF_8));
  }
}
