package io.highwater.pipelines;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PipelineOptionsTest {
  private static final String[] STREAM = {
    "--lake=/lake", "--bootstrapServers=localhost:1", "--inputTopic=queries"
  };

  @TempDir Path folder;

  private static <T extends PipelineOptions> T parse(Class<T> type, String... arguments) {
    return PipelineOptionsFactory.fromArgs(arguments).withValidation().as(type);
  }

  private static StreamingPipelineOptions streamWith(String argument) {
    List<String> arguments = new ArrayList<>(List.of(STREAM));
    arguments.add(argument);
    return parse(StreamingPipelineOptions.class, arguments.toArray(String[]::new));
  }

  private BackfillPipelineOptions backfillWith(String argument) throws IOException {
    Path input = Files.writeString(folder.resolve("in.csv"), "instance_id\n");
    return parse(BackfillPipelineOptions.class, "--lake=/lake", "--input=" + input, argument);
  }

  @Test
  void hasDefaultsForTheStream() {
    StreamingPipelineOptions options = parse(StreamingPipelineOptions.class, STREAM);

    assertEquals("warehouse-queries", options.getContract());
    assertEquals("10m", options.getAllowedLateness());
    assertEquals("zstd", options.getCompression());
    assertEquals("earliest", options.getStartFrom());
    assertEquals("5s", options.getPartitionIdleTimeout());
    assertEquals("polls", options.getKafkaSource());
    assertNull(options.getConsumerGroup());
    assertNull(options.getConsumerConfig());
    assertNull(options.getStopAfterIdle());
    assertNull(options.getDeadLetterTopic());
    assertNull(options.getLiveTopic());
    assertNull(options.getDeduplicate());
  }

  @Test
  void hasDefaultsForTheBackfill() {
    BackfillPipelineOptions options =
        parse(BackfillPipelineOptions.class, "--lake=/lake", "--input=a.csv");

    assertEquals("warehouse-queries", options.getContract());
    assertEquals("10m", options.getAllowedLateness());
    assertEquals("zstd", options.getCompression());
    assertNull(options.getAsOf());
  }

  @Test
  void takesWhatIsGiven() {
    StreamingPipelineOptions options =
        parse(
            StreamingPipelineOptions.class,
            "--lake=/lake",
            "--bootstrapServers=a:1,b:2",
            "--inputTopic=queries",
            "--contract=c.yaml",
            "--allowedLateness=1h",
            "--compression=lz4",
            "--startFrom=latest",
            "--consumerGroup=group",
            "--consumerConfig=consumer.properties",
            "--partitionIdleTimeout=9s",
            "--stopAfterIdle=15s",
            "--deadLetterTopic=dead",
            "--deduplicate=10m");

    assertEquals("/lake", options.getLake());
    assertEquals("a:1,b:2", options.getBootstrapServers());
    assertEquals("queries", options.getInputTopic());
    assertEquals("c.yaml", options.getContract());
    assertEquals("1h", options.getAllowedLateness());
    assertEquals("lz4", options.getCompression());
    assertEquals("latest", options.getStartFrom());
    assertEquals("group", options.getConsumerGroup());
    assertEquals("consumer.properties", options.getConsumerConfig());
    assertEquals("9s", options.getPartitionIdleTimeout());
    assertEquals("15s", options.getStopAfterIdle());
    assertEquals("dead", options.getDeadLetterTopic());
    assertEquals("10m", options.getDeduplicate());
  }

  @Test
  void asksForWhatIsRequired() {
    for (String missing : STREAM) {
      String[] others =
          List.of(STREAM).stream().filter(one -> !one.equals(missing)).toArray(String[]::new);
      IllegalArgumentException thrown =
          assertThrows(
              IllegalArgumentException.class, () -> parse(StreamingPipelineOptions.class, others));
      assertThat(thrown.getMessage(), containsString(missing.substring(0, missing.indexOf('='))));
    }
    assertThat(
        assertThrows(
                IllegalArgumentException.class,
                () -> parse(BackfillPipelineOptions.class, "--lake=/lake"))
            .getMessage(),
        containsString("--input"));
  }

  /** Options that a program sets and that nothing has validated. */
  @Test
  void asksForWhatIsRequiredAlsoWithoutBeamsValidation() throws IOException {
    BackfillPipelineOptions noLake = PipelineOptionsFactory.as(BackfillPipelineOptions.class);
    noLake.setInput(backfillWith("--compression=zstd").getInput());
    assertEquals(
        "--lake is missing; see --help",
        assertThrows(UsageException.class, () -> BackfillPipeline.create(noLake, Instant.EPOCH))
            .getMessage());

    BackfillPipelineOptions noInput = PipelineOptionsFactory.as(BackfillPipelineOptions.class);
    noInput.setLake("/lake");
    assertEquals(
        "--input is missing; see --help",
        assertThrows(UsageException.class, () -> BackfillPipeline.create(noInput, Instant.EPOCH))
            .getMessage());
  }

  /** None of these waits for Kafka: the address is one that nobody answers at. */
  @ParameterizedTest
  @CsvSource({
    "contract, nonesuch",
    "compression, gzip",
    "allowedLateness, 10",
    "deduplicate, 0s",
    "deduplicate, 10",
    "partitionIdleTimeout, 0s",
    "stopAfterIdle, 0s",
    "stopAfterIdle, soon",
    "startFrom, yesterday",
    "kafkaSource, kafka",
    "consumerConfig, /nonesuch/consumer.properties",
    "lake, lake*"
  })
  void refusesTheStreamBeforeItStarts(String option, String value) {
    StreamingPipelineOptions options =
        option.equals("lake")
            ? parse(StreamingPipelineOptions.class, "--lake=" + value, STREAM[1], STREAM[2])
            : streamWith("--" + option + "=" + value);

    UsageException thrown =
        assertThrows(UsageException.class, () -> StreamingPipeline.create(options, 1));

    assertThat(thrown.getMessage(), containsString("--" + option));
    assertThat(thrown.getMessage(), containsString(value));
  }

  @ParameterizedTest
  @CsvSource({"contract, nonesuch", "compression, gzip", "asOf, yesterday", "allowedLateness, 10"})
  void refusesTheBackfillBeforeItStarts(String option, String value) throws IOException {
    BackfillPipelineOptions options = backfillWith("--" + option + "=" + value);

    UsageException thrown =
        assertThrows(UsageException.class, () -> BackfillPipeline.create(options, Instant.EPOCH));

    assertThat(thrown.getMessage(), containsString("--" + option));
    assertThat(thrown.getMessage(), containsString(value));
  }
}
