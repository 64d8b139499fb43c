package io.highwater.runners;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.pipelines.BackfillPipeline;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.transforms.ClassifyRecords;
import io.highwater.transforms.InputFile;
import io.highwater.transforms.ParseRecords;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.ReadFiles;
import io.highwater.transforms.ValidateRecords;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.coders.VarIntCoder;
import org.apache.beam.sdk.io.FileIO;
import org.apache.beam.sdk.io.parquet.ParquetIO;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;

/** One rung of {@link BackfillBenchmark}, in this JVM. */
final class BackfillRung {
  static final int PARALLELISM = 2;

  /** Each does what the one before does, and a step more; DuckDB does the same by SQL. */
  enum Rung {
    READ_PARQUETIO,
    READ,
    CLASSIFY,
    ROLLUP,
    BACKFILL,
    SCORE,
    DUCKDB_READ,
    DUCKDB_CLASSIFY,
    DUCKDB_ROLLUP,
    DUCKDB;

    String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  record Result(double seconds, double cpuSeconds, long peakMemoryMebibytes) {
    String format() {
      return String.format(Locale.ROOT, "%f %f %d", seconds, cpuSeconds, peakMemoryMebibytes);
    }

    static Result parse(String line) {
      String[] values = line.split(" ", -1);
      return new Result(
          Double.parseDouble(values[0]), Double.parseDouble(values[1]), Long.parseLong(values[2]));
    }
  }

  private BackfillRung() {}

  /**
   * @param dir has the input and is for the lake
   */
  static Result run(Rung rung, long rows, Path dir) throws Exception {
    Path input = dir.resolve(BackfillBenchmark.INPUT);
    Path output = Files.createDirectories(dir.resolve(rung.key()));
    long startNanos = System.nanoTime();
    double cpuBefore = ProcessUsage.cpuSeconds();
    switch (rung) {
      case READ_PARQUETIO, READ, CLASSIFY, ROLLUP -> {
        BackfillOptions options = options(input, output);
        BackfillCommand.runEmbedded(cut(options, rung, input), options);
        requireRows(rung, RowCount.sum(), rows);
      }
      case BACKFILL, SCORE -> {
        BackfillOptions options = options(input, output);
        if (rung == Rung.SCORE) {
          options.setRegistry(dir.resolve("models").toString());
        }
        BackfillPipeline backfill = BackfillPipeline.create(options, Instant.now());
        try (TimeProfile profile = TimeProfile.start(dir.resolve("profile.jfr"))) {
          BackfillCommand.runEmbedded(backfill.pipeline(), options);
          backfill.publish();
          if (rung == Rung.BACKFILL) {
            profile.print(System.out);
          }
        }
        requireRows(rung, StreamRung.rowsIn(output), rows);
      }
      case DUCKDB_READ, DUCKDB_CLASSIFY, DUCKDB_ROLLUP, DUCKDB -> {
        try (SqlBackfill sql =
            SqlBackfill.open(ContractLoader.load("warehouse-queries"), input, PARALLELISM)) {
          switch (rung) {
            case DUCKDB_READ -> sql.read();
            case DUCKDB_CLASSIFY -> sql.classify();
            case DUCKDB_ROLLUP -> sql.rollUp();
            default -> {
              sql.rollUp();
              sql.write(output);
            }
          }
        }
      }
    }
    return new Result(
        (System.nanoTime() - startNanos) / 1e9,
        ProcessUsage.cpuSeconds() - cpuBefore,
        ProcessUsage.peakMemoryMebibytes());
  }

  private static BackfillOptions options(Path input, Path lake) {
    return PipelineArguments.parse(
        new String[] {"--input=" + input, "--lake=" + lake, "--parallelism=" + PARALLELISM},
        BackfillCommand.DEFAULTS,
        BackfillOptions.class);
  }

  private static void requireRows(Rung rung, long found, long rows) throws CommandFailedException {
    if (found != rows) {
      throw new CommandFailedException(
          "%s has %,d rows at its end; expected %,d".formatted(rung.key(), found, rows));
    }
  }

  /** The backfill's pipeline up to a step, and a count of the rows that come out of it. */
  private static Pipeline cut(BackfillOptions options, Rung rung, Path input) throws Exception {
    Contract contract = ContractLoader.load(options.getContract());
    Pipeline pipeline = Pipeline.create(options);
    if (rung == Rung.READ_PARQUETIO) {
      pipeline
          .apply(Create.of(input.toString()))
          .apply(FileIO.matchAll())
          .apply(FileIO.readMatches())
          .apply(ParquetIO.parseFilesGenericRecords(unused -> 1).withCoder(VarIntCoder.of()))
          .apply("Count", RowCount.of(one -> one));
      return pipeline;
    }
    PCollection<RawBatch> records =
        pipeline
            .apply(
                "ReadFiles",
                ReadFiles.of(contract, InputFile.match(List.of(input.toString())), Instant.EPOCH))
            .get(ReadFiles.RECORDS);
    switch (rung) {
      case READ -> records.apply("Count", RowCount.of(RawBatch::size));
      case CLASSIFY ->
          records
              .apply("ParseRecords", ParseRecords.of(contract))
              .apply("ValidateRecords", ValidateRecords.of(contract))
              .apply("ClassifyRecords", ClassifyRecords.of(contract))
              .get(ClassifyRecords.CLASSIFIED)
              .apply("Count", RowCount.of(RecordBatch::rowCount));
      case ROLLUP -> {
        PCollectionTuple processed =
            records.apply("ProcessRecords", ProcessRecords.of(contract, 1));
        processed.get(ProcessRecords.EVENTS).apply("Count", RowCount.of(RecordBatch::rowCount));
        processed.get(ProcessRecords.ROLLUPS).apply("CountRollUps", RowCount.of(batch -> 0));
      }
      default -> throw new IllegalArgumentException(rung.key());
    }
    return pipeline;
  }
}
