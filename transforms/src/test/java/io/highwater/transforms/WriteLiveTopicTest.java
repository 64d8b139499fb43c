package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.highwater.contract.Contract;
import java.time.Instant;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.io.kafka.ProducerRecordCoder;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.TypeDescriptors;
import org.junit.jupiter.api.Test;

class WriteLiveTopicTest {
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @Test
  void makesAJsonMessageOfEachRow() {
    Contract contract = TestContracts.readings();
    Instant time = Instant.parse("2024-03-01T00:00:00.25Z");

    PCollection<String> messages =
        pipeline
            .apply(
                Create.of(
                        Batches.events(
                            contract,
                            Batches.row(7L, time, 1.5, "größe \"1\"", true, null),
                            Batches.row(8L, time, Double.NaN),
                            Batches.row(9L, time, Double.NEGATIVE_INFINITY)))
                    .withCoder(BatchCoders.recordBatch()))
            .apply(ParDo.of(new WriteLiveTopic.JsonFn("readings", "pane", "live")))
            .setCoder(ProducerRecordCoder.of(ByteArrayCoder.of(), ByteArrayCoder.of()))
            .apply(
                MapElements.into(TypeDescriptors.strings())
                    .via(
                        message ->
                            String.join(
                                " ",
                                message.topic(),
                                new String(message.key(), UTF_8),
                                new String(message.value(), UTF_8))));

    String rest =
        ",\"_topic\":null,\"_partition\":null,\"_offset\":null,\"is_high\":null,\"half\":null}}";
    String start =
        "live readings/pane {\"contract\":\"readings\",\"kind\":\"pane\",\"row\":{\"id\":";
    String at = ",\"at\":\"2024-03-01T00:00:00.250Z\",\"level\":";
    PAssert.that(messages)
        .containsInAnyOrder(
            start + 7 + at + "1.5,\"note\":\"größe \\\"1\\\"\",\"ok\":true,\"seen\":null" + rest,
            start + 8 + at + "null,\"note\":null,\"ok\":null,\"seen\":null" + rest,
            start + 9 + at + "null,\"note\":null,\"ok\":null,\"seen\":null" + rest);
    pipeline.run().waitUntilFinish();
  }
}
