package io.highwater.runners.replay;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.contract.ContractLoader;
import io.highwater.contract.InvalidContractException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OrderedMessagesTest {
  private static final String T0 = "2024-03-01T00:00:00.000001";
  private static final String T1 = "2024-03-01 00:00:01";
  private static final String T2 = "2024-03-01T00:00:02Z";
  private static final long T1_MICROS = micros("2024-03-01T00:00:01Z");

  @TempDir Path directory;

  @Test
  void ordersAcrossFilesAndWithinThem() throws Exception {
    Path first = write("a.jsonl", json(3, T2), json(1, T0));
    Path second = write("b.jsonl", json(2, T1), json(4, T2));
    assertThat(values(first, second), contains(json(1, T0), json(2, T1), json(3, T2), json(4, T2)));
  }

  @Test
  void keepsTheOrderOfTheFilesForEqualTimes() throws Exception {
    Path first = write("a.jsonl", json(1, T1), json(2, T1), json(0, T0));
    Path second = write("b.jsonl", json(3, T1), json(4, T1));
    assertThat(
        values(first, second),
        contains(json(0, T0), json(1, T1), json(2, T1), json(3, T1), json(4, T1)));
  }

  @Test
  void leavesWhatHasNoTimeBehindItsPredecessorAndWithItsTime() throws Exception {
    Path file =
        write("a.jsonl", json(2, T2), "{\"broken", json(1, T1), "not json", "{}", json(0, T0));
    List<TimedMessage> messages = messages(SortedRuns.create(), file);
    assertThat(
        messages.stream().map(OrderedMessagesTest::text).toList(),
        contains(json(0, T0), json(1, T1), "not json", "{}", json(2, T2), "{\"broken"));
    assertThat(messages.get(2).eventMicros(), is(T1_MICROS));
    assertThat(messages.get(3).eventMicros(), is(T1_MICROS));
  }

  @Test
  void putsWhatComesBeforeTheFirstTimeOfAFileWithIt() throws Exception {
    Path file = write("a.jsonl", "early", json(1, T1), json(2, T2));
    List<TimedMessage> messages = messages(SortedRuns.create(), file);
    assertThat(text(messages.get(0)), is("early"));
    assertThat(messages.get(0).eventMicros(), is(T1_MICROS));
  }

  @Test
  void sendsFilesWithoutAnyTime() throws Exception {
    Path file = write("a.jsonl", "one", "two");
    assertThat(values(file), contains("one", "two"));
  }

  @Test
  void sortsMoreThanFitsIntoMemory() throws Exception {
    Random random = new Random(11);
    List<String> lines = new ArrayList<>();
    for (int line = 0; line < 20_000; line++) {
      Instant time = Instant.parse("2024-03-01T00:00:00Z").plusMillis(random.nextInt(10_000_000));
      lines.add(json(line, time.toString()));
    }
    Path file = write("a.jsonl", lines.toArray(new String[0]));
    // Runs of about 40 messages: 500 of them, which is more than are merged at once.
    List<TimedMessage> messages = messages(SortedRuns.create(6_000), file);
    assertThat(messages.size(), is(lines.size()));
    List<TimedMessage> sorted = new ArrayList<>(messages);
    sorted.sort(TimedMessage.ORDER);
    assertThat(messages, is(sorted));
    assertThat(
        messages.stream().map(OrderedMessagesTest::text).sorted().toList(),
        is(lines.stream().sorted().toList()));
  }

  @Test
  void removesItsTemporaryFiles() throws Exception {
    SortedRuns sorted = SortedRuns.create(200);
    messages(sorted, write("a.jsonl", json(1, T2), json(2, T1), json(3, T0)));
    assertThat(sorted.runs().stream().anyMatch(run -> Files.exists(run.file())), is(false));
  }

  @Test
  void readsCompressedFiles() throws Exception {
    Path file = directory.resolve("a.jsonl.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write((json(1, T1) + "\n" + json(0, T0) + "\n").getBytes(StandardCharsets.UTF_8));
    }
    assertThat(values(file), contains(json(0, T0), json(1, T1)));
  }

  @Test
  void makesJsonOfCsvAndLeavesWhatIsNotCsv() throws Exception {
    Path file =
        write(
            "a.csv",
            "instance_id,arrival_timestamp,was_cached,compile_duration_ms,read_table_ids,query_type,note",
            "7,2024-03-01 00:00:02.5,0,16.0,6,select,1e5",
            "8,2024-03-01 00:00:01,true,,\"1,2\",\"say \"\"hi\"\" \\\",",
            "x,2024-03-01 00:00:03,1,abc,,\"\",\"5\"",
            "9,too few");
    assertThat(
        values(file),
        contains(
            "{\"instance_id\": 8, \"arrival_timestamp\": \"2024-03-01T00:00:01\", \"was_cached\":"
                + " 1, \"compile_duration_ms\": null, \"read_table_ids\": \"1,2\", \"query_type\":"
                + " \"say \\\"hi\\\" \\\\\", \"note\": null}",
            "{\"instance_id\": 7, \"arrival_timestamp\": \"2024-03-01T00:00:02.5\","
                + " \"was_cached\": 0, \"compile_duration_ms\": 16.0, \"read_table_ids\": \"6\","
                + " \"query_type\": \"select\", \"note\": 1e5}",
            "{\"instance_id\": \"x\", \"arrival_timestamp\": \"2024-03-01T00:00:03\","
                + " \"was_cached\": 1, \"compile_duration_ms\": \"abc\", \"read_table_ids\": null,"
                + " \"query_type\": \"\", \"note\": \"5\"}",
            "9,too few"));
  }

  @Test
  void ordersRowsOfParquetFiles() throws Exception {
    Path file = directory.resolve("a.parquet");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (SELECT i AS instance_id, TIMESTAMP '2024-03-01 00:01:00' - INTERVAL (i) SECOND AS arrival_timestamp FROM range(3) t(i)) TO '%s'"
              .formatted(file));
    }
    List<String> values = values(file);
    assertThat(values.size(), is(3));
    for (int message = 0; message < 3; message++) {
      assertThat(
          values.get(message).replace(" ", ""), containsString("\"instance_id\":" + (2 - message)));
    }
  }

  @Test
  void namesTheFileThatCannotBeRead() throws Exception {
    Path file = Files.writeString(directory.resolve("a.csv.gz"), "not compressed");
    IOException failure =
        assertThrows(IOException.class, () -> messages(SortedRuns.create(), file));
    assertThat(failure.getMessage(), containsString(file.toString()));
  }

  @Test
  void findsFilesByPattern() throws Exception {
    Path second = write("b-2.jsonl", "x");
    Path first = write("b-1.jsonl", "x");
    Path below = Files.createDirectories(directory.resolve("date=1")).resolve("b-3.jsonl");
    Files.writeString(below, "x");
    assertThat(InputFiles.matching(directory + "/b-*.jsonl"), contains(first, second));
    assertThat(InputFiles.matching(directory + "/*/b-?.jsonl"), contains(below));
    assertThat(InputFiles.matching(directory + "/b-1.jsonl"), contains(first));
    assertThat(InputFiles.matching(directory + "/absent/*.jsonl").isEmpty(), is(true));
    assertThat(InputFiles.matching(directory + "/absent.jsonl").isEmpty(), is(true));
  }

  private Path write(String name, String... lines) throws IOException {
    return Files.writeString(directory.resolve(name), String.join("\n", lines) + "\n");
  }

  private static List<String> values(Path... files) throws Exception {
    return messages(SortedRuns.create(), files).stream().map(OrderedMessagesTest::text).toList();
  }

  private static List<TimedMessage> messages(SortedRuns sorted, Path... files) throws Exception {
    List<TimedMessage> all = new ArrayList<>();
    try (OrderedMessages messages =
        OrderedMessages.of(List.of(files), contract(), sorted, () -> false)) {
      @Nullable TimedMessage message;
      while ((message = messages.next()) != null) {
        all.add(message);
      }
      assertThat(messages.size(), is((long) all.size()));
    }
    return all;
  }

  private static Contract contract() throws InvalidContractException {
    return ContractLoader.load("warehouse-queries");
  }

  private static String json(int id, String time) {
    return "{\"instance_id\": %d, \"arrival_timestamp\": \"%s\"}".formatted(id, time);
  }

  private static String text(TimedMessage message) {
    return new String(message.value(), StandardCharsets.UTF_8);
  }

  private static long micros(String time) {
    return Instant.parse(time).toEpochMilli() * 1_000;
  }
}
