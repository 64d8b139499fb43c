package io.highwater.status;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/**
 * How many records met which fate: of one batch, or of everything since the stream first started.
 * Immutable.
 *
 * @param read records that the source delivered
 * @param accepted records that passed every check
 * @param rejected records that failed one
 * @param late records that came after the end of their window, but within the allowed lateness
 * @param tooLate records that came after it: they are in events and in no roll-up
 * @param duplicate records that were left out because they had come before
 * @param greatestEventMillis of the accepted records, milliseconds since the epoch; {@link
 *     #NO_EVENT} where there is none
 * @param backlogs by partition, how many messages were still to be read when it was last heard of
 */
public record StatusCounts(
    long read,
    long accepted,
    long rejected,
    long late,
    long tooLate,
    long duplicate,
    long greatestEventMillis,
    Map<Integer, Long> backlogs) {
  public static final long NO_EVENT = Long.MIN_VALUE;
  public static final StatusCounts NOTHING = new StatusCounts(0, 0, 0, 0, 0, 0, NO_EVENT, Map.of());

  public StatusCounts {
    backlogs = Map.copyOf(backlogs);
  }

  public static StatusCounts ofRead(long rows) {
    return new StatusCounts(rows, 0, 0, 0, 0, 0, NO_EVENT, Map.of());
  }

  public static StatusCounts ofAccepted(long rows, long greatestEventMillis) {
    return new StatusCounts(0, rows, 0, 0, 0, 0, greatestEventMillis, Map.of());
  }

  public static StatusCounts ofRejected(long rows) {
    return new StatusCounts(0, 0, rows, 0, 0, 0, NO_EVENT, Map.of());
  }

  public static StatusCounts ofLate(long rows) {
    return new StatusCounts(0, 0, 0, rows, 0, 0, NO_EVENT, Map.of());
  }

  public static StatusCounts ofTooLate(long rows) {
    return new StatusCounts(0, 0, 0, 0, rows, 0, NO_EVENT, Map.of());
  }

  public static StatusCounts ofDuplicate(long rows) {
    return new StatusCounts(0, 0, 0, 0, 0, rows, NO_EVENT, Map.of());
  }

  /** The same with a partition's backlog. */
  public StatusCounts withBacklog(int partition, long messages) {
    Map<Integer, Long> all = new TreeMap<>(backlogs);
    all.put(partition, messages);
    return new StatusCounts(
        read, accepted, rejected, late, tooLate, duplicate, greatestEventMillis, all);
  }

  /** The sums; of a partition's backlog what {@code later} says. */
  public StatusCounts plus(StatusCounts later) {
    Map<Integer, Long> all = backlogs;
    if (!later.backlogs.isEmpty()) {
      all = new TreeMap<>(backlogs);
      all.putAll(later.backlogs);
    }
    return new StatusCounts(
        read + later.read,
        accepted + later.accepted,
        rejected + later.rejected,
        late + later.late,
        tooLate + later.tooLate,
        duplicate + later.duplicate,
        Math.max(greatestEventMillis, later.greatestEventMillis),
        all);
  }

  /** Writes what {@link #readFrom} reads; equal counts give equal bytes. */
  public void writeTo(DataOutput out) throws IOException {
    out.writeLong(read);
    out.writeLong(accepted);
    out.writeLong(rejected);
    out.writeLong(late);
    out.writeLong(tooLate);
    out.writeLong(duplicate);
    out.writeLong(greatestEventMillis);
    out.writeInt(backlogs.size());
    for (Map.Entry<Integer, Long> backlog : new TreeMap<>(backlogs).entrySet()) {
      out.writeInt(backlog.getKey());
      out.writeLong(backlog.getValue());
    }
  }

  /** Reads what {@link #writeTo} wrote. */
  public static StatusCounts readFrom(DataInput in) throws IOException {
    long read = in.readLong();
    long accepted = in.readLong();
    long rejected = in.readLong();
    long late = in.readLong();
    long tooLate = in.readLong();
    long duplicate = in.readLong();
    long greatestEventMillis = in.readLong();
    Map<Integer, Long> backlogs = new TreeMap<>();
    for (int remaining = in.readInt(); remaining > 0; remaining--) {
      backlogs.put(in.readInt(), in.readLong());
    }
    return new StatusCounts(
        read, accepted, rejected, late, tooLate, duplicate, greatestEventMillis, backlogs);
  }
}
