package io.highwater.runners.replay;

import io.highwater.contract.Contract;
import io.highwater.record.EventTimeScanner;
import io.highwater.record.FileRecords;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The messages of one file in the file's order. JSON lines keep their bytes; rows of CSV and
 * Parquet files become the JSON that a producer would have sent.
 */
final class MessageFile implements MessageSource {
  private static final int ROWS_PER_BATCH = 1_024;

  private final FileRecords records;
  private final EventTimeScanner eventTimes;
  private final CsvToJson csvToJson;
  private long sequence;
  private long eventMicros;
  private byte[][] messages = new byte[0][];
  private int row;

  private MessageFile(FileRecords records, Contract contract, long sequence, long eventMicros) {
    this.records = records;
    this.eventTimes = new EventTimeScanner(contract);
    this.csvToJson = new CsvToJson(contract);
    this.sequence = sequence;
    this.eventMicros = eventMicros;
  }

  /**
   * @param contract names the event-time field, and which fields are text and which are numbers
   * @param firstSequence the sequence of the file's first message
   * @param eventMicrosBefore the event time of messages before the first one that has its own
   */
  static MessageFile open(Path file, Contract contract, long firstSequence, long eventMicrosBefore)
      throws IOException {
    return new MessageFile(
        FileRecords.open(file, ROWS_PER_BATCH, 0), contract, firstSequence, eventMicrosBefore);
  }

  @Override
  public @Nullable TimedMessage next() throws IOException {
    if (row == messages.length) {
      RawBatch batch = nextBatch();
      if (batch == null) {
        return null;
      }
      messages = messages(batch);
      row = 0;
    }
    byte[] value = messages[row++];
    long own = eventTimes.scanMicros(value, 0, value.length);
    if (own != EventTimeScanner.NONE) {
      eventMicros = own;
    }
    return new TimedMessage(eventMicros, sequence++, value);
  }

  private byte[][] messages(RawBatch batch) {
    byte[][] all = batch.messages(IntStream.range(0, batch.size()).toArray());
    if (batch instanceof RawMessages lines && lines.format() == RawMessages.Format.CSV) {
      csvToJson.setHeader(lines.columns());
      for (int i = 0; i < all.length; i++) {
        all[i] = csvToJson.convert(all[i], 0, all[i].length);
      }
    }
    return all;
  }

  private @Nullable RawBatch nextBatch() throws IOException {
    try {
      return records.hasNext() ? records.next() : null;
    } catch (UncheckedIOException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  @Override
  public void close() throws IOException {
    records.close();
  }
}
