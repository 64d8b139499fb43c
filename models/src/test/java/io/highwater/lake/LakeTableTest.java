package io.highwater.lake;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThanOrEqualTo;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LakeTableTest {
  private static final long HOUR = LakeHour.parse("c/events/date=2024-03-01/hour=05").epochHour();

  @TempDir Path lake;

  /** s: a file of the stream; 1, 2: of the generations; m1, m2: their markers; h: hidden. */
  @ParameterizedTest(name = "{0}: of {1} with 1 = {2} and 2 = {3}, {4} count")
  @CsvSource(
      nullValues = "-",
      value = {
        "the stream alone,                 s1 s2,             -,               -,         s1 s2",
        "hidden and unfinished,            s1 h1 h2 h3 h4,    -,               -,         s1",
        "a generation before its marker,   s1 1a 1b,          -,               -,         s1",
        "one after it,                     s1 1a 1b m1,       1a 1b > s1,      -,         1a 1b",
        "what a failed attempt left,       s1 1a 1b m1,       1a > s1,         -,         1a",
        "what is not replaced,             s1 s2 1a m1,       1a > s1,         -,         s2 1a",
        "what the stream adds later,       s1 s2 s3 1a m1,    1a > s1 s2,      -,         s3 1a",
        "what a replay brings back,        s1 1a m1,          1a > s1,         -,         1a",
        "files out that are deleted,       1a m1,             1a > s1 s2,      -,         1a",
        "a later generation,               1a 2a m1 m2,       1a > s1,         2a > 1a,   2a",
        "one before its marker,            s1 1a 2a m1,       1a > s1,         -,         1a",
        "one beside the first,             s1 s2 1a 2a m1 m2, 1a > s1,         2a > s2,   1a 2a",
        "an hour emptied,                  s1 m1,             > s1,            -,         ''",
      })
  void countsWhatTheMarkersSay(
      String what, String names, String first, String second, String expected) throws IOException {
    for (String name : names.split(" ")) {
      byte[] content =
          switch (name) {
            case "m1" -> replacement("1", first).toJson();
            case "m2" -> replacement("2", second).toJson();
            default -> new byte[0];
          };
      write("events", HOUR, fileName(name), content);
    }
    assertThat(what, namesOf(LakeTable.of(lake, "c", "events").files()), is(sorted(expected)));
  }

  @Test
  void isEmptyWhereThereIsNoTable() {
    LakeTable table = LakeTable.of(lake, "c", "events");
    assertThat(table.files(), is(empty()));
    assertThat(table.files(HOUR), is(empty()));
  }

  @Test
  void givesFilesByHourAndName() throws IOException {
    for (long hour : new long[] {HOUR + 30, HOUR, HOUR - 1, HOUR + 1}) {
      write("events", hour, fileName("s2"), new byte[0]);
      write("events", hour, fileName("s1"), new byte[0]);
    }
    write("rejected", HOUR, fileName("s1"), new byte[0]);
    Files.createDirectories(lake.resolve("c/events/date=2024-13-01/hour=05"));
    Files.createDirectories(lake.resolve("c/events/date=2024-03-01/hour=24"));
    Files.createDirectories(lake.resolve("c/events/.temp"));
    Files.writeString(lake.resolve("c/events/README"), "");
    LakeTable table = LakeTable.of(lake, "c", "events");

    assertThat(hoursOf(table.files()), contains(-1L, -1L, 0L, 0L, 1L, 1L, 30L, 30L));
    assertThat(hoursOf(table.files(HOUR)), contains(0L, 0L));
    assertThat(hoursOf(table.filesSince(HOUR + 1)), contains(1L, 1L, 30L, 30L));
    assertThat(hoursOf(table.filesBetween(HOUR - 1, HOUR)), contains(-1L, -1L, 0L, 0L));
    LakeFile file = table.files(HOUR).get(0);
    assertThat(file.hour(), equalTo(new LakeHour("c", "events", HOUR)));
    assertThat(file.name(), equalTo(fileName("s1")));
    assertThat(file.path(), equalTo(folder("events", HOUR).resolve(fileName("s1"))));
    assertThat(file.isArrow(), is(true));
  }

  @Test
  void seesEveryChangeAtOnce() throws IOException {
    LakeTable table = LakeTable.of(lake, "c", "events");
    assertThat(table.files(), is(empty()));
    write("events", HOUR, fileName("s1"), new byte[0]);
    assertThat(namesOf(table.files()), is(sorted("s1")));
    write("events", HOUR, fileName("s2"), new byte[0]);
    assertThat(namesOf(table.files()), is(sorted("s1 s2")));
    write("events", HOUR, fileName("1a"), new byte[0]);
    assertThat(namesOf(table.files()), is(sorted("s1 s2")));
    write("events", HOUR, fileName("m1"), replacement("1", "1a > s1 s2").toJson());
    assertThat(namesOf(table.files()), is(sorted("1a")));
    write("events", HOUR + 1, fileName("s3"), new byte[0]);
    assertThat(namesOf(table.files()), is(sorted("1a s3")));
    Files.delete(folder("events", HOUR + 1).resolve(fileName("s3")));
    assertThat(namesOf(table.files()), is(sorted("1a")));
    deleteAll(folder("events", HOUR));
    assertThat(table.files(), is(empty()));
  }

  @Test
  void showsOneWholeGenerationAtAnyTime() throws Exception {
    int generations = 300;
    publish(0);
    ExecutorService writer = Executors.newSingleThreadExecutor();
    try {
      Future<?> written =
          writer.submit(
              () -> {
                for (int generation = 1; generation < generations; generation++) {
                  publish(generation);
                }
                return null;
              });
      LakeTable table = LakeTable.of(lake, "c", "events");
      int previous = 0;
      boolean last;
      do {
        last = written.isDone();
        List<String> names = table.files().stream().map(LakeFile::name).toList();
        String seen = String.valueOf(LakeNames.generationOf(names.get(0)));
        assertThat(names, is(inGeneration(Integer.parseInt(seen))));
        assertThat(Integer.parseInt(seen), is(greaterThanOrEqualTo(previous)));
        previous = Integer.parseInt(seen);
      } while (!last);
      written.get();
      assertThat(previous, is(generations - 1));
    } finally {
      writer.shutdownNow();
    }
  }

  /** Writes a generation's files and puts them in the place of the one before. */
  private void publish(int generation) throws IOException {
    for (String name : inGeneration(generation)) {
      write("events", HOUR, name, new byte[0]);
    }
    Replacement replacement =
        new Replacement(
            String.valueOf(generation),
            inGeneration(generation),
            generation == 0 ? List.of() : inGeneration(generation - 1));
    Path hidden = folder("events", HOUR).resolve(".marker");
    Files.write(hidden, replacement.toJson());
    Files.move(hidden, hidden.resolveSibling(replacement.markerName()));
  }

  private static List<String> inGeneration(int generation) {
    return Stream.of("000000000000000a", "000000000000000b", "000000000000000c")
        .map(digest -> LakeNames.generation(String.valueOf(generation), digest, "parquet"))
        .toList();
  }

  @Test
  void listsAQuietFolderOnceOnly() throws IOException {
    write("events", HOUR, fileName("s1"), new byte[0]);
    Path folder = folder("events", HOUR);
    FileTime longAgo = FileTime.fromMillis(System.currentTimeMillis() - 60_000);
    Files.setLastModifiedTime(folder, longAgo);
    LakeTable table = LakeTable.of(lake, "c", "events");
    assertThat(namesOf(table.files()), is(sorted("s1")));

    // A change that leaves the time as it was is not seen, so the folder was not listed again.
    write("events", HOUR, fileName("s2"), new byte[0]);
    Files.setLastModifiedTime(folder, longAgo);
    assertThat(namesOf(table.files()), is(sorted("s1")));
    Files.setLastModifiedTime(folder, FileTime.fromMillis(System.currentTimeMillis() - 30_000));
    assertThat(namesOf(table.files()), is(sorted("s1 s2")));
  }

  @Test
  void leavesOutWhatAMarkerNamesAndIsGone() throws IOException {
    write("events", HOUR, fileName("1a"), new byte[0]);
    write("events", HOUR, fileName("m1"), replacement("1", "1a 1b > s1").toJson());
    assertThat(namesOf(LakeTable.of(lake, "c", "events").files()), is(sorted("1a")));
  }

  @Test
  void readsAnHourWithoutItsDamagedMarkerUntilItIsMended() throws IOException {
    LakeTable table = LakeTable.of(lake, "c", "events");
    for (String name : List.of("s1", "s2", "1a", "2a")) {
      write("events", HOUR, fileName(name), new byte[0]);
    }
    write("events", HOUR, fileName("m1"), replacement("1", "1a > s1").toJson());
    write("events", HOUR, fileName("m2"), "{".getBytes(UTF_8));
    write("events", HOUR + 1, fileName("s3"), new byte[0]);
    Path damaged = folder("events", HOUR).resolve(fileName("m2"));

    for (int reading = 0; reading < 2; reading++) {
      assertThat(namesOf(table.files()), is(sorted("s2 s3 1a")));
      assertThat(table.damagedMarkers(), contains(damaged));
    }
    Files.setLastModifiedTime(folder("events", HOUR), FileTime.fromMillis(0));
    assertThat(namesOf(table.files()), is(sorted("s2 s3 1a")));
    Files.write(damaged, replacement("2", "2a > s2 1a").toJson());
    assertThat(namesOf(table.files()), is(sorted("s3 2a")));
    assertThat(table.damagedMarkers(), is(empty()));
  }

  @Test
  void keepsWhatItKnowsOfAMarkerThatIsDamagedLater() throws IOException {
    LakeTable table = LakeTable.of(lake, "c", "events");
    write("events", HOUR, fileName("s1"), new byte[0]);
    write("events", HOUR, fileName("1a"), new byte[0]);
    write("events", HOUR, fileName("m1"), replacement("1", "1a > s1").toJson());
    assertThat(namesOf(table.files()), is(sorted("1a")));
    write("events", HOUR, fileName("m1"), new byte[0]);
    write("events", HOUR, fileName("s2"), new byte[0]);
    assertThat(namesOf(table.files()), is(sorted("s2 1a")));
  }

  @Test
  void refusesNamesThatAreNoFolders() {
    for (String name : List.of("", "..", "a/b", ".hidden")) {
      assertThrows(IllegalArgumentException.class, () -> LakeTable.of(lake, name, "events"));
      assertThrows(IllegalArgumentException.class, () -> LakeTable.of(lake, "c", name));
    }
  }

  private static String fileName(String shorthand) {
    String digest = "0123456789abcde";
    return switch (shorthand) {
      case "s1", "s2", "s3" -> LakeNames.stream("events", digest + shorthand.charAt(1), "arrow");
      case "1a" -> LakeNames.generation("1", digest + "a", "parquet");
      case "1b" -> LakeNames.generation("1", digest + "b", "parquet");
      case "2a" -> LakeNames.generation("2", digest + "a", "parquet");
      case "m1" -> LakeNames.marker("1");
      case "m2" -> LakeNames.marker("2");
      case "h1" -> ".events-0123456789abcdef.arrow";
      case "h2" -> "_events-0123456789abcdef.parquet";
      case "h3" -> "events-0123456789abcdef.arrow.part";
      case "h4" -> "_replaced-3.json.tmp";
      default -> throw new IllegalArgumentException(shorthand);
    };
  }

  /** "IN > OUT", both shorthands. */
  private static Replacement replacement(String generation, String inAndOut) {
    int arrow = inAndOut.indexOf('>');
    return new Replacement(
        generation,
        fileNames(inAndOut.substring(0, arrow)),
        fileNames(inAndOut.substring(arrow + 1)));
  }

  private static List<String> fileNames(String shorthands) {
    return Arrays.stream(shorthands.trim().split(" "))
        .filter(shorthand -> !shorthand.isEmpty())
        .map(LakeTableTest::fileName)
        .toList();
  }

  private static TreeSet<String> sorted(String shorthands) {
    return new TreeSet<>(fileNames(shorthands));
  }

  private static TreeSet<String> namesOf(List<LakeFile> files) {
    return new TreeSet<>(files.stream().map(LakeFile::name).toList());
  }

  private static List<Long> hoursOf(List<LakeFile> files) {
    return files.stream().map(file -> file.hour().epochHour() - HOUR).toList();
  }

  private Path folder(String table, long epochHour) {
    return lake.resolve(new LakeHour("c", table, epochHour).directory());
  }

  private void write(String table, long epochHour, String name, byte[] content) throws IOException {
    Files.write(Files.createDirectories(folder(table, epochHour)).resolve(name), content);
  }

  private static void deleteAll(Path folder) throws IOException {
    try (var entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        Files.delete(entry);
      }
    }
    Files.delete(folder);
  }
}
