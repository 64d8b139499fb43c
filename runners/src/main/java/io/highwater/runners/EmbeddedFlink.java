package io.highwater.runners;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.jar.JarOutputStream;
import org.apache.beam.runners.flink.FlinkPipelineOptions;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.client.JobStatusMessage;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;

/**
 * A Flink cluster in this JVM, reached through its REST port like any other. Beam's own local mode
 * neither restores a savepoint nor gives a handle on what runs.
 */
final class EmbeddedFlink implements AutoCloseable {
  private final MiniCluster cluster;

  private EmbeddedFlink(MiniCluster cluster) {
    this.cluster = cluster;
  }

  /**
   * @param slots as many as the job's parallelism
   * @param restarts whether a job that fails is tried again, less and less often: right for a
   *     stream whose broker or disk is gone for a while, wrong for a batch over a broken file
   */
  static EmbeddedFlink start(int slots, boolean restarts, Path temporaryFolder) throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(RestOptions.ADDRESS, "127.0.0.1");
    configuration.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
    configuration.set(RestOptions.BIND_PORT, "0");
    configuration.set(JobManagerOptions.ADDRESS, "127.0.0.1");
    // Sorting and grouping in batch live here; streaming state is on the heap.
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(256));
    configuration.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(128));
    configuration.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(128));
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY, restarts ? "exponential-delay" : "none");
    configuration.setString("restart-strategy.exponential-delay.initial-backoff", "1 s");
    configuration.setString("restart-strategy.exponential-delay.max-backoff", "30 s");
    configuration.setString("io.tmp.dirs", temporaryFolder.toString());
    MiniCluster cluster =
        new MiniCluster(
            new MiniClusterConfiguration.Builder()
                .setConfiguration(configuration)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(slots)
                .build());
    cluster.start();
    return new EmbeddedFlink(cluster);
  }

  /** Points a pipeline at this cluster, with one empty jar: every class is here already. */
  void configure(FlinkPipelineOptions options, Path temporaryFolder) throws Exception {
    URI rest = cluster.getRestAddress().get();
    options.setFlinkMaster(rest.getHost() + ":" + rest.getPort());
    options.setFilesToStage(List.of(emptyJar(temporaryFolder).toString()));
  }

  private static Path emptyJar(Path folder) throws IOException {
    Path jar = folder.resolve("empty.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      out.flush();
    }
    return jar;
  }

  /** The one job that was submitted, once it was. */
  Optional<JobID> job() throws ExecutionException, InterruptedException {
    return cluster.listJobs().get().stream().map(JobStatusMessage::getJobId).findFirst();
  }

  JobStatus status(JobID job) throws ExecutionException, InterruptedException {
    return cluster.getJobStatus(job).get();
  }

  /** Waits for the end of a job. */
  JobResult result(JobID job) throws ExecutionException, InterruptedException {
    return cluster.requestJobResult(job).get();
  }

  /** Stops a job with a savepoint, without closing its windows; gives the savepoint's path. */
  String stopWithSavepoint(JobID job, Path savepoints)
      throws ExecutionException, InterruptedException {
    return cluster
        .stopWithSavepoint(job, savepoints.toUri().toString(), false, SavepointFormatType.CANONICAL)
        .get();
  }

  @Override
  public void close() throws Exception {
    cluster.close();
  }
}
