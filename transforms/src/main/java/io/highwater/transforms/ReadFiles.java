package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.contract.Field;
import io.highwater.record.FileRecords;
import io.highwater.record.RawBatch;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.coders.SerializableCoder;
import org.apache.beam.sdk.io.Read;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TupleTagList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files as raw batches: bounded, without timestamps. The ending of its name says what a file holds;
 * see {@link FileRecords}. Large Parquet files are read by several workers, any other by one; what
 * has columns and is not in the local file system is copied there first.
 */
public final class ReadFiles extends PTransform<PBegin, PCollectionTuple> {
  public static final TupleTag<RawBatch> RECORDS = new TupleTag<>("records") {};

  /**
   * Files that were skipped: broken ones, and such as lack a column that the contract requires.
   * What was read of them before is among the records.
   */
  public static final TupleTag<UnreadableFile> UNREADABLE = new TupleTag<>("unreadable") {};

  private final Contract contract;
  private final List<InputFile> files;
  private final Instant receivedAt;
  private final boolean skipsUnreadable;

  private ReadFiles(
      Contract contract, List<InputFile> files, Instant receivedAt, boolean skipsUnreadable) {
    this.contract = contract;
    this.files = files;
    this.receivedAt = receivedAt;
    this.skipsUnreadable = skipsUnreadable;
  }

  /**
   * Fails at the first file that cannot be read.
   *
   * @param receivedAt the time that rejected rows are filed under
   */
  public static ReadFiles of(Contract contract, List<InputFile> files, Instant receivedAt) {
    return new ReadFiles(
        requireNonNull(contract, "contract"),
        List.copyOf(files),
        requireNonNull(receivedAt, "receivedAt"),
        false);
  }

  /** Goes on without the files that cannot be read. */
  public ReadFiles withUnreadableSkipped() {
    return new ReadFiles(contract, files, receivedAt, true);
  }

  @Override
  public PCollectionTuple expand(PBegin input) {
    List<String> required =
        contract.fields().stream().filter(Field::required).map(Field::name).toList();
    PCollection<FileSource.Piece> pieces =
        input.apply(
            "ReadFiles",
            Read.from(FileSource.of(files, receivedAt.toEpochMilli(), required, skipsUnreadable)));
    if (!skipsUnreadable) {
      return PCollectionTuple.of(
              RECORDS,
              pieces
                  .apply(
                      "ToBatches",
                      MapElements.into(RECORDS.getTypeDescriptor())
                          .via(piece -> requireNonNull(piece.batch())))
                  .setCoder(BatchCoders.rawBatch()))
          .and(
              UNREADABLE,
              input.apply(
                  "NoneUnreadable", Create.empty(SerializableCoder.of(UnreadableFile.class))));
    }
    PCollectionTuple read =
        pieces.apply(
            "TellUnreadable",
            ParDo.of(new TellFn()).withOutputTags(RECORDS, TupleTagList.of(UNREADABLE)));
    read.get(RECORDS).setCoder(BatchCoders.rawBatch());
    read.get(UNREADABLE).setCoder(SerializableCoder.of(UnreadableFile.class));
    return read;
  }

  private static final class TellFn extends DoFn<FileSource.Piece, RawBatch> {
    private static final Logger LOG = LoggerFactory.getLogger(ReadFiles.class);

    private final HighwaterMetrics.BatchCounter unreadable =
        HighwaterMetrics.counter(HighwaterMetrics.FILES_UNREADABLE);

    @ProcessElement
    public void process(@Element FileSource.Piece piece, MultiOutputReceiver out) {
      RawBatch batch = piece.batch();
      UnreadableFile file = piece.unreadable();
      if (batch != null) {
        out.get(RECORDS).output(batch);
      } else if (file != null) {
        LOG.warn("Skipped a file: {}", file.reason());
        unreadable.inc(1);
        out.get(UNREADABLE).output(file);
      }
    }
  }
}
