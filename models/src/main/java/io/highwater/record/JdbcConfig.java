package io.highwater.record;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How to reach a database, out of a properties file. Read it where the database is read and let it
 * go no further: it holds the password. What {@link #toString} and its exceptions say does not.
 *
 * @param driver the driver's class; null where the URL is enough for Java to find it
 * @param partitionColumn by which a table is read in ranges; null for all at once
 * @param partitions at most so many ranges
 * @param fetchSize how many rows the driver asks for at once
 */
public record JdbcConfig(
    String url,
    @Nullable String user,
    @Nullable String password,
    @Nullable String driver,
    @Nullable String partitionColumn,
    int partitions,
    int fetchSize) {
  private static final Set<String> PROPERTIES =
      Set.of("url", "user", "password", "driver", "partitionColumn", "partitions", "fetchSize");
  private static final int DEFAULT_PARTITIONS = 8;
  private static final int MAX_PARTITIONS = 10_000;

  /** Some megabytes at the usual length of a row. */
  private static final int DEFAULT_FETCH_SIZE = 2_000;

  private static final int MAX_FETCH_SIZE = 1_000_000;

  /**
   * Reads {@code url} and, where they are there, {@code user}, {@code password}, {@code driver},
   * {@code partitionColumn}, {@code partitions} (8 with a column to cut by) and {@code fetchSize}
   * (2,000).
   *
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the file lacks the URL, or has what is of no meaning; names
   *     the property, and a value only of those that are no secrets
   */
  public static JdbcConfig read(String file) throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(file), StandardCharsets.UTF_8)) {
      properties.load(reader);
    } catch (NoSuchFileException e) {
      throw new IOException("there is no file " + file, e);
    } catch (IOException | IllegalArgumentException e) {
      // The latter is of a backslash and u that no four digits follow.
      throw new IOException("cannot read " + file + " as properties: " + e.getMessage(), e);
    }
    for (String name : properties.stringPropertyNames()) {
      if (!PROPERTIES.contains(name)) {
        throw new IllegalArgumentException(
            file
                + " has a property '"
                + name
                + "'; expected one of "
                + String.join(", ", PROPERTIES.stream().sorted().toList()));
      }
    }
    String url = text(properties, "url");
    if (url == null) {
      throw new IllegalArgumentException(
          file
              + " lacks the property 'url', such as"
              + " jdbc:postgresql://host:5432/database; user and password belong there too");
    }
    String partitionColumn = text(properties, "partitionColumn");
    if (partitionColumn == null && properties.containsKey("partitions")) {
      throw new IllegalArgumentException(
          file + " has 'partitions' but no 'partitionColumn' to cut the table by");
    }
    return new JdbcConfig(
        url,
        text(properties, "user"),
        properties.getProperty("password"),
        text(properties, "driver"),
        partitionColumn,
        partitionColumn == null
            ? 1
            : number(file, properties, "partitions", DEFAULT_PARTITIONS, MAX_PARTITIONS),
        number(file, properties, "fetchSize", DEFAULT_FETCH_SIZE, MAX_FETCH_SIZE));
  }

  private static @Nullable String text(Properties properties, String name) {
    String text = properties.getProperty(name);
    return text == null || text.isBlank() ? null : text.strip();
  }

  private static int number(
      String file, Properties properties, String name, int byDefault, int greatest) {
    String text = text(properties, name);
    if (text == null) {
      return byDefault;
    }
    try {
      int number = Integer.parseInt(text);
      if (number >= 1 && number <= greatest) {
        return number;
      }
    } catch (NumberFormatException e) {
      // As a number out of range.
    }
    throw new IllegalArgumentException(
        "%s has %s=%s; expected a whole number from 1 to %,d"
            .formatted(file, name, text, greatest));
  }

  /** A connection that commits nothing by itself, which streaming takes. */
  Connection connect() throws IOException {
    try {
      if (driver != null) {
        Class.forName(driver);
      }
      Properties properties = new Properties();
      if (user != null) {
        properties.setProperty("user", user);
      }
      if (password != null) {
        properties.setProperty("password", password);
      }
      if (url.startsWith("jdbc:duckdb:")) {
        // Else it holds all rows of a result.
        properties.setProperty("jdbc_stream_results", "true");
      }
      Connection connection = DriverManager.getConnection(url, properties);
      try {
        connection.setAutoCommit(false);
        return connection;
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
    } catch (ClassNotFoundException e) {
      throw new IOException("the driver " + driver + " is not on the class path", e);
    } catch (SQLException e) {
      throw failure("cannot connect to " + address(), e);
    }
  }

  /** The URL without what may be a secret in it. */
  String address() {
    return url.replaceFirst("[?;].*", "").replaceFirst("//[^/]*@", "//");
  }

  /** What went wrong in one line, of which the cause may be part only if it says no secret. */
  IOException failure(String what, SQLException cause) {
    boolean tells = false;
    for (Throwable next = cause; next != null; next = next.getCause()) {
      tells |= tellsSecret(String.valueOf(next.getMessage()));
    }
    String reason =
        String.valueOf(cause.getMessage()).replace(url, address()).replaceAll("\\s+", " ").strip();
    return tells
        ? new IOException(what + (tellsSecret(reason) ? "" : ": " + reason))
        : new IOException(what + ": " + reason, cause);
  }

  private boolean tellsSecret(String text) {
    return (password != null && !password.isEmpty() && text.contains(password))
        || (!url.equals(address()) && text.contains(url));
  }

  @Override
  public String toString() {
    return "JdbcConfig[" + address() + "]";
  }
}
