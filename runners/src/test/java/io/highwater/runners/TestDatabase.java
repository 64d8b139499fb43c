package io.highwater.runners;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.apache.kafka.common.utils.Utils;

/**
 * A real PostgreSQL server in a process of its own, on a free port of 127.0.0.1 and in a temporary
 * folder that closing it deletes. It asks for a password. The server comes with the build and needs
 * nothing of the machine but Linux.
 */
final class TestDatabase implements AutoCloseable {
  static final String USER = "postgres";

  /** With what a URL, a properties file and a shell would each read otherwise. */
  static final String PASSWORD = "s3cret/?&=:#'pass";

  private static final Duration START_TIMEOUT = Duration.ofMinutes(1);

  /** Where the server is unpacked by the first test. */
  private static final Path PROGRAMS = Path.of("target", "postgres").toAbsolutePath();

  private final EmbeddedPostgres server;
  private final Path folder;

  private TestDatabase(EmbeddedPostgres server, Path folder) {
    this.server = server;
    this.folder = folder;
  }

  /** Where there is no server for this platform, the test is skipped. */
  static TestDatabase start() throws IOException, SQLException {
    assumeTrue(
        System.getProperty("os.name").equals("Linux"), "PostgreSQL comes with the build for Linux");
    Path folder = Files.createTempDirectory("highwater-postgres");
    Path data = folder.resolve("data");
    EmbeddedPostgres server =
        EmbeddedPostgres.builder()
            .setOverrideWorkingDirectory(PROGRAMS.toFile())
            .setDataDirectory(data)
            .setPGStartupWait(START_TIMEOUT)
            .setServerConfig("listen_addresses", "127.0.0.1")
            .start();
    TestDatabase database = new TestDatabase(server, folder);
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("ALTER ROLE postgres PASSWORD '" + PASSWORD.replace("'", "''") + "'");
      Files.writeString(data.resolve("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");
      statement.execute("SELECT pg_reload_conf()");
    } catch (IOException | SQLException e) {
      database.close();
      throw e;
    }
    return database;
  }

  int port() {
    return server.getPort();
  }

  String url() {
    return "jdbc:postgresql://127.0.0.1:" + port() + "/postgres";
  }

  Connection connect() throws SQLException {
    return DriverManager.getConnection(url(), USER, PASSWORD);
  }

  void execute(String... statements) throws SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  /** Makes a table of a CSV file of warehouse queries. */
  void loadQueries(String table, Path csv) throws SQLException {
    execute(
        """
        CREATE TABLE %s (
          instance_id integer, cluster_size float8, user_id integer, database_id integer,
          query_id bigint, arrival_timestamp timestamp, compile_duration_ms float8,
          queue_duration_ms bigint, execution_duration_ms bigint, feature_fingerprint text,
          was_aborted smallint, was_cached smallint, cache_source_query_id float8,
          query_type varchar(20), num_permanent_tables_accessed float8,
          num_external_tables_accessed float8, num_system_tables_accessed numeric,
          read_table_ids text, write_table_ids text, mbytes_scanned float8,
          mbytes_spilled numeric, num_joins bigint, num_scans bigint, num_aggregations smallint)
        """
            .formatted(table),
        "COPY " + table + " FROM '" + csv + "' (FORMAT csv, HEADER)");
  }

  /** A file for {@code --jdbcConfig}: how to connect, and further lines. */
  Path writeConfig(Path file, String... lines) throws IOException {
    return Files.writeString(
        file,
        "url=%s\nuser=%s\npassword=%s\n%s\n"
            .formatted(url(), USER, PASSWORD, String.join("\n", lines)),
        StandardCharsets.UTF_8);
  }

  @Override
  public void close() throws IOException {
    server.close();
    Utils.delete(folder.toFile());
  }
}
