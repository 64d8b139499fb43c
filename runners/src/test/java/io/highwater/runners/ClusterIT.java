package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The stream on a Flink cluster of two processes. */
class ClusterIT {
  @TempDir Path directory;

  @Test
  void losesAndDoublesNothingWhenTaskManagersAreKilledAndTheCommandToo() throws Exception {
    // Two minutes of two processes that start: too long for each build.
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    int kills = Integer.getInteger("highwater.kills", 3) / 3;
    // What this JVM asks of a restored source does not reach the TaskManager's: so from the start.
    try (LocalCluster cluster = LocalCluster.start(0, 1, 2);
        LoadedStream load =
            LoadedStream.begin(
                directory,
                "--flinkMaster=" + cluster.address(),
                "--parallelism=2",
                "--stopAfterIdle=4s")) {
      StreamProcess first = load.start();
      load.awaitNewFiles(first);
      for (int kill = 1; kill <= kills; kill++) {
        Process taskManager = cluster.taskManagers().get(0);
        taskManager.destroyForcibly().waitFor();
        load.awaitNewFiles(first);
        System.out.printf("TaskManager kill %d of %d%n", kill, kills);
      }
      assertThat(first.log(), containsString("The stream failed and is tried again (failure 1): "));
      assertThat(first.log(), not(containsString("\tat ")));

      // The job outlives the command.
      first.kill();
      StreamProcess second = load.start();
      load.await("the job", second, () -> second.log().contains("which runs already"));
      load.await("the following", second, () -> second.log().contains("Streaming "));
      assertThat(second.log(), second.stop(), is(0));
      assertThat(second.log(), containsString("Stopped; the next start goes on from "));

      load.assertExactlyOnceAtTheEnd();
    }
  }

  @Test
  void saysInOneLineThatThereIsNoCluster() {
    CommandOutput output =
        CommandOutput.of(
            "stream",
            "--bootstrapServers=127.0.0.1:1",
            "--inputTopic=queries",
            "--lake=" + directory.resolve("lake"),
            "--flinkMaster=127.0.0.1:1");
    assertThat(output.err(), output.exitCode(), is(2));
    assertThat(
        output.err(),
        is(
            "highwater stream: --flinkMaster is '127.0.0.1:1'; expected a Flink cluster that answers (Connection refused) (see highwater stream --help)\n"));
  }
}
