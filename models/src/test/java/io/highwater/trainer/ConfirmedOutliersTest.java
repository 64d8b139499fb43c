package io.highwater.trainer;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.is;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.highwater.contract.Contract;
import io.highwater.record.KeyHasher;
import io.highwater.record.WarehouseRows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.HexFormat;
import java.util.stream.IntStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfirmedOutliersTest {
  private static final Contract CONTRACT = WarehouseRows.contract();

  @TempDir Path lake;

  @Test
  void areThoseWhoseNewestVerdictIsRight() throws Exception {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot rows = WarehouseRows.sorted(1, 10, 1_000, allocator)) {
      byte[] hashes = KeyHasher.of(CONTRACT).hash(rows);
      write(1, 5, id(hashes, 2), "right");
      write(2, 5, id(hashes, 4), "wrong");
      write(3, 5, id(hashes, 6), "right");
      write(4, 6, id(hashes, 6), "wrong");
      write(5, 6, id(hashes, 8), "wrong");
      write(6, 7, id(hashes, 8), "right");

      ConfirmedOutliers confirmed = ConfirmedOutliers.of(lake, CONTRACT);
      assertThat(confirmed.count(), is(2));
      assertThat(
          confirmed.leaveOut(rows, IntStream.rangeClosed(1, 8).toArray(), KeyHasher.of(CONTRACT)),
          is(new int[] {1, 3, 4, 5, 6, 7}));
    }
  }

  @Test
  void areNoneWhereNobodyHasSaidAnything() throws Exception {
    assertThat(ConfirmedOutliers.of(lake, CONTRACT).count(), is(0));
  }

  @Test
  void areNotReadFromADamagedFile() throws Exception {
    write(1, 5, "00", "right");
    Path file = folder(5).resolve("feedback-0000000000000001.parquet");
    Files.writeString(file, "nothing of the kind");
    IOException refused =
        assertThrows(IOException.class, () -> ConfirmedOutliers.of(lake, CONTRACT));
    assertThat(refused.getMessage(), containsString(file.toString()));
  }

  private static String id(byte[] hashes, int row) {
    int start = row * KeyHasher.HASH_BYTES;
    return HexFormat.of().formatHex(hashes, start, start + KeyHasher.HASH_BYTES);
  }

  private Path folder(int hour) {
    return lake.resolve(CONTRACT.id())
        .resolve("feedback/date=2024-03-01/hour=%02d".formatted(hour));
  }

  private void write(int number, int hour, String outlierId, String verdict) throws Exception {
    Path folder = Files.createDirectories(folder(hour));
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          """
          COPY (SELECT 'f%1$d' AS feedback_id, TIMESTAMP '2024-03-01 %2$02d:00:00' AS created_at,
                       '%3$s' AS outlier_id, '%4$s' AS verdict)
          TO '%5$s/feedback-%1$016d.parquet' (FORMAT parquet)
          """
              .formatted(number, hour, outlierId, verdict, folder));
    }
  }
}
