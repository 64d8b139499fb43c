package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.dashboard.AccessTokens.NewToken;
import io.highwater.dashboard.AccessTokens.Role;
import io.highwater.dashboard.AccessTokens.Token;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AccessTokensTest {
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.678Z");

  @TempDir private Path folder;

  @Test
  void aNewTokenIsFoundByItsSecretAndByNothingElse() throws IOException {
    NewToken made = AccessTokens.create("ops:operator:30", NOW);
    assertThat(made.line(), startsWith("ops operator 2026-02-01T03:04:05Z "));
    assertThat(made.secret().length(), is(46));
    AccessTokens tokens = AccessTokens.open(file(made.line()));
    Token token = tokens.find(made.secret());
    assertThat(token, is(new Token("ops", Role.OPERATOR, Instant.parse("2026-02-01T03:04:05Z"))));
    assertThat(tokens.find(made.secret() + "x"), is(nullValue()));
    assertThat(tokens.find(made.line().split(" ", -1)[3]), is(nullValue()));
    assertThat(tokens.find(""), is(nullValue()));
    assertThat(AccessTokens.create("ops:operator", NOW).secret(), is(not(made.secret())));
  }

  @Test
  void aTokenIsRefusedFromItsExpiryOn() {
    Token token = new Token("ops", Role.VIEWER, NOW);
    assertThat(token.isExpired(NOW.minusNanos(1)), is(false));
    assertThat(token.isExpired(NOW), is(true));
    assertThat(
        new Token("ops", Role.VIEWER, null).isExpired(NOW.plus(Duration.ofDays(10_000))),
        is(false));
  }

  @Test
  void aFileThatIsGoneLetsNobodyInUntilItIsBack() throws IOException {
    NewToken made = AccessTokens.create("ops:viewer", NOW);
    Path file = file(made.line());
    AccessTokens tokens = AccessTokens.open(file);
    Path aside = Files.move(file, folder.resolve("aside"));
    assertThat(tokens.find(made.secret()), is(nullValue()));
    Files.move(aside, file);
    assertThat(tokens.find(made.secret()), is(new Token("ops", Role.VIEWER, null)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "ops", "ops:boss", ":viewer", "o p:viewer", "ops:viewer:0", "ops:viewer:x:y"})
  void whatIsNoNewTokenIsRefusedWithWhatWasExpected(String spec) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> AccessTokens.create(spec, NOW));
    assertThat(e.getMessage(), startsWith("newToken is '" + spec + "', expected "));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ops viewer never",
        "ops viewer soon 0000000000000000000000000000000000000000000000000000000000000000",
        "ops viewer never hw_the_token_itself",
        "o/ps viewer never 0000000000000000000000000000000000000000000000000000000000000000"
      })
  void aWrongLineIsToldByItsNumberAndNeverByItsLastField(String line) throws IOException {
    Path file = file("# a comment\n" + line);
    IOException e = assertThrows(IOException.class, () -> AccessTokens.open(file));
    assertThat(e.getMessage(), startsWith("line 2 of the tokens in " + file));
    assertThat(String.valueOf(e.getMessage()).contains("hw_the_token_itself"), is(false));
  }

  private Path file(String content) throws IOException {
    return Files.writeString(folder.resolve("tokens"), content + "\n");
  }
}
