package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.allOf;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.matchesPattern;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.highwater.registry.ModelRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training and the registry through the commands. */
class TrainIT {
  private static final String CONTRACT = "warehouse-queries";
  private static final Duration WAIT = Duration.ofSeconds(180);

  @TempDir Path directory;

  @Test
  void trainsServesAndRollsBack() throws Exception {
    lake(5);
    CommandOutput first = train();
    assertThat(first.err(), first.exitCode(), is(0));
    assertThat(
        first.out(),
        matchesPattern(
            "(?s)version \\d{8}T\\d{9}Z, in service: there is no champion; .*"
                + "version=\\S+ in_service=true learned_rows=\\d+ newest_day=2024-03-05 .*"));
    String served = served();
    assertThat(models("list").out(), containsString(served));
    assertThat(
        models("show").out(),
        allOf(
            containsString("\"contract\" : \"warehouse-queries\""),
            containsString("\"lightgbm4j\""),
            containsString("\"usual_median\"")));
    assertThat(
        status(),
        allOf(containsString("\"state\" : \"done\""), containsString("\"in_service\" : true")));

    CommandOutput second = train();
    assertThat(second.err(), second.exitCode(), is(0));
    assertThat("the same events are no worse", second.out(), containsString("in_service=true"));
    String newer = served();
    assertThat(newer.compareTo(served) > 0, is(true));
    assertThat(
        models("rollback").out().strip(), is(served + " is in service again in place of " + newer));
    assertThat(served(), is(served));
    assertThat(models("promote", newer).exitCode(), is(0));
    assertThat(served(), is(newer));
  }

  @Test
  void keepsTheModelInServiceWhenATrainingFails() throws Exception {
    lake(4);
    assertThat(train().exitCode(), is(0));
    String served = served();
    Path broken;
    try (Stream<Path> files = Files.walk(directory.resolve("lake"))) {
      broken = files.filter(file -> file.toString().endsWith(".arrow")).sorted().toList().get(3);
    }
    byte[] bytes = Files.readAllBytes(broken);
    for (int i = bytes.length / 3; i < bytes.length / 2; i++) {
      bytes[i] = (byte) ~bytes[i];
    }
    Files.write(broken, bytes);
    List<String> before = temporaryFolders();
    CommandOutput failed = train();
    assertThat(failed.exitCode(), is(1));
    assertThat(failed.err(), containsString(broken.getFileName().toString()));
    assertThat(served(), is(served));
    assertThat(ModelRegistry.of(registry(), CONTRACT).versions(), is(List.of(served)));
    assertThat(
        status(),
        allOf(
            containsString("\"state\" : \"failed\""),
            containsString(broken.getFileName().toString())));
    assertThat(temporaryFolders(), is(before));
  }

  @Test
  void saysHowManyDaysAreMissing() throws Exception {
    Path file = directory.resolve("queries.csv");
    generate(file, 2);
    CommandOutput output = CommandOutput.of("train", "--input=" + file, "--registry=" + registry());
    assertThat(output.exitCode(), is(1));
    assertThat(
        output.err(),
        containsString(
            "highwater train: there are events of 2 days (2024-03-01 to 2024-03-02); training"
                + " needs 3 days at least"));
    assertThat(ModelRegistry.of(registry(), CONTRACT).versions(), is(empty()));
    assertThat(status(), containsString("training needs 3 days at least"));
  }

  @Test
  void refusesWrongUsageInOneLine() {
    CommandOutput neither = CommandOutput.of("train", "--registry=" + registry());
    assertThat(neither.exitCode(), is(2));
    assertThat(neither.err(), containsString("expected one of --lake and --input"));
    CommandOutput days =
        CommandOutput.of("train", "--lake=x", "--registry=" + registry(), "--windowDays=2");
    assertThat(days.exitCode(), is(2));
    assertThat(
        days.err(), containsString("--windowDays is '2'; expected a whole number from 3 to 3650"));
    CommandOutput models = CommandOutput.of("models", "list", "--registry=nowhere");
    assertThat(models.exitCode(), is(2));
  }

  @Test
  void trainsAgainWhenADayIsCompleteAndEndsOnASignal() throws Exception {
    assumeTrue(Boolean.getBoolean("highwater.soak"), "only with -Psoak");
    lake(5);
    Path log = directory.resolve("train.log");
    Process training =
        CommandProcess.of(
                "train",
                List.of(
                    "--lake=" + directory.resolve("lake"),
                    "--registry=" + registry(),
                    "--follow=true"))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      awaitVersions(1, training, log);
      // The last of the five days is not over: no event is of an hour after it.
      String first = versions().get(0);
      assertThat(models("show", first).out(), containsString("\"day\" : \"2024-03-04\""));
      lake(6);
      awaitVersions(2, training, log);
      String second = versions().stream().filter(other -> !other.equals(first)).findAny().get();
      assertThat(models("show", second).out(), containsString("\"day\" : \"2024-03-05\""));
      training.destroy();
      assertThat(training.waitFor(30, TimeUnit.SECONDS), is(true));
      assertThat(training.exitValue(), is(0));
    } finally {
      training.destroyForcibly();
    }
  }

  private void awaitVersions(int count, Process training, Path log) throws Exception {
    Await.until(
        count + " models",
        WAIT,
        () -> {
          assertThat("is running:\n" + Files.readString(log), training.isAlive(), is(true));
          return versions().size() == count;
        });
  }

  private List<String> versions() throws IOException {
    return ModelRegistry.of(registry(), CONTRACT).versions();
  }

  private void lake(int days) {
    Path file = directory.resolve("queries.csv");
    generate(file, days);
    CommandOutput backfill =
        CommandOutput.of("backfill", "--input=" + file, "--lake=" + directory.resolve("lake"));
    assertThat(backfill.err(), backfill.exitCode(), is(0));
  }

  private static void generate(Path file, int days) {
    CommandOutput generate =
        CommandOutput.of(
            "generate",
            "--rows=" + 4_000 * days,
            "--days=" + days,
            "--instances=4",
            "--output=" + file);
    assertThat(generate.err(), generate.exitCode(), is(0));
  }

  private CommandOutput train() {
    return CommandOutput.of(
        "train", "--lake=" + directory.resolve("lake"), "--registry=" + registry());
  }

  private CommandOutput models(String... arguments) {
    return CommandOutput.of(
        Stream.concat(
                Stream.of("models"),
                Stream.concat(Stream.of(arguments), Stream.of("--registry=" + registry())))
            .toArray(String[]::new));
  }

  private Path registry() {
    return directory.resolve("models");
  }

  private String served() throws IOException {
    return Objects.requireNonNullElse(
        ModelRegistry.of(registry(), CONTRACT).servedVersion(), "none");
  }

  private String status() throws IOException {
    return Files.readString(registry().resolve(CONTRACT).resolve("training-status.json"));
  }

  private static List<String> temporaryFolders() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith("highwater-train"))
          .sorted()
          .toList();
    }
  }
}
