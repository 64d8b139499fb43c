package io.highwater.quality;

import io.highwater.contract.Contract;
import java.util.List;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Takes in batches on their way to a {@link QualityReport}. Its memory does not grow with the rows:
 * some 90 KB a column. Not thread-safe.
 */
public final class QualityMeter {
  private final Contract contract;
  private final List<ColumnMeter> columns;
  private final ColumnMeter.Room room = new ColumnMeter.Room();
  private final EventMinutes.Builder minutes = new EventMinutes.Builder();
  private long accepted;
  private long compared;
  private long back;
  private long greatestStepBackMicros;
  private RejectedKinds rejected = RejectedKinds.NONE;

  private QualityMeter(Contract contract) {
    this.contract = contract;
    this.columns = contract.fields().stream().map(ColumnMeter::of).toList();
  }

  public static QualityMeter of(Contract contract) {
    return new QualityMeter(contract);
  }

  /**
   * Takes in rows that were accepted: neighbours in their source, in its order.
   *
   * @param rows with the contract's fields, each row with an event time; further columns are left
   *     out
   */
  public void addAccepted(VectorSchemaRoot rows) {
    accepted += rows.getRowCount();
    for (int i = 0; i < columns.size(); i++) {
      columns.get(i).add(rows.getVector(contract.fields().get(i).name()), room);
    }
    addTimes((TimeStampMicroVector) rows.getVector(contract.eventTime()));
  }

  private void addTimes(TimeStampMicroVector times) {
    long before = Long.MIN_VALUE;
    for (int row = 0; row < times.getValueCount(); row++) {
      long micros = times.get(row);
      minutes.add(micros);
      if (micros < before) {
        back++;
        greatestStepBackMicros = Math.max(greatestStepBackMicros, before - micros);
      }
      before = micros;
    }
    compared += Math.max(0, times.getValueCount() - 1);
  }

  /**
   * Takes in rows that were rejected.
   *
   * @param rows by {@link io.highwater.record.RejectedRecords#SCHEMA}
   */
  public void addRejected(VectorSchemaRoot rows) {
    rejected = rejected.merge(RejectedKinds.of(contract, rows));
  }

  /** What was taken in so far. */
  public QualityReport report() {
    return new QualityReport(
        contract,
        accepted,
        columns.stream().map(ColumnMeter::quality).toList(),
        new EventOrder(compared, back, greatestStepBackMicros),
        minutes.build(),
        rejected,
        null,
        null,
        UnreadableFiles.NONE);
  }
}
