package io.highwater.quality;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * How far rows are from the order of time. Rows are compared with the row before them in their
 * batch: a batch holds neighbouring rows of one source, so that only the steps between batches are
 * not seen.
 *
 * @param compared rows that have one before them
 * @param back those of them whose event time is before that one's
 * @param greatestStepBackMicros 0 where there is none
 */
record EventOrder(long compared, long back, long greatestStepBackMicros) {
  static final EventOrder NOTHING = new EventOrder(0, 0, 0);

  EventOrder merge(EventOrder that) {
    return new EventOrder(
        compared + that.compared,
        back + that.back,
        Math.max(greatestStepBackMicros, that.greatestStepBackMicros));
  }

  void writeTo(DataOutput out) throws IOException {
    out.writeLong(compared);
    out.writeLong(back);
    out.writeLong(greatestStepBackMicros);
  }

  static EventOrder readFrom(DataInput in) throws IOException {
    return new EventOrder(in.readLong(), in.readLong(), in.readLong());
  }
}
