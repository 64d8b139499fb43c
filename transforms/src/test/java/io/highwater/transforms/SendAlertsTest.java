package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.is;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.detect.OutlierRows;
import io.highwater.record.RecordBatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.values.PCollection;
import org.joda.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SendAlertsTest {
  private static final long MICROS = 1_709_251_200_000_000L;
  private static Contract contract;

  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @BeforeAll
  static void loadContract() throws Exception {
    contract = ContractLoader.load("warehouse-queries");
  }

  /** An outlier of an instance and a fingerprint, whose id says its ratio. */
  private record Outlier(long instance, String fingerprint, double ratio) {}

  private static RecordBatch batch(Outlier... outliers) {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(OutlierRows.schema(contract), allocator)) {
      for (int row = 0; row < outliers.length; row++) {
        Outlier outlier = outliers[row];
        ((BigIntVector) root.getVector("instance_id")).setSafe(row, outlier.instance());
        setText(root, "feature_fingerprint", row, outlier.fingerprint());
        ((TimeStampMicroVector) root.getVector("arrival_timestamp")).setSafe(row, MICROS + row);
        ((BigIntVector) root.getVector("execution_duration_ms"))
            .setSafe(row, (long) (1000 * outlier.ratio()));
        ((Float8Vector) root.getVector("predicted_ms")).setSafe(row, 1000);
        ((Float8Vector) root.getVector("ratio")).setSafe(row, outlier.ratio());
        setText(root, "outlier_id", row, "r" + outlier.ratio());
        setText(root, "severity", row, "major");
        setText(root, "outlier_reason", row, "slow");
        setText(root, "explanation", row, "It took long.");
      }
      root.setRowCount(outliers.length);
      return RecordBatch.copyOf(contract, root, contract.eventTime());
    }
  }

  private static void setText(VectorSchemaRoot root, String column, int row, String text) {
    ((VarCharVector) root.getVector(column)).setSafe(row, text.getBytes(StandardCharsets.UTF_8));
  }

  private PCollection<Alert> alerts(TestStream<RecordBatch> outliers) {
    return SendAlerts.of(contract, "http://127.0.0.1:8507").alerts(pipeline.apply(outliers));
  }

  private static List<String> shown(Iterable<Alert> alerts) {
    List<String> shown = new ArrayList<>();
    for (Alert alert : alerts) {
      shown.add(
          alert.where().get("instance_id")
              + (alert.isFollowUp() ? " again " : " first ")
              + alert.count()
              + " "
              + alert.worst().id());
    }
    return shown;
  }

  private static TestStream.Builder<RecordBatch> stream() {
    return TestStream.create(BatchCoders.recordBatch());
  }

  @Test
  void tellsOfTheFirstAtOnceAndOfThoseThatFollowOnce() {
    PCollection<Alert> alerts =
        alerts(
            stream()
                .addElements(batch(new Outlier(1, "a", 3), new Outlier(2, "a", 4)))
                .advanceProcessingTime(Duration.standardMinutes(5))
                .addElements(batch(new Outlier(1, "a", 9), new Outlier(1, "a", 5)))
                .advanceProcessingTime(Duration.standardMinutes(6))
                .addElements(batch(new Outlier(1, "a", 2)))
                .advanceWatermarkToInfinity());

    PAssert.that(alerts)
        .satisfies(
            all -> {
              assertThat(
                  shown(all),
                  containsInAnyOrder(
                      "1 first 1 r3.0", "2 first 1 r4.0", "1 again 2 r9.0", "1 first 1 r2.0"));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  @Test
  void tellsOfThoseThatFollowWhenTheStreamEnds() {
    PCollection<Alert> alerts =
        alerts(
            stream()
                .addElements(batch(new Outlier(1, "a", 3)))
                .addElements(batch(new Outlier(1, "a", 2), new Outlier(1, "b", 2)))
                .advanceWatermarkToInfinity());

    PAssert.that(alerts)
        .satisfies(
            all -> {
              assertThat(
                  shown(all),
                  containsInAnyOrder("1 first 1 r3.0", "1 again 1 r2.0", "1 first 1 r2.0"));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  @Test
  void saysWhatWhereHowMuchAndWhy() {
    PCollection<Alert> alerts =
        alerts(stream().addElements(batch(new Outlier(7, "f", 12))).advanceWatermarkToInfinity());

    PAssert.thatSingleton(alerts)
        .satisfies(
            alert -> {
              JsonNode json = json(alert.toJson("http://127.0.0.1:8507"));
              assertThat(json.get("alert").asText(), is("first"));
              assertThat(json.get("event_time").asText(), is("2024-03-01T00:00:00Z"));
              assertThat(json.get("what").asText(), is("It took long."));
              assertThat(json.get("where").get("instance_id").asText(), is("7"));
              assertThat(json.get("where").get("feature_fingerprint").asText(), is("f"));
              assertThat(json.get("how_much").get("actual_ms").asDouble(), is(12_000.0));
              assertThat(json.get("how_much").get("ratio").asDouble(), is(12.0));
              assertThat(json.get("why").asText(), is("slow"));
              assertThat(json.get("link").asText(), is("http://127.0.0.1:8507/#outlier=r12.0"));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  private static JsonNode json(byte[] bytes) {
    try {
      return new ObjectMapper().readTree(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
