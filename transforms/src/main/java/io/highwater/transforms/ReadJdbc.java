package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.record.JdbcConfig;
import io.highwater.record.JdbcRange;
import io.highwater.record.JdbcRecords;
import io.highwater.record.JdbcTable;
import io.highwater.record.RawBatch;
import java.io.IOException;
import java.time.Instant;
import org.apache.beam.sdk.coders.SerializableCoder;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Reshuffle;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;

/**
 * A database's table as raw batches of JSON messages: bounded, without timestamps. Each range of
 * its partition column is read by one worker; what is promised of a table that changes meanwhile is
 * in {@link JdbcTable}. How to connect is in a file that each worker reads for itself, so that no
 * password is in the job's graph; on a cluster it has to be at the same path everywhere.
 */
public final class ReadJdbc extends PTransform<PBegin, PCollection<RawBatch>> {
  private static final int ROWS_PER_BATCH = 16_384;

  private final String table;
  private final String configFile;
  private final Instant receivedAt;

  private ReadJdbc(String table, String configFile, Instant receivedAt) {
    this.table = table;
    this.configFile = configFile;
    this.receivedAt = receivedAt;
  }

  /**
   * Reads a table.
   *
   * @param table as the database spells it, as {@code table} or {@code schema.table}
   * @param configFile see {@link JdbcConfig#read}
   * @param receivedAt the time that rejected rows are filed under
   */
  public static ReadJdbc of(String table, String configFile, Instant receivedAt) {
    return new ReadJdbc(
        requireNonNull(table, "table"),
        requireNonNull(configFile, "configFile"),
        requireNonNull(receivedAt, "receivedAt"));
  }

  /**
   * Asks the database whether the table can be read, before anything starts.
   *
   * @throws IOException or IllegalArgumentException with one line that says what is wrong, without
   *     the password
   */
  public static void check(String table, String configFile) throws IOException {
    JdbcTable.of(JdbcConfig.read(configFile), table).check();
  }

  @Override
  public PCollection<RawBatch> expand(PBegin input) {
    return input
        .apply("Table", Create.of(table))
        .apply("CutRanges", ParDo.of(new CutFn(configFile)))
        .setCoder(SerializableCoder.of(JdbcRange.class))
        .apply("SpreadRanges", Reshuffle.viaRandomKey())
        .apply("ReadRows", ParDo.of(new ReadFn(table, configFile, receivedAt.toEpochMilli())))
        .setCoder(BatchCoders.rawBatch());
  }

  private static final class CutFn extends DoFn<String, JdbcRange> {
    private final String configFile;

    CutFn(String configFile) {
      this.configFile = configFile;
    }

    @ProcessElement
    public void process(@Element String table, OutputReceiver<JdbcRange> out) throws IOException {
      JdbcTable.of(JdbcConfig.read(configFile), table).ranges().forEach(out::output);
    }
  }

  private static final class ReadFn extends DoFn<JdbcRange, RawBatch> {
    private final String table;
    private final String configFile;
    private final long receivedAtMillis;

    ReadFn(String table, String configFile, long receivedAtMillis) {
      this.table = table;
      this.configFile = configFile;
      this.receivedAtMillis = receivedAtMillis;
    }

    @ProcessElement
    public void process(@Element JdbcRange range, OutputReceiver<RawBatch> out) throws IOException {
      JdbcTable source = JdbcTable.of(JdbcConfig.read(configFile), table);
      try (JdbcRecords records =
          JdbcRecords.open(source, range, ROWS_PER_BATCH, receivedAtMillis)) {
        while (records.hasNext()) {
          out.output(records.next());
        }
      }
    }
  }
}
