package io.highwater.runners;

import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.NettyShuffleEnvironmentOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;

/** What the Flink in this JVM and the local cluster have in common. */
final class FlinkSettings {
  private FlinkSettings() {}

  /**
   * @param restarts whether a job that fails is tried again, less and less often: right for a
   *     stream whose broker or disk is gone for a while, wrong for a batch over a broken file
   */
  static Configuration of(boolean restarts, Path temporaryFolder) {
    Configuration configuration = new Configuration();
    configuration.set(RestOptions.ADDRESS, "127.0.0.1");
    configuration.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
    configuration.set(JobManagerOptions.ADDRESS, "127.0.0.1");
    // Sorting and grouping in batch live here; streaming state is on the heap.
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(256));
    configuration.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(128));
    configuration.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(128));
    // Rows that travel far are compressed already; Flink's LZ4, in Java, took half of a backfill.
    configuration.set(NettyShuffleEnvironmentOptions.BATCH_SHUFFLE_COMPRESSION_ENABLED, false);
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY, restarts ? "exponential-delay" : "none");
    configuration.setString("restart-strategy.exponential-delay.initial-backoff", "1 s");
    configuration.setString("restart-strategy.exponential-delay.max-backoff", "30 s");
    // The newest, and one to fall back on by hand should it be damaged.
    configuration.setString("state.checkpoints.num-retained", "2");
    configuration.setString("io.tmp.dirs", temporaryFolder.toString());
    configuration.setString("web.tmpdir", temporaryFolder.toString());
    return configuration;
  }
}
