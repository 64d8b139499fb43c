package io.highwater.transforms;

import static io.highwater.transforms.Batches.row;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import io.highwater.record.SourcedBatch;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.ListCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.testing.CoderProperties;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.MapElements;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.util.SerializableUtils;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionList;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.junit.jupiter.api.Test;

class BatchCodersTest {
  private static final Contract CONTRACT = TestContracts.readings();
  private static final Instant AT = Instant.parse("2024-03-01T00:00:00.000001Z");

  /** No messages, empty ones, any bytes; a header with an empty name and with unicode. */
  private static final List<RawBatch> RAW =
      List.of(
          Batches.messages(),
          Batches.messages(new byte[0]),
          Batches.messages("größe 日本 🌊".getBytes(UTF_8), new byte[0], new byte[] {-1, 0, 127}),
          RawBatch.builder(
                  RawBatch.SourceKind.FILE,
                  "/tmp/größe 🌊.csv",
                  RawMessages.Format.CSV,
                  List.of("id", "", "größe"))
              .add(0, Long.MAX_VALUE, Long.MIN_VALUE, "1,,2".getBytes(UTF_8))
              .build(),
          RawBatch.builder(RawBatch.SourceKind.KAFKA, "", RawMessages.Format.JSON)
              .add(Integer.MAX_VALUE, 0, -1, "{}".getBytes(UTF_8))
              .build(),
          RawBatch.builder(RawBatch.SourceKind.KAFKA, "", RawMessages.Format.JSON)
              .add(Integer.MAX_VALUE, 0, -1, "{}".getBytes(UTF_8))
              .backlog(7, 1L << 40)
              .build());

  private static final List<RecordBatch> RECORDS =
      List.of(
          Batches.events(CONTRACT),
          Batches.events(CONTRACT, row(1L, AT)),
          Batches.events(
              CONTRACT,
              row(1L, AT, 0.5, "", true, AT, "topic", 3, 9L, false, 0.25),
              row(Long.MIN_VALUE, AT, -0.0, "größe 日本 🌊", false, null, null, null, null, true),
              row(3L, AT, null, "a".repeat(70_000), null, AT)));

  private static final List<SourcedBatch> SOURCED =
      List.of(
          new SourcedBatch(RECORDS.get(0), RAW.get(0), List.of()),
          new SourcedBatch(RECORDS.get(2), RAW.get(2), List.of(RECORDS.get(0))),
          new SourcedBatch(RECORDS.get(1), RAW.get(3), List.of(RECORDS.get(1), RECORDS.get(2))));

  @Test
  void decodesWhatItEncoded() throws Exception {
    decodesWhatItEncoded(BatchCoders.rawBatch(), RAW);
    decodesWhatItEncoded(BatchCoders.recordBatch(), RECORDS);
    decodesWhatItEncoded(BatchCoders.sourcedBatch(), SOURCED);
  }

  /** CoderProperties takes each value both as the last one in a stream and before others. */
  private static <T> void decodesWhatItEncoded(Coder<T> coder, List<T> values) throws Exception {
    SerializableUtils.ensureSerializable(coder);
    coder.verifyDeterministic();
    for (T value : values) {
      CoderProperties.coderDecodeEncodeEqual(coder, value);
      CoderProperties.coderDecodeEncodeEqual(
          KvCoder.of(coder, KvCoder.of(StringUtf8Coder.of(), coder)),
          KV.of(value, KV.of("größe", value)));
      CoderProperties.coderDeterministic(coder, value, CoderUtils.clone(coder, value));
      for (T other : values) {
        CoderProperties.coderConsistentWithEquals(coder, value, other);
        CoderProperties.structuralValueConsistentWithEquals(coder, value, other);
      }
    }
    CoderProperties.coderDecodeEncodeEqual(ListCoder.of(coder), values);
    CoderProperties.coderDecodeEncodeEqual(
        ListCoder.of(ListCoder.of(coder)), List.of(values, List.of(), values));
  }

  @Test
  void leavesOneElementToSeveralConsumers() {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollection<RecordBatch> batches =
        pipeline.apply(Create.of(RECORDS).withCoder(BatchCoders.recordBatch()));

    PCollection<RecordBatch> once = batches.apply("Once", pass(RecordBatch.class));
    PCollection<RecordBatch> again = batches.apply("Again", pass(RecordBatch.class));
    once.setCoder(BatchCoders.recordBatch());
    again.setCoder(BatchCoders.recordBatch());
    PCollection<RecordBatch> both =
        PCollectionList.of(once).and(again).apply(Flatten.pCollections());

    PAssert.that(once).containsInAnyOrder(RECORDS);
    PAssert.that(both)
        .containsInAnyOrder(
            RECORDS.get(0),
            RECORDS.get(0),
            RECORDS.get(1),
            RECORDS.get(1),
            RECORDS.get(2),
            RECORDS.get(2));
    pipeline.run().waitUntilFinish();
  }

  @Test
  void carriesRowsBesideTheirMessagesOverSteps() {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollection<SourcedBatch> batches =
        pipeline
            .apply(Create.of(SOURCED).withCoder(BatchCoders.sourcedBatch()))
            .apply(pass(SourcedBatch.class))
            .setCoder(BatchCoders.sourcedBatch());

    PAssert.that(batches).containsInAnyOrder(SOURCED);
    pipeline.run().waitUntilFinish();
  }

  private static <T> MapElements<T, T> pass(Class<T> type) {
    return MapElements.into(TypeDescriptor.of(type)).via(value -> value);
  }
}
