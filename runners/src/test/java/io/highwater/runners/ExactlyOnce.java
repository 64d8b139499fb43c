package io.highwater.runners;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.is;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;

/** What a stream that came to its end owes: nothing lost, nothing doubled, every sum exact. */
final class ExactlyOnce {
  private ExactlyOnce() {}

  /**
   * Every message of the topic is in events or in rejected, as it should be, and in neither twice;
   * the roll-ups are those of the events.
   */
  static void assertThatEveryMessageIsThereOnce(LakeRows rows, TestTopic topic, Path lake)
      throws SQLException, IOException {
    rows.load("lake", lake);
    rows.loadSent(topic);
    assertThat(rows.count("lake.events"), is(greaterThan(0L)));
    assertThat(rows.count("lake.rejected"), is(greaterThan(0L)));
    assertThat(
        "more than once",
        rows.rows(
            "SELECT _topic, _partition, _offset, count(*) FROM (SELECT _topic, _partition, _offset FROM lake.events UNION ALL SELECT _topic, _partition, _offset FROM lake.rejected) GROUP BY ALL HAVING count(*) > 1"),
        is(empty()));
    assertThat(
        rows.differences(
            "SELECT _topic, _partition, _offset, instance_id, query_id, arrival_timestamp FROM sent WHERE code IS NULL",
            "SELECT _topic, _partition, _offset, instance_id, query_id, arrival_timestamp FROM lake.events"),
        is(empty()));
    assertThat(
        rows.differences(
            "SELECT _topic, _partition, _offset, code, raw FROM sent WHERE code IS NOT NULL",
            "SELECT _topic, _partition, _offset, code, raw FROM lake.rejected"),
        is(empty()));
    assertThat(
        rows.rows(
            "SELECT * FROM lake.rejected WHERE received_at IS NULL OR stage IS NULL OR coalesce(reason, '') = '' OR file IS NOT NULL"),
        is(empty()));
    assertThat(rows.rollUpDifferences("lake"), is(empty()));
  }
}
