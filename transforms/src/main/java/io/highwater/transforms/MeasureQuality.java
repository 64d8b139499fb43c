package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.quality.QualityMeter;
import io.highwater.quality.QualityReport;
import io.highwater.record.RecordBatch;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.transforms.Sum;
import org.apache.beam.sdk.transforms.windowing.GlobalWindow;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.jspecify.annotations.Nullable;

/**
 * What an input is like, as one report: {@link #ACCEPTED} and {@link #REJECTED}, and what of the
 * further tags there is. Bounded, in the global window. Always gives one element.
 *
 * <p>A bundle is taken in by one {@link QualityMeter}, so that a runner of large bundles merges few
 * reports.
 */
public final class MeasureQuality extends PTransform<PCollectionTuple, PCollection<QualityReport>> {
  /**
   * Rows that passed every check, before duplicates are dropped: a batch holds neighbours of one
   * source, else its order says nothing.
   */
  public static final TupleTag<RecordBatch> ACCEPTED = new TupleTag<>("measured") {};

  public static final TupleTag<RecordBatch> REJECTED = ProcessRecords.REJECTED;

  /** Numbers of accepted rows that were dropped since their key had come before, to be added up. */
  public static final TupleTag<Long> DUPLICATES = ProcessRecords.DUPLICATES;

  /** Numbers of values that no field of the contract takes, to be added up. */
  public static final TupleTag<Long> UNKNOWN_FIELDS = new TupleTag<>("unknown_fields") {};

  /** Names of files that could not be read, or not to their end, each with the reason. */
  public static final TupleTag<KV<String, String>> UNREADABLE_FILES =
      new TupleTag<>("unreadable_files") {};

  private final Contract contract;

  private MeasureQuality(Contract contract) {
    this.contract = contract;
  }

  public static MeasureQuality of(Contract contract) {
    return new MeasureQuality(requireNonNull(contract, "contract"));
  }

  @Override
  public PCollection<QualityReport> expand(PCollectionTuple input) {
    Contract contract = this.contract;
    if (input.get(ACCEPTED).isBounded() != IsBounded.BOUNDED) {
      throw new IllegalStateException(
          "The quality of an unbounded input is never known; expected a bounded one");
    }
    Coder<QualityReport> coder = new ReportCoder(contract);
    PCollectionList<QualityReport> parts =
        PCollectionList.of(
                input
                    .get(ACCEPTED)
                    .apply("MeasureAccepted", ParDo.of(new AcceptedFn(contract)))
                    .setCoder(coder))
            .and(
                input
                    .get(REJECTED)
                    .apply("MeasureRejected", ParDo.of(new RejectedFn(contract)))
                    .setCoder(coder));
    if (input.has(DUPLICATES)) {
      parts =
          parts.and(
              count(
                  "Duplicates",
                  input.get(DUPLICATES),
                  rows -> QualityReport.ofDuplicates(contract, rows)));
    }
    if (input.has(UNKNOWN_FIELDS)) {
      parts =
          parts.and(
              count(
                  "UnknownFields",
                  input.get(UNKNOWN_FIELDS),
                  values -> QualityReport.ofUnknownFields(contract, values)));
    }
    if (input.has(UNREADABLE_FILES)) {
      parts =
          parts.and(
              input
                  .get(UNREADABLE_FILES)
                  .apply(
                      "UnreadableFiles",
                      MapElements.into(TypeDescriptor.of(QualityReport.class))
                          .via(
                              (KV<String, String> file) ->
                                  QualityReport.ofUnreadableFile(
                                      contract, file.getKey(), file.getValue())))
                  .setCoder(coder));
    }
    return parts.apply(
        "MergeReports",
        new MergeReports<>(
            contract,
            TypeDescriptor.of(QualityReport.class),
            coder,
            QualityReport::empty,
            QualityReport::merge));
  }

  /** One report of the sum, also where there is nothing to add up: 0 is known then. */
  private PCollection<QualityReport> count(
      String name, PCollection<Long> counts, SerializableFunction<Long, QualityReport> report) {
    return counts
        .apply("Sum" + name, Sum.longsGlobally())
        .apply(name, MapElements.into(TypeDescriptor.of(QualityReport.class)).via(report))
        .setCoder(new ReportCoder(contract));
  }

  /** Takes in the batches of a bundle. */
  private abstract static class MeasureFn extends ArrowFn<RecordBatch, QualityReport> {
    private final Contract contract;

    /** Of the bundle, and gone at its end; null before its first batch. */
    private transient @Nullable QualityMeter meter;

    MeasureFn(Contract contract) {
      this.contract = contract;
    }

    abstract void measure(QualityMeter meter, VectorSchemaRoot rows);

    @StartBundle
    public void startBundle() {
      meter = null;
    }

    @ProcessElement
    public void process(@Element RecordBatch batch) {
      if (meter == null) {
        meter = QualityMeter.of(contract);
      }
      try (VectorSchemaRoot rows = batch.open(allocator())) {
        measure(meter, rows);
      }
    }

    @FinishBundle
    public void finishBundle(FinishBundleContext context) {
      if (meter != null) {
        context.output(meter.report(), GlobalWindow.INSTANCE.maxTimestamp(), GlobalWindow.INSTANCE);
        meter = null;
      }
    }
  }

  private static final class AcceptedFn extends MeasureFn {
    AcceptedFn(Contract contract) {
      super(contract);
    }

    @Override
    void measure(QualityMeter meter, VectorSchemaRoot rows) {
      meter.addAccepted(rows);
    }
  }

  private static final class RejectedFn extends MeasureFn {
    RejectedFn(Contract contract) {
      super(contract);
    }

    @Override
    void measure(QualityMeter meter, VectorSchemaRoot rows) {
      meter.addRejected(rows);
    }
  }

  private static final class ReportCoder extends BatchCoders.DataCoder<QualityReport> {
    private final Contract contract;

    ReportCoder(Contract contract) {
      this.contract = contract;
    }

    @Override
    void write(QualityReport value, DataOutput out) throws IOException {
      value.writeTo(out);
    }

    @Override
    QualityReport read(DataInput in) throws IOException {
      return QualityReport.readFrom(contract, in);
    }
  }
}
