package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import io.highwater.lake.LakeTable;
import io.highwater.quality.ChangeReport;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import io.highwater.record.TimeRange;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CompareWithLakeTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  /** Writes rows to the lake as a backfill does, or as they are once they are compacted. */
  private void write(Contract contract, boolean isParquet, List<RawBatch> messages)
      throws IOException {
    Pipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollection<RecordBatch> events =
        process(pipeline, contract, messages).get(ProcessRecords.EVENTS);
    String lake = lake().toString();
    LakeGeneration generation = LakeGeneration.begin(contract, lake, Instant.EPOCH, "input");
    PCollection<KV<Long, String>> files =
        isParquet
            ? events.apply(
                WriteParquet.of(contract, Table.EVENTS, lake).withGeneration(generation.name()))
            : events.apply(
                WriteArrow.of(contract, Table.EVENTS, lake).withGeneration(generation.name()));
    files.apply(PrepareGeneration.of(generation, Table.EVENTS));
    pipeline.run().waitUntilFinish();
    generation.publish(TimeRange.ALL);
  }

  private Path lake() {
    return folder.resolve("lake");
  }

  private static PCollectionTuple process(
      Pipeline pipeline, Contract contract, List<RawBatch> messages) {
    return pipeline
        .apply(Create.of(messages).withCoder(BatchCoders.rawBatch()))
        .apply(ProcessRecords.of(contract, 1));
  }

  private JsonNode compare(
      Contract contract, List<RawBatch> messages, @Nullable Instant from, @Nullable Instant to)
      throws IOException {
    Path file = folder.resolve("changes.json");
    Pipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    process(pipeline, contract, messages)
        .apply(CompareWithLake.of(contract, lake().toString()).withRange(from, to))
        .apply(WriteReport.of(file.toString(), ChangeReport::toJson));
    pipeline.run().waitUntilFinish();
    return JSON.readTree(Files.readString(file));
  }

  private static Contract warehouseQueries(String parameter, int value) {
    try (InputStream yaml = ContractLoader.class.getResourceAsStream("warehouse-queries.yaml")) {
      String builtIn = new String(yaml.readAllBytes(), StandardCharsets.UTF_8);
      String other =
          builtIn.replaceFirst(
              "(- name: " + parameter + "\\s+value: )\\d+", "$1" + Integer.toString(value));
      return ContractLoader.parse("other.yaml", other);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InvalidContractException e) {
      throw new AssertionError(e);
    }
  }

  /** Queries of three hours from a few clusters, some of them broken. */
  private static List<RawBatch> queries(long seed, int rowCount) {
    Random random = new Random(seed);
    List<RawBatch> batches = new ArrayList<>();
    RawMessages.Builder batch =
        RawBatch.builder(RawBatch.SourceKind.FILE, "queries.jsonl", RawMessages.Format.JSON);
    for (int id = 0; id < rowCount; id++) {
      String json =
          String.format(
              Locale.ROOT,
              "{\"instance_id\": %d, \"query_id\": %d, \"arrival_timestamp\": \"%s\","
                  + " \"query_type\": \"%s\", \"execution_duration_ms\": %d,"
                  + " \"queue_duration_ms\": %d, \"mbytes_scanned\": %d, \"num_joins\": %d}",
              random.nextInt(5),
              id,
              Instant.parse("2024-03-01T00:00:00Z").plusMillis(random.nextInt(3 * 3_600_000)),
              new String[] {"select", "copy", "unload", "insert"}[random.nextInt(4)],
              random.nextInt(50) == 0 ? -1 : random.nextInt(4000),
              random.nextInt(5000),
              random.nextInt(50),
              random.nextInt(4));
      batch.add(0, id, 0, json.getBytes(StandardCharsets.UTF_8));
      if (batch.size() == 300) {
        batches.add(batch.build());
      }
    }
    if (batch.size() > 0) {
      batches.add(batch.build());
    }
    return batches;
  }

  @Test
  void countsTheRowsThatGetAnotherClassAsSqlDoes() throws IOException {
    Contract old = warehouseQueries("network_execution_ms", 500);
    Contract other = warehouseQueries("network_execution_ms", 2500);
    List<RawBatch> queries = queries(1, 2000);
    write(old, false, queries);

    JsonNode report = compare(other, queries, null, null);

    // What the classes are now and would be, by the rule in plain SQL over what was sent.
    Path sent = folder.resolve("sent.jsonl");
    StringBuilder lines = new StringBuilder();
    for (RawBatch batch : queries) {
      for (int row = 0; row < batch.size(); row++) {
        lines.append(new String(batch.message(row), StandardCharsets.UTF_8)).append('\n');
      }
    }
    Files.writeString(sent, lines);
    String changing =
        "FROM read_json('%s') WHERE query_type IN ('copy', 'unload') AND execution_duration_ms > 500 AND execution_duration_ms <= 2500"
            .formatted(sent);
    String after =
        "CASE WHEN queue_duration_ms >= execution_duration_ms AND queue_duration_ms > 1000"
            + " AND num_joins < 4 THEN 'queue_wlm_bound' ELSE 'normal' END";
    List<String> expected =
        TestLake.duckDb(
            "SELECT instance_id, 'network_bound', %s, count(*) %s GROUP BY ALL ORDER BY ALL"
                .formatted(after, changing));
    List<String> found = new ArrayList<>();
    for (JsonNode instance : report.path("instances")) {
      for (JsonNode column : instance.path("columns")) {
        assertThat(column.path("column").asText(), equalTo("query_class"));
        for (JsonNode change : column.path("changes")) {
          found.add(
              String.join(
                  "|",
                  instance.path("instance").asText(),
                  change.path("from").asText(),
                  change.path("to").asText(),
                  change.path("rows").asText()));
        }
      }
    }
    found.sort(null);
    assertThat(found, equalTo(expected));
    assertThat(
        "%s|%s|%s|%s"
            .formatted(
                report.at("/rows/before"),
                report.at("/rows/changed"),
                report.at("/rows/added"),
                report.path("rejected_rows")),
        equalTo(
            TestLake.duckDb(
                    "SELECT count(*) FILTER (execution_duration_ms >= 0), (SELECT count(*) %s), 0, count(*) FILTER (execution_duration_ms < 0) FROM read_json('%s')"
                        .formatted(changing, sent))
                .get(0)));
  }

  private static String counts(JsonNode report) {
    List<String> counts = new ArrayList<>();
    counts.add("hours " + report.path("hours"));
    report
        .path("rows")
        .properties()
        .forEach(count -> counts.add(count.getKey() + " " + count.getValue()));
    return String.join(", ", counts);
  }

  private static RawBatch jobs(byte[]... jobs) {
    return Batches.messages(jobs);
  }

  private final RawBatch threeHours =
      jobs(
          TestContracts.job("a", 1, "2024-03-01T00:10:00", 10, "1.0"),
          TestContracts.job("a", 2, "2024-03-01T01:10:00", 10, "1.0"),
          TestContracts.job("b", 3, "2024-03-01T01:50:00", 10, "1.0"),
          TestContracts.job("a", 4, "2024-03-01T02:10:00", 10, "1.0"));

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void findsNoChangeInRowsThatTheLakeHas(boolean isParquet) throws IOException {
    Contract contract = warehouseQueries("network_execution_ms", 500);
    List<RawBatch> queries = queries(2, 700);
    write(contract, isParquet, queries);
    List<String> files = new TestLake(lake()).everyFile();

    JsonNode report = compare(contract, queries, null, null);

    long accepted = 700 - report.path("rejected_rows").asLong();
    assertThat(
        counts(report),
        equalTo(
            "hours 3, before %1$d, after %1$d, added 0, removed 0, changed 0, unchanged %1$d"
                .formatted(accepted)));
    assertThat(new TestLake(lake()).everyFile(), equalTo(files));
  }

  @Test
  void comparesTheHoursThatHaveANewRow() throws IOException {
    write(TestContracts.jobs(), false, List.of(threeHours));

    RawBatch news =
        jobs(
            TestContracts.job("b", 3, "2024-03-01T01:50:00", 2000, "1.0"),
            TestContracts.job("b", 9, "2024-03-01T05:00:00", 10, "1.0"));

    JsonNode report = compare(TestContracts.jobs(), List.of(news), null, null);
    assertThat(
        counts(report),
        equalTo("hours 2, before 2, after 2, added 1, removed 1, changed 1, unchanged 0"));
    assertThat(
        report.at("/sample/0/changes").toString(),
        equalTo(
            "[{\"column\":\"run_ms\",\"from\":\"10\",\"to\":\"2000\"},"
                + "{\"column\":\"pace\",\"from\":\"fast\",\"to\":\"slow\"}]"));
  }

  @Test
  void comparesAllHoursOfARangeAndNoRowOutside() throws IOException {
    write(TestContracts.jobs(), false, List.of(threeHours));

    RawBatch news =
        jobs(
            TestContracts.job("a", 4, "2024-03-01T02:10:00", 10, "1.0"),
            TestContracts.job("b", 9, "2024-03-01T05:00:00", 10, "1.0"));

    assertThat(
        counts(
            compare(
                TestContracts.jobs(),
                List.of(news),
                Instant.parse("2024-03-01T01:00:00Z"),
                Instant.parse("2024-03-01T03:00:00Z"))),
        equalTo("hours 2, before 3, after 1, added 0, removed 2, changed 0, unchanged 1"));
    assertThat(
        counts(
            compare(
                TestContracts.jobs(), List.of(news), Instant.parse("2024-03-01T02:00:00Z"), null)),
        equalTo("hours 2, before 1, after 2, added 1, removed 0, changed 0, unchanged 1"));
  }

  @Test
  void saysThatALakeWithoutRowsWouldGetThem() throws IOException {
    assertThat(
        counts(compare(TestContracts.jobs(), List.of(threeHours), null, null)),
        equalTo("hours 3, before 0, after 4, added 4, removed 0, changed 0, unchanged 0"));
    assertThat(Files.exists(lake()), equalTo(false));
  }

  @Test
  void givesAReportOfNothing() throws IOException {
    assertThat(
        counts(compare(TestContracts.jobs(), List.of(), null, null)),
        equalTo("hours 0, before 0, after 0, added 0, removed 0, changed 0, unchanged 0"));
  }

  @Test
  void namesAFileThatItCannotRead() throws IOException {
    write(TestContracts.jobs(), false, List.of(threeHours));
    Path file = LakeTable.of(lake(), "jobs", "events").files().get(0).path();
    Files.write(file, new byte[100]);

    Throwable failure =
        assertThrows(
            Pipeline.PipelineExecutionException.class,
            () -> compare(TestContracts.jobs(), List.of(threeHours), null, null));
    assertThat(failure.getMessage(), containsString("cannot read " + file));
  }

  @Test
  void refusesWhatItCannotCompare() {
    Contract contract = TestContracts.jobs();
    assertThrows(
        IllegalArgumentException.class, () -> CompareWithLake.of(contract, "s3://bucket/lake"));
    Instant time = Instant.parse("2024-03-01T02:00:00Z");
    assertThrows(
        IllegalArgumentException.class,
        () -> CompareWithLake.of(contract, "lake").withRange(time, time));
  }
}
