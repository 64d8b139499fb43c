package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.is;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeHour;
import io.highwater.lake.LakeNames;
import io.highwater.lake.Replacement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LakeFolderTest {
  private static final long HOUR =
      LakeHour.parse("readings/events/date=2024-03-01/hour=05").epochHour();
  private static final String FIRST = "events-0000000000000001.arrow";
  private static final String SECOND = "events-0000000000000002.arrow";

  private final Contract contract = TestContracts.readings();

  @TempDir Path root;

  private void write(String name) throws IOException {
    new LakeFolder(root.toString())
        .write(contract, Table.EVENTS, HOUR, name, name.getBytes(StandardCharsets.UTF_8));
  }

  private void publish(String generation, List<String> out) throws IOException {
    Replacement replacement = new Replacement(generation, List.of(), out);
    new LakeFolder(root.toString())
        .write(contract, Table.EVENTS, HOUR, replacement.markerName(), replacement.toJson());
  }

  private Path hour() {
    return root.resolve(new LakeHour(contract.id(), "events", HOUR).directory());
  }

  @Test
  void doesNotBringBackAFileThatWasReplaced() throws IOException {
    write(FIRST);
    publish("compact_1", List.of(FIRST));
    publish("compact_2", List.of("events-0000000000000003.arrow"));
    Files.delete(hour().resolve(FIRST));

    write(FIRST);
    write(SECOND);

    assertThat(
        new TestLake(root).everyFile(),
        contains(
            "hour=05/" + LakeNames.marker("compact_1"),
            "hour=05/" + LakeNames.marker("compact_2"),
            "hour=05/" + SECOND));
  }

  @Test
  void goesOnBesideADamagedMarker() throws IOException {
    write(FIRST);
    publish("compact_1", List.of(SECOND));
    Files.writeString(hour().resolve(LakeNames.marker("a")), "{");

    write(SECOND);
    write(FIRST);

    assertThat(Files.exists(hour().resolve(SECOND)), is(false));
    assertThat(Files.readString(hour().resolve(FIRST)), is(FIRST));
  }
}
