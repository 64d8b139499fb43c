package io.highwater.pipelines;

import io.highwater.contract.Contract;
import io.highwater.lake.Compression;
import io.highwater.record.RawBatch;
import io.highwater.transforms.ProcessRecords;
import io.highwater.transforms.PublishGeneration;
import io.highwater.transforms.ReadFiles;
import io.highwater.transforms.Table;
import io.highwater.transforms.WriteArrow;
import io.highwater.transforms.WriteParquet;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;

/** From files to the lake: history through the same body as the stream. */
public final class BackfillPipeline {
  private BackfillPipeline() {}

  /**
   * @param now when the backfill starts: names its generation and, as milliseconds, its roll-ups'
   *     run
   * @throws UsageException if an option cannot be used
   */
  public static Pipeline create(BackfillPipelineOptions options, Instant now) {
    Contract contract = OptionValues.contract("contract", options.getContract());
    Compression compression = OptionValues.compression("compression", options.getCompression());
    Duration lateness = OptionValues.duration("allowedLateness", options.getAllowedLateness());
    String asOf = options.getAsOf();
    Instant receivedAt = asOf == null ? now : OptionValues.time("asOf", asOf);
    String lake = OptionValues.lake("lake", options.getLake());
    String generation = Long.toString(now.toEpochMilli());

    Pipeline pipeline = Pipeline.create(options);
    List<String> globs =
        OptionValues.files("input", OptionValues.required("input", options.getInput()));
    PCollection<RawBatch> records = pipeline.apply("ReadFiles", ReadFiles.of(globs, receivedAt));

    PCollectionTuple processed =
        records.apply(
            "ProcessRecords",
            ProcessRecords.of(contract, now.toEpochMilli()).withAllowedLateness(lateness));

    processed
        .get(ProcessRecords.EVENTS)
        .apply(
            "WriteEvents",
            WriteArrow.of(contract, Table.EVENTS, lake)
                .withCompression(compression)
                .withGeneration(generation))
        .apply("PublishEvents", PublishGeneration.of(contract, Table.EVENTS, lake, generation));
    processed
        .get(ProcessRecords.ROLLUPS)
        .apply(
            "WriteRollUps",
            WriteParquet.of(contract, Table.ROLLUPS, lake).withGeneration(generation))
        .apply("PublishRollUps", PublishGeneration.of(contract, Table.ROLLUPS, lake, generation));
    processed
        .get(ProcessRecords.REJECTED)
        .apply(
            "WriteRejected",
            WriteParquet.of(contract, Table.REJECTED, lake).withGeneration(generation))
        .apply("PublishRejected", PublishGeneration.of(contract, Table.REJECTED, lake, generation));
    return pipeline;
  }
}
