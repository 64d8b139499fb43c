package io.highwater.runners.replay;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sorts messages of any number with bounded memory: sorted runs in temporary files, which the
 * caller merges. Needs as much room on disk as the messages take.
 */
final class SortedRuns implements Closeable {
  // A run is sorted on the heap, of which replay has 512 MiB.
  private static final long RUN_BYTES = 96L << 20;
  private static final int MESSAGE_OVERHEAD_BYTES = 64;
  private static final int BUFFER_BYTES = 1 << 17;
  // More are merged into one, so that neither open files nor buffers grow with the input.
  private static final int MAX_RUNS = 256;

  private final Path directory;
  private final long runBytes;
  private final List<TimedMessage> pending = new ArrayList<>();
  private final List<Run> runs = new ArrayList<>();
  private long pendingBytes;
  private int written;

  /** A sorted temporary file that knows its first message's time before it is opened. */
  record Run(Path file, long firstMicros) {
    MessageSource open() throws IOException {
      return new RunReader(file);
    }
  }

  private SortedRuns(Path directory, long runBytes) {
    this.directory = directory;
    this.runBytes = runBytes;
  }

  static SortedRuns create() throws IOException {
    return create(RUN_BYTES);
  }

  /**
   * @param runBytes memory that one run may take
   */
  static SortedRuns create(long runBytes) throws IOException {
    return new SortedRuns(Files.createTempDirectory("highwater-replay"), runBytes);
  }

  void add(TimedMessage message) throws IOException {
    pending.add(message);
    pendingBytes += message.value().length + MESSAGE_OVERHEAD_BYTES;
    if (pendingBytes >= runBytes) {
      spill();
    }
  }

  /** Ends the sorting: all messages, in runs. */
  List<Run> runs() throws IOException {
    if (!pending.isEmpty()) {
      spill();
    }
    return List.copyOf(runs);
  }

  private void spill() throws IOException {
    pending.sort(TimedMessage.ORDER);
    try (RunWriter writer = newRun(pending.get(0).eventMicros())) {
      for (TimedMessage message : pending) {
        writer.write(message);
      }
    }
    pending.clear();
    pendingBytes = 0;
    if (runs.size() == MAX_RUNS) {
      mergeAll();
    }
  }

  private void mergeAll() throws IOException {
    List<Run> merged = List.copyOf(runs);
    runs.clear();
    long firstMicros = merged.stream().mapToLong(Run::firstMicros).min().orElseThrow();
    try (MergedMessages messages = new MergedMessages();
        RunWriter writer = newRun(firstMicros)) {
      for (Run run : merged) {
        messages.add(run.firstMicros(), run::open);
      }
      @Nullable TimedMessage message;
      while ((message = messages.next()) != null) {
        writer.write(message);
      }
    }
    for (Run run : merged) {
      Files.delete(run.file());
    }
  }

  private RunWriter newRun(long firstMicros) throws IOException {
    Path file = directory.resolve("run-" + written++);
    runs.add(new Run(file, firstMicros));
    return new RunWriter(file);
  }

  @Override
  public void close() throws IOException {
    for (Run run : runs) {
      Files.deleteIfExists(run.file());
    }
    Files.deleteIfExists(directory);
  }

  private static final class RunWriter implements Closeable {
    private final DataOutputStream out;

    RunWriter(Path file) throws IOException {
      out =
          new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES));
    }

    void write(TimedMessage message) throws IOException {
      out.writeLong(message.eventMicros());
      out.writeLong(message.sequence());
      out.writeInt(message.value().length);
      out.write(message.value());
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }

  private static final class RunReader implements MessageSource {
    private final DataInputStream in;

    RunReader(Path file) throws IOException {
      in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES));
    }

    @Override
    public @Nullable TimedMessage next() throws IOException {
      long eventMicros;
      try {
        eventMicros = in.readLong();
      } catch (EOFException e) {
        return null;
      }
      long sequence = in.readLong();
      byte[] value = new byte[in.readInt()];
      in.readFully(value);
      return new TimedMessage(eventMicros, sequence, value);
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
