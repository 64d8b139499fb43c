package io.highwater.lake;

import io.highwater.contract.Contract;
import io.highwater.record.Compression;
import io.highwater.record.RecordSchemas;
import io.highwater.record.RejectedRecords;
import io.highwater.rollup.RollUpSchema;
import io.highwater.status.StatusRows;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.ByteArrayReadableSeekableByteChannel;
import org.duckdb.DuckDBConnection;

/**
 * A lake of a contract with random rows, and what DuckDB reads of the files of it that count.
 * Closing it fails if a buffer was not given back.
 */
final class StoredLake implements AutoCloseable {
  private static final String[] TEXTS = {
    "", "select", "größe 日本 🌊", "a,b\n\"c\"", "\u0000", "e\u0301", "x".repeat(300)
  };
  private static final double[] NUMBERS = {
    0.0, -0.0, 1e300, -1e-300, Double.MIN_VALUE, Double.MAX_VALUE, 0.1, 9007199254740993.0
  };

  private final Path root;
  private final Contract contract;
  private final BufferAllocator allocator = new RootAllocator();
  private final DuckDBConnection connection;

  StoredLake(Path root, Contract contract) throws SQLException {
    this.root = root;
    this.contract = contract;
    connection = DriverManager.getConnection("jdbc:duckdb:").unwrap(DuckDBConnection.class);
  }

  Path folder(String table, long epochHour) {
    return root.resolve(new LakeHour(contract.id(), table, epochHour).directory());
  }

  Schema schema(String table) {
    return switch (table) {
      case "events" -> RecordSchemas.events(contract);
      case "rollups" -> RollUpSchema.of(contract);
      case "rejected" -> RejectedRecords.SCHEMA;
      case "status" -> StatusRows.SCHEMA;
      default -> throw new IllegalArgumentException(table);
    };
  }

  /** Writes an Arrow file of a stream, of several batches; returns its name. */
  String writeArrow(String table, long epochHour, int rows, long seed, Compression compression)
      throws IOException {
    Random random = new Random(seed);
    List<byte[]> messages = new ArrayList<>();
    for (int from = 0; from < rows; from += 1_000) {
      try (VectorSchemaRoot batch =
          random(schema(table), epochHour, Math.min(1_000, rows - from), random)) {
        messages.add(ArrowFiles.encode(batch, compression));
      }
    }
    String name = LakeNames.stream(table, LakeNames.digest(messages), LakeNames.ARROW);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ArrowFiles.assemble(schema(table), messages, Channels.newChannel(file));
    write(table, epochHour, name, file.toByteArray());
    return name;
  }

  /** Writes a Parquet file of a stream; returns its name. */
  String writeParquet(String table, long epochHour, int rows, long seed)
      throws IOException, SQLException {
    ByteArrayOutputStream arrow = new ByteArrayOutputStream();
    try (VectorSchemaRoot batch = random(schema(table), epochHour, rows, new Random(seed))) {
      ArrowFiles.assemble(
          schema(table),
          List.of(ArrowFiles.encode(batch, Compression.NONE)),
          Channels.newChannel(arrow));
    }
    String digest = LakeNames.digest(List.of(arrow.toByteArray()));
    String name = LakeNames.stream(table, digest, LakeNames.PARQUET);
    Path file = Files.createDirectories(folder(table, epochHour)).resolve("." + name + ".part");
    try (ArrowReader reader =
        ArrowFiles.open(new ByteArrayReadableSeekableByteChannel(arrow.toByteArray()), allocator)) {
      overArrow(reader, "COPY (FROM arrow_rows) TO '" + file + "' (FORMAT parquet)");
    }
    Files.move(file, file.resolveSibling(name), StandardCopyOption.ATOMIC_MOVE);
    return name;
  }

  /** Writes a Parquet file with the rows of a SELECT. */
  void writeParquet(String table, long epochHour, String name, String select)
      throws IOException, SQLException {
    Path file = Files.createDirectories(folder(table, epochHour)).resolve("." + name + ".part");
    execute("COPY (" + select + ") TO '" + file + "' (FORMAT parquet)");
    Files.move(file, file.resolveSibling(name), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Puts a file in by rename. */
  void write(String table, long epochHour, String name, byte[] content) throws IOException {
    Path file = Files.createDirectories(folder(table, epochHour)).resolve("." + name + ".part");
    Files.write(file, content);
    Files.move(file, file.resolveSibling(name), StandardCopyOption.ATOMIC_MOVE);
  }

  private VectorSchemaRoot random(Schema schema, long epochHour, int rows, Random random) {
    VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
    for (FieldVector vector : root.getFieldVectors()) {
      vector.setInitialCapacity(rows);
      vector.allocateNew();
      for (int row = 0; row < rows; row++) {
        boolean isTime = vector instanceof TimeStampMicroVector;
        if (isTime || random.nextInt(5) > 0) {
          set(vector, row, epochHour, random);
        }
      }
    }
    root.setRowCount(rows);
    return root;
  }

  private static void set(FieldVector vector, int row, long epochHour, Random random) {
    if (vector instanceof TimeStampMicroVector times) {
      times.setSafe(row, epochHour * 3_600_000_000L + random.nextLong(3_600_000_000L));
    } else if (vector instanceof BigIntVector integers) {
      boolean extreme = random.nextInt(50) == 0;
      integers.setSafe(row, extreme ? Long.MIN_VALUE + random.nextInt(2) : random.nextInt(40));
    } else if (vector instanceof IntVector integers) {
      integers.setSafe(row, random.nextInt(20) == 0 ? Integer.MAX_VALUE : random.nextInt(4));
    } else if (vector instanceof Float8Vector numbers) {
      numbers.setSafe(
          row,
          random.nextInt(10) == 0 ? NUMBERS[random.nextInt(NUMBERS.length)] : random.nextDouble());
    } else if (vector instanceof BitVector booleans) {
      booleans.setSafe(row, random.nextInt(2));
    } else if (vector instanceof VarCharVector texts) {
      texts.setSafe(row, TEXTS[random.nextInt(TEXTS.length)].getBytes(StandardCharsets.UTF_8));
    } else if (vector instanceof VarBinaryVector bytes) {
      byte[] value = new byte[random.nextInt(20)];
      random.nextBytes(value);
      bytes.setSafe(row, value);
    } else {
      throw new IllegalArgumentException(vector.getField().toString());
    }
  }

  /** Loads the rows of the files that count, and those of another contract version too. */
  void load(String relation, String table) throws IOException, SQLException {
    load(relation, table, LakeTable.of(root, contract.id(), table).files());
  }

  void load(String relation, String table, List<LakeFile> files) throws IOException, SQLException {
    execute("DROP TABLE IF EXISTS " + relation);
    ByteArrayOutputStream empty = new ByteArrayOutputStream();
    ArrowFiles.assemble(schema(table), List.of(), Channels.newChannel(empty));
    try (ArrowReader reader =
        ArrowFiles.open(new ByteArrayReadableSeekableByteChannel(empty.toByteArray()), allocator)) {
      overArrow(reader, "CREATE TABLE " + relation + " AS FROM arrow_rows");
    }
    for (LakeFile file : files) {
      if (file.isArrow()) {
        try (ArrowReader reader = ArrowFiles.open(file.path(), allocator)) {
          overArrow(reader, "INSERT INTO " + relation + " BY NAME FROM arrow_rows");
        }
      } else {
        execute("INSERT INTO %s BY NAME FROM %s".formatted(relation, parquet(file)));
      }
    }
  }

  static String parquet(LakeFile file) {
    return "read_parquet('" + file.path() + "', hive_partitioning = false)";
  }

  private void overArrow(ArrowReader reader, String sql) throws SQLException {
    try (ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, reader, stream);
      connection.registerArrowStream("arrow_rows", stream);
      execute(sql);
    }
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The rows of a query, each with its values after commas. */
  List<String> rows(String sql) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      int columns = result.getMetaData().getColumnCount();
      while (result.next()) {
        List<String> values = new ArrayList<>();
        for (int column = 1; column <= columns; column++) {
          values.add(String.valueOf(result.getString(column)));
        }
        rows.add(String.join(", ", values));
      }
    }
    return rows;
  }

  /** Names and types of a relation's columns, as DuckDB tells them. */
  List<String> columns(String relation) throws SQLException {
    return rows("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + relation + ")");
  }

  /** Rows that one of two relations has more often than the other. */
  List<String> differences(String left, String right) throws SQLException {
    List<String> differences = new ArrayList<>();
    // EXCEPT ALL sorts all rows by all columns, which a sum of hashes spares where they agree.
    String hashes = "SELECT count(*), sum(hash(t)::HUGEINT) FROM %s t";
    if (rows(hashes.formatted(left)).equals(rows(hashes.formatted(right)))) {
      return differences;
    }
    differences.addAll(rows("(FROM %s) EXCEPT ALL (FROM %s) LIMIT 3".formatted(left, right)));
    differences.addAll(rows("(FROM %s) EXCEPT ALL (FROM %s) LIMIT 3".formatted(right, left)));
    return differences;
  }

  @Override
  public void close() throws SQLException {
    connection.close();
    allocator.close();
  }
}
