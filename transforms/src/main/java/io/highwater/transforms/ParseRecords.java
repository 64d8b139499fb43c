package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordParser;
import io.highwater.record.RejectedRecords;
import io.highwater.record.SourcedBatch;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.apache.beam.sdk.values.TupleTagList;

/**
 * Messages into columns by the contract's fields. Bounded or unbounded; keeps windows and
 * timestamps. What cannot be read goes to {@link #REJECTED} with its reason.
 */
public final class ParseRecords extends PTransform<PCollection<RawBatch>, PCollectionTuple> {
  public static final TupleTag<SourcedBatch> PARSED = new TupleTag<>("parsed") {};
  public static final TupleTag<RecordBatch> REJECTED = new TupleTag<>("unparsed") {};

  private final Contract contract;

  private ParseRecords(Contract contract) {
    this.contract = contract;
  }

  public static ParseRecords of(Contract contract) {
    return new ParseRecords(requireNonNull(contract, "contract"));
  }

  @Override
  public PCollectionTuple expand(PCollection<RawBatch> input) {
    PCollectionTuple outputs =
        input.apply(
            "Parse",
            ParDo.of(new ParseFn(contract)).withOutputTags(PARSED, TupleTagList.of(REJECTED)));
    outputs.get(PARSED).setCoder(BatchCoders.sourcedBatch());
    outputs.get(REJECTED).setCoder(BatchCoders.recordBatch());
    return outputs;
  }

  private static final class ParseFn extends ArrowFn<RawBatch, SourcedBatch> {
    private final Contract contract;
    private final HighwaterMetrics.BatchCounter read =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_READ);
    private final HighwaterMetrics.BatchCounter rejected =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_REJECTED);
    private final HighwaterMetrics.BatchCounter unknownFields =
        HighwaterMetrics.counter(HighwaterMetrics.UNKNOWN_FIELDS);
    private transient RecordParser parser;

    ParseFn(Contract contract) {
      this.contract = contract;
    }

    @Override
    void open(BufferAllocator allocator) {
      parser = new RecordParser(contract, allocator);
    }

    @ProcessElement
    public void process(@Element RawBatch raw, MultiOutputReceiver out) {
      read.inc(raw.size());
      RecordParser.Result result = parser.parse(raw);
      try (VectorSchemaRoot rows = result.root()) {
        unknownFields.inc(result.unknownFields());
        if (!result.rejections().isEmpty()) {
          rejected.inc(result.rejections().size());
          out.get(REJECTED)
              .output(
                  RejectedRecords.batch(
                      contract, "ParseRecords", raw, result.rejections(), allocator()));
        }
        if (rows.getRowCount() > 0) {
          out.get(PARSED)
              .output(
                  new SourcedBatch(
                      RecordBatch.copyOf(
                          contract.id(),
                          contract.version(),
                          rows,
                          result.minEventMillis(),
                          result.maxEventMillis()),
                      raw));
        }
      }
    }
  }
}
