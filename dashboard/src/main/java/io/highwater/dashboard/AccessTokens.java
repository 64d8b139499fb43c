package io.highwater.dashboard;

import io.highwater.record.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bearer tokens that a dashboard takes, in a text file of lines {@code NAME ROLE EXPIRY
 * SHA256}: EXPIRY is a time or {@code never}, SHA256 the hexadecimal digest of the token, which
 * itself is nowhere. Empty lines and those that begin with # are left out. A change of the file
 * holds from the next request on. Threads may share one.
 */
public final class AccessTokens {
  private static final Logger log = LoggerFactory.getLogger(AccessTokens.class);

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._@-]{0,63}");
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
  private static final String LINE_EXPECTED = "NAME ROLE EXPIRY SHA256";
  private static final String SPEC_EXPECTED =
      "NAME:ROLE[:DAYS], such as ops:operator:90, with a role of "
          + Arrays.stream(Role.values()).map(Role::code).collect(Collectors.joining(", "));
  private static final int MAX_DAYS = 3650;

  /** 256 bits: nobody guesses one, so that a plain digest of it is safe to keep. */
  private static final int TOKEN_BYTES = 32;

  private final Path file;
  private @Nullable FileState readState;
  private Map<String, Token> tokens = Map.of();

  /** What a token lets its holder do; each role may do what those before it may. */
  enum Role {
    /** Reads. */
    VIEWER,
    /** And says what was right and wrong. */
    OPERATOR,
    /** And sees who did what. */
    ADMIN;

    String code() {
      return name().toLowerCase(Locale.ROOT);
    }

    static @Nullable Role of(String code) {
      return Arrays.stream(values())
          .filter(role -> role.code().equals(code))
          .findFirst()
          .orElse(null);
    }
  }

  /**
   * A token as the file has it.
   *
   * @param expires the first moment at which it is refused; null for never
   */
  record Token(String name, Role role, @Nullable Instant expires) {
    boolean isExpired(Instant now) {
      return expires != null && !now.isBefore(expires);
    }
  }

  /**
   * A token that was just made.
   *
   * @param secret what its holder sends; it is kept nowhere
   * @param line what goes into the file
   */
  public record NewToken(String secret, String line) {}

  /** Changes when the file is written to or another takes its place. */
  private record FileState(Object key, long bytes, Instant modified) {}

  private AccessTokens(Path file) {
    this.file = file;
  }

  /**
   * Reads a file of tokens.
   *
   * @throws IOException with one sentence if it cannot be read or a line of it is wrong
   */
  static AccessTokens open(Path file) throws IOException {
    AccessTokens tokens = new AccessTokens(file);
    List<String> wrong = tokens.read(state(file));
    if (!wrong.isEmpty()) {
      throw new IOException(wrong.get(0));
    }
    tokens.warnIfOthersCanRead();
    return tokens;
  }

  /**
   * Makes a token from NAME:ROLE[:DAYS]; without DAYS it never expires.
   *
   * @throws IllegalArgumentException if {@code spec} is not that
   */
  public static NewToken create(String spec, Instant now) {
    List<String> parts = Arrays.asList(spec.split(":", -1));
    if (parts.size() < 2
        || parts.size() > 3
        || !NAME.matcher(parts.get(0)).matches()
        || Role.of(parts.get(1)) == null) {
      throw new IllegalArgumentException("newToken is '" + spec + "', expected " + SPEC_EXPECTED);
    }
    String expiry = "never";
    if (parts.size() == 3) {
      expiry =
          now.plus(Duration.ofDays(days(spec, parts.get(2))))
              .truncatedTo(ChronoUnit.SECONDS)
              .toString();
    }
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    String secret = "hw_" + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
    return new NewToken(
        secret, String.join(" ", parts.get(0), parts.get(1), expiry, digest(secret)));
  }

  private static int days(String spec, String text) {
    try {
      int days = Integer.parseInt(text);
      if (days >= 1 && days <= MAX_DAYS) {
        return days;
      }
    } catch (NumberFormatException e) {
      // Told below, as a number out of range is.
    }
    throw new IllegalArgumentException(
        "newToken is '" + spec + "', expected DAYS to be a whole number from 1 to " + MAX_DAYS);
  }

  /** The token that this is the secret of, expired or not; null for any other text. */
  @Nullable Token find(String secret) {
    return current().get(digest(secret));
  }

  /** A file that cannot be read lets nobody in; a wrong line does not keep others out. */
  private synchronized Map<String, Token> current() {
    try {
      FileState state = state(file);
      if (!state.equals(readState)) {
        read(state).forEach(log::error);
        log.info("{} has {} tokens", file, tokens.size());
      }
    } catch (IOException e) {
      if (readState != null) {
        log.error("the tokens cannot be read, so nobody is let in", e);
      }
      readState = null;
      tokens = Map.of();
    }
    return tokens;
  }

  /** Returns what is wrong with the lines that are left out. */
  private synchronized List<String> read(FileState state) throws IOException {
    Map<String, Token> read = new HashMap<>();
    List<String> wrong = new ArrayList<>();
    int number = 0;
    for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
      number++;
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      List<String> fields = Arrays.asList(line.strip().split("\\s+", -1));
      String problem = problem(fields);
      if (problem != null) {
        wrong.add("line %d of the tokens in %s: %s".formatted(number, file, problem));
      } else {
        Role role = Role.of(fields.get(1));
        if (role != null) {
          read.put(fields.get(3), new Token(fields.get(0), role, expiry(fields.get(2))));
        }
      }
    }
    readState = state;
    tokens = Map.copyOf(read);
    return wrong;
  }

  /** Never with the last field: somebody may have put the token there and not its digest. */
  private static @Nullable String problem(List<String> fields) {
    if (fields.size() != 4) {
      return "%d fields, expected %s".formatted(fields.size(), LINE_EXPECTED);
    }
    if (!NAME.matcher(fields.get(0)).matches()) {
      return "the name '%s', expected letters, digits, '.', '_', '@' and '-', at most 64"
          .formatted(fields.get(0));
    }
    if (Role.of(fields.get(1)) == null) {
      return "the role '%s', expected viewer, operator or admin".formatted(fields.get(1));
    }
    try {
      expiry(fields.get(2));
    } catch (DateTimeParseException e) {
      return "the expiry '%s', expected never or a time such as 2027-01-01T00:00:00Z"
          .formatted(fields.get(2));
    }
    if (!DIGEST.matcher(fields.get(3)).matches()) {
      return "the last field is no SHA-256 in 64 hexadecimal digits";
    }
    return null;
  }

  private static @Nullable Instant expiry(String text) {
    return text.equals("never") ? null : Instant.parse(text);
  }

  private static FileState state(Path file) throws IOException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      Object key = attributes.fileKey();
      return new FileState(
          key == null ? "" : key, attributes.size(), attributes.lastModifiedTime().toInstant());
    } catch (IOException e) {
      throw new IOException("the tokens' file " + file + " cannot be read; see --auth", e);
    }
  }

  private void warnIfOthersCanRead() {
    try {
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
      if (permissions.contains(PosixFilePermission.OTHERS_READ)
          || permissions.contains(PosixFilePermission.GROUP_READ)) {
        log.warn("{} can be read by others than its owner; chmod 600 mends that", file);
      }
    } catch (IOException | UnsupportedOperationException e) {
      log.debug("the permissions of {} are not known", file, e);
    }
  }

  private static String digest(String secret) {
    return Sha256.hex(secret.getBytes(StandardCharsets.UTF_8));
  }
}
