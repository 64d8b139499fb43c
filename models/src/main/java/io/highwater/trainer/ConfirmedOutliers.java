package io.highwater.trainer;

import io.highwater.contract.Contract;
import io.highwater.lake.LakeFile;
import io.highwater.lake.LakeTable;
import io.highwater.record.KeyHasher;
import io.highwater.record.SqlPath;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * The outliers that people have confirmed, by the newest word on each in the lake's feedback table.
 * A training leaves them out, so that no model learns that they are usual; those that people found
 * wrong are rows like any other.
 */
public final class ConfirmedOutliers {
  private static final HexFormat HEX = HexFormat.of();

  /** As in the column outlier_id. */
  private final Set<String> ids;

  ConfirmedOutliers(Set<String> ids) {
    this.ids = Set.copyOf(ids);
  }

  public static ConfirmedOutliers none() {
    return new ConfirmedOutliers(Set.of());
  }

  /**
   * Those of a lake; none where nobody has said anything.
   *
   * @throws IOException if the feedback cannot be read, and which of its files
   */
  public static ConfirmedOutliers of(Path lake, Contract contract) throws IOException {
    Set<String> confirmed = new HashSet<>();
    StringBuilder words = new StringBuilder();
    for (LakeFile file : LakeTable.of(lake, contract.id(), "feedback").files()) {
      words
          .append(words.isEmpty() ? "" : " UNION ALL ")
          .append("SELECT outlier_id, created_at, feedback_id, verdict FROM ")
          .append(SqlPath.readParquet(file.path()));
    }
    if (words.isEmpty()) {
      return none();
    }
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT outlier_id FROM ("
                    + words
                    + ") GROUP BY outlier_id"
                    + " HAVING arg_max(verdict, (created_at, feedback_id)) = 'right'")) {
      while (rows.next()) {
        confirmed.add(rows.getString(1));
      }
    } catch (SQLException e) {
      throw new IOException("cannot read the feedback of " + lake + ": " + e.getMessage(), e);
    }
    return new ConfirmedOutliers(confirmed);
  }

  int count() {
    return ids.size();
  }

  /** Of some rows of a batch those that are not among them, in their order. */
  int[] leaveOut(VectorSchemaRoot batch, int[] rows, KeyHasher hasher) {
    if (ids.isEmpty()) {
      return rows;
    }
    byte[] hashes = hasher.hash(batch);
    return IntStream.of(rows)
        .filter(
            row ->
                !ids.contains(
                    HEX.formatHex(
                        hashes, row * KeyHasher.HASH_BYTES, (row + 1) * KeyHasher.HASH_BYTES)))
        .toArray();
  }
}
