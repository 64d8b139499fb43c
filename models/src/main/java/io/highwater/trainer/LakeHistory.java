package io.highwater.trainer;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeFileReader;
import io.highwater.lake.LakeTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/** The events of a lake. Memory is that of one batch, whatever the lake's size. */
public final class LakeHistory implements EventHistory {
  private final LakeTable events;

  private LakeHistory(LakeTable events) {
    this.events = events;
  }

  public static LakeHistory of(Path lake, Contract contract) {
    return new LakeHistory(LakeTable.of(lake, contract.id(), "events"));
  }

  @Override
  public List<Long> hours() {
    return events.files().stream().map(file -> file.hour().epochHour()).distinct().toList();
  }

  @Override
  public void read(long fromHour, long toHour, Consumer<VectorSchemaRoot> consumer)
      throws IOException {
    for (LakeFile file : events.filesBetween(fromHour, toHour - 1)) {
      read(file, consumer);
    }
  }

  private static void read(LakeFile file, Consumer<VectorSchemaRoot> consumer) throws IOException {
    // Of its own, without an end: a reader that comes upon damage leaves buffers behind.
    BufferAllocator allocator = new RootAllocator();
    try (LakeFileReader reader = LakeFileReader.open(file, allocator)) {
      while (reader.hasNext()) {
        consumer.accept(reader.next());
      }
    } catch (UncheckedIOException e) {
      throw new IOException(e.getMessage(), e);
    }
    allocator.close();
  }
}
