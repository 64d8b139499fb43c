package io.highwater.dashboard;

import java.nio.file.Path;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a dashboard serves and where.
 *
 * @param lake the lake's directory; it may not be there yet
 * @param contract the id of the contract whose tables are shown
 * @param registry the models' folder; null where there is none to show
 * @param store the hot store's file; no other process may have it open, and deleting it loses
 *     nothing
 * @param keepDays how many days of event time the store holds, counted back from the newest data
 * @param host the address to listen on; every address but a loopback one lets others in
 * @param port 0 for any free one
 * @param auth the file of the tokens that requests need; null where they need none
 * @param liveTopic what the stream says as it comes; null where it is not listened to
 */
public record DashboardConfig(
    Path lake,
    String contract,
    @Nullable Path registry,
    Path store,
    int keepDays,
    String host,
    int port,
    @Nullable Path auth,
    @Nullable LiveTopic liveTopic) {
  public static final int DEFAULT_KEEP_DAYS = 8;
  public static final int MAX_KEEP_DAYS = 3650;
  public static final String DEFAULT_HOST = "127.0.0.1";
  public static final int DEFAULT_PORT = 8507;

  /**
   * The topic that a stream is told to write to with --liveTopic.
   *
   * @param clientConfig a properties file with further settings of the Kafka client; null for none
   */
  public record LiveTopic(String bootstrapServers, String topic, @Nullable Path clientConfig) {}

  private static final Pattern CONTRACT_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

  public DashboardConfig {
    if (!CONTRACT_ID.matcher(contract).matches()) {
      throw new IllegalArgumentException(
          "contract is '"
              + contract
              + "', expected letters, digits, '.', '_' and '-', the first a letter or a digit");
    }
    if (keepDays < 1 || keepDays > MAX_KEEP_DAYS) {
      throw new IllegalArgumentException(
          "keepDays is " + keepDays + ", expected 1 to " + MAX_KEEP_DAYS);
    }
    if (host.isBlank()) {
      throw new IllegalArgumentException("host is empty, expected an address such as 127.0.0.1");
    }
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port is " + port + ", expected 0 to 65535");
    }
    lake = lake.toAbsolutePath().normalize();
    registry = registry == null ? null : registry.toAbsolutePath().normalize();
    store = store.toAbsolutePath().normalize();
  }

  /** The defaults for a lake; the store lies beside it. */
  public static DashboardConfig of(Path lake, String contract) {
    return new DashboardConfig(
        lake,
        contract,
        null,
        defaultStore(lake),
        DEFAULT_KEEP_DAYS,
        DEFAULT_HOST,
        DEFAULT_PORT,
        null,
        null);
  }

  /** LAKE.dashboard.duckdb, beside the lake and not in it: the lake holds nothing but tables. */
  public static Path defaultStore(Path lake) {
    Path directory = lake.toAbsolutePath().normalize();
    Path name = directory.getFileName();
    return directory.resolveSibling((name == null ? "lake" : name) + ".dashboard.duckdb");
  }

  public DashboardConfig withRegistry(Path newRegistry) {
    return new DashboardConfig(
        lake, contract, newRegistry, store, keepDays, host, port, auth, liveTopic);
  }

  public DashboardConfig withStore(Path newStore) {
    return new DashboardConfig(
        lake, contract, registry, newStore, keepDays, host, port, auth, liveTopic);
  }

  public DashboardConfig withKeepDays(int newKeepDays) {
    return new DashboardConfig(
        lake, contract, registry, store, newKeepDays, host, port, auth, liveTopic);
  }

  public DashboardConfig withHost(String newHost) {
    return new DashboardConfig(
        lake, contract, registry, store, keepDays, newHost, port, auth, liveTopic);
  }

  public DashboardConfig withPort(int newPort) {
    return new DashboardConfig(
        lake, contract, registry, store, keepDays, host, newPort, auth, liveTopic);
  }

  public DashboardConfig withAuth(Path newAuth) {
    return new DashboardConfig(
        lake, contract, registry, store, keepDays, host, port, newAuth, liveTopic);
  }

  public DashboardConfig withLiveTopic(LiveTopic newLiveTopic) {
    return new DashboardConfig(
        lake, contract, registry, store, keepDays, host, port, auth, newLiveTopic);
  }
}
