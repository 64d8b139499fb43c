package io.highwater.lake;

import io.highwater.contract.Contract;
import io.highwater.record.RejectedRecords;
import io.highwater.rollup.RollUpSchema;
import io.highwater.status.StatusRows;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * How a table lies in its compacted files.
 *
 * <p>The folder cuts time to an hour already. What a reader wants of an hour is most often one key,
 * an instance say: sorted by it, its rows are in one or two row groups of each file, which the
 * others' statistics let a reader skip, and values that go with the key repeat, which compresses.
 *
 * @param order the columns that rows are sorted by
 * @param windowAndKey of roll-ups: of the rows that agree in these the highest run_id and
 *     pane_index is kept; none for other tables, all of whose rows are kept
 */
record FileLayout(String table, List<String> order, List<String> windowAndKey) {
  /** The tables that are compacted. */
  static List<FileLayout> of(Contract contract) {
    List<String> windowAndKey =
        new ArrayList<>(List.of(RollUpSchema.WINDOW_START, RollUpSchema.WINDOW_MILLIS));
    windowAndKey.addAll(contract.rollUp().keys());
    return List.of(
        new FileLayout("events", byFirst(contract.key(), contract.eventTime()), List.of()),
        new FileLayout(
            RollUpSchema.TABLE,
            byFirst(contract.rollUp().keys(), RollUpSchema.WINDOW_START),
            windowAndKey),
        new FileLayout("outliers", byFirst(contract.key(), contract.eventTime()), List.of()),
        new FileLayout("rejected", List.of(RejectedRecords.RECEIVED_AT), List.of()),
        new FileLayout("status", List.of(StatusRows.REPORTED_AT), List.of()),
        // Of the dashboard.
        new FileLayout("feedback", List.of("created_at"), List.of()),
        new FileLayout("audit", List.of("requested_at"), List.of()));
  }

  private static List<String> byFirst(List<String> key, String time) {
    return Stream.concat(key.stream().limit(1), Stream.of(time)).toList();
  }
}
