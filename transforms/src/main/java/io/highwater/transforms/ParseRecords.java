package io.highwater.transforms;

import static java.util.Objects.requireNonNull;

import io.highwater.contract.Contract;
import io.highwater.record.EventTimeScanner;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordParser;
import io.highwater.record.RejectedRecords;
import io.highwater.record.Rejection;
import io.highwater.record.RowSelection;
import io.highwater.record.SourcedBatch;
import io.highwater.record.TimeRange;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;

/**
 * Messages into columns by the contract's fields. Bounded or unbounded; keeps windows and
 * timestamps. What cannot be read goes along as rejected, with its reason.
 */
public final class ParseRecords
    extends PTransform<PCollection<RawBatch>, PCollection<SourcedBatch>> {
  private final Contract contract;
  private final TimeRange times;

  private ParseRecords(Contract contract, TimeRange times) {
    this.contract = contract;
    this.times = times;
  }

  public static ParseRecords of(Contract contract) {
    return new ParseRecords(requireNonNull(contract, "contract"), TimeRange.ALL);
  }

  /**
   * Takes only records with these event times; default all. What has no event time that can be read
   * is rejected in any case.
   */
  public ParseRecords withTimes(TimeRange times) {
    return new ParseRecords(contract, requireNonNull(times, "times"));
  }

  @Override
  public PCollection<SourcedBatch> expand(PCollection<RawBatch> input) {
    return input
        .apply("Parse", ParDo.of(new ParseFn(contract, times)))
        .setCoder(BatchCoders.sourcedBatch());
  }

  private static final class ParseFn extends ArrowFn<RawBatch, SourcedBatch> {
    private final Contract contract;
    private final TimeRange times;
    private final HighwaterMetrics.BatchCounter read =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_READ);
    private final HighwaterMetrics.BatchCounter rejected =
        HighwaterMetrics.counter(HighwaterMetrics.RECORDS_REJECTED);
    private final HighwaterMetrics.BatchCounter unknownFields =
        HighwaterMetrics.counter(HighwaterMetrics.UNKNOWN_FIELDS);
    private transient RecordParser parser;
    private transient EventTimeScanner scanner;

    ParseFn(Contract contract, TimeRange times) {
      this.contract = contract;
      this.times = times;
    }

    @Override
    void open(BufferAllocator allocator) {
      parser = new RecordParser(contract, allocator);
      scanner = new EventTimeScanner(contract);
    }

    @ProcessElement
    public void process(@Element RawBatch raw, OutputReceiver<SourcedBatch> out) {
      read.inc(raw.size());
      RecordParser.Result result = parser.parse(raw);
      try (VectorSchemaRoot rows = result.root()) {
        unknownFields.inc(result.unknownFields());
        List<Rejection> rejections = within(raw, result.rejections());
        List<RecordBatch> unread = List.of();
        if (!rejections.isEmpty()) {
          rejected.inc(rejections.size());
          unread =
              List.of(
                  RejectedRecords.batch(contract, "ParseRecords", raw, rejections, allocator()));
        }
        RecordBatch records = within(result);
        if (records.rowCount() > 0 || !unread.isEmpty()) {
          out.output(new SourcedBatch(records, raw, unread));
        }
      }
    }

    private RecordBatch within(RecordParser.Result result) {
      VectorSchemaRoot rows = result.root();
      if (times.containsAll(result.minEventMillis(), result.maxEventMillis())) {
        return RecordBatch.copyOf(
            contract.id(),
            contract.version(),
            rows,
            result.minEventMillis(),
            result.maxEventMillis());
      }
      int[] selected = within(rows);
      try (VectorSchemaRoot some =
          RowSelection.take(rows, selected, selected.length, allocator())) {
        return RecordBatch.copyOf(contract, some, contract.eventTime());
      }
    }

    private int[] within(VectorSchemaRoot rows) {
      TimeStampMicroVector micros = (TimeStampMicroVector) rows.getVector(contract.eventTime());
      return IntStream.range(0, rows.getRowCount())
          .filter(row -> times.contains(Math.floorDiv(micros.get(row), 1_000L)))
          .toArray();
    }

    /** Without those of records whose event time can be read and is another. */
    private List<Rejection> within(RawBatch raw, List<Rejection> rejections) {
      if (times.equals(TimeRange.ALL) || rejections.isEmpty()) {
        return rejections;
      }
      byte[][] messages = raw.messages(rejections.stream().mapToInt(Rejection::row).toArray());
      boolean isCsv = raw instanceof RawMessages lines && lines.format() == RawMessages.Format.CSV;
      List<Rejection> within = new ArrayList<>();
      for (int i = 0; i < messages.length; i++) {
        // The scanner reads JSON; a line of CSV without another sound value has no time either.
        long millis = isCsv ? EventTimeScanner.NONE : scanner.scanMillis(messages[i]);
        if (millis == EventTimeScanner.NONE || times.contains(millis)) {
          within.add(rejections.get(i));
        }
      }
      return within;
    }
  }
}
