package io.highwater.features;

import io.highwater.contract.FieldType;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.CheckedArrowReader;
import io.highwater.record.Compression;
import io.highwater.record.RecordSchemas;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Encodings as one Arrow IPC file: the row of all, then groups and subjects, each by key. Equal
 * encodings give equal bytes.
 */
public final class EncodingsFile {
  private static final ArrowType FLOAT = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);

  /** level: 0 all, 1 a group, 2 a subject. median, spread and p95 of ln(1 + target). */
  private static final Schema SCHEMA =
      new Schema(
          List.of(
              RecordSchemas.column("level", new ArrowType.Int(8, true)),
              RecordSchemas.column("key", FieldType.INTEGER),
              RecordSchemas.column("parent", FieldType.INTEGER),
              RecordSchemas.column("count", FieldType.INTEGER),
              RecordSchemas.column("median", FLOAT),
              RecordSchemas.column("spread", FLOAT),
              RecordSchemas.column("p95", FLOAT)));

  private static final int BATCH_ROWS = 65_536;

  /** As many groups as subjects may be there; a file of more is not ours. */
  private static final int MAX_ROWS = 2 * EncodingsBuilder.MAX_SUBJECTS + 1;

  private EncodingsFile() {}

  /** Writes a new file. */
  public static void write(Encodings encodings, Path file) throws IOException {
    List<byte[]> messages = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator)) {
      List<Encodings.Table> levels =
          List.of(encodings.all(), encodings.groups(), encodings.subjects());
      for (int level = 0; level < levels.size(); level++) {
        Encodings.Table table = levels.get(level);
        for (int start = 0; start < table.size(); start += BATCH_ROWS) {
          setRows(root, level, table, start, Math.min(table.size(), start + BATCH_ROWS));
          messages.add(ArrowFiles.encode(root, Compression.ZSTD));
        }
      }
    }
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ArrowFiles.assemble(SCHEMA, messages, channel);
    }
  }

  private static void setRows(
      VectorSchemaRoot root, int level, Encodings.Table table, int start, int end) {
    for (int row = start; row < end; row++) {
      int at = row - start;
      ((TinyIntVector) root.getVector("level")).setSafe(at, level);
      ((BigIntVector) root.getVector("key")).setSafe(at, table.keys()[row]);
      ((BigIntVector) root.getVector("parent")).setSafe(at, table.parents()[row]);
      ((BigIntVector) root.getVector("count")).setSafe(at, table.counts()[row]);
      ((Float4Vector) root.getVector("median")).setSafe(at, table.medians()[row]);
      ((Float4Vector) root.getVector("spread")).setSafe(at, table.spreads()[row]);
      ((Float4Vector) root.getVector("p95")).setSafe(at, table.p95s()[row]);
    }
    root.setRowCount(end - start);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IOException for anything else, in one line that begins with the file's name
   */
  public static Encodings read(Path file) throws IOException {
    String name = String.valueOf(file.getFileName());
    if (Files.size(file) > (long) MAX_ROWS * 64) {
      throw new IOException(name + " is too large to be encodings");
    }
    // Of its own, without an end: a reader that comes upon damage leaves buffers behind, and
    // these are few.
    BufferAllocator allocator = new RootAllocator();
    boolean whole = false;
    try (CheckedArrowReader reader = CheckedArrowReader.open(List.of(file), allocator)) {
      if (!reader.getVectorSchemaRoot().getSchema().equals(SCHEMA)) {
        throw new IOException(name + " has other columns than encodings have");
      }
      Levels levels = new Levels(name);
      while (reader.loadNextBatch()) {
        levels.add(reader.getVectorSchemaRoot());
      }
      whole = true;
      return levels.toEncodings();
    } catch (RuntimeException e) {
      throw new IOException(name + " is damaged: " + e.getMessage(), e);
    } finally {
      if (whole) {
        allocator.close();
      }
    }
  }

  /** Rows that have been read. */
  private static final class Levels {
    private final String fileName;
    private final Encodings.Table[] tables = new Encodings.Table[3];
    private final int[] sizes = new int[3];
    private int last;

    Levels(String fileName) {
      this.fileName = fileName;
      Arrays.setAll(tables, level -> Encodings.Table.ofSize(new long[16], new long[16]));
    }

    void add(VectorSchemaRoot root) throws IOException {
      for (FieldVector column : root.getFieldVectors()) {
        require(column.getNullCount() == 0, "'" + column.getName() + "' is null in a row");
      }
      for (int row = 0; row < root.getRowCount(); row++) {
        int level = ((TinyIntVector) root.getVector("level")).get(row);
        require(level >= last && level < tables.length, "its rows are not in order");
        last = level;
        int at = sizes[level]++;
        if (at == tables[level].size()) {
          require(at <= MAX_ROWS, "it has too many rows");
          tables[level] = resized(tables[level], 2 * at);
        }
        Encodings.Table table = tables[level];
        table.keys()[at] = ((BigIntVector) root.getVector("key")).get(row);
        table.parents()[at] = ((BigIntVector) root.getVector("parent")).get(row);
        table.counts()[at] = ((BigIntVector) root.getVector("count")).get(row);
        table.medians()[at] = ((Float4Vector) root.getVector("median")).get(row);
        table.spreads()[at] = ((Float4Vector) root.getVector("spread")).get(row);
        table.p95s()[at] = ((Float4Vector) root.getVector("p95")).get(row);
        require(at == 0 || table.keys()[at] > table.keys()[at - 1], "its rows are not in order");
        require(
            table.counts()[at] > 0
                && table.medians()[at] >= 0
                && table.spreads()[at] >= 0
                && table.p95s()[at] >= table.medians()[at]
                && table.p95s()[at] < Float.POSITIVE_INFINITY
                && table.spreads()[at] < Float.POSITIVE_INFINITY,
            "a row is not of values that can be");
      }
    }

    Encodings toEncodings() throws IOException {
      require(sizes[0] <= 1, "it has several rows for all");
      return Encodings.of(
          resized(tables[0], sizes[0]), resized(tables[1], sizes[1]), resized(tables[2], sizes[2]));
    }

    private void require(boolean holds, String problem) throws IOException {
      if (!holds) {
        throw new IOException(fileName + " is damaged: " + problem);
      }
    }

    private static Encodings.Table resized(Encodings.Table table, int size) {
      return new Encodings.Table(
          Arrays.copyOf(table.keys(), size),
          Arrays.copyOf(table.parents(), size),
          Arrays.copyOf(table.counts(), size),
          Arrays.copyOf(table.medians(), size),
          Arrays.copyOf(table.spreads(), size),
          Arrays.copyOf(table.p95s(), size));
    }
  }
}
