package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.highwater.contract.Contract;
import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import io.highwater.record.RecordBatch;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.apache.beam.sdk.values.TupleTag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The same records as a stream and as history, shuffled and cut in different ways, with wrong ones
 * and late ones among them: the same rows, the same rejected rows, the same final roll-ups.
 */
class OneBodyTest {
  private static final Instant START = Instant.parse("2024-03-01T00:00:00Z");
  private static final int JOBS = 800;
  private static final List<Table> TABLES = List.of(Table.EVENTS, Table.REJECTED, Table.ROLLUPS);

  /** By test and table, what the stream gave; both pipelines run in this JVM. */
  private static final Map<String, List<String>> OF_STREAM = new ConcurrentHashMap<>();

  @ParameterizedTest
  @CsvSource({"1, 1, 800", "2, 7, 100", "3, 300, 1", "4, 800, 333", "5, 50, 50"})
  void givesTheSameOfAStreamAndOfHistory(long seed, int ofStream, int ofHistory) {
    Contract contract = TestContracts.scoredJobs();
    List<byte[]> messages = messages(new Random(seed));
    String test = seed + " ";

    TestStream.Builder<RawBatch> arrivals = TestStream.create(BatchCoders.rawBatch());
    List<RawBatch> batches = cut(messages, ofStream);
    for (int i = 0; i < batches.size(); i++) {
      arrivals = arrivals.addElements(batches.get(i));
      if (i == batches.size() / 2) {
        // From here on, much is late, and nothing too late.
        arrivals =
            arrivals.advanceWatermarkTo(
                new org.joda.time.Instant(START.plusSeconds(4_500).toEpochMilli()));
      }
    }
    TestPipeline streaming = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollectionTuple streamed =
        streaming
            .apply(arrivals.advanceWatermarkToInfinity())
            .apply(ProcessRecords.of(contract, 1).withAllowedLateness(Duration.ofHours(2)));
    for (Table table : TABLES) {
      PAssert.that(streamed.get(tag(table)))
          .satisfies(
              rows -> {
                OF_STREAM.put(test + table, lines(contract, table, rows));
                return null;
              });
    }
    streaming.run().waitUntilFinish();

    TestPipeline batch = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    List<RawBatch> history = cut(messages, ofHistory);
    Collections.shuffle(history, new Random(seed + 1));
    PCollectionTuple backfilled =
        batch
            .apply(Create.of(history).withCoder(BatchCoders.rawBatch()))
            .apply(ProcessRecords.of(contract, 2));
    for (Table table : TABLES) {
      PAssert.that(backfilled.get(tag(table)))
          .satisfies(
              rows -> {
                assertEquals(
                    OF_STREAM.get(test + table), lines(contract, table, rows), table.folder());
                return null;
              });
    }
    batch.run().waitUntilFinish();
    for (Table table : TABLES) {
      assertNotEquals(List.of(), OF_STREAM.get(test + table), table.folder());
    }
  }

  private static TupleTag<RecordBatch> tag(Table table) {
    return switch (table) {
      case EVENTS -> ProcessRecords.EVENTS;
      case REJECTED -> ProcessRecords.REJECTED;
      default -> ProcessRecords.ROLLUPS;
    };
  }

  /** All columns but the run and the pane; of roll-ups, the final rows. */
  private static List<String> lines(Contract contract, Table table, Iterable<RecordBatch> rows) {
    List<String> columns =
        new ArrayList<>(table.schema(contract).getFields().stream().map(Field::getName).toList());
    columns.removeAll(List.of("run_id", "pane_index"));
    int isFinal = columns.indexOf("is_final");
    List<String> lines = new ArrayList<>();
    for (String line : Rows.of(rows, columns.toArray(String[]::new))) {
      if (isFinal < 0 || line.split("\\|", -1)[isFinal].equals("true")) {
        lines.add(line);
      }
    }
    Collections.sort(lines);
    return lines;
  }

  /** Two hours of three clusters, nearly in order, a tenth wrong in one way or another. */
  private static List<byte[]> messages(Random random) {
    List<byte[]> messages = new ArrayList<>();
    for (int i = 0; i < JOBS; i++) {
      long millis = i * 7_200_000L / JOBS + random.nextInt(600_000);
      String cluster = "c" + random.nextInt(3);
      String time = START.plusMillis(millis).toString();
      messages.add(
          switch (random.nextInt(30)) {
            case 0 -> TestContracts.job(cluster, i, time, -1, "1.0");
            case 1 -> TestContracts.job(cluster, i, time, 0, "5000.0");
            case 2 -> "{\"cluster\":".getBytes(UTF_8);
            default ->
                TestContracts.job(
                    cluster,
                    i,
                    time,
                    1 + random.nextInt(3_000),
                    random.nextInt(5) == 0 ? "null" : Double.toString(random.nextInt(900) / 8.0));
          });
    }
    return messages;
  }

  private static List<RawBatch> cut(List<byte[]> messages, int size) {
    List<RawBatch> batches = new ArrayList<>();
    RawMessages.Builder builder =
        RawBatch.builder(RawBatch.SourceKind.KAFKA, "topic", RawMessages.Format.JSON);
    for (int i = 0; i < messages.size(); i++) {
      builder.add(0, i, START.toEpochMilli() + i, messages.get(i));
      if (builder.size() == size || i == messages.size() - 1) {
        batches.add(builder.build());
      }
    }
    return batches;
  }
}
