package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of a real query log by both ways into a lake, where they are at hand. */
class RealRowsIT {
  private static final String ROWS = "redset/serverless_until_april.csv";
  private static final String CLASSES = "redset/expected_classes_until_april.csv";
  private static final long COUNT = 5_710;

  private static Contract contract;

  @TempDir Path directory;

  @BeforeAll
  static void loadContract() throws Exception {
    contract = ContractLoader.load("warehouse-queries");
  }

  @Test
  void classifiesRealRowsOfATopicAndOfAFile() throws Exception {
    @Nullable Path file = SharedData.find(ROWS);
    @Nullable Path classes = SharedData.find(CLASSES);
    assumeTrue(file != null && classes != null, "no shared/data/" + ROWS + " beside the project");
    Path streamed = directory.resolve("streamed");
    Path backfilled = directory.resolve("backfilled");
    try (TestBroker broker = TestBroker.start();
        LakeRows rows = LakeRows.of(contract)) {
      String bootstrapServers = "--bootstrapServers=" + broker.bootstrapServers();
      run("replay", "--input=" + file, bootstrapServers, "--topic=real", "--speedup=0");
      run(
          "stream",
          bootstrapServers,
          "--inputTopic=real",
          "--lake=" + streamed,
          "--checkpointingInterval=1000",
          "--stopAfterIdle=2s");
      run("backfill", "--input=" + file, "--lake=" + backfilled);

      rows.load("streamed", streamed);
      rows.load("backfilled", backfilled);
      for (String lake : new String[] {"streamed", "backfilled"}) {
        assertThat(lake, rows.count(lake + ".events"), is(COUNT));
        assertThat(lake, rows.count(lake + ".rejected"), is(0L));
        assertThat(
            rows.differences(
                "SELECT instance_id, query_id, replace(pulse_class, '_queries', '') FROM read_csv('"
                    + classes
                    + "')",
                "SELECT instance_id, query_id, query_class FROM " + lake + ".events"),
            is(empty()));
        assertThat(
            rows.differences(rows.rollUpsOfEvents(lake), rows.aggregatesOfRollUps(lake)),
            is(empty()));
      }
    }
  }

  private static void run(String... command) {
    CommandOutput output = CommandOutput.of(command);
    assertThat(output.err(), output.exitCode(), is(0));
  }
}
