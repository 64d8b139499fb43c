package io.highwater.runners;

import io.highwater.lake.FileTree;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.BlobServerOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.HeartbeatManagerOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.plugin.PluginManager;
import org.apache.flink.core.plugin.PluginUtils;
import org.apache.flink.runtime.entrypoint.ClusterEntrypoint;
import org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint;
import org.apache.flink.runtime.taskexecutor.TaskExecutorResourceUtils;
import org.apache.flink.runtime.taskexecutor.TaskManagerRunner;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Flink cluster of this machine, for development and tests: a JobManager and TaskManagers, each a
 * process of its own with Highwater's class path, so that no job has to bring its jars. A
 * TaskManager that ends is started again; the JobManager is not, since it keeps the jobs in memory.
 */
final class LocalCluster implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LocalCluster.class);
  private static final long START_SECONDS = 60;

  /** What a process of the cluster is. */
  enum Role {
    JOB_MANAGER,
    TASK_MANAGER
  }

  /** Where the processes find each other. */
  record Ports(int rest, int rpc) {}

  private final Ports ports;
  private final int slots;
  private final Path temporary;
  private final Process jobManager;
  private final List<Process> taskManagers = new ArrayList<>();
  private boolean ready;
  private boolean closed;

  private LocalCluster(Ports ports, int slots, Path temporary) throws IOException {
    this.ports = ports;
    this.slots = slots;
    this.temporary = temporary;
    this.jobManager = start(Role.JOB_MANAGER);
  }

  /**
   * Returns when the cluster has all its slots.
   *
   * @param restPort 0 takes a free one
   * @param slots of each TaskManager
   * @throws CommandFailedException where it does not start
   */
  static LocalCluster start(int restPort, int taskManagers, int slots) throws Exception {
    Ports ports = new Ports(restPort == 0 ? freePort() : restPort, freePort());
    LocalCluster cluster =
        new LocalCluster(ports, slots, Files.createTempDirectory("highwater-cluster"));
    try {
      for (int i = 0; i < taskManagers; i++) {
        cluster.startTaskManager();
      }
      cluster.awaitReady(taskManagers);
      return cluster;
    } catch (Exception | Error e) {
      cluster.close();
      throw e;
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** {@code HOST:PORT} for {@code --flinkMaster}. */
  String address() {
    return "127.0.0.1:" + ports.rest();
  }

  /** The processes that do the work, as they are now. */
  synchronized List<Process> taskManagers() {
    return List.copyOf(taskManagers);
  }

  /** Waits until the JobManager ends, which it does not do by itself. */
  int awaitEnd() throws InterruptedException {
    return jobManager.waitFor();
  }

  private synchronized void startTaskManager() throws IOException {
    if (closed) {
      return;
    }
    Process process = start(Role.TASK_MANAGER);
    taskManagers.add(process);
    process
        .onExit()
        .thenAccept(
            ended -> {
              try {
                replace(ended);
              } catch (IOException e) {
                LOG.error("Cannot start a TaskManager again", e);
              }
            });
  }

  private synchronized void replace(Process ended) throws IOException {
    taskManagers.remove(ended);
    if (ready && !closed) {
      LOG.warn("TaskManager {} ended with {}; starting another", ended.pid(), ended.exitValue());
      startTaskManager();
    }
  }

  private Process start(Role role) throws IOException {
    return CommandProcess.of(
            "cluster",
            List.of(
                "--role=" + role,
                "--port=" + ports.rest(),
                "--rpcPort=" + ports.rpc(),
                "--slots=" + slots,
                "--temporary=" + temporary))
        .redirectOutput(ProcessBuilder.Redirect.INHERIT)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private void awaitReady(int expectedTaskManagers) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    try (FlinkClient client = FlinkClient.of(address())) {
      while (client.slots() < expectedTaskManagers * slots) {
        if (!jobManager.isAlive()
            || taskManagers().size() < expectedTaskManagers
            || System.nanoTime() > deadline) {
          throw new CommandFailedException(
              "no cluster came up on " + address() + "; what it said stands above");
        }
        TimeUnit.MILLISECONDS.sleep(100);
      }
    }
    synchronized (this) {
      ready = true;
    }
  }

  /** The life of one of the processes; it ends with the process that started it. */
  static void run(Role role, Ports ports, int slots, Path temporary) throws Exception {
    ProcessHandle.current()
        .parent()
        .ifPresent(parent -> parent.onExit().thenRun(() -> Runtime.getRuntime().halt(0)));
    Configuration configuration = FlinkSettings.of(true, temporary);
    configuration.set(RestOptions.PORT, ports.rest());
    configuration.set(RestOptions.BIND_PORT, Integer.toString(ports.rest()));
    configuration.set(JobManagerOptions.PORT, ports.rpc());
    configuration.set(BlobServerOptions.PORT, "0");
    configuration.set(TaskManagerOptions.HOST, "127.0.0.1");
    configuration.set(TaskManagerOptions.NUM_TASK_SLOTS, slots);
    configuration.setString("jobmanager.bind-host", "127.0.0.1");
    configuration.setString("taskmanager.bind-host", "127.0.0.1");
    // On one machine a process that does not answer is gone.
    configuration.set(HeartbeatManagerOptions.HEARTBEAT_INTERVAL, 1_000L);
    configuration.set(HeartbeatManagerOptions.HEARTBEAT_TIMEOUT, 10_000L);
    if (role == Role.JOB_MANAGER) {
      ClusterEntrypoint.runClusterEntrypoint(new StandaloneSessionClusterEntrypoint(configuration));
      return;
    }
    PluginManager plugins = PluginUtils.createPluginManagerFromRootFolder(configuration);
    FileSystem.initialize(configuration, plugins);
    TaskManagerRunner.runTaskManager(
        TaskExecutorResourceUtils.adjustForLocalExecution(configuration), plugins);
  }

  @Override
  public void close() throws IOException, InterruptedException {
    List<Process> all;
    synchronized (this) {
      closed = true;
      all = new ArrayList<>(taskManagers);
    }
    all.add(jobManager);
    for (Process process : all) {
      process.destroyForcibly().waitFor();
    }
    FileTree.delete(temporary);
  }
}
