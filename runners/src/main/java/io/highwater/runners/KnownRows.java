package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.lake.ArrowFiles;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.record.RecordSchemas;
import io.highwater.transforms.Table;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;

/** Whether a stream has written to a lake before. */
final class KnownRows {
  private KnownRows() {}

  /** Whether an event of {@code topic} is in the lake's Arrow files. */
  static boolean hasRowsOf(Path lake, Contract contract, String topic) {
    try (BufferAllocator allocator = new RootAllocator()) {
      for (LakeFile file : LakeTable.of(lake, contract.id(), Table.EVENTS.folder()).files()) {
        if (file.path().toString().endsWith(".arrow")
            && firstTopic(file.path(), allocator).equals(topic)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("Cannot look into the lake " + lake, e);
    }
  }

  /** All rows of a file that a stream wrote are of one topic. */
  private static String firstTopic(Path file, BufferAllocator allocator) throws IOException {
    try (ArrowFileReader reader = ArrowFiles.open(file, allocator)) {
      if (!reader.loadNextBatch()) {
        return "";
      }
      VectorSchemaRoot rows = reader.getVectorSchemaRoot();
      return String.valueOf(rows.getVector(RecordSchemas.TOPIC).getObject(0));
    }
  }
}
