package io.highwater.runners;

import io.highwater.pipelines.UsageException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.jar.JarOutputStream;
import org.apache.beam.runners.flink.FlinkPipelineOptions;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.client.program.rest.RestClusterClient;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.client.JobStatusMessage;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.rest.messages.EmptyRequestBody;
import org.apache.flink.runtime.rest.messages.JobExceptionsHeaders;
import org.apache.flink.runtime.rest.messages.JobExceptionsInfoWithHistory.RootExceptionInfo;
import org.apache.flink.runtime.rest.messages.job.JobExceptionsMessageParameters;

/** A Flink cluster through its REST port: the one in this JVM or any other. */
final class FlinkClient implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /**
   * After how long a buffer that is not full goes to the next step. Flink's default of 100 ms would
   * be waited for at each of the three shuffles between a message and its live pane.
   */
  private static final Duration BUFFER_TIMEOUT = Duration.ofMillis(10);

  /**
   * Why a job failed, and was or was not tried again.
   *
   * @param cause in one line
   */
  record Failure(long atMillis, String cause) {}

  private final RestClusterClient<String> client;

  private FlinkClient(RestClusterClient<String> client) {
    this.client = client;
  }

  /**
   * @param address {@code HOST:PORT}
   */
  static FlinkClient of(String address) throws Exception {
    HostAndPort rest = parse(address);
    Configuration configuration = new Configuration();
    configuration.set(RestOptions.ADDRESS, rest.host());
    configuration.set(RestOptions.PORT, rest.port());
    return new FlinkClient(new RestClusterClient<>(configuration, address));
  }

  /**
   * @throws UsageException where nothing listens, which the REST client would try for long
   */
  static void requireListening(String address) {
    HostAndPort rest = parse(address);
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(rest.host(), rest.port()), (int) PATIENCE.toMillis());
    } catch (IOException e) {
      throw notUsable(address, "a Flink cluster that answers (" + e.getMessage() + ")");
    }
  }

  private record HostAndPort(String host, int port) {}

  private static HostAndPort parse(String address) {
    int colon = address.lastIndexOf(':');
    String port = address.substring(colon + 1);
    if (colon < 1 || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 65_535) {
      throw notUsable(address, "[auto] or HOST:PORT");
    }
    return new HostAndPort(address.substring(0, colon), Integer.parseInt(port));
  }

  private static UsageException notUsable(String address, String expected) {
    return new UsageException("--flinkMaster is '" + address + "'; expected " + expected);
  }

  /**
   * Points a pipeline at the cluster, with one empty jar: it has Highwater on its class path.
   * Native libraries load once a process, not once a job.
   */
  static void configure(FlinkPipelineOptions options, Path temporaryFolder) throws IOException {
    Path jar = temporaryFolder.resolve("empty.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      out.flush();
    }
    options.setFilesToStage(List.of(jar.toString()));
    if (options.getFlinkConfDir() == null) {
      options.setFlinkConfDir(jobSettings(temporaryFolder).toString());
    }
  }

  /** A folder with the settings of a job that Beam has no option for. */
  private static Path jobSettings(Path temporaryFolder) throws IOException {
    Path folder = Files.createDirectory(temporaryFolder.resolve("conf"));
    Files.writeString(
        folder.resolve(GlobalConfiguration.FLINK_CONF_FILENAME),
        "%s: %d ms%n".formatted(ExecutionOptions.BUFFER_TIMEOUT.key(), BUFFER_TIMEOUT.toMillis()));
    return folder;
  }

  /** How many slots the cluster has; 0 while nothing answers. */
  int slots() throws InterruptedException {
    try {
      return client
          .getClusterOverview()
          .get(PATIENCE.toSeconds(), TimeUnit.SECONDS)
          .getNumSlotsTotal();
    } catch (ExecutionException | TimeoutException e) {
      return 0;
    }
  }

  /** The newest job of that name, whatever became of it. */
  Optional<JobID> job(String name) throws ExecutionException, InterruptedException {
    return jobs(name, false);
  }

  /** A job of that name that has not ended. */
  Optional<JobID> running(String name) throws ExecutionException, InterruptedException {
    return jobs(name, true);
  }

  private Optional<JobID> jobs(String name, boolean running)
      throws ExecutionException, InterruptedException {
    return client.listJobs().get().stream()
        .filter(job -> job.getJobName().equals(name))
        .filter(job -> !running || !job.getJobState().isGloballyTerminalState())
        .max(Comparator.comparingLong(JobStatusMessage::getStartTime))
        .map(JobStatusMessage::getJobId);
  }

  JobStatus status(JobID job) throws ExecutionException, InterruptedException {
    return client.getJobStatus(job).get();
  }

  /** Waits for the end of a job. */
  JobResult result(JobID job) throws ExecutionException, InterruptedException {
    return client.requestJobResult(job).get();
  }

  /** Why the job failed the last time. */
  Optional<Failure> lastFailure(JobID job) throws ExecutionException, InterruptedException {
    JobExceptionsMessageParameters parameters = new JobExceptionsMessageParameters();
    parameters.jobPathParameter.resolve(job);
    List<RootExceptionInfo> history =
        client
            .sendRequest(
                JobExceptionsHeaders.getInstance(), parameters, EmptyRequestBody.getInstance())
            .get()
            .getExceptionHistory()
            .getEntries();
    return history.stream()
        .max(Comparator.comparingLong(RootExceptionInfo::getTimestamp))
        .map(last -> new Failure(last.getTimestamp(), FailureCause.of(last.getStacktrace())));
  }

  /** Ends a job as it is; its last checkpoint stays. */
  void cancel(JobID job) throws ExecutionException, InterruptedException {
    client.cancel(job).get();
  }

  /** Stops a job with a savepoint, without closing its windows; gives the savepoint's path. */
  String stopWithSavepoint(JobID job, Path savepoints)
      throws ExecutionException, InterruptedException {
    return client
        .stopWithSavepoint(job, false, savepoints.toUri().toString(), SavepointFormatType.CANONICAL)
        .get();
  }

  @Override
  public void close() {
    client.close();
  }
}
