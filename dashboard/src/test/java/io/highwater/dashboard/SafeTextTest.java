package io.highwater.dashboard;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.is;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class SafeTextTest {
  @Test
  void showsBytesThatAreNoText() {
    assertThat(
        SafeText.of(new byte[] {'a', (byte) 0xC3, 'b', (byte) 0xFF}, 100), is("a\\xc3b\\xff"));
    assertThat(SafeText.of(new byte[] {(byte) 0xE2, (byte) 0x82}, 100), is("\\xe2\\x82"));
    assertThat(SafeText.of(new byte[0], 100), is(""));
  }

  @Test
  void showsControlAndDirectionCharacters() {
    assertThat(
        SafeText.escape("a\u001b[31m\u202ecba\u200b\u0000\u2028 <b>\t\n"),
        is("a\\u001b[31m\\u202ecba\\u200b\\u0000\\u2028 <b>\t\n"));
    assertThat(SafeText.escape("Grüße, 東京 🌊"), is("Grüße, 東京 🌊"));
  }

  @Test
  void cutsLongTextsBetweenCharacters() {
    assertThat(SafeText.shorten("abcdef", 3), is("abc…"));
    assertThat(SafeText.shorten("abc", 3), is("abc"));
    assertThat(SafeText.shorten("ab🌊d", 3), is("ab…"));
    assertThat(SafeText.of("🌊🌊🌊".getBytes(StandardCharsets.UTF_8), 4), is("🌊🌊…"));
  }
}
