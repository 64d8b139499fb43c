package io.highwater.transforms;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.detect.Policy;
import io.highwater.detect.Scoring;
import io.highwater.record.RawBatch;
import io.highwater.record.RecordBatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollectionTuple;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ScoreRecords and ExplainOutliers, where ProcessRecords has them. */
class ScoreRecordsTest {
  private static final int ROWS = 300;
  private static Contract contract;

  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @TempDir Path registry;

  @BeforeAll
  static void loadContract() throws Exception {
    contract = ContractLoader.load("warehouse-queries");
  }

  /** Every tenth is cached, every tenth aborted, every tenth long, and so are the aborted ones. */
  private static byte[][] queries() {
    SplittableRandom random = new SplittableRandom(4);
    byte[][] messages = new byte[ROWS][];
    for (int i = 0; i < ROWS; i++) {
      boolean cached = i % 10 == 3;
      messages[i] =
          String.format(
                  Locale.ROOT,
                  """
                  {"instance_id": %d, "query_id": %d, "arrival_timestamp": "2024-03-01T%02d:00:00", \
                  "query_type": "select", "execution_duration_ms": %d, "was_cached": %b, \
                  "was_aborted": %b, "num_joins": %d, "feature_fingerprint": "f%d", \
                  "compile_duration_ms": %s}""",
                  random.nextInt(3),
                  i,
                  i % 24,
                  i % 5 == 0 ? 5_001 + random.nextInt(90_000) : random.nextInt(4_000),
                  cached,
                  i % 10 == 5,
                  random.nextInt(9),
                  random.nextInt(20),
                  cached ? "null" : "0")
              .getBytes(UTF_8);
    }
    return messages;
  }

  private ScoringSettings settings(Scoring.Rows rows) {
    return new ScoringSettings(registry.toString(), rows, Policy.Name.CONFORMAL);
  }

  private PCollection<RecordBatch> classified(TestPipeline pipeline, int batchRows) {
    byte[][] queries = queries();
    List<RawBatch> batches = new ArrayList<>();
    for (int from = 0; from < ROWS; from += batchRows) {
      batches.add(
          Batches.messages(Arrays.copyOfRange(queries, from, Math.min(ROWS, from + batchRows))));
    }
    return pipeline
        .apply(Create.of(batches).withCoder(BatchCoders.rawBatch()))
        .apply(ParseRecords.of(contract))
        .apply(ValidateRecords.of(contract))
        .apply(ClassifyRecords.of(contract))
        .get(ClassifyRecords.CLASSIFIED);
  }

  /** The key and what the model says, a line a row. */
  private static List<String> lines(Iterable<RecordBatch> batches) {
    List<String> columns = new ArrayList<>(List.of("query_id"));
    columns.addAll(TestModels.scores());
    return Rows.of(batches, columns.toArray(String[]::new));
  }

  private List<String> scored(int batchRows, ScoringSettings settings) {
    TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    List<String> all = ScoredLines.fresh();
    PAssert.that(classified(pipeline, batchRows).apply(ScoreRecords.of(contract, settings)))
        .satisfies(
            batches -> {
              ScoredLines.add(lines(batches));
              return null;
            });
    pipeline.run().waitUntilFinish();
    return all;
  }

  /** What a pipeline in this JVM gave: assertions are copied before they run. */
  private static final class ScoredLines {
    private static List<String> lines = new ArrayList<>();

    static List<String> fresh() {
      lines = new ArrayList<>();
      return lines;
    }

    static void add(List<String> more) {
      lines.addAll(more);
    }
  }

  @Test
  void givesTheSameScoresInBatchesOfAnySize() throws Exception {
    TestModels.publish(registry, contract, 1);
    List<String> whole = scored(ROWS, settings(Scoring.Rows.ALL));
    List<String> pieces = scored(7, settings(Scoring.Rows.ALL));

    assertThat(whole, hasSize(ROWS));
    assertThat(pieces, containsInAnyOrder(whole.toArray()));
    // All but the cached ones.
    long scored = whole.stream().filter(line -> !line.endsWith("|null")).count();
    assertThat(scored, is(ROWS * 9L / 10));
  }

  @Test
  void saysTheSameOfCandidatesWhateverElseIsScored() throws Exception {
    TestModels.publish(registry, contract, 1);
    List<String> all = scored(ROWS, settings(Scoring.Rows.ALL));
    List<String> candidates = scored(ROWS, settings(Scoring.Rows.CANDIDATES));

    List<String> scoredCandidates =
        candidates.stream().filter(line -> !line.contains("|null|null|null|null|null")).toList();
    assertThat(scoredCandidates.stream().filter(all::contains).toList(), is(scoredCandidates));
    assertThat(scoredCandidates.size() < all.size(), is(true));
    List<String> outliers = all.stream().filter(line -> line.contains("|true|")).toList();
    assertThat(outliers, hasSize(ROWS / 10));
    assertThat(candidates.stream().filter(line -> line.contains("|true|")).toList(), is(outliers));
  }

  @Test
  void passesRowsWithoutScoresWhereThereIsNoModel() {
    List<String> lines = scored(ROWS, settings(Scoring.Rows.ALL));

    assertThat(lines, hasSize(ROWS));
    assertThat(lines, everyItem(containsString("|null|null|null|null|null|null|null")));
  }

  @Test
  void explainsOutliersByTheVersionThatFoundThem() throws Exception {
    String old = TestModels.publish(registry, contract, 1);
    PCollection<RecordBatch> events =
        classified(pipeline, 50)
            .apply(ScoreRecords.of(contract, settings(Scoring.Rows.CANDIDATES)));
    KeptBatches.keep(events);
    pipeline.run().waitUntilFinish();
    String newer = TestModels.publish(registry, contract, 2);

    TestPipeline second = TestPipeline.create().enableAbandonedNodeEnforcement(false);
    PCollection<RecordBatch> outliers =
        second
            .apply(Create.of(KeptBatches.kept()).withCoder(BatchCoders.recordBatch()))
            .apply(ExplainOutliers.of(contract, settings(Scoring.Rows.CANDIDATES)));
    long expected =
        lines(KeptBatches.kept()).stream().filter(line -> line.contains("|true|")).count();
    PAssert.that(outliers)
        .satisfies(
            found -> {
              List<String> versions = Rows.of(found, "model_version");
              assertThat((long) versions.size(), is(expected));
              assertThat(versions, everyItem(is(old)));
              assertThat(versions, everyItem(is(not(newer))));
              for (String row : Rows.of(found, "ratio", "predicted_ms", "execution_duration_ms")) {
                String[] cells = row.split("[|]", -1);
                // What was predicted is below 1, which counts as 1.
                assertThat(Double.parseDouble(cells[0]), is(Double.parseDouble(cells[2])));
                assertThat(Double.parseDouble(cells[1]) < 1, is(true));
              }
              assertThat(Rows.of(found, "explanation"), everyItem(containsString(" s")));
              return null;
            });
    second.run().waitUntilFinish();
  }

  /** Batches that came out of a pipeline in this JVM. */
  private static final class KeptBatches {
    private static final List<RecordBatch> KEPT = new ArrayList<>();

    static void keep(PCollection<RecordBatch> batches) {
      KEPT.clear();
      PAssert.that(batches)
          .satisfies(
              all -> {
                all.forEach(KEPT::add);
                return null;
              });
    }

    static List<RecordBatch> kept() {
      return KEPT;
    }
  }

  @Test
  void processRecordsPutsOutOutliersOnlyWithARegistry() throws Exception {
    TestModels.publish(registry, contract, 1);
    PCollection<RawBatch> messages =
        pipeline.apply(Create.of(Batches.messages(queries())).withCoder(BatchCoders.rawBatch()));
    PCollectionTuple without = messages.apply("Without", ProcessRecords.of(contract, 1));
    PCollectionTuple with =
        messages.apply(
            "With", ProcessRecords.of(contract, 1).withScoring(settings(Scoring.Rows.CANDIDATES)));

    assertThat(without.has(ProcessRecords.OUTLIERS), is(false));
    PAssert.that(with.get(ProcessRecords.OUTLIERS))
        .satisfies(
            batches -> {
              List<String> ids = Rows.of(batches, "outlier_id");
              assertThat(ids, hasSize(ROWS / 10));
              assertThat(ids.stream().distinct().count(), is((long) ids.size()));
              return null;
            });
    pipeline.run().waitUntilFinish();
  }
}
