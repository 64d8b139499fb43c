package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.util.SerializableUtils;
import org.junit.jupiter.api.Test;

class KafkaPollsTest {
  private final String topic = UUID.randomUUID().toString();

  private KafkaSettings settings(String bootstrapServers) {
    return new KafkaSettings(
        bootstrapServers,
        topic,
        Map.of("group.id", "group of the run"),
        "/run/secrets.properties",
        null,
        false,
        new PartitionWatermark.Settings("clock of the run", TestContracts.jobs(), 1, 1, 1));
  }

  private static List<KafkaPolls> split(KafkaPolls source, int count) {
    return source.split(count, PipelineOptionsFactory.create());
  }

  @Test
  void givesEachPartitionToOneOfItsSplits() {
    for (int count : new int[] {1, 2, 3, 7}) {
      List<KafkaPolls> splits = split(KafkaPolls.of(settings("host:1")), count);
      assertEquals(count, splits.size());
      for (int partition = 0; partition < 20; partition++) {
        int number = partition;
        List<Integer> owners =
            IntStream.range(0, count)
                .filter(split -> splits.get(split).owns(number))
                .boxed()
                .toList();
        assertEquals(List.of(number % count), owners);
      }
    }
  }

  @Test
  void putsNothingOfTheRunIntoASplit() {
    for (KafkaPolls split : split(KafkaPolls.of(settings("host.of.the.run:1")), 2)) {
      String bytes =
          new String(SerializableUtils.serializeToByteArray(split), StandardCharsets.ISO_8859_1);
      assertThat(bytes, containsString(topic));
      assertThat(bytes, not(containsString("of the run")));
      assertThat(bytes, not(containsString("host.of.the.run")));
      assertThat(bytes, not(containsString("secrets")));
    }
  }

  /** As a TaskManager does, which reads the job's graph before it makes a reader. */
  @Test
  void makesTheRunsSettingsKnownWhereItIsRead() {
    byte[] first = SerializableUtils.serializeToByteArray(KafkaPolls.of(settings("first:1")));
    byte[] splitOfFirst =
        SerializableUtils.serializeToByteArray(
            new ArrayList<>(split(KafkaPolls.of(settings("first:1")), 1)));
    KafkaPolls.of(settings("second:1"));
    assertEquals("second:1", KafkaSettings.ofThisRun(topic).bootstrapServers());

    SerializableUtils.deserializeFromByteArray(splitOfFirst, "a split out of a checkpoint");
    assertEquals("second:1", KafkaSettings.ofThisRun(topic).bootstrapServers());

    SerializableUtils.deserializeFromByteArray(first, "the source of the job's graph");
    assertEquals("first:1", KafkaSettings.ofThisRun(topic).bootstrapServers());
  }
}
