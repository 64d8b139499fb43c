package io.highwater.record;

import com.github.luben.zstd.ZstdInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** JSON lines and CSV, plain or compressed. */
final class TextFileRecords extends FileRecords {
  /** What the parser would reject is still read whole, so that it can be kept, but not forever. */
  static final int MAX_RECORD_BYTES = 16 << 20;

  private static final int INITIAL_BUFFER_BYTES = 1 << 18;

  private final String name;
  private final int number;
  private final InputStream in;
  private final boolean csv;
  private final int rowsPerBatch;
  private final long receivedAtMillis;
  private byte[] buffer = new byte[INITIAL_BUFFER_BYTES];
  private int start;
  private int limit;
  private boolean endOfInput;
  private long records;
  private List<String> columns = List.of();
  private RawMessages.@Nullable Builder builder;

  private TextFileRecords(
      FileSlice slice, InputStream in, boolean csv, int rowsPerBatch, long receivedAtMillis) {
    this.name = slice.name();
    this.number = slice.number();
    this.in = in;
    this.csv = csv;
    this.rowsPerBatch = rowsPerBatch;
    this.receivedAtMillis = receivedAtMillis;
  }

  static TextFileRecords openText(
      FileSlice slice, InputStream in, boolean csv, int rowsPerBatch, long receivedAtMillis)
      throws IOException {
    requirePositive(rowsPerBatch);
    String name = slice.name();
    try {
      TextFileRecords records =
          new TextFileRecords(slice, decompressed(name, in), csv, rowsPerBatch, receivedAtMillis);
      records.begin();
      return records;
    } catch (IOException e) {
      throw new IOException("cannot read " + name + ": " + e.getMessage(), e);
    }
  }

  private static InputStream decompressed(String name, InputStream in) throws IOException {
    String lower = name.toLowerCase(Locale.ROOT);
    if (lower.endsWith(".gz")) {
      return new GZIPInputStream(new AlwaysAvailable(in), INITIAL_BUFFER_BYTES);
    }
    return lower.endsWith(".zst") ? new ZstdInputStream(in) : in;
  }

  /** Skips a byte order mark and reads the header of a CSV file. */
  private void begin() throws IOException {
    fill();
    if (limit >= 3 && TextBytes.startsWithByteOrderMark(buffer)) {
      start = 3;
    }
    if (!csv) {
      builder = RawBatch.builder(RawBatch.SourceKind.FILE, name, RawMessages.Format.JSON);
      return;
    }
    int end = nextRecord();
    if (end >= 0) {
      columns = header(withoutLineBreak(end));
      start = end;
      builder = RawBatch.builder(RawBatch.SourceKind.FILE, name, RawMessages.Format.CSV, columns);
    }
  }

  @Override
  public List<String> columnNames() {
    return columns;
  }

  /** The length of what was compressed is not known. */
  @Override
  public double readShare() {
    return 0;
  }

  @Override
  @Nullable RawBatch read() {
    RawMessages.Builder batch = builder;
    if (batch == null) {
      return null;
    }
    try {
      while (batch.size() < rowsPerBatch && batch.byteSize() < MAX_BATCH_BYTES) {
        int end = nextRecord();
        if (end < 0) {
          break;
        }
        batch.add(
            number, records++, receivedAtMillis, buffer, start, withoutLineBreak(end) - start);
        start = end;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          new IOException(
              "cannot read " + name + " after record " + records + ": " + e.getMessage(), e));
    }
    return batch.size() == 0 ? null : batch.build();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }

  /**
   * Moves {@link #start} to the next record that is not blank and has all of it in the buffer.
   *
   * @return the position behind its line break, or -1 at the end of the file
   */
  private int nextRecord() throws IOException {
    while (true) {
      int end = csv ? endOfCsvRecord() : endOfLine();
      if (end < 0) {
        if (!endOfInput) {
          fill();
          continue;
        }
        if (start == limit) {
          return -1;
        }
        end = limit;
      }
      if (!isBlank(end)) {
        return end;
      }
      start = end;
    }
  }

  /** The position behind the next line feed, or -1 if the buffer has none. */
  private int endOfLine() {
    int lineFeed = TextBytes.indexOf(buffer, start, limit, (byte) '\n');
    return lineFeed < 0 ? -1 : lineFeed + 1;
  }

  /**
   * As {@link #endOfLine}, without the line feeds inside quotes. A quote opens a value only where a
   * value begins: a stray one must not swallow the records behind it.
   */
  private int endOfCsvRecord() {
    byte[] bytes = buffer;
    boolean beginsValue = true;
    int position = start;
    while (position < limit) {
      byte next = bytes[position++];
      if (next == '"' && beginsValue) {
        position = TextBytes.indexOf(bytes, position, limit, (byte) '"') + 1;
        // Of two quotes in a row, each pair begins and ends at a quote: the text goes on.
        while (position > 0 && position < limit && bytes[position] == '"') {
          position = TextBytes.indexOf(bytes, position + 1, limit, (byte) '"') + 1;
        }
        if (position == 0) {
          return -1;
        }
      } else if (next == '\n') {
        return position;
      }
      beginsValue = next == ',';
    }
    return -1;
  }

  private boolean isBlank(int end) {
    for (int position = start; position < end; position++) {
      byte next = buffer[position];
      if (next != '\n' && next != '\r' && (csv || (next != ' ' && next != '\t'))) {
        return false;
      }
    }
    return true;
  }

  private int withoutLineBreak(int end) {
    int last = end;
    if (last > start && buffer[last - 1] == '\n') {
      last--;
      if (last > start && buffer[last - 1] == '\r') {
        last--;
      }
    }
    return last;
  }

  /** Reads on, so that the buffer holds more of the record at {@link #start} than before. */
  private void fill() throws IOException {
    if (start > 0) {
      System.arraycopy(buffer, start, buffer, 0, limit - start);
      limit -= start;
      start = 0;
    }
    if (limit == buffer.length) {
      if (limit >= MAX_RECORD_BYTES) {
        throw new IOException(
            "a record has more than "
                + MAX_RECORD_BYTES
                + " bytes; expected "
                + (csv
                    ? "every quote at the beginning of a value to be closed"
                    : "one JSON object on each line"));
      }
      buffer = Arrays.copyOf(buffer, Math.min(MAX_RECORD_BYTES, limit * 2));
    }
    int wanted = buffer.length - limit;
    int read = in.readNBytes(buffer, limit, wanted);
    limit += read;
    endOfInput = read < wanted;
  }

  private List<String> header(int end) throws IOException {
    int invalid = TextBytes.firstInvalidUtf8(buffer, start, end);
    if (invalid >= 0) {
      throw new IOException("its header is not UTF-8; expected the names of the columns in UTF-8");
    }
    String line = new String(buffer, start, end - start, StandardCharsets.UTF_8);
    List<String> columns = new ArrayList<>();
    int position = 0;
    while (position <= line.length()) {
      int stop = line.indexOf(',', position);
      if (position < line.length() && line.charAt(position) == '"') {
        int quote = line.indexOf('"', position + 1);
        while (quote >= 0 && quote + 1 < line.length() && line.charAt(quote + 1) == '"') {
          quote = line.indexOf('"', quote + 2);
        }
        stop = quote + 1 == line.length() ? -1 : quote + 1;
        if (quote < 0 || (stop >= 0 && line.charAt(stop) != ',')) {
          throw new IOException(
              "its header has a wrong quote at character "
                  + position
                  + "; expected names separated by commas, each quoted as a whole or not at all");
        }
        columns.add(line.substring(position + 1, quote).replace("\"\"", "\""));
      } else {
        columns.add(line.substring(position, stop < 0 ? line.length() : stop));
      }
      position = stop < 0 ? line.length() + 1 : stop + 1;
    }
    Set<String> distinct = new HashSet<>();
    for (String column : columns) {
      if (!distinct.add(column)) {
        throw new IOException(
            "its header names '" + column + "' more than once; expected each column once");
      }
    }
    return columns;
  }

  /**
   * GZIPInputStream takes a stream of which nothing is available for its end, and would leave out
   * what follows the first member of a concatenated file when it comes over a network.
   */
  private static final class AlwaysAvailable extends FilterInputStream {
    AlwaysAvailable(InputStream in) {
      super(in);
    }

    @Override
    public int available() throws IOException {
      return Math.max(1, super.available());
    }
  }
}
