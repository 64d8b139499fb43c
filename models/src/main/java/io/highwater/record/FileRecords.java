package io.highwater.record;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * The records of one file as raw batches, in the file's order, with bounded memory whatever the
 * file's size. The ending of the name says what the file is:
 *
 * <ul>
 *   <li>{@code .jsonl}, {@code .ndjson}, {@code .json}: one JSON object a line; blank lines are
 *       skipped
 *   <li>{@code .csv}: RFC 4180 with a header, line breaks in quotes allowed; blank lines are
 *       skipped
 *   <li>each of these also as {@code .gz} or {@code .zst}
 *   <li>{@code .parquet}, {@code .arrow} (the IPC file format): columns; see {@link RawColumns}
 * </ul>
 *
 * <p>{@link RawBatch#offset} counts records from 0 and goes on over batches. A record is never cut:
 * one of more than {@value TextFileRecords#MAX_RECORD_BYTES} bytes fails the file. What cannot be
 * read is thrown, with the file's name: as {@link IOException} when opening, as {@link
 * java.io.UncheckedIOException} when iterating.
 */
public abstract class FileRecords implements Iterator<RawBatch>, AutoCloseable {
  private static final String SUPPORTED =
      ".jsonl, .ndjson, .json, .csv (each also followed by .gz or .zst), .parquet, .arrow";

  /** A batch of few but long records ends once it has this many bytes. */
  static final int MAX_BATCH_BYTES = 8 << 20;

  /** Two row groups as DuckDB writes them: small enough to keep every worker busy to the end. */
  private static final long ROWS_PER_SLICE = 245_760;

  private @Nullable RawBatch next;
  private boolean ended;

  FileRecords() {}

  /** Whether the ending of {@code name} is one that can be read. */
  public static boolean isSupported(String name) {
    return needsLocalFile(name) || isCsv(name) || isJsonLines(name);
  }

  /** Whether the file can be opened only by its path in the local file system. */
  public static boolean needsLocalFile(String name) {
    return isParquet(name) || name.toLowerCase(Locale.ROOT).endsWith(".arrow");
  }

  /**
   * Parts of a local file that can be read one beside the other: of Parquet, row groups; of
   * anything else, all of it.
   *
   * @param number see {@link FileSlice}
   */
  public static List<FileSlice> slices(Path file, int number) throws IOException {
    return isParquet(file.toString())
        ? ColumnFileRecords.slices(file, number, ROWS_PER_SLICE)
        : List.of(FileSlice.whole(file.toString(), number, Files.size(file)));
  }

  /**
   * Opens a local file.
   *
   * @param rowsPerBatch at most this many records in one batch
   * @param receivedAtMillis what {@link RawBatch#timestampMillis} is for every record, milliseconds
   *     since the epoch
   */
  public static FileRecords open(Path file, int rowsPerBatch, long receivedAtMillis)
      throws IOException {
    return open(FileSlice.whole(file.toString(), 0, 0), file, rowsPerBatch, receivedAtMillis);
  }

  /**
   * As {@link #open(Path, int, long)}, some of a file.
   *
   * @param file where it is in the local file system, under any name
   */
  public static FileRecords open(
      FileSlice slice, Path file, int rowsPerBatch, long receivedAtMillis) throws IOException {
    requireSupported(slice.name());
    InputStream in;
    try {
      if (needsLocalFile(slice.name())) {
        return ColumnFileRecords.openColumns(
            slice, file, rowsPerBatch, receivedAtMillis, isParquet(slice.name()));
      }
      in = Files.newInputStream(file);
    } catch (NoSuchFileException e) {
      throw new IOException("cannot read " + file + ": there is no such file", e);
    }
    return open(slice, in, rowsPerBatch, receivedAtMillis);
  }

  /**
   * Reads a file from a stream, which is closed with the returned object or when opening fails. Not
   * for what {@link #needsLocalFile}.
   *
   * @param slice the whole file; the ending of its name says what it is, and {@link
   *     RawBatch#source} is its name
   */
  public static FileRecords open(
      FileSlice slice, InputStream in, int rowsPerBatch, long receivedAtMillis) throws IOException {
    String name = slice.name();
    try {
      requireSupported(name);
      if (needsLocalFile(name)) {
        throw new IllegalArgumentException(
            name + " cannot be read from a stream; expected a local path for this format");
      }
      return TextFileRecords.openText(slice, in, isCsv(name), rowsPerBatch, receivedAtMillis);
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  /** The names of the file's columns; empty where each record says its own. */
  public abstract List<String> columnNames();

  /** How much of the slice was read, 0 to 1, as far as that is known. */
  public abstract double readShare();

  /** The next batch, or null at the end of the file. */
  abstract @Nullable RawBatch read();

  @Override
  public final boolean hasNext() {
    if (next == null && !ended) {
      next = read();
      ended = next == null;
    }
    return next != null;
  }

  @Override
  public final RawBatch next() {
    if (!hasNext() || next == null) {
      throw new NoSuchElementException("the file has no more records");
    }
    RawBatch batch = next;
    next = null;
    return batch;
  }

  @Override
  public abstract void close() throws IOException;

  static void requirePositive(int rowsPerBatch) {
    if (rowsPerBatch < 1) {
      throw new IllegalArgumentException(
          "rowsPerBatch is " + rowsPerBatch + "; expected at least 1");
    }
  }

  /**
   * @throws IllegalArgumentException if the ending of {@code name} is not one that can be read
   */
  public static void requireSupported(String name) {
    if (!isSupported(name)) {
      throw new IllegalArgumentException(
          name + " has an ending that cannot be read; expected one of " + SUPPORTED);
    }
  }

  private static boolean isParquet(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(".parquet");
  }

  private static boolean isCsv(String name) {
    return withoutCompression(name).endsWith(".csv");
  }

  private static boolean isJsonLines(String name) {
    String plain = withoutCompression(name);
    return plain.endsWith(".jsonl") || plain.endsWith(".ndjson") || plain.endsWith(".json");
  }

  private static String withoutCompression(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (lower.endsWith(".gz")) {
      return lower.substring(0, lower.length() - 3);
    }
    return lower.endsWith(".zst") ? lower.substring(0, lower.length() - 4) : lower;
  }
}
