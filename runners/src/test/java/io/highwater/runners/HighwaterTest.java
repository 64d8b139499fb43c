package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.hamcrest.Matchers.startsWith;

import io.highwater.lake.LakeLock;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HighwaterTest {
  @TempDir Path directory;

  @Test
  void teachesWithoutArguments() {
    CommandOutput output = CommandOutput.of();
    assertThat(output.exitCode(), is(0));
    assertThat(output.out(), containsString("Usage: scripts/highwater COMMAND"));
    assertThat(output.out(), is(CommandOutput.of("--help").out()));
  }

  @Test
  void namesTheCommandsWhereOneIsUnknown() {
    CommandOutput output = CommandOutput.of("genrate");
    assertThat(output.exitCode(), is(2));
    assertThat(output.err(), startsWith("highwater: unknown command 'genrate'; expected one of "));
    assertThat(output.err(), containsString("generate"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"generate", "replay", "export", "bench"})
  @ValueSource(strings = {"generate", "replay", "compact", "bench"})
  void explainsEveryCommand(String command) {
    CommandOutput output = CommandOutput.of(command, "--help");
    assertThat(output.exitCode(), is(0));
    assertThat(output.out(), startsWith("Usage: highwater " + command));
    assertThat(output.out(), containsString("Example:"));
    assertThat(output.out(), containsString("Exit codes: 0 done, 1 failed, 2 wrong usage."));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--output=a.csv | Missing required option: '--rows=N'",
        "--rows=many --output=a.csv | --rows=many: expected a whole number",
        "--rows=0 --output=a.csv | --rows=0: expected a number from 1 to 1000000000000",
        "--rows=1 --output=a.txt"
            + " | --output=a.txt: expected a file that ends in .jsonl, .csv or .parquet",
        "--rows=1 --output=a.csv --start=yesterday"
            + " | --start=yesterday: expected a time such as 2024-03-01T00:00:00Z",
        "--rows=1 --output=a.csv --invalidShare=0.1"
            + " | --invalidShare=0.1: expected 0, or an --output that ends in .jsonl",
        "--rows=1 --output=a.csv --instances=0 | --instances=0: expected a number from 1 to 2000",
        "--rows=1 --output=a.csv --sede=1 | unknown option '--sede=1'; did you mean --seed?",
      })
  void namesWrongOptionsOfGenerate(String arguments, String message) {
    CommandOutput output = CommandOutput.of(("generate " + arguments).split(" "));
    assertThat(
        output.err(), is("highwater generate: " + message + " (see highwater generate --help)\n"));
    assertThat(output.exitCode(), is(2));
  }

  @Test
  void namesTheFileThatCannotBeWritten() {
    Path file = directory.resolve("absent").resolve("a.jsonl");
    CommandOutput output = CommandOutput.of("generate", "--rows=1", "--output=" + file);
    assertThat(output.exitCode(), is(1));
    assertThat(
        output.err(), startsWith("highwater generate: cannot write " + file + ": NoSuchFile"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--retainDays=-1 | --retainDays=-1: expected a number from 0 to 100000",
        "--retainDays=all | --retainDays=all: expected a whole number",
        "--contract=absent.yaml | --contract=absent.yaml: expected a valid contract:",
        "--contract=warehouse-queries"
            + " | --lake=absent: expected a lake with tables of the contract warehouse-queries",
      })
  void namesWrongOptionsOfCompact(String argument, String message) {
    CommandOutput output = CommandOutput.of("compact", "--lake=absent", argument);
    assertThat(output.exitCode(), is(2));
    assertThat(output.err(), startsWith("highwater compact: " + message));
  }

  @Test
  void saysWhoHasTheLake() throws Exception {
    try (LakeLock held = LakeLock.acquire(directory, "warehouse-queries", "backfill")) {
      CommandOutput output = CommandOutput.of("compact", "--lake=" + directory);
      assertThat(output.exitCode(), is(1));
      assertThat(
          output.err(), containsString("/warehouse-queries is in use by backfill (process "));
      assertThat(output.err().lines().count(), is(1L));
    }
    CommandOutput output = CommandOutput.of("compact", "--lake=" + directory);
    assertThat(output.err(), output.exitCode(), is(0));
    assertThat(output.out(), startsWith("hours=0 hours_open=0 hours_failed=0 "));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--speedup=-1 | --speedup=-1: expected a number from 0 to 1000000000",
        "--partitions=0 | --partitions=0: expected a number from 1 to 10000",
        "--input=absent-*.csv | --input=absent-*.csv: expected at least one file; there is none",
      })
  void namesWrongOptionsOfReplay(String argument, String message) {
    CommandOutput output =
        CommandOutput.of(
            "replay",
            argument.startsWith("--input") ? argument : "--input=pom.xml",
            "--bootstrapServers=127.0.0.1:1",
            "--topic=t",
            argument.startsWith("--input") ? "--speedup=1" : argument);
    assertThat(
        output.err(), is("highwater replay: " + message + " (see highwater replay --help)\n"));
    assertThat(output.exitCode(), is(2));
  }

  @Test
  void saysThatNoBrokerAnswers() throws IOException {
    Path file = Files.writeString(directory.resolve("a.jsonl"), "{}\n");
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    CommandOutput output =
        CommandOutput.of(
            "replay", "--input=" + file, "--bootstrapServers=127.0.0.1:" + port, "--topic=t");
    assertThat(
        output.err(),
        is(
            "highwater replay: no Kafka broker answers at 127.0.0.1:%d; start one with highwater broker\n"
                .formatted(port)));
    assertThat(output.exitCode(), is(1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--port=0 | Missing required option: '--lake=DIR'",
        "--lake=a --liveTopic=t | --liveTopic=t: expected --bootstrapServers with it",
        "--lake=a --bootstrapServers=h:1 | --bootstrapServers=h:1: expected --liveTopic with it",
        "--newToken=ops | --newToken is 'ops', expected NAME:ROLE[:DAYS], such as ops:operator:90,"
            + " with a role of viewer, operator, admin",
      })
  void namesWrongOptionsOfTheDashboard(String arguments, String message) {
    CommandOutput output = CommandOutput.of(("dashboard " + arguments).split(" "));
    assertThat(output.out(), is(""));
    assertThat(
        output.err().replace(" (see --help)", ""), startsWith("highwater dashboard: " + message));
    assertThat(output.exitCode(), is(2));
  }

  @Test
  void makesATokenForTheDashboardsFile() {
    CommandOutput output = CommandOutput.of("dashboard", "--newToken=ops:operator:90");
    assertThat(output.exitCode(), is(0));
    assertThat(
        output.out().matches("token: hw_\\S{43}\nline:  ops operator \\S+Z [0-9a-f]{64}\n"),
        is(true));
  }
}
