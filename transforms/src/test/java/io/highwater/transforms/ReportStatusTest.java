package io.highwater.transforms;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TimestampedValue;
import org.joda.time.Duration;
import org.joda.time.Instant;
import org.junit.jupiter.api.Test;

class ReportStatusTest {
  private static final long T = java.time.Instant.parse("2024-03-01T00:00:00Z").toEpochMilli();
  private static final long MINUTE = 60_000;
  private static final String[] COUNTS = {
    "run_id",
    "records_read",
    "records_accepted",
    "records_rejected",
    "records_late",
    "records_too_late",
    "records_duplicate"
  };

  private final Contract contract = TestContracts.jobs();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @Test
  void sumsWhatHappenedEveryFiveSecondsAndAtTheEnd() {
    TestStream<RawBatch> stream =
        TestStream.create(BatchCoders.rawBatch())
            .advanceWatermarkTo(new Instant(T))
            .addElements(at(T + MINUTE, -1, job("00:01:00"), job("00:02:00"), "no job"))
            .advanceProcessingTime(Duration.standardSeconds(6))
            // Nothing happens, so nothing is said.
            .advanceProcessingTime(Duration.standardSeconds(20))
            .advanceWatermarkTo(new Instant(T + 12 * MINUTE))
            .addElements(at(T + 3 * MINUTE, -1, job("00:03:00"), job("00:04:00")))
            .addElements(at(T + 13 * MINUTE, -1, job("00:13:00")))
            .advanceProcessingTime(Duration.standardSeconds(6))
            .advanceWatermarkTo(new Instant(T + 21 * MINUTE))
            .addElements(at(T + 5 * MINUTE, -1, job("00:05:00"), job("00:06:00")))
            .advanceWatermarkToInfinity();

    PAssert.that(report(stream))
        .satisfies(Rows.are(List.of(COUNTS), "7|3|2|1|0|0|0", "7|6|5|1|2|0|0", "7|8|7|1|2|2|0"));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void saysHowFarEventTimeCameAndWhatIsStillToBeRead() {
    TestStream<RawBatch> stream =
        TestStream.create(BatchCoders.rawBatch())
            .advanceWatermarkTo(new Instant(T))
            .addElements(at(T + MINUTE, 40, job("00:01:00"), job("00:09:00")))
            .addElements(at(T + MINUTE, 30, job("00:03:00")))
            .advanceProcessingTime(Duration.standardSeconds(6))
            .advanceWatermarkToInfinity();

    PAssert.that(report(stream))
        .satisfies(
            Rows.are(
                List.of(
                    "greatest_event_time",
                    "watermark",
                    "backlog_messages",
                    "backlog_by_partition",
                    "model_version"),
                "2024-03-01T00:09|2024-03-01T00:00|30|{\"3\":30}|null"));
    pipeline.run().waitUntilFinish();
  }

  private PCollection<RecordBatch> report(TestStream<RawBatch> stream) {
    PCollection<RawBatch> messages = pipeline.apply(stream);
    return messages
        .apply(ProcessRecords.of(contract, 7).withAllowedLateness(java.time.Duration.ofMinutes(10)))
        .and(ReportStatus.MESSAGES, messages)
        .apply(ReportStatus.of(contract, 7));
  }

  private static String job(String time) {
    return new String(
        TestContracts.job("a", 1, "2024-03-01T" + time, 5, "1.0"), StandardCharsets.UTF_8);
  }

  private static TimestampedValue<RawBatch> at(
      long millis, long backlogMessages, String... messages) {
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "topic", RawMessages.Format.JSON)
            .backlog(3, backlogMessages);
    for (int i = 0; i < messages.length; i++) {
      builder.add(3, i, millis, messages[i].getBytes(StandardCharsets.UTF_8));
    }
    return TimestampedValue.of(builder.build(), new Instant(millis));
  }
}
