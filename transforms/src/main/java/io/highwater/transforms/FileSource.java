package io.highwater.transforms;

import io.highwater.record.FileRecords;
import io.highwater.record.FileSlice;
import io.highwater.record.RawBatch;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.io.BoundedSource;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.io.fs.ResourceId;
import org.apache.beam.sdk.options.PipelineOptions;
import org.jspecify.annotations.Nullable;

/**
 * Files as raw batches. It is cut into files, and large Parquet files into row groups; who has read
 * a piece asks the runner for the next, so that all workers are busy to the end. (A DoFn over the
 * names would have its pieces dealt out beforehand.)
 */
final class FileSource extends BoundedSource<FileSource.Piece> {
  private static final int ROWS_PER_BATCH = 16_384;

  /** A smaller file is read by one worker, without a look at it beforehand. */
  private static final long MIN_BYTES_TO_CUT = 32L << 20;

  /**
   * Some records of a file, or why there are no more of it.
   *
   * @param unreadable what is wrong with the file
   */
  record Piece(@Nullable RawBatch batch, @Nullable UnreadableFile unreadable) {}

  private final List<InputFile> files;
  private final @Nullable FileSlice slice;
  private final long receivedAtMillis;
  private final List<String> requiredColumns;
  private final boolean skipsUnreadable;

  private FileSource(
      List<InputFile> files,
      @Nullable FileSlice slice,
      long receivedAtMillis,
      List<String> requiredColumns,
      boolean skipsUnreadable) {
    this.files = files;
    this.slice = slice;
    this.receivedAtMillis = receivedAtMillis;
    this.requiredColumns = requiredColumns;
    this.skipsUnreadable = skipsUnreadable;
  }

  /**
   * @param requiredColumns what a file that names its columns has to have
   * @param skipsUnreadable whether a file that cannot be read is an element, or fails the run
   */
  static FileSource of(
      List<InputFile> files,
      long receivedAtMillis,
      List<String> requiredColumns,
      boolean skipsUnreadable) {
    return new FileSource(files, null, receivedAtMillis, requiredColumns, skipsUnreadable);
  }

  @Override
  public List<FileSource> split(long desiredBundleSizeBytes, PipelineOptions options) {
    if (slice != null) {
      return List.of(this);
    }
    List<FileSource> parts = new ArrayList<>();
    for (InputFile file : files) {
      for (FileSlice part : slices(file)) {
        parts.add(
            new FileSource(
                List.of(file), part, receivedAtMillis, requiredColumns, skipsUnreadable));
      }
    }
    return parts;
  }

  private static List<FileSlice> slices(InputFile file) {
    if (file.bytes() >= MIN_BYTES_TO_CUT && isLocal(file.name())) {
      try {
        return FileRecords.slices(Path.of(file.name()), file.number());
      } catch (IOException e) {
        // Whoever reads it says what is wrong.
        return List.of(FileSlice.whole(file.name(), file.number(), file.bytes()));
      }
    }
    return List.of(FileSlice.whole(file.name(), file.number(), file.bytes()));
  }

  private static boolean isLocal(String name) {
    return FileSystems.matchNewResource(name, false).getScheme().equals("file");
  }

  @Override
  public long getEstimatedSizeBytes(PipelineOptions options) {
    return slice != null ? slice.bytes() : files.stream().mapToLong(InputFile::bytes).sum();
  }

  @Override
  public Coder<Piece> getOutputCoder() {
    return new PieceCoder();
  }

  @Override
  public BoundedReader<Piece> createReader(PipelineOptions options) {
    List<FileSlice> slices = new ArrayList<>();
    if (slice != null) {
      slices.add(slice);
    } else {
      for (InputFile file : files) {
        slices.add(FileSlice.whole(file.name(), file.number(), file.bytes()));
      }
    }
    return new Reader(this, slices);
  }

  private static final class Reader extends BoundedReader<Piece> {
    private final FileSource source;
    private final List<FileSlice> slices;
    private final HighwaterMetrics.BatchCounter bytesRead =
        HighwaterMetrics.counter(HighwaterMetrics.BYTES_READ);
    private int next;
    private @Nullable OpenFile open;
    private @Nullable Piece current;

    Reader(FileSource source, List<FileSlice> slices) {
      this.source = source;
      this.slices = slices;
    }

    @Override
    public boolean start() throws IOException {
      return advance();
    }

    @Override
    public boolean advance() throws IOException {
      current = null;
      while (current == null && (open != null || next < slices.size())) {
        FileSlice slice = slices.get(open == null ? next++ : next - 1);
        try {
          OpenFile file = open == null ? open(slice) : open;
          open = file;
          if (file.records().hasNext()) {
            current = new Piece(file.records().next(), null);
            bytesRead.inc(file.newBytes());
          } else {
            bytesRead.inc(file.restOfBytes());
            close();
          }
        } catch (IOException | UncheckedIOException e) {
          close();
          // What FileRecords throws names the file.
          if (!source.skipsUnreadable) {
            throw e instanceof IOException failure ? failure : new IOException(e.getMessage(), e);
          }
          String message = String.valueOf(e.getMessage());
          String exception = IOException.class.getName() + ": ";
          current =
              new Piece(null, new UnreadableFile(slice.name(), message.replace(exception, "")));
        }
      }
      return current != null;
    }

    private OpenFile open(FileSlice slice) throws IOException {
      OpenFile file = OpenFile.open(slice, source.receivedAtMillis);
      List<String> columns = file.records().columnNames();
      List<String> missing = new ArrayList<>(source.requiredColumns);
      missing.removeAll(columns);
      if (!columns.isEmpty() && !missing.isEmpty()) {
        file.close();
        throw new IOException(
            "%s has no column %s; expected the fields that its contract requires, found %s"
                .formatted(slice.name(), String.join(", ", missing), String.join(", ", columns)));
      }
      return file;
    }

    @Override
    public Piece getCurrent() {
      if (current == null) {
        throw new NoSuchElementException();
      }
      return current;
    }

    @Override
    public void close() throws IOException {
      if (open != null) {
        OpenFile file = open;
        open = null;
        file.close();
      }
    }

    @Override
    public FileSource getCurrentSource() {
      return source;
    }
  }

  /** A file, and how much of it was read. */
  private static final class OpenFile implements AutoCloseable {
    private final FileSlice slice;
    private final FileRecords records;
    private final @Nullable CountedStream stream;
    private final @Nullable Path copy;
    private long counted;

    private OpenFile(
        FileSlice slice, FileRecords records, @Nullable CountedStream stream, @Nullable Path copy) {
      this.slice = slice;
      this.records = records;
      this.stream = stream;
      this.copy = copy;
    }

    static OpenFile open(FileSlice slice, long receivedAtMillis) throws IOException {
      ResourceId resource = FileSystems.matchNewResource(slice.name(), false);
      if (!FileRecords.needsLocalFile(slice.name())) {
        CountedStream in = new CountedStream(Channels.newInputStream(FileSystems.open(resource)));
        return new OpenFile(
            slice, FileRecords.open(slice, in, ROWS_PER_BATCH, receivedAtMillis), in, null);
      }
      if (isLocal(slice.name())) {
        FileRecords records =
            FileRecords.open(slice, Path.of(slice.name()), ROWS_PER_BATCH, receivedAtMillis);
        return new OpenFile(slice, records, null, null);
      }
      // Columns are read here and there in a file, so one that is elsewhere is brought here first.
      Path copy = Files.createTempFile("highwater-input", null);
      try (InputStream in = Channels.newInputStream(FileSystems.open(resource))) {
        Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
        return new OpenFile(
            slice, FileRecords.open(slice, copy, ROWS_PER_BATCH, receivedAtMillis), null, copy);
      } catch (IOException | RuntimeException e) {
        Files.deleteIfExists(copy);
        throw e;
      }
    }

    FileRecords records() {
      return records;
    }

    /** How many bytes were read since this was asked last. */
    long newBytes() {
      long before = counted;
      counted =
          Math.min(
              slice.bytes(),
              stream != null ? stream.bytes() : (long) (slice.bytes() * records.readShare()));
      return Math.max(0, counted - before);
    }

    long restOfBytes() {
      long rest = slice.bytes() - counted;
      counted = slice.bytes();
      return rest;
    }

    @Override
    public void close() throws IOException {
      records.close();
      if (copy != null) {
        Files.deleteIfExists(copy);
      }
    }
  }

  private static final class CountedStream extends FilterInputStream {
    private long bytes;

    CountedStream(InputStream in) {
      super(in);
    }

    long bytes() {
      return bytes;
    }

    @Override
    public int read() throws IOException {
      int next = super.read();
      bytes += next < 0 ? 0 : 1;
      return next;
    }

    @Override
    public int read(byte[] target, int start, int length) throws IOException {
      int read = super.read(target, start, length);
      bytes += Math.max(0, read);
      return read;
    }
  }

  private static final class PieceCoder extends BatchCoders.DataCoder<Piece> {
    @Override
    void write(Piece piece, DataOutput out) throws IOException {
      RawBatch batch = piece.batch();
      UnreadableFile unreadable = piece.unreadable();
      out.writeBoolean(batch != null);
      if (batch != null) {
        batch.writeTo(out);
      } else if (unreadable != null) {
        out.writeUTF(unreadable.name());
        out.writeUTF(unreadable.reason());
      }
    }

    @Override
    Piece read(DataInput in) throws IOException {
      return in.readBoolean()
          ? new Piece(RawBatch.readFrom(in), null)
          : new Piece(null, new UnreadableFile(in.readUTF(), in.readUTF()));
    }
  }
}
