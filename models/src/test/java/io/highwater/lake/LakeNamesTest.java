package io.highwater.lake;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LakeNamesTest {
  private static final String DIGEST = "ba7816bf8f01cfea";

  @Test
  void digestsPartsWithTheirLengths() {
    // printf '\0\0\0\3abc' | sha256sum
    assertThat(LakeNames.digest(List.of(bytes("abc"))), equalTo("d04b72a650ce0f8c"));
    assertThat(
        LakeNames.digest(List.of(bytes("ab"), bytes("c"))),
        is(not(LakeNames.digest(List.of(bytes("a"), bytes("bc"))))));
    assertThat(
        LakeNames.digest(List.of(bytes("a"), bytes("b"))),
        is(not(LakeNames.digest(List.of(bytes("b"), bytes("a"))))));
  }

  @Test
  void namesFilesOfTheStreamAndOfGenerations() {
    String stream = LakeNames.stream("events", DIGEST, LakeNames.ARROW);
    assertThat(stream, equalTo("events-ba7816bf8f01cfea.arrow"));
    assertThat(LakeNames.generationOf(stream), is(nullValue()));
    String generation = LakeNames.generation("20240301T050000Z_1", DIGEST, LakeNames.PARQUET);
    assertThat(generation, equalTo("g-20240301T050000Z_1-ba7816bf8f01cfea.parquet"));
    assertThat(LakeNames.generationOf(generation), equalTo("20240301T050000Z_1"));
    assertThat(LakeNames.marker("7"), equalTo("_replaced-7.json"));
  }

  @Test
  void refusesNamesThatReadersWouldMistake() {
    assertThrows(
        IllegalArgumentException.class, () -> LakeNames.stream("g-7", DIGEST, LakeNames.ARROW));
    assertThrows(
        IllegalArgumentException.class, () -> LakeNames.generation("a-b", DIGEST, LakeNames.ARROW));
    assertThrows(
        IllegalArgumentException.class, () -> LakeNames.generation("7", "xyz", LakeNames.ARROW));
    assertThrows(IllegalArgumentException.class, () -> LakeNames.generation("7", DIGEST, "csv"));
    assertThrows(IllegalArgumentException.class, () -> LakeNames.marker("../7"));
  }

  @Test
  void replacementSurvivesBeingWritten() {
    String in = LakeNames.generation("7", DIGEST, LakeNames.PARQUET);
    String out = LakeNames.stream("events", DIGEST, LakeNames.ARROW);
    Replacement replacement = new Replacement("7", List.of(in), List.of(out));
    assertThat(Replacement.fromJson(replacement.toJson()), equalTo(replacement));
    assertThat(replacement.markerName(), equalTo("_replaced-7.json"));
  }

  @Test
  void equalReplacementsGiveEqualBytes() {
    String a = LakeNames.stream("events", "0000000000000001", LakeNames.ARROW);
    String b = LakeNames.stream("events", "0000000000000002", LakeNames.ARROW);
    assertThat(
        new Replacement("7", List.of(), List.of(b, a, b)).toJson(),
        equalTo(new Replacement("7", List.of(), List.of(a, b)).toJson()));
  }

  @Test
  void replacementRefusesWhatWouldNeverCount() {
    String ofSix = LakeNames.generation("6", DIGEST, LakeNames.PARQUET);
    String ofSeven = LakeNames.generation("7", DIGEST, LakeNames.PARQUET);
    List<String> none = List.of();
    assertThrows(IllegalArgumentException.class, () -> new Replacement("7", List.of(ofSix), none));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Replacement("7", List.of(ofSeven), List.of(ofSeven)));
    for (String out : List.of("../events-1.arrow", "_replaced-6.json", ".events-1.arrow", "")) {
      assertThrows(IllegalArgumentException.class, () -> new Replacement("7", none, List.of(out)));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{\"in\": [], \"out\": []}",
        "{\"generation\": \"7\", \"out\": []}",
        "{\"generation\": \"7\", \"in\": [7], \"out\": []}",
        "{\"generation\": \"7\", \"in\": [], \"out\": \"a\"}"
      })
  void refusesWhatIsNoMarker(String json) {
    assertThrows(IllegalArgumentException.class, () -> Replacement.fromJson(bytes(json)));
  }

  @ParameterizedTest
  @CsvSource({
    "2024-02-29T23:59:59.999Z, c/events/date=2024-02-29/hour=23",
    "2024-03-01T00:00:00Z, c/events/date=2024-03-01/hour=00",
    "1970-01-01T00:00:00Z, c/events/date=1970-01-01/hour=00",
    "1969-12-31T23:59:59Z, c/events/date=1969-12-31/hour=23",
    "9999-12-31T09:00:00Z, c/events/date=9999-12-31/hour=09",
    "0000-01-01T00:00:00Z, c/events/date=0000-01-01/hour=00"
  })
  void placesEventsByTheirHourInUtc(Instant time, String directory) {
    LakeHour hour = LakeHour.of("c", "events", time.toEpochMilli());
    assertThat(hour.directory(), equalTo(directory));
    assertThat(LakeHour.parse(directory), equalTo(hour));
    assertThat(time.isBefore(hour.start()), is(false));
    assertThat(time.isBefore(hour.start().plusSeconds(3600)), is(true));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "c/events/date=2024-02-30/hour=00",
        "c/events/date=2024-03-01/hour=24",
        "c/events/date=2024-3-1/hour=00",
        "events/date=2024-03-01/hour=00",
        "../events/date=2024-03-01/hour=00",
        "c/events/date=2024-03-01/hour=00/x"
      })
  void refusesOtherFolders(String directory) {
    assertThrows(IllegalArgumentException.class, () -> LakeHour.parse(directory));
  }

  @Test
  void refusesHoursThatNoFolderCanName() {
    long year10000 = Instant.parse("+10000-01-01T00:00:00Z").toEpochMilli();
    assertThrows(IllegalArgumentException.class, () -> LakeHour.of("c", "events", year10000));
    assertThrows(IllegalArgumentException.class, () -> LakeHour.of("c/d", "events", 0));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }
}
