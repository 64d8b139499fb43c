package io.highwater.runners;

import java.net.URI;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
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
   * @param restarts see {@link FlinkSettings}
   */
  static EmbeddedFlink start(int slots, boolean restarts, Path temporaryFolder) throws Exception {
    Configuration configuration = FlinkSettings.of(restarts, temporaryFolder);
    configuration.set(RestOptions.BIND_PORT, "0");
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

  /** {@code HOST:PORT} for {@code --flinkMaster}. */
  String address() throws ExecutionException, InterruptedException {
    URI rest = cluster.getRestAddress().get();
    return rest.getHost() + ":" + rest.getPort();
  }

  @Override
  public void close() throws Exception {
    cluster.close();
  }
}
