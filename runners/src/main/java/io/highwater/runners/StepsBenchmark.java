package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.lake.ArrowFiles;
import io.highwater.quality.QualityMeter;
import io.highwater.record.Compression;
import io.highwater.record.ConstraintChecker;
import io.highwater.record.EventTimeScanner;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import io.highwater.record.RecordParser;
import io.highwater.rollup.PartialAggregator;
import io.highwater.runners.generate.Query;
import io.highwater.runners.generate.QueryFormat;
import io.highwater.runners.generate.QueryGenerator;
import io.highwater.sql.RowSql;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Rows per second of each step by itself, on one thread, over batches in memory. */
final class StepsBenchmark {
  private static final int ROWS_PER_BATCH = 16_384;
  private static final int BATCHES = 8;

  /** A step of one batch. */
  private interface Step {
    void run(int batch);
  }

  private StepsBenchmark() {}

  /**
   * @param rows how many each step takes; as many again warm it up
   * @return rows per second of each step
   */
  static String run(long rows) throws Exception {
    Contract contract = ContractLoader.load("warehouse-queries");
    List<RawMessages> raw = generate();
    StringBuilder line = new StringBuilder("rows_per_batch=" + ROWS_PER_BATCH);
    try (BufferAllocator allocator = new RootAllocator();
        RowSql sql = RowSql.of(contract, allocator)) {
      RecordParser parser = new RecordParser(contract, allocator);
      EventTimeScanner scanner = new EventTimeScanner(contract);
      ConstraintChecker checker = ConstraintChecker.of(contract);
      PartialAggregator aggregator =
          PartialAggregator.of(contract, contract.rollUp().windows().get(0));
      List<VectorSchemaRoot> parsed = new ArrayList<>();
      List<VectorSchemaRoot> events = new ArrayList<>();
      for (RawMessages batch : raw) {
        VectorSchemaRoot columns = parser.parse(batch).root();
        parsed.add(columns);
        List<FieldVector> all = new ArrayList<>(columns.getFieldVectors());
        all.addAll(sql.apply(columns).derived().getFieldVectors());
        events.add(new VectorSchemaRoot(all));
      }
      measure(line, "scan", rows, batch -> scan(scanner, raw.get(batch)));
      measure(line, "parse", rows, batch -> parser.parse(raw.get(batch)).close());
      measure(line, "copy", rows, batch -> copy(contract, parsed.get(batch), allocator));
      measure(line, "check", rows, batch -> checker.check(parsed.get(batch)));
      measure(line, "sql", rows, batch -> sql.apply(parsed.get(batch)).close());
      measure(line, "aggregate", rows, batch -> aggregator.aggregate(events.get(batch)));
      QualityMeter meter = QualityMeter.of(contract);
      measure(line, "quality", rows, batch -> meter.addAccepted(events.get(batch)));
      for (Compression compression : Compression.values()) {
        measure(
            line,
            "encode_" + compression.name().toLowerCase(Locale.ROOT),
            rows,
            batch -> ArrowFiles.encode(events.get(batch), compression));
      }
      // The derived columns of events are theirs alone; the others are shared with parsed.
      events.forEach(VectorSchemaRoot::close);
    }
    return line.toString();
  }

  private static void measure(StringBuilder line, String name, long rows, Step step) {
    repeat(rows, step);
    long started = System.nanoTime();
    long done = repeat(rows, step);
    double perSecond = done * 1e9 / (System.nanoTime() - started);
    System.out.printf("%-14s %,12.0f rows/s%n", name, perSecond);
    line.append(String.format(Locale.ROOT, " %s_rows_per_second=%.0f", name, perSecond));
  }

  private static long repeat(long rows, Step step) {
    long done = 0;
    for (int batch = 0; done < rows; batch = (batch + 1) % BATCHES) {
      step.run(batch);
      done += ROWS_PER_BATCH;
    }
    return done;
  }

  private static void scan(EventTimeScanner scanner, RawMessages batch) {
    for (int row = 0; row < batch.size(); row++) {
      if (scanner.scanMillis(batch.bytes(), batch.start(row), batch.end(row))
          == EventTimeScanner.NONE) {
        throw new IllegalStateException("no event time in message " + row);
      }
    }
  }

  /** Into a value on the heap and out of it again, as between two steps. */
  private static void copy(Contract contract, VectorSchemaRoot rows, BufferAllocator allocator) {
    RecordBatch.copyOf(contract, rows, contract.eventTime()).open(allocator).close();
  }

  private static List<RawMessages> generate() {
    QueryFormat json = QueryFormat.json();
    QueryGenerator queries =
        QueryGenerator.of(
            new QueryGenerator.Settings(
                (long) ROWS_PER_BATCH * BATCHES,
                1,
                Instant.parse("2024-03-01T00:00:00Z"),
                Duration.ofHours(1),
                50,
                0));
    List<RawMessages> batches = new ArrayList<>();
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "bench", RawMessages.Format.JSON);
    for (long offset = 0; queries.hasNext(); offset++) {
      Query query = queries.next();
      builder.add(0, offset, query.arrivalMicros() / 1000, json.toBytes(query));
      if (builder.size() == ROWS_PER_BATCH) {
        batches.add(builder.build());
      }
    }
    return batches;
  }
}
