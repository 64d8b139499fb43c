package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.hasItems;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.junit.jupiter.api.Test;

class ProcessRecordsTest {
  private final Contract contract = TestContracts.jobs();

  /** The Direct runner checks that no step changes what it was given. */
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  private static RawBatch messages() {
    List<byte[]> messages = new ArrayList<>();
    messages.add(TestContracts.job("a", 1, "2024-03-01T00:00:01", 500, "1.5"));
    messages.add(TestContracts.job("a", 2, "2024-03-01T00:05:00", 2500, "2.25"));
    messages.add("{\"cluster\":\"a\",".getBytes(UTF_8));
    messages.add(TestContracts.job("b", 3, "2024-03-01T00:12:00", 10, "null"));
    messages.add(TestContracts.job("b", 4, "2024-03-01T00:12:00", -1, "1.0"));
    messages.add(TestContracts.job("b", 5, "2024-03-01T00:13:00", 0, "5000.0"));
    messages.add(TestContracts.job("b", 6, "2024-03-01T01:00:00", 1001, "0.0"));
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "topic", RawMessages.Format.JSON);
    for (int i = 0; i < messages.size(); i++) {
      builder.add(0, i, 1_709_251_200_000L + i, messages.get(i));
    }
    return builder.build();
  }

  private PCollectionTuple process() {
    return pipeline
        .apply(Create.of(messages()).withCoder(BatchCoders.rawBatch()))
        .apply(ProcessRecords.of(contract, 7));
  }

  @Test
  void sendsEachRecordWhereItBelongs() {
    PCollectionTuple processed = process();

    PAssert.that(processed.get(ProcessRecords.EVENTS))
        .satisfies(
            Rows.are(
                List.of("job_id", "_offset", "pace", "mb"),
                "1|0|fast|1.5",
                "2|1|slow|2.25",
                "3|3|fast|null",
                "6|6|slow|0.0"));
    PAssert.that(processed.get(ProcessRecords.REJECTED))
        .satisfies(
            Rows.are(
                List.of("stage", "code", "field", "_topic", "_partition", "_offset"),
                "ParseRecords|MALFORMED_JSON|null|topic|0|2",
                "ValidateRecords|OUT_OF_RANGE|run_ms|topic|0|4",
                "ClassifyRecords|RULE_VIOLATED|null|topic|0|5"));
    PAssert.that(processed.get(ProcessRecords.ROLLUPS))
        .satisfies(
            Rows.are(
                List.of(
                    "window_start",
                    "window_millis",
                    "cluster",
                    "run_id",
                    "is_final",
                    "jobs",
                    "slow",
                    "run_ms",
                    "mb"),
                "2024-03-01T00:00|600000|a|7|true|2|1|3000|3.75",
                "2024-03-01T00:10|600000|b|7|true|1|0|10|null",
                "2024-03-01T01:00|600000|b|7|true|1|1|1001|0.0",
                "2024-03-01T00:00|3600000|a|7|true|2|1|3000|3.75",
                "2024-03-01T00:00|3600000|b|7|true|1|0|10|null",
                "2024-03-01T01:00|3600000|b|7|true|1|1|1001|0.0"));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void keepsTheBytesOfWhatItRejects() {
    PCollectionTuple processed = process();

    PAssert.that(processed.get(ProcessRecords.REJECTED))
        .satisfies(
            Rows.are(
                List.of("raw"),
                "{\"cluster\":\"a\",",
                new String(TestContracts.job("b", 4, "2024-03-01T00:12:00", -1, "1.0"), UTF_8),
                new String(TestContracts.job("b", 5, "2024-03-01T00:13:00", 0, "5000.0"), UTF_8)));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void countsARedeliveredRowOnceAndRejectsABadOneEachTime() {
    TestStream<RawBatch> twice =
        TestStream.create(BatchCoders.rawBatch())
            .addElements(messages(), messages())
            .advanceWatermarkToInfinity();
    PCollectionTuple processed =
        pipeline
            .apply(twice)
            .apply(ProcessRecords.of(contract, 7).withDeduplication(Duration.ofMinutes(10)));

    PAssert.that(processed.get(ProcessRecords.EVENTS))
        .satisfies(Rows.are(List.of("job_id", "mb"), "1|1.5", "2|2.25", "3|null", "6|0.0"));
    PAssert.that(processed.get(ProcessRecords.REJECTED))
        .satisfies(Rows.are(List.of("_offset"), "2", "4", "5", "2", "4", "5"));
    PAssert.that(processed.get(ProcessRecords.ROLLUPS))
        .satisfies(
            batches -> {
              assertThat(
                  Rows.of(batches, "window_start", "window_millis", "cluster", "is_final", "jobs"),
                  hasItems(
                      "2024-03-01T00:00|600000|a|true|2",
                      "2024-03-01T00:10|600000|b|true|1",
                      "2024-03-01T00:00|3600000|a|true|2"));
              return null;
            });
    PAssert.that(processed.get(ProcessRecords.DUPLICATES))
        .satisfies(
            counts -> {
              long sum = 0;
              for (long count : counts) {
                sum += count;
              }
              assertEquals(4, sum);
              return null;
            });
    pipeline.run().waitUntilFinish();
  }
}
