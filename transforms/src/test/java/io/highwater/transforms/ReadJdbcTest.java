package io.highwater.transforms;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.not;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.record.RawBatch;
import io.highwater.record.RawMessages;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.Set;
import java.util.TreeSet;
import org.apache.beam.sdk.testing.PAssert;
import org.apache.beam.sdk.testing.TestPipeline;
import org.apache.beam.sdk.util.construction.PipelineTranslation;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PCollection.IsBounded;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadJdbcTest {
  private static final Instant RECEIVED_AT = Instant.parse("2024-03-02T00:00:00Z");
  private static final int ROWS = 40_000;

  private final TestPipeline pipeline = TestPipeline.create().enableAbandonedNodeEnforcement(false);

  @TempDir Path folder;

  private String config(String... lines) throws IOException {
    return Files.writeString(
            folder.resolve("jdbc.properties"),
            "url=jdbc:duckdb:" + folder.resolve("rows.duckdb") + "\n" + String.join("\n", lines))
        .toString();
  }

  private void makeTable() throws SQLException {
    try (Connection connection =
            DriverManager.getConnection("jdbc:duckdb:" + folder.resolve("rows.duckdb"));
        Statement statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE queries AS SELECT nullif(i, 7) AS id FROM range(" + ROWS + ") AS t(i)");
    }
  }

  @Test
  void readsEachRowOfATableOnceInItsRanges() throws Exception {
    makeTable();
    PCollection<RawBatch> batches =
        pipeline.apply(
            ReadJdbc.of("queries", config("partitionColumn=id", "partitions=3"), RECEIVED_AT));

    assertEquals(IsBounded.BOUNDED, batches.isBounded());
    PAssert.that(batches)
        .satisfies(
            read -> {
              Set<String> messages = new TreeSet<>();
              Set<Long> numbers = new TreeSet<>();
              for (RawBatch batch : read) {
                assertEquals("jdbc:queries", batch.source());
                assertEquals(RawMessages.Format.JSON, ((RawMessages) batch).format());
                for (int row = 0; row < batch.size(); row++) {
                  assertEquals(RECEIVED_AT.toEpochMilli(), batch.timestampMillis(row));
                  messages.add(new String(batch.message(row), StandardCharsets.UTF_8));
                  numbers.add(batch.offset(row));
                }
              }
              Set<String> expected = new TreeSet<>();
              for (int id = 0; id < ROWS; id++) {
                expected.add("{\"id\": " + (id == 7 ? "null" : id) + "}");
              }
              assertEquals(expected, messages);
              assertEquals(ROWS, numbers.size());
              return null;
            });
    pipeline.run().waitUntilFinish();
  }

  @Test
  void keepsWhatIsInTheFileOutOfTheGraph() throws Exception {
    String file = config("user=somebody", "password=s3cret");
    pipeline.apply(ReadJdbc.of("queries", file, RECEIVED_AT));

    String graph =
        new String(
            PipelineTranslation.toProto(pipeline).toByteArray(), StandardCharsets.ISO_8859_1);
    assertThat(graph, containsString("jdbc.properties"));
    assertThat(graph, not(containsString("s3cret")));
    assertThat(graph, not(containsString("somebody")));
    assertThat(graph, not(containsString("rows.duckdb")));
  }

  @Test
  void saysBeforeItStartsThatThereIsNoSuchTable() throws Exception {
    makeTable();
    String file = config();
    ReadJdbc.check("queries", file);
    IOException thrown = assertThrows(IOException.class, () -> ReadJdbc.check("orders", file));
    assertThat(
        String.valueOf(thrown.getMessage()),
        containsString("cannot read table orders of jdbc:duckdb:"));
  }
}
