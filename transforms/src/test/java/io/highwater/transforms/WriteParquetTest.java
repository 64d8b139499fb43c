package io.highwater.transforms;

import static io.highwater.transforms.Batches.row;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.matchesPattern;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import io.highwater.record.TimeRange;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TimestampedValue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WriteParquetTest {
  private static final String[] COLUMNS = {
    "id", "at", "level", "note", "ok", "seen", "_topic", "_partition", "_offset", "is_high", "half"
  };

  private final Contract contract = TestContracts.readings();
  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @TempDir Path folder;

  private RecordBatch readings() {
    Instant at = Instant.parse("2024-03-01T00:59:59.999999Z");
    return Batches.events(
        contract,
        row(1L, at, 0.5, "", true, Instant.parse("1969-12-31T23:59:59.999999Z")),
        row(Long.MIN_VALUE, at, -0.0, "größe 日本 🌊", false, null, "t", 3, 9L),
        row(3L, at.plusSeconds(1), null, null, null, null, null, null, null, true, 0.25));
  }

  private void backfill(Path lake, int second, RecordBatch batch) throws IOException {
    LakeGeneration generation =
        LakeGeneration.begin(contract, lake.toString(), Instant.ofEpochSecond(second), "input");
    TestPipeline run = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    run.apply(Create.of(batch).withCoder(BatchCoders.recordBatch()))
        .apply(write(lake).withGeneration(generation.name()))
        .apply(PrepareGeneration.of(generation, Table.EVENTS));
    run.run().waitUntilFinish();
    generation.publish(TimeRange.ALL);
  }

  private WriteParquet write(Path lake) {
    return WriteParquet.of(contract, Table.EVENTS, lake.toString());
  }

  @Test
  void filesEveryRowUnderItsHour() throws IOException {
    backfill(folder, 1, readings());

    TestLake lake = new TestLake(folder);
    assertThat(
        lake.rows("readings", "events", COLUMNS),
        contains(
            "date=2024-03-01/hour=00|1|2024-03-01T00:59:59.999999|0.5||true"
                + "|1969-12-31T23:59:59.999999|null|null|null|null|null",
            "date=2024-03-01/hour=00|-9223372036854775808|2024-03-01T00:59:59.999999|-0.0"
                + "|größe 日本 🌊|false|null|t|3|9|null|null",
            "date=2024-03-01/hour=01|3|2024-03-01T01:00:00.999999|null|null|null|null|null|null|null"
                + "|true|0.25"));
    assertThat(
        lake.everyFile(),
        contains(
            matchesPattern("hour=00/_replaced-1000_[0-9a-f]{8}\\.json"),
            matchesPattern("hour=00/g-1000_[0-9a-f]{8}-[0-9a-f]{16}\\.parquet"),
            matchesPattern("hour=01/_replaced-1000_[0-9a-f]{8}\\.json"),
            matchesPattern("hour=01/g-1000_[0-9a-f]{8}-[0-9a-f]{16}\\.parquet")));
  }

  @Test
  void givesEachColumnTheTypeThatDuckDbWouldGiveIt() throws IOException {
    backfill(folder, 1, readings());

    Path file = new TestLake(folder).files("readings", "events").get(0).path();
    assertThat(
        TestLake.duckDb(
            "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('"
                + file
                + "', hive_partitioning = false))"),
        contains(
            "id|BIGINT",
            "at|TIMESTAMP",
            "level|DOUBLE",
            "note|VARCHAR",
            "ok|BOOLEAN",
            "seen|TIMESTAMP",
            "_topic|VARCHAR",
            "_partition|INTEGER",
            "_offset|BIGINT",
            "is_high|BOOLEAN",
            "half|DOUBLE"));
  }

  @Test
  void namesFilesByTheirContentAlone() throws IOException {
    backfill(folder.resolve("a"), 1, readings());
    backfill(folder.resolve("b"), 2, readings());

    List<String> names = new TestLake(folder.resolve("a")).names("readings", "events");
    assertThat(names, everyItem(matchesPattern("g-1000_[0-9a-f]{8}-[0-9a-f]{16}\\.parquet")));
    assertEquals(
        names.stream().map(name -> name.replace("g-1000_", "g-2000_")).toList(),
        new TestLake(folder.resolve("b")).names("readings", "events"));
  }

  /** The bytes of a rejected record need not be text. */
  @Test
  void keepsRejectedBytesAndRollUps() throws IOException {
    RawBatch messages =
        Batches.messages(
            TestContracts.job("a", 1, "2024-03-01T00:00:01", 500, "1.5"),
            TestContracts.job("a", 2, "2024-03-01T01:00:00", 2000, "null"),
            new byte[] {'{', (byte) 0xff, 0, '}'});
    Contract jobs = TestContracts.jobs();
    PCollectionTuple processed =
        pipeline
            .apply(Create.of(messages).withCoder(BatchCoders.rawBatch()))
            .apply(ProcessRecords.of(jobs, 7));
    LakeGeneration generation =
        LakeGeneration.begin(jobs, folder.toString(), Instant.ofEpochSecond(1), "input");
    for (Table table : List.of(Table.REJECTED, Table.ROLLUPS)) {
      processed
          .get(table == Table.REJECTED ? ProcessRecords.REJECTED : ProcessRecords.ROLLUPS)
          .apply(
              "Write" + table,
              WriteParquet.of(jobs, table, folder.toString()).withGeneration(generation.name()))
          .apply("Prepare" + table, PrepareGeneration.of(generation, table));
    }
    pipeline.run().waitUntilFinish();
    generation.publish(TimeRange.ALL);

    TestLake lake = new TestLake(folder);
    Path rejected = lake.files("jobs", "rejected").get(0).path();
    assertThat(
        TestLake.duckDb(
            "SELECT stage, code, hex(raw), received_at, _topic, _partition, _offset, file, \"row\""
                + " FROM read_parquet('"
                + rejected
                + "')"),
        contains(
            "ParseRecords|MALFORMED_JSON|7BFF007D|2024-03-01T00:00:00.002|topic|0|2|null|null"));
    assertThat(
        lake.rows(
            "jobs", "rollups", "window_start", "window_millis", "cluster", "run_id", "jobs", "mb"),
        containsInAnyOrder(
            "date=2024-03-01/hour=00|2024-03-01T00:00|600000|a|7|1|1.5",
            "date=2024-03-01/hour=00|2024-03-01T00:00|3600000|a|7|1|1.5",
            "date=2024-03-01/hour=01|2024-03-01T01:00|600000|a|7|1|null",
            "date=2024-03-01/hour=01|2024-03-01T01:00|3600000|a|7|1|null"));
  }

  @Test
  void writesAStreamAsFilesThatCountAtOnce() throws IOException {
    pipeline
        .apply(
            TestStream.create(BatchCoders.recordBatch())
                .addElements(TimestampedValue.of(readings(), new org.joda.time.Instant(0)))
                .advanceWatermarkToInfinity())
        .apply(write(folder));
    pipeline.run().waitUntilFinish();

    TestLake lake = new TestLake(folder);
    assertThat(
        lake.everyFile(),
        contains(
            matchesPattern("hour=00/events-[0-9a-f]{16}\\.parquet"),
            matchesPattern("hour=01/events-[0-9a-f]{16}\\.parquet")));
    assertThat(
        lake.rows("readings", "events", "id"),
        containsInAnyOrder(
            "date=2024-03-01/hour=00|1",
            "date=2024-03-01/hour=00|-9223372036854775808",
            "date=2024-03-01/hour=01|3"));
  }

  @Test
  void refusesWrongUseWhenThePipelineIsBuilt() {
    PCollection<RecordBatch> batches =
        pipeline.apply(Create.of(readings()).withCoder(BatchCoders.recordBatch()));

    assertEquals(
        "A bounded input needs a generation; expected withGeneration(...)",
        assertThrows(IllegalStateException.class, () -> batches.apply("Bounded", write(folder)))
            .getMessage());
    PCollection<RecordBatch> unbounded = batches.setIsBoundedInternal(IsBounded.UNBOUNDED);
    assertThat(
        assertThrows(
                IllegalStateException.class,
                () -> unbounded.apply("Unbounded", write(folder).withGeneration("g1")))
            .getMessage(),
        containsString("expected none, found g1"));
  }
}
