package io.highwater.transforms;

import static io.highwater.transforms.Batches.row;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.quality.QualityMeter;
import io.highwater.quality.QualityReport;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.SourcedBatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.coders.VarLongCoder;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.FlatMapElements;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TypeDescriptor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MeasureQualityTest {
  private static final long T = Instant.parse("2024-03-01T00:00:00Z").getEpochSecond();

  private final Contract contract = TestContracts.readings();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @TempDir Path folder;

  /** Readings in batches of a few, some hours apart. */
  private List<RecordBatch> readings() {
    Random random = new Random(1);
    List<RecordBatch> batches = new ArrayList<>();
    for (int batch = 0; batch < 30; batch++) {
      Object[][] rows = new Object[1 + random.nextInt(40)][];
      for (int i = 0; i < rows.length; i++) {
        rows[i] =
            row(
                (long) random.nextInt(900),
                Instant.ofEpochSecond(T + 7200 * batch + random.nextInt(600)),
                random.nextInt(3) == 0 ? null : (Double) random.nextDouble(),
                "note " + random.nextInt(7));
      }
      batches.add(Batches.events(contract, rows));
    }
    return batches;
  }

  /** Two that have no event time, and one that is no JSON. */
  private RawBatch wrongMessages() {
    return Batches.messages(
        "{\"id\": 1}".getBytes(UTF_8), "{".getBytes(UTF_8), "{\"id\": 2}".getBytes(UTF_8));
  }

  private PCollectionTuple input(List<RecordBatch> accepted) {
    return PCollectionTuple.of(
            MeasureQuality.ACCEPTED,
            pipeline.apply("Accepted", Create.of(accepted).withCoder(BatchCoders.recordBatch())))
        .and(
            MeasureQuality.REJECTED,
            pipeline
                .apply("Wrong", Create.of(wrongMessages()).withCoder(BatchCoders.rawBatch()))
                .apply(ParseRecords.of(contract))
                .apply(
                    FlatMapElements.into(TypeDescriptor.of(RecordBatch.class))
                        .via(SourcedBatch::rejected))
                .setCoder(BatchCoders.recordBatch()));
  }

  @Test
  void givesTheReportThatOneMeterWouldGive() {
    QualityMeter meter = QualityMeter.of(contract);
    try (BufferAllocator allocator = new RootAllocator()) {
      for (RecordBatch batch : readings()) {
        try (VectorSchemaRoot rows = batch.open(allocator)) {
          meter.addAccepted(rows);
        }
      }
    }
    String expected = meter.report().toJson();

    PCollection<QualityReport> report = input(readings()).apply(MeasureQuality.of(contract));

    PAssert.thatSingleton(report)
        .satisfies(
            found -> {
              for (String part : List.of("event_time", "columns")) {
                assertThat(json(found.toJson()).path(part), equalTo(json(expected).path(part)));
              }
              assertThat(
                  found.toTable().lines().filter(line -> line.startsWith("M")).toList(),
                  contains(startsWith("MISSING_REQUIRED"), startsWith("MALFORMED_JSON")));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  private static JsonNode json(String text) {
    try {
      return new ObjectMapper().readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void addsUpWhatOthersCount() {
    PCollectionTuple input =
        input(readings().subList(0, 1))
            .and(MeasureQuality.DUPLICATES, pipeline.apply("Duplicates", Create.of(3L, 4L)))
            .and(
                MeasureQuality.UNKNOWN_FIELDS,
                pipeline.apply("UnknownFields", Create.empty(VarLongCoder.of())))
            .and(
                MeasureQuality.UNREADABLE_FILES,
                pipeline.apply(
                    "Unreadable",
                    Create.of(KV.of("a.csv", "is empty"))
                        .withCoder(KvCoder.of(StringUtf8Coder.of(), StringUtf8Coder.of()))));

    PAssert.thatSingleton(input.apply(MeasureQuality.of(contract)))
        .satisfies(
            found -> {
              assertThat(found.toJson(), containsString("\"duplicates\" : 7\n"));
              assertThat(found.toJson(), containsString("\"unknown_fields\" : 0,"));
              assertThat(found.toJson(), containsString("\"reason\" : \"is empty\""));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  @Test
  void writesAReportAlsoOfNothingInThePlaceOfTheOneBefore() throws IOException {
    Path file = folder.resolve("deep/er/quality.json");
    Files.createDirectories(file.getParent());
    Files.writeString(file, "old");
    PCollection<RecordBatch> none = pipeline.apply(Create.empty(BatchCoders.recordBatch()));
    PCollection<String> written =
        PCollectionTuple.of(MeasureQuality.ACCEPTED, none)
            .and(MeasureQuality.REJECTED, none)
            .apply(MeasureQuality.of(contract))
            .apply(WriteReport.of(file.toString(), QualityReport::toJson));

    PAssert.that(written).containsInAnyOrder(file.toString());
    pipeline.run().waitUntilFinish();

    assertThat(Files.readString(file), equalTo(QualityReport.empty(contract).toJson()));
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertThat(files.toList(), contains(file));
    }
  }

  @Test
  void refusesAnInputWithoutAnEnd() {
    PCollectionTuple input = input(readings());
    input.get(MeasureQuality.ACCEPTED).setIsBoundedInternal(PCollection.IsBounded.UNBOUNDED);

    assertThrows(IllegalStateException.class, () -> input.apply(MeasureQuality.of(contract)));
  }
}
