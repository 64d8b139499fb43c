package io.highwater.pipelines;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.record.Compression;
import io.highwater.transforms.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptionValuesTest {
  @TempDir Path folder;

  @BeforeAll
  static void registerFileSystems() {
    FileSystems.setDefaultPipelineOptions(PipelineOptionsFactory.create());
  }

  private static String refusal(Executable call) {
    return String.valueOf(assertThrows(UsageException.class, call).getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "250ms, PT0.25S",
    "5s, PT5S",
    "10m, PT10M",
    "36h, PT36H",
    "7d, PT168H",
    "0s, PT0S",
    "007m, PT7M",
    "999999999d, PT23999999976H"
  })
  void readsDurations(String text, Duration expected) {
    assertEquals(expected, OptionValues.duration("allowedLateness", text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "10",
        "m",
        "-5m",
        "1.5h",
        "10 m",
        "10M",
        "PT10M",
        "5m30s",
        "1234567890s",
        "٣m"
      })
  void refusesWhatIsNoDuration(String text) {
    assertEquals(
        "--allowedLateness is '"
            + text
            + "'; expected a number and a unit of ms, s, m, h or d, such as 10m",
        refusal(() -> OptionValues.duration("allowedLateness", text)));
  }

  @Test
  void refusesZeroWhereSomethingMustPass() {
    assertEquals(
        Duration.ofMillis(1), OptionValues.positiveDuration("partitionIdleTimeout", "1ms"));
    assertEquals(
        "--partitionIdleTimeout is '0h'; expected more than zero",
        refusal(() -> OptionValues.positiveDuration("partitionIdleTimeout", "0h")));
  }

  @Test
  void readsTimes() {
    assertEquals(
        Instant.parse("2024-03-01T00:00:00Z"), OptionValues.time("asOf", "2024-03-01T00:00:00Z"));
    assertEquals(
        Instant.ofEpochSecond(-1, 999_999_000),
        OptionValues.time("asOf", "1969-12-31T23:59:59.999999Z"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "now", "2024-03-01", "2024-03-01T00:00:00", "2024-02-30T00:00:00Z", "17"})
  void refusesWhatIsNoTime(String text) {
    assertEquals(
        "--asOf is '" + text + "'; expected a time in UTC such as 2024-03-01T00:00:00Z",
        refusal(() -> OptionValues.time("asOf", text)));
  }

  @Test
  void readsCompressions() {
    assertEquals(Compression.ZSTD, OptionValues.compression("compression", "zstd"));
    assertEquals(Compression.LZ4, OptionValues.compression("compression", "LZ4"));
    assertEquals(Compression.NONE, OptionValues.compression("compression", "none"));
    assertEquals(
        "--compression is 'gzip'; expected zstd, lz4 or none",
        refusal(() -> OptionValues.compression("compression", "gzip")));
  }

  @Test
  void asksForWhatIsMissing() {
    assertEquals("a", OptionValues.required("input", "a"));
    assertEquals(
        "--input is missing; see --help", refusal(() -> OptionValues.required("input", null)));
    assertEquals(
        "--input is missing; see --help", refusal(() -> OptionValues.required("input", " ")));
  }

  @Test
  void refusesALakeThatReadsLikeAPattern() {
    assertEquals("/data/my lake", OptionValues.lake("lake", "/data/my lake"));
    assertEquals("s3://bucket/lake", OptionValues.lake("lake", "s3://bucket/lake"));
    assertEquals(
        "--lake is 'lake[1]'; expected a folder without any of * ? [ ] { } \\ in its path",
        refusal(() -> OptionValues.lake("lake", "lake[1]")));
    assertEquals("--lake is missing; see --help", refusal(() -> OptionValues.lake("lake", null)));
  }

  @Test
  void readsPropertiesFiles() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("consumer.properties"),
            "# of the broker\nsecurity.protocol=SSL\nssl.key.password = grün = geheim\nempty=\n");

    assertEquals(
        Map.of("security.protocol", "SSL", "ssl.key.password", "grün = geheim", "empty", ""),
        OptionValues.properties("consumerConfig", file.toString()));
    assertEquals(Map.of(), OptionValues.properties("consumerConfig", null));
  }

  @Test
  void refusesPropertiesThatCannotBeRead() throws IOException {
    String missing = folder.resolve("missing.properties").toString();
    assertThat(
        refusal(() -> OptionValues.properties("consumerConfig", missing)),
        startsWith("--consumerConfig is '" + missing + "'; expected a readable properties file ("));

    String latin1 =
        Files.write(folder.resolve("latin1.properties"), new byte[] {'a', '=', (byte) 0xfc})
            .toString();
    assertThat(
        refusal(() -> OptionValues.properties("consumerConfig", latin1)),
        startsWith("--consumerConfig is '" + latin1 + "'; expected a readable properties file ("));

    String broken =
        Files.writeString(folder.resolve("broken.properties"), "password=secret\\u00zz").toString();
    String message = refusal(() -> OptionValues.properties("consumerConfig", broken));
    assertThat(
        message,
        startsWith("--consumerConfig is '" + broken + "'; expected a readable properties file ("));
    assertThat(message, not(containsString("secret")));
  }

  @Test
  void findsTheFilesThatPatternsMatch() throws IOException {
    Files.writeString(folder.resolve("a 1.csv"), "id\n");
    Files.writeString(folder.resolve("a 2.jsonl.gz"), "");
    String file = folder.resolve("a 1.csv").toString();
    String glob = folder.resolve("a*").toString();

    List<InputFile> files = OptionValues.files("input", file + "," + glob);

    assertEquals(
        List.of(
            new InputFile(file, 0, 3), new InputFile(file.replace("1.csv", "2.jsonl.gz"), 1, 0)),
        files);
  }

  @Test
  void refusesFilesThatAreNotThere() {
    String missing = folder.resolve("missing.csv").toString();
    assertEquals(
        "--input is '" + missing + "'; expected a file; there is no " + missing + " here",
        refusal(() -> OptionValues.files("input", missing)));

    String noMatch = folder.resolve("*.csv").toString();
    assertThat(
        refusal(() -> OptionValues.files("input", noMatch)),
        startsWith(
            "--input is '" + noMatch + "'; expected files that are there and can be read ("));

    String noFolder = folder.resolve("none/*.csv").toString();
    assertEquals(
        "--input is '"
            + noFolder
            + "'; expected a file; there is no "
            + folder.resolve("none")
            + " here",
        refusal(() -> OptionValues.files("input", noFolder)));
  }

  @Test
  void refusesFilesThatCannotBeRead() throws IOException {
    Path sheet = Files.writeString(folder.resolve("a.xlsx"), "");
    Files.writeString(folder.resolve("b.csv"), "id\n");

    assertThat(
        refusal(() -> OptionValues.files("input", folder.resolve("*").toString())),
        containsString(sheet + " has an ending that cannot be read; expected one of .jsonl, "));
  }

  @Test
  void refusesAFolder() {
    assertThat(
        refusal(() -> OptionValues.files("input", folder.toString())),
        startsWith("--input is '" + folder));
  }

  @Test
  void refusesNothingBetweenCommas() throws IOException {
    Path file = Files.writeString(folder.resolve("a.csv"), "id\n");
    for (String text : List.of("", file + ",", "," + file, file + ", ," + file)) {
      assertEquals(
          "--input is '" + text + "'; expected files or patterns, with one between any two commas",
          refusal(() -> OptionValues.files("input", text)));
    }
  }

  @Test
  void saysWhatIsWrongWithAContract() throws IOException {
    assertEquals("warehouse-queries", OptionValues.contract("contract", "warehouse-queries").id());

    assertThat(
        refusal(() -> OptionValues.contract("contract", "nonesuch")),
        startsWith("--contract=nonesuch cannot be used:\n"));
    String file = Files.writeString(folder.resolve("c.yaml"), "apiVersion: v3.1.0\n").toString();
    assertThat(
        refusal(() -> OptionValues.contract("contract", file)),
        startsWith("--contract=" + file + " cannot be used:\n"));
  }
}
